"""`grammar:COUNT[,seed=S]`: texts of the made-up language whose rules the neurons of `tiny-text:grammar` keep to."""

import pandas as pd

from indexer.corpora.corpus import DOCUMENT, LINE
from indexer.errors import DatasetFault, InvalidInput
from indexer.subjects.text_nets.grammar import VERSION, spelled, text

DEFAULT_COUNT, MOST = 2_000, 1_000_000
USAGE = "Write grammar:COUNT[,seed=S], e.g. grammar:2000,seed=7."


class GrammarCorpus:
    """The first `count` texts of a seed, a passage each, written when they are loaded."""

    def __init__(self, count: int = DEFAULT_COUNT, seed: int = 0) -> None:
        if not 1 <= count <= MOST:
            raise InvalidInput(f"A grammar corpus holds 1 to {MOST:,} texts, not {count}.", hint=USAGE)
        self.seed = seed
        self.keys = [f"text-{number:06d}" for number in range(count)]
        self.faults: dict[str, str] = {}
        self.metadata = pd.DataFrame({DOCUMENT: self.keys, LINE: 1})

    def load(self, number: int) -> str:
        """One text; raises DatasetFault."""
        if not 0 <= number < len(self.keys):
            raise DatasetFault(f"There is no text {number} among {len(self.keys)} of the grammar.")
        # A text may end in the middle of an emoji.
        return spelled(text(self.seed, number)).decode("utf-8", "ignore")

    def describe(self) -> dict[str, object]:
        """Adapter, the argument that gives the same texts again, and the language's version."""
        return {"adapter": "grammar", "argument": f"{len(self.keys)},seed={self.seed}", "language": VERSION}


def load(argument: str) -> GrammarCorpus:
    """From the text after `grammar:`; raises InvalidInput."""
    first, *others = [part.strip() for part in argument.split(",")]
    if first.startswith("seed="):
        first, others = "", [first, *others]
    if len(others) > 1 or any(not part.startswith("seed=") for part in others):
        raise InvalidInput(f"{','.join(others)!r} is no setting of a grammar corpus.", hint=USAGE)
    count = _number(first, "COUNT") if first else DEFAULT_COUNT
    return GrammarCorpus(count, _number(others[0].removeprefix("seed="), "seed") if others else 0)


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput(f"{name} {text!r} of the grammar corpus is no whole number.", hint=USAGE)
    return int(text)
