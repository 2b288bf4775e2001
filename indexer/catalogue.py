"""Name → adapter. Each is imported when first asked for; outsiders add theirs by entry points."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Any, NamedTuple

from indexer.errors import InvalidInput, MissingExtra, UnknownName


class Entry(NamedTuple):
    """Where an adapter lives and what it needs."""

    target: str
    """`module:attribute` of the loader, called with the argument after the colon."""
    extra: str | None
    """The extra of this project that brings what the adapter needs."""
    usage: str
    """How it is written on the command line; README's table says the same."""


class Catalogue:
    """The named adapters of one port, e.g. every kind of dataset."""

    def __init__(self, port: str, entries: dict[str, Entry]) -> None:
        self.port = port
        self.entries = entries
        self.group = f"lens.{port.replace(' ', '_')}s"

    def names(self) -> list[str]:
        """Every name that can be loaded."""
        return sorted({*self.entries, *(each.name for each in entry_points(group=self.group))})

    def load(self, spec: str, **options: Any) -> Any:  # noqa: ANN401 - each port returns its own type
        """Load `name:argument`; raises UnknownName, MissingExtra or what the adapter raises."""
        loader, argument = self.find(spec)
        return loader(argument, **options)

    def find(self, spec: str) -> tuple[Any, str]:
        """The loader of `name:argument` and the argument; raises UnknownName or MissingExtra."""
        name, _, argument = spec.partition(":")
        return self._loader(name), argument

    def _loader(self, name: str) -> Callable[..., Any]:
        if name in self.entries:
            return self._import(name, self.entries[name])
        for outside in entry_points(group=self.group, name=name):
            loader: Callable[..., Any] = outside.load()
            return loader
        if not name:
            raise InvalidInput(f"The {self.port} is empty.", hint=f"Known: {', '.join(self.names())}.")
        raise UnknownName(self.port, name, self.names())

    def _import(self, name: str, entry: Entry) -> Callable[..., Any]:
        module, _, attribute = entry.target.partition(":")
        try:
            loader: Callable[..., Any] = attrgetter(attribute)(import_module(module))
        except ModuleNotFoundError as missing:
            own_mistake = (missing.name or "").split(".")[0] in {"indexer", "lens_server"}
            if entry.extra is None or own_mistake:
                raise
            raise MissingExtra(
                f"The {self.port} {name!r} needs the package {missing.name!r}.",
                hint=f"pip install 'lens[{entry.extra}]'",
            ) from missing
        return loader


def is_corpus(dataset: str) -> bool:
    """Whether `adapter:argument` names texts rather than images; raises UnknownName for what is neither."""
    name, _, argument = dataset.partition(":")
    texts, images = name in CORPORA.names(), name in DATASETS.names()
    if name and not texts and not images:
        raise UnknownName("dataset", name, [*DATASETS.names(), *CORPORA.names()])
    return texts and (not images or ",text=" in argument)


DATASETS = Catalogue(
    "dataset",
    {
        "folder": Entry("indexer.datasets.folder:load", None, "folder:PATH"),
        "csv": Entry("indexer.datasets.csv:load", None, "csv:FILE[,label=COLUMN][,group=COLUMN][,COLUMN=VALUE]"),
        "parquet": Entry(
            "indexer.datasets.parquet:load", None, "parquet:FILE_OR_FOLDER[,image=COLUMN][,label=COLUMN][,COLUMN=VALUE]"
        ),
        "huggingface": Entry(
            "indexer.datasets.huggingface:load", "data", "huggingface:PATH[,split=NAME][,image=COLUMN][,label=COLUMN]"
        ),
        "webdataset": Entry("indexer.datasets.webdataset:load", None, "webdataset:SHARDS[,label=COLUMN]"),
        "zip": Entry("indexer.datasets.zip:load", None, "zip:FILE[/FOLDER]"),
        "lesions": Entry(
            "indexer.datasets.lesions.adapter:LesionDataset.from_argument",
            None,
            "lesions:COUNT[,seed=S][,patch=.9/.05]",
        ),
    },
)
SUBJECTS = Catalogue(
    "subject",
    {
        "torchvision": Entry("indexer.subjects.torchvision:load", "models", "torchvision:NAME[/WEIGHTS]"),
        "timm": Entry("indexer.subjects.timm:load", "models", "timm:NAME[/WEIGHTS]"),
        "transformers": Entry("indexer.subjects.transformers:load", "models", "transformers:NAME_OR_FOLDER[/random]"),
        "open_clip": Entry("indexer.subjects.open_clip:load", "models", "open_clip:MODEL/PRETRAINED"),
        "exported": Entry("indexer.subjects.exported:load", "models", "exported:FILE.pt2"),
        "torchscript": Entry(
            "indexer.subjects.torchscript:load", "models", "torchscript:FILE.pt[,size=PIXELS][,batch=IMAGES]"
        ),
        "python": Entry("indexer.subjects.python:load", "models", "python:MODULE:FACTORY"),
        "lesion": Entry("indexer.subjects.lesion:load", "models", "lesion:NAME"),
        "tiny-text": Entry("indexer.subjects.tiny_text:load", "models", "tiny-text:NAME"),
    },
)
CORPORA = Catalogue(
    "corpus",
    {
        "text": Entry("indexer.corpora.text:load", None, "text:FILE_OR_FOLDER[,passage=CHARACTERS]"),
        "stdlib": Entry("indexer.corpora.stdlib:load", None, "stdlib"),
        "grammar": Entry("indexer.corpora.grammar:load", None, "grammar:COUNT[,seed=S]"),
        "parquet": Entry(
            "indexer.corpora.parquet:load",
            None,
            "parquet:FILE_OR_FOLDER,text=COLUMN[,passage=CHARACTERS][,COLUMN=VALUE]",
        ),
        "huggingface": Entry(
            "indexer.corpora.huggingface:load", "data", "huggingface:PATH,text=COLUMN[,split=NAME][,passage=CHARACTERS]"
        ),
    },
)
"""Of texts. Where a name is that of a dataset of images too, `text=COLUMN` tells which is meant."""
COLLECTORS = Catalogue(
    "collector",
    {
        "activation": Entry("indexer.collectors.activation:ActivationCollector", None, "activation"),
        "relevance": Entry("indexer.collectors.relmax:RelevanceCollector", None, "relevance"),
    },
)
FOUNDATION_MODELS = Catalogue(
    "foundation model",
    {
        "open_clip": Entry("indexer.foundation_models.open_clip:load", "models", "open_clip:MODEL/PRETRAINED"),
        "tiny-clip": Entry("indexer.foundation_models.open_clip:load_tiny", "models", "tiny-clip"),
        "tiny-code": Entry("indexer.foundation_models.tiny_code.model:load", "models", "tiny-code"),
        "sentence": Entry("indexer.foundation_models.sentence:load", "models", "sentence:NAME_OR_FOLDER"),
    },
)
ENGINES = Catalogue(
    "engine",
    {
        "exact": Entry("indexer.engines.exact:ExactEngine", None, "exact"),
        "faiss": Entry("indexer.engines.faiss:FaissEngine", None, "faiss[:FACTORY]"),
    },
)
