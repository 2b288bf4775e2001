"""Where a subject runs."""

from indexer.errors import InvalidInput, MissingExtra


def device_of(asked: str) -> str:
    """`auto` resolved; raises InvalidInput where the device is not there."""
    try:
        import torch
    except ModuleNotFoundError as missing:
        raise MissingExtra("Building needs torch.", hint="pip install 'lens[models]'") from missing
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cuda" and not torch.cuda.is_available():
        raise InvalidInput("No CUDA device is there.", hint="Use --device cpu or auto.")
    return asked
