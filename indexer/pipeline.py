"""Data → collect → embed → index, on one screen. Read this first."""

from datetime import UTC, datetime
from pathlib import Path

from indexer.assembly import neuron_tables, relevance_table, sample_table
from indexer.catalogue import DATASETS, FOUNDATION_MODELS, SUBJECTS
from indexer.collectors.activation import ActivationCollector, CollectSettings
from indexer.collectors.relevance import RelevanceSettings, class_names, relate
from indexer.collectors.shapes import LayerShape, layer_shapes
from indexer.config import BuildConfig
from indexer.embedding import EmbedSettings, embed_exemplars
from indexer.engines.choosing import store_engine
from indexer.index import files
from indexer.index.reader import Index
from indexer.index.staging import claimed, publish
from indexer.index.writer import Tables, write_manifest, write_tables
from indexer.origins import Origins, check_layers, device_of
from indexer.progress import Progress, Silent


def build_index(
    config: BuildConfig,
    *,
    resume: bool = False,
    replace: bool = False,
    add: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Show a dataset to a subject and index what each neuron responds to; returns the index's folder.

    `resume` goes on with an unfinished build, `replace` overwrites a finished one, `add` adds layers to it.
    Raises a LensError that names the fault; then no index is left half-written.
    """
    progress = progress or Silent()
    known = Index.open(config.out) if add else None
    with claimed(config.out, config.model_dump(mode="json"), resume=resume, replace=replace or add) as staging:
        dataset = DATASETS.load(config.dataset.name)
        subject = SUBJECTS.load(config.subject.name, trust_pickle=config.subject.trust_pickle)
        model = FOUNDATION_MODELS.load(config.foundation.name, trust_pickle=config.foundation.trust_pickle)
        for note in subject.notes:
            progress.note(note)
        check_layers(subject, config.collect.layers)
        origins = Origins.of(config, subject, model)
        origins.check_addition(known)

        collect, device = config.collect, device_of(config.subject.device)
        settings = CollectSettings(
            layers=collect.layers,
            exemplars=collect.exemplars,
            aggregation=collect.aggregation,
            polarity=collect.polarity,
            batch_size=collect.batch_size,
            threads=collect.threads,
            device=device,
            strict=config.dataset.strict,
        )
        collected = ActivationCollector(settings, staging).collect(subject, dataset, progress)
        shown = origins.shown(dataset, collected, known)

        embedding = EmbedSettings(staging, config.thumbnail, collect.threads)
        embedded = embed_exemplars(model, dataset, collected.distinct(), known, embedding, progress)
        classes = class_names(subject, collected.outputs) if collected.outputs else ()
        relevance = None
        if config.relevance.classes:
            measure = RelevanceSettings(config.relevance.samples_per_class, collect.batch_size, collect.threads, device)
            relevance = relevance_table(
                collected, classes, relate(subject, dataset, collected, measure, progress), known
            )

        neurons = neuron_tables(collected, embedded, collect.exemplars, known)
        finished = staging / "finished"
        finished.mkdir(exist_ok=True)
        write_tables(
            finished,
            Tables(
                neurons=neurons.neurons,
                exemplars=neurons.exemplars,
                samples=sample_table(dataset, collected, classes),
                concept_vectors=neurons.concept_vectors,
                exemplar_vectors=embedded.vectors,
                thumbnails=embedded.thumbnails(),
                logits=collected.logits,
                relevance=relevance,
            ),
        )
        engine = store_engine(config.engine, neurons.concept_vectors, finished / files.ENGINE)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        write_manifest(
            finished, origins.manifest(shown, collected, known, engine=engine, created=created, classes=classes)
        )
        publish(finished, config.out)
    return config.out


def list_layers(subject_name: str, *, trust_pickle: bool = False) -> list[LayerShape]:
    """Every layer of a subject that can be indexed, with its shape for one sample."""
    return layer_shapes(SUBJECTS.load(subject_name, trust_pickle=trust_pickle))
