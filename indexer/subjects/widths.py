"""What a subject's modules tell of the shapes that flow through them."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Widths = tuple[frozenset[int], frozenset[int]]
"""Sizes that axis 1 has behind convolutions, and sizes that the last axis has behind linear layers."""

PREFIX_PARAMETERS = {
    "cls_token", "class_token", "class_embedding", "distillation_token", "dist_token", "reg_token", "register_tokens",
}  # fmt: skip
"""What timm, transformers, torchvision and open_clip call the tokens that they put before those of an image."""


def widths_by_scope(module: "torch.nn.Module") -> dict[str, Widths]:
    """Name of each module → the widths in it and in all inside it; '' is the whole subject."""
    found: dict[str, tuple[set[int], set[int]]] = {}
    for name, each in module.named_modules(remove_duplicate=False):
        axis, width = _width(each)
        for scope in scopes_of(name):
            first, last = found.setdefault(scope, (set(), set()))
            if width:
                (first if axis == 1 else last).add(width)
    return {scope: (frozenset(first), frozenset(last)) for scope, (first, last) in found.items()}


def scopes_of(layer: str) -> list[str]:
    """The layer, its parent and so on up to '', the whole subject."""
    parts = layer.split(".") if layer else []
    return [".".join(parts[:depth]) for depth in range(len(parts), -1, -1)]


def kind_of(module: "torch.nn.Module") -> str:
    """Name of a module's class; of the class it was exported from, where that is recorded."""
    recorded = getattr(module, "type_name", None)
    name = recorded() if callable(recorded) else getattr(module, "original_name", None)
    return str(name or type(module).__name__).rpartition(".")[2]


def prefix_tokens(module: "torch.nn.Module") -> int | None:
    """Tokens that the subject puts before those of the image; None where nothing tells."""
    for each in module.modules():
        told = getattr(each, "num_prefix_tokens", None)
        if isinstance(told, int):
            return told
    counts = {
        name: (tensor.shape[-2] if tensor.ndim > 1 else 1)
        for name, tensor in module.named_parameters()
        if name.rpartition(".")[2] in PREFIX_PARAMETERS
    }
    towers = {name.rpartition(".")[0] for name in counts}
    sums = {sum(count for name, count in counts.items() if name.rpartition(".")[0] == tower) for tower in towers}
    return sums.pop() if len(sums) == 1 else None


def grid_sizes(module: "torch.nn.Module") -> tuple[tuple[int, int], ...]:
    """Rows and columns of patches, as patch embeddings of timm (`grid_size`) and transformers (`patch_size`) say."""
    found = []
    for each in module.modules():
        if size := _pair(getattr(each, "grid_size", None)):
            found.append(size)
            continue
        image, patch = _pair(getattr(each, "image_size", None)), _pair(getattr(each, "patch_size", None))
        if image and patch:
            found.append((image[0] // patch[0], image[1] // patch[1]))
    return tuple(dict.fromkeys(found))


def sequence_first(module: "torch.nn.Module") -> bool:
    """Whether any module inside takes [tokens, batch, dimensions]: attention or recurrence with batch_first=False."""
    return any(getattr(each, "batch_first", True) is False for each in module.modules())


def _pair(value: object) -> tuple[int, int] | None:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value, value
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(each, int) and each for each in value):
        return value[0], value[1]
    return None


def _width(module: "torch.nn.Module") -> tuple[int, int]:
    """(1 or −1, size) of the axis whose size a leaf module fixes; size 0 where it fixes none."""
    kind = kind_of(module)
    for pattern, axis, attribute in _KINDS:
        if re.search(pattern, kind) and (width := _size(module, attribute)):
            return (1 if _channels_first(module, kind) else axis), width
    return 0, 0


def _channels_first(module: "torch.nn.Module", kind: str) -> bool:
    """Layer norms over the channels of a map: LayerNorm2d of timm and torchvision, `data_format` in transformers."""
    return "2d" in kind or getattr(module, "data_format", "") == "channels_first"


def _size(module: "torch.nn.Module", attribute: str) -> int:
    """As the module says, else as long as its bias or its weight."""
    import torch

    told = getattr(module, attribute, None)
    if isinstance(told, (tuple, list)):
        told = told[-1] if told else 0
    if isinstance(told, int):
        return told
    own = (getattr(module, name, None) for name in ("bias", "weight"))
    return next((int(each.shape[0]) for each in own if isinstance(each, torch.Tensor)), 0)


_KINDS = (
    (r"^Conv1D$", -1, "nf"),  # the linear layer of GPT-2 and its heirs
    (r"Conv(Transpose)?[123]d", 1, "out_channels"),
    (r"BatchNorm|InstanceNorm", 1, "num_features"),
    (r"GroupNorm", 1, "num_channels"),
    (r"Linear$", -1, "out_features"),
    (r"LayerNorm|R[Mm][Ss]Norm", -1, "normalized_shape"),
    (r"MultiheadAttention$", -1, "embed_dim"),
    (r"Embedding$", -1, "embedding_dim"),
)
"""(pattern of the class's name, axis, attribute with the size): by name, so that exported modules are known too."""
