"""What can be said of a lesion picture: each concept's wordings and the metadata column that decides it."""

from dataclasses import dataclass

from indexer.datasets.lesions.world import ARTEFACTS, COLOURS, STRUCTURES, Lesion, columns


@dataclass(frozen=True)
class Concept:
    """Something sayable about a picture."""

    name: str
    column: str
    """Metadata column that tells whether it is there."""
    minimum: int
    """It is there when the column is at least this …"""
    maximum: int
    """… and at most this."""
    nouns: tuple[str, ...]
    """Wordings that follow 'a lesion with'; the first is the prompt."""
    adjectives: tuple[str, ...] = ()
    """Wordings that precede 'lesion'."""

    @property
    def prompt(self) -> str:
        """The words to search it by."""
        return self.nouns[0]

    def holds(self, value: float) -> bool:
        """Whether a value of the column means that the concept is there."""
        return self.minimum <= value <= self.maximum


def present(lesion: Lesion) -> tuple[str, ...]:
    """Names of all concepts that are true of this sample, in the order of CONCEPTS."""
    row = columns(lesion)
    return tuple(name for name, each in CONCEPTS.items() if each.holds(float(row[each.column])))


_WORDS: dict[str, tuple[str, ...]] = {
    "red_skin": (
        "red skin", "reddened skin", "red skin around it", "irritated skin", "red irritated skin", "skin redness",
        "erythema", "surrounding redness", "inflamed skin", "flushed red skin around the lesion",
    ),
    "ink": (
        "ink", "ink marks", "an ink mark", "purple ink", "pen marks", "a pen mark", "skin marker ink", "surgical ink",
        "surgical pen marks", "violet marker", "a purple pen line", "ink markings", "a purple line",
    ),
    "ruler": (
        "ruler", "a ruler", "a ruler at the edge", "a measuring scale", "ruler marks", "ruler ticks", "tick marks",
        "a scale bar", "a ruler with tick marks", "a measurement scale", "a measuring ruler", "scale marks",
    ),
    "patch": (
        "colour patch", "a colour patch", "a color patch", "a coloured patch", "a colored patch", "a sticker",
        "a coloured sticker", "a colored sticker", "a patch", "a patch at the edge", "a plaster", "a band-aid",
        "a colour chart", "a calibration sticker", "color patch", "patches",
    ),
    "gel_bubbles": (
        "gel bubbles", "gel bubble", "bubbles", "air bubbles", "a gel bubble", "bubbles in the gel",
        "immersion bubbles", "bubbles of gel", "immersion gel", "immersion fluid bubbles", "small round bubbles", "gel",
    ),
    "hair": (
        "hair", "hairs", "dark hairs", "body hair", "hair over the lesion", "hairs across it", "thin hairs",
        "strands of hair", "black hair", "hair covering the lesion", "a hair",
    ),
    "vignette": (
        "vignette", "dark corners", "dark corner", "a vignette", "vignetting", "black corners", "a dark frame",
        "a circular frame", "a round dark border of the picture", "a black circular frame", "dark image corners",
    ),
    "light_brown": ("light brown", "light brown colour", "light brown color", "light brown areas", "pale brown", "tan"),
    "dark_brown": (
        "dark brown", "dark brown colour", "dark brown color", "dark brown areas", "deep brown", "brown-dark",
    ),
    "black": ("black", "black colour", "black color", "black areas", "a black area", "black pigment", "a black blotch"),
    "red": (
        "red", "red colour", "red color", "red areas", "a red area", "red pigment", "a red blotch", "redness inside",
    ),
    "white": ("white", "white colour", "white color", "white areas", "a white area", "a white blotch", "whitish areas"),
    "blue_grey": (
        "blue-grey", "blue-gray", "blue grey colour", "blue gray color", "blue-grey areas", "blue", "bluish grey areas",
        "grey-blue", "a blue-grey area", "gray-blue areas", "a blue veil",
    ),
    "dots": ("dots", "dots and globules", "globules", "dark dots", "small dots", "brown globules", "round globules"),
    "network": ("network", "a pigment network", "a network", "network lines", "a net-like pattern", "a mesh", "a grid"),
    "streaks": (
        "streaks", "radial streaks", "streaks at the edge", "rays", "a starburst", "radial lines", "pseudopods",
    ),
}  # fmt: skip

_ADJECTIVES: dict[str, tuple[str, ...]] = {
    "light_brown": ("light brown", "pale brown", "tan"),
    "dark_brown": ("dark brown", "deep brown"),
    "black": ("black", "blackish"),
    "red": ("red", "reddish"),
    "white": ("white", "whitish"),
    "blue_grey": ("blue-grey", "blue-gray", "bluish"),
    "dots": ("dotted", "globular"),
    "network": ("reticular",),
    "hair": ("hairy", "hair-covered"),
}

_SHAPES = (
    Concept("asymmetric", "asymmetric", 1, 1,
            ("asymmetry", "an asymmetric shape", "two different halves", "an asymmetrical shape", "unequal halves",
             "halves that do not match", "asymmetry in shape", "an uneven shape", "a lopsided shape"),
            ("asymmetric", "asymmetrical", "lopsided", "uneven")),
    Concept("symmetric", "asymmetric", 0, 0,
            ("symmetry", "a symmetric shape", "equal halves", "a symmetrical shape", "two matching halves"),
            ("symmetric", "symmetrical", "balanced")),
    Concept("irregular_border", "irregular_border", 1, 1,
            ("irregular border", "an irregular border", "a ragged border", "a notched border", "jagged edges",
             "an irregular edge", "irregular borders", "a ragged edge", "border irregularity", "an irregular outline",
             "a scalloped border"),
            ("irregular", "ragged", "jagged", "notched")),
    Concept("regular_border", "irregular_border", 0, 0,
            ("regular border", "a regular border", "a smooth border", "smooth edges", "a regular edge", "an even edge",
             "a smooth outline", "a well-defined smooth border"),
            ("smooth", "regular", "smooth-edged")),
    Concept("many_colours", "colours", 4, 6,
            ("many colours", "many colors", "several colours", "several colors", "colour variegation",
             "color variegation", "various colours", "four or more colours", "variegated colour"),
            ("multicoloured", "multicolored", "variegated")),
    Concept("one_colour", "colours", 1, 1,
            ("one colour", "one color", "a single colour", "a single color", "a uniform colour", "only one colour"),
            ("uniform", "single-coloured", "plain")),
)  # fmt: skip

CONCEPTS: dict[str, Concept] = {
    each.name: each
    for each in (
        *_SHAPES,
        *(
            Concept(name, name, 1, 1, _WORDS[name], _ADJECTIVES.get(name, ()))
            for name in (*COLOURS, *STRUCTURES, *ARTEFACTS)
        ),
    )
}
"""Name -> concept, valid ones first."""
