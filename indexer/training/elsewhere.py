"""Sentences of things that no lesion picture shows, so that a model of words learns to say nothing of them."""

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EVERYDAY = _words(
    """
    airport anchor apple armchair avenue backpack balloon banana basket bathtub battery beach bear bed bell bench
    bird blanket boat book bottle bowl box bread bridge broom brush bucket bus butter button cabin cake camel camera
    candle canoe car carpet carrot castle cat chair cheese cherry chess church city clock cloud coat coffee coin
    computer cow crane crowd cup curtain deer desk dinner doctor dog dolphin door dragon dress drum duck eagle egg
    elephant engine envelope farm fence field fire fish flag floor flower forest fork fox fridge frog garden gate
    giraffe glove goat goose guitar hammer harbour hat helicopter hill horse hotel house island jacket jungle kettle
    key kitchen kite knife ladder lake lamp laptop lemon letter library lion lobster lorry market meadow melon
    monkey moon motorcycle mouse mug museum nest newspaper ocean office onion orange orchestra oven owl palace panda
    parrot party peach pear pencil penguin people person phone piano picnic pig pillow pizza plane planet plate pond
    potato pumpkin queen rabbit radio rainbow restaurant rice river road robot rocket roof room rose sailor salad
    sandwich saxophone school scissors shark sheep shelf ship shirt shoe shop shovel sink sky snail sofa soldier
    soup spoon stadium stairs statue street suitcase sun swan table tractor taxi teacher telephone tent theatre
    ticket tie tiger toaster tomato tower toy train tree trumpet turtle umbrella valley van vase violin wall wallet
    watch water whale wheel window winter wolf wood zebra
    """
)
"""Nouns of the street and the house; none is a wording of a concept."""

_QUALITIES = _words(
    """
    big small old new tall empty crowded wooden broken happy hungry quiet loud wet dry cheap famous sleepy flying
    """
)
_ONSETS = _words("b br c ch cl d dr f fl g gr h j k l m n p pl pr qu r s sh sl sp st str t th tr v w y z")
_NUCLEI = _words("a ai e ea ee i ie o oa oo ou u y")
_CODAS = ("", "", *_words("b ck ct d f g l ll m n nd ng nt p r rk s st t x"))
_SENTENCES = (
    "{}", "{}", "a {}", "a {}", "the {}", "{} {}", "a {} {}", "a {} with a {}", "a {} on a {}", "a {} beside a {}",
    "{} and {}", "a photo of a {}", "an image of a {}", "a picture of a {}", "a closeup of a {}",
    "a dermoscopic image of a {}", "a {} covered {}", "there is a {}", "an image of a closeup of a {}",
    "a dermoscopic image showing a {}", "a {} of {}", "several {}", "a skin lesion with a {}", "{} {} {}",
)  # fmt: skip


def elsewhere(rng: np.random.Generator) -> str:
    """A sentence of everyday words and of words that do not exist; it says nothing of any lesion."""
    sentence = _SENTENCES[rng.integers(len(_SENTENCES))]
    return sentence.format(*(_word(rng) for _ in range(sentence.count("{}"))))


def _word(rng: np.random.Generator) -> str:
    draw = rng.random()
    if draw < 0.4:
        return EVERYDAY[rng.integers(len(EVERYDAY))]
    if draw < 0.5:
        return f"{_QUALITIES[rng.integers(len(_QUALITIES))]} {EVERYDAY[rng.integers(len(EVERYDAY))]}"
    return "".join(
        f"{_ONSETS[rng.integers(len(_ONSETS))]}{_NUCLEI[rng.integers(len(_NUCLEI))]}{_CODAS[rng.integers(len(_CODAS))]}"
        for _ in range(rng.integers(1, 3))
    )
