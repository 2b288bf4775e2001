"""Data → collect → embed → index, on one screen. Read this first."""

from collections.abc import Sequence
from pathlib import Path

from indexer.assembly import neuron_tables, range_table, relevance_table, sample_table, survey_table
from indexer.catalogue import COLLECTORS, DATASETS, FOUNDATION_MODELS, is_corpus
from indexer.collectors.activation import CollectSettings
from indexer.collectors.places import PlaceSettings, check_places, place
from indexer.collectors.relevance import RelevanceSettings, class_names, relate
from indexer.collectors.shapes import LayerShape, layer_shapes, resolve_layers
from indexer.config import BuildConfig, SubjectConfig
from indexer.datasets.decoded import StoredDataset
from indexer.datasets.same import SameDataset
from indexer.embedding import EmbedSettings, embed_exemplars
from indexer.engines.choosing import store_engine
from indexer.foundation_models.snippets import check_sees_images
from indexer.growth import Growth, Remembered
from indexer.index.files import ENGINE
from indexer.index.reader import Index
from indexer.index.staging import claimed, finish, publish
from indexer.index.writer import Tables, write_manifest, write_tables
from indexer.origins import Origins
from indexer.progress import Progress, Silent
from indexer.subjects.opening import open_any_subject, open_subject
from indexer.subjects.text_layers import resolve_text_layers, text_layers
from indexer.subjects.text_subject import TextSubject
from indexer.text_pipeline import build_text_index


def build_index(  # noqa: PLR0913 - one required, the rest by name
    config: BuildConfig,
    *,
    resume: bool = False,
    replace: bool = False,
    add: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Show a dataset to a subject and index what each neuron responds to; returns the index's folder.

    `resume` goes on with an unfinished build, `replace` overwrites a finished one, `add` adds to it what it lacks:
    layers, exemplars, relevance.
    `cache` is a folder of embeddings that builds share (`cache_folder()` is the user's).
    Raises a LensError that names the fault; then no index is left half-written.
    """
    progress = progress or Silent()
    asked, over = {**config.model_dump(mode="json"), "add": add}, replace or add
    if resume and finish(config.out, asked, replace=over):
        return config.out
    with claimed(config.out, asked, resume=resume, replace=over) as staging:
        if is_corpus(config.dataset.name):
            publish(build_text_index(config, staging, progress, add=add), config.out)
            return config.out
        known = Index.open(config.out) if add else None
        dataset = DATASETS.load(config.dataset.name)
        subject = open_subject(config.subject.name, config.subject.saes, trust_pickle=config.subject.trust_pickle)
        config = config.with_layers(resolve_layers(subject, config.collect.layers))
        growth = Growth.of(config, known)
        model = growth.model_unasked(config.foundation.name) or FOUNDATION_MODELS.load(
            config.foundation.name, trust_pickle=config.foundation.trust_pickle
        )
        check_sees_images(model)
        config = config.with_layers(growth.layers)
        origins = Origins.of(config, subject, model, growth)
        origins.go_on(staging, dataset)
        for note in (*subject.notes, *growth.notes):
            progress.note(note)

        placing = PlaceSettings.of(config, staging)
        check_places(subject, dataset, config.collect.layers, placing)
        collector = COLLECTORS.find(config.collect.collector)[0](CollectSettings.of(config), staging)
        if known is not None and not growth.layers:
            collector = Remembered(known, staging)
        collected = collector.collect(subject, dataset, progress)
        shown = origins.shown(dataset, collected)
        if shown.unreadable:
            progress.note(origins.told(shown))
        dataset = StoredDataset(SameDataset(dataset, collected.reading.contents), collected.decoded)
        classes = class_names(subject, collected.outputs)
        unrelated = growth.to_relate(collected)
        relevances = relate(subject, dataset, unrelated, RelevanceSettings.of(config), progress)
        collected = place(subject, dataset, collected, placing, progress)
        embedding = EmbedSettings(staging, config.thumbnail, config.collect.threads, cache)
        embedded = embed_exemplars(model, dataset, collected.views(), known, embedding, progress)

        neurons = neuron_tables(collected, embedded, config.collect.exemplars, config.concept, growth.kept)
        tables = Tables(
            neurons=neurons.neurons,
            exemplars=neurons.exemplars,
            samples=sample_table(dataset, collected, classes),
            concept_vectors=neurons.concept_vectors,
            exemplar_vectors=embedded.vectors,
            thumbnails=embedded.thumbnails(),
            logits=collected.logits,
            relevance=relevance_table(unrelated, classes, relevances, growth.related),
            range=range_table(collected, embedded, growth.kept),
            survey=survey_table(collected, embedded, growth.kept),
            labels=growth.labels,
        )
        finished = write_tables(staging, tables)
        engine = store_engine(config.engine, neurons.concept_vectors, finished / ENGINE)
        write_manifest(finished, origins.manifest(shown, collected, classes, engine))
        publish(finished, config.out)
    return config.out


def list_layers(subject: SubjectConfig, patterns: Sequence[str] = ()) -> list[LayerShape]:
    """Every layer of a subject that can be indexed, or those that match, with its shape for one sample."""
    opened = open_any_subject(subject.name, subject.saes, trust_pickle=subject.trust_pickle)
    if isinstance(opened, TextSubject):
        wanted = resolve_text_layers(opened, patterns) if patterns else ()
        return [each for each in text_layers(opened) if not patterns or each.name in wanted]
    shapes = layer_shapes(opened)
    if not patterns:
        return shapes
    by_name = {each.name: each for each in shapes}
    return [by_name[name] for name in resolve_layers(opened, patterns)]
