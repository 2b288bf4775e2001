"""The embedded world: procedural dermoscopy with known attributes, and artefacts as exact overlays.

    world = World(seed=7)
    lesion = world.sample(0)                        # what there is to see
    image = render(with_artefact(lesion, "ruler"))  # uint8 [64, 64, 3]

Everything is a pure function of (seed, sample number).
"""

from indexer.datasets.lesions import overlays
from indexer.datasets.lesions.adapter import LesionDataset
from indexer.datasets.lesions.captions import caption
from indexer.datasets.lesions.concepts import CONCEPTS, Concept, present
from indexer.datasets.lesions.render import overlay, render, render_clean
from indexer.datasets.lesions.world import (
    ARTEFACTS,
    CLASSES,
    COLOURS,
    STRUCTURES,
    TRAINING_SEEDS,
    Lesion,
    Rate,
    World,
    clean,
    columns,
    with_artefact,
    without_artefact,
)

__all__ = [
    "ARTEFACTS",
    "CLASSES",
    "COLOURS",
    "CONCEPTS",
    "STRUCTURES",
    "TRAINING_SEEDS",
    "Concept",
    "Lesion",
    "LesionDataset",
    "Rate",
    "World",
    "caption",
    "clean",
    "columns",
    "overlay",
    "overlays",
    "present",
    "render",
    "render_clean",
    "with_artefact",
    "without_artefact",
]
