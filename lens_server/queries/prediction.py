"""What will the neuron do on this text?"""

from collections.abc import Callable, Sequence

from indexer.errors import InvalidInput, MissingExtra
from indexer.index.files import TOKENIZER
from indexer.index.texts import Texts
from lens_server.queries.pieces import Pieces
from lens_server.text_answers import Prediction

LONGEST_PASSAGE = 20_000
"""Characters of a text that is predicted on."""

Encode = Callable[[str], Sequence[int]]


def predict(texts: Texts, pieces: Pieces, row: int, text: str, encode: Encode) -> tuple[Prediction, Sequence[int]]:
    """The neuron's graph on a text, and the text's tokens.

    Raises InvalidInput for a text that is empty or too long and for a neuron whose graph could not be made, NotFound
    without graphs.
    """
    name = str(texts.index.neurons.id(row))
    check_passage(text)
    failed = texts.scores(row)["failed"]
    if failed:
        raise InvalidInput(f"{name} has no token graph to predict with: {failed}")
    tokens = encode(text)
    predicted = texts.graph(row).predict(tokens)
    return Prediction(name, pieces.show(tokens), tuple(predicted.tolist())), tokens


def check_passage(text: str) -> None:
    """Raise InvalidInput for a text that is empty or too long."""
    if not text:
        raise InvalidInput("The text is empty.", hint="Give a sentence or a few lines.")
    if len(text) > LONGEST_PASSAGE:
        raise InvalidInput(
            f"The text has {len(text):,} characters; at most {LONGEST_PASSAGE:,} are taken.",
            hint="Ask about it in parts: a neuron sees little further back than its path is long.",
        )


def stored_encoder(texts: Texts) -> Encode | None:
    """How the index's own tokenizer.json encodes; None where it holds none. Raises MissingExtra."""
    path = texts.index.folder / TOKENIZER
    if not path.is_file():
        return None
    try:
        from tokenizers import Tokenizer

        from indexer.subjects.json_tokenizer import JsonTokenizer
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"Reading a text needs the package {missing.name!r}.", hint="pip install 'lens[models]'"
        ) from missing
    return JsonTokenizer(Tokenizer.from_str(path.read_text(encoding="utf-8")), mask=0).encode
