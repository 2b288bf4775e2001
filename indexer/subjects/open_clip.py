"""`open_clip:MODEL/PRETRAINED`: the image tower of a CLIP as the model under inspection.

The argument is that of the foundation model of the same name. The tower gives embeddings of images, no class logits.
"""

from typing import TYPE_CHECKING, Any

from indexer.catalogue import FOUNDATION_MODELS
from indexer.errors import InvalidInput
from indexer.subjects.subject import Subject
from indexer.subjects.weights import RANDOM, RANDOM_NOTE

if TYPE_CHECKING:
    import torch

EMBEDDING = "image_embeds"
NOTE = "An image tower has no classes: its output is an embedding, so relevance to classes cannot be measured."


def load(argument: str, *, trust_pickle: bool = False) -> Subject:
    """Load a CLIP and keep its image tower; raises InvalidInput, UnknownName or, without a hub, Unavailable."""
    if not argument:
        raise InvalidInput("The subject 'open_clip' needs a model.", hint="Write open_clip:MODEL/PRETRAINED.")
    model = FOUNDATION_MODELS.load(f"open_clip:{argument}", trust_pickle=trust_pickle)
    tower: torch.nn.Module = model.module.visual
    tower.register_forward_hook(_named)
    notes = (RANDOM_NOTE, NOTE) if argument.endswith(f"/{RANDOM}") else (NOTE,)
    return Subject(f"open_clip:{argument}", tower, model.preprocess, notes=notes)


def _named(_module: object, _inputs: object, output: Any) -> dict[str, Any]:  # noqa: ANN401 - a tensor or a tuple
    """Under a name of its own, an embedding [batch, dimension] is not taken for class logits."""
    return {EMBEDDING: output}
