"""Where a subject runs, and in which precision."""

from collections.abc import Iterator
from contextlib import contextmanager

from indexer.errors import InvalidInput, MissingExtra

PRECISIONS = ("float32", "bfloat16", "float16")


def device_of(asked: str) -> str:
    """`auto` resolved to cuda or cpu; raises InvalidInput where the device is not there."""
    try:
        import torch
    except ModuleNotFoundError as missing:
        raise MissingExtra("Building needs torch.", hint="pip install 'lens[models]'") from missing
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cuda" and not torch.cuda.is_available():
        raise InvalidInput("No CUDA device is there.", hint="Use --device cpu or auto.")
    if asked == "mps" and not torch.backends.mps.is_available():
        raise InvalidInput("No Metal device (mps) is there.", hint="Use --device cpu or auto.")
    return asked


@contextmanager
def forward_precision(precision: str, device: str) -> Iterator[None]:
    """Forward passes inside run in this precision: products in it, sums and norms as torch.autocast sees fit.

    Activations are reduced in float32 whatever the precision, and latents of autoencoders are float32 throughout.
    Raises InvalidInput for a precision nobody knows, or that the device does not have.
    """
    import torch

    if precision not in PRECISIONS:
        raise InvalidInput(f"No precision named {precision!r}.", hint=f"Use one of {', '.join(PRECISIONS)}.")
    kind = torch.device(device).type
    if precision == "bfloat16" and kind == "cuda" and not torch.cuda.is_bf16_supported():
        raise InvalidInput("This CUDA device has no bfloat16.", hint="Use float16 or float32.")
    with torch.autocast(kind, getattr(torch, precision), enabled=precision != "float32"):
        yield
