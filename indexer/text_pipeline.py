"""Data → collect → embed → index for texts, on one screen; `pipeline.py` calls it where the dataset is a corpus."""

from pathlib import Path

from indexer.catalogue import CORPORA, FOUNDATION_MODELS
from indexer.collectors.spans import Excerpts, read_spans
from indexer.collectors.tokens import TokenCollector, TokenSettings, widths
from indexer.config import BuildConfig, DatasetConfig
from indexer.corpora.corpus import Corpus
from indexer.engines.choosing import store_engine
from indexer.errors import DatasetFault, InvalidInput
from indexer.growth import Growth
from indexer.index.files import ENGINE
from indexer.index.writer import write_manifest, write_tables
from indexer.origins import Origins
from indexer.progress import Progress
from indexer.subjects.devices import device_of
from indexer.subjects.opening import open_text_subject
from indexer.subjects.text_layers import resolve_text_layers
from indexer.subjects.text_subject import TextSubject
from indexer.text_assembly import text_tables, wanted_places
from indexer.text_embedding import embed_places


def build_text_index(config: BuildConfig, staging: Path, progress: Progress, *, add: bool = False) -> Path:
    """Show a corpus to a text subject and index what each neuron fires on; returns the finished folder in `staging`."""
    _check(config, add=add)
    corpus = _corpus(config.dataset, progress)
    subject = open_text_subject(config.subject.name, config.subject.saes, trust_pickle=config.subject.trust_pickle)
    config = config.with_layers(resolve_text_layers(subject, config.collect.layers))
    model = FOUNDATION_MODELS.load(config.foundation.name, trust_pickle=config.foundation.trust_pickle)
    origins = Origins.of(config, subject, model, Growth(config.collect.layers))
    origins.go_on(staging, corpus)
    for note in subject.notes:
        progress.note(note)

    device = device_of(config.subject.device)
    collector = TokenCollector(_settings(config, subject, device), staging)
    collected = collector.collect(subject, corpus, progress)
    shown = origins.shown(corpus, collected)
    for note in (origins.told(shown), _told(collected.cut)):
        if note:
            progress.note(note)
    excerpts = Excerpts.of(subject, corpus, collected)
    spans = read_spans(excerpts, collected, device, progress)
    places = wanted_places(collected, excerpts.survey)
    embedded = embed_places(model, excerpts, places, staging, progress)

    tables = text_tables(collected, excerpts, spans, embedded, config)
    finished = write_tables(staging, tables)
    engine = store_engine(config.engine, tables.concept_vectors, finished / ENGINE)
    write_manifest(finished, origins.manifest(shown, collected, (), engine))
    return finished


def _corpus(asked: DatasetConfig, progress: Progress) -> Corpus:
    """The corpus; what of it cannot be read is told, or, strictly, refused."""
    corpus: Corpus = CORPORA.load(asked.name)
    if corpus.faults and asked.strict:
        why = next(iter(corpus.faults.values()))
        raise DatasetFault(why, hint="Cure or remove it, or leave out --strict to skip such texts.")
    if corpus.faults:
        shown = list(corpus.faults.values())[:3]
        more = f" And {len(corpus.faults) - len(shown):,} more." if len(corpus.faults) > len(shown) else ""
        progress.note(f"{len(corpus.faults):,} texts cannot be read, and are left out: {' '.join(shown)}{more}")
    return corpus


def _settings(config: BuildConfig, subject: TextSubject, device: str) -> TokenSettings:
    return TokenSettings(
        layers=widths(subject, config.collect.layers),
        exemplars=config.collect.exemplars,
        both=config.collect.polarity == "both",
        device=device,
        strict=config.dataset.strict,
    )


def _check(config: BuildConfig, *, add: bool) -> None:
    """Refuse what makes sense for images alone."""
    if add:
        raise InvalidInput(
            f"{config.out} is an index of text neurons: nothing is added to those.",
            hint="Build it anew with all layers and --overwrite.",
        )
    collect = config.collect
    refused = {
        f"--collector {collect.collector}": collect.collector != "activation",
        f"--crop {collect.crop}": collect.crop != "none",
        "--percentiles": bool(collect.percentiles),
        f"--aggregation {collect.aggregation}": collect.aggregation not in ("mean", "max"),
        f"--concept-vector {config.concept.vector}": config.concept.vector != "mean",
        "--classes": config.relevance.classes,
        f"--precision {config.subject.precision}": config.subject.precision != "float32",
    }
    named = [option for option, given in refused.items() if given]
    if named:
        raise InvalidInput(
            f"Text neurons are not indexed with {', '.join(named)}.",
            hint="Leave it out: a text neuron's exemplars are the places where it is most active.",
        )


def _told(cut: int) -> str:
    return f"{cut:,} passages are longer than the subject's context: their ends were not shown." if cut else ""
