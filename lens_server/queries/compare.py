"""How alike are two neurons, two layers, two indexes?"""

import numpy as np
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors, normalise
from indexer.domain.scores import nearest_in
from indexer.errors import IndexUnusable, InvalidInput
from indexer.index.reader import Index
from lens_server.answers import NeuronComparison, Pair, SetComparison
from lens_server.queries.filters import with_vectors
from lens_server.queries.neurons import exemplars_of, neuron_at

MATCHED_UP_TO = 4096
"""One-to-one matching is cubic; above so many neurons on both sides it is left out."""


def compare_neurons(index: Index, a: int, b: int) -> NeuronComparison:
    """Two neurons side by side; raises InvalidInput for one without exemplars."""
    for row in (a, b):
        if not index.neurons.exemplar_count[row]:
            raise InvalidInput(
                f"{index.neurons.id(row)} is dead: it has no exemplars to compare.",
                hint="lens show lists each neuron's state.",
            )
    shown_a, shown_b = ([each.sample for each in exemplars_of(index, row, 10_000, thumbnails=False)] for row in (a, b))
    similarity = float(np.dot(index.concept_vectors[a], index.concept_vectors[b]))
    shared = tuple(key for key in shown_a if key in set(shown_b))
    return NeuronComparison(neuron_at(index, a), neuron_at(index, b), similarity, shared)


def compare_sets(  # noqa: PLR0913 - two indexes, their rows and names
    a: Index, rows_a: NDArray[np.int64], b: Index, rows_b: NDArray[np.int64], names: tuple[str, str], limit: int
) -> SetComparison:
    """Set similarity both ways, what each lacks of the other, and the matching."""
    check_same_space(a, b, names)
    rows_a, rows_b = with_vectors(a, rows_a), with_vectors(b, rows_b)
    for name, rows in zip(names, (rows_a, rows_b), strict=True):
        if not len(rows):
            raise InvalidInput(f"{name} has no living neuron to compare.")
    vectors_a, vectors_b = np.asarray(a.concept_vectors[rows_a]), np.asarray(b.concept_vectors[rows_b])
    best_of_a, at_b = nearest_in(vectors_a, vectors_b)
    best_of_b, at_a = nearest_in(vectors_b, vectors_a)
    ids_a, ids_b = [str(a.neurons.id(int(row))) for row in rows_a], [str(b.neurons.id(int(row))) for row in rows_b]
    worst_a, worst_b = np.argsort(best_of_a, kind="stable")[:limit], np.argsort(best_of_b, kind="stable")[:limit]
    return SetComparison(
        a=names[0],
        b=names[1],
        count_a=len(rows_a),
        count_b=len(rows_b),
        a_in_b=float(best_of_a.mean(dtype=np.float64)),
        b_in_a=float(best_of_b.mean(dtype=np.float64)),
        a_lacks=tuple(Pair(ids_a[at_a[row]], ids_b[row], float(best_of_b[row])) for row in worst_b),
        b_lacks=tuple(Pair(ids_a[row], ids_b[at_b[row]], float(best_of_a[row])) for row in worst_a),
        matches=matched((a, rows_a), (b, rows_b))[:limit],
    )


def check_same_space(a: Index, b: Index, names: tuple[str, str]) -> None:
    """Raise IndexUnusable when the vectors of two indexes cannot be compared."""
    if a.manifest.foundation_model.digest != b.manifest.foundation_model.digest:
        raise IndexUnusable(
            f"{names[0]} was embedded with {a.manifest.foundation_model.name}, "
            f"{names[1]} with {b.manifest.foundation_model.name} "
            "(their digests differ): their vectors cannot be compared.",
            hint="Build both with one foundation model.",
        )


def matched(a: tuple[Index, NDArray[np.int64]], b: tuple[Index, NDArray[np.int64]]) -> tuple[Pair, ...]:
    """One-to-one matching of two sets of neurons, index and rows, of the greatest total similarity; best first."""
    (index_a, rows_a), (index_b, rows_b) = a, b
    found = _match(np.asarray(index_a.concept_vectors[rows_a]), np.asarray(index_b.concept_vectors[rows_b]))
    ids_a, ids_b = index_a.neurons.id, index_b.neurons.id
    return tuple(Pair(str(ids_a(int(rows_a[i]))), str(ids_b(int(rows_b[j]))), s) for i, j, s in found)


def _match(a: Vectors, b: Vectors) -> list[tuple[int, int, float]]:
    from scipy.optimize import linear_sum_assignment

    if min(len(a), len(b)) > MATCHED_UP_TO:
        return []
    cosines = normalise(a) @ normalise(b).T
    left, right = linear_sum_assignment(cosines, maximize=True)
    order = np.argsort(-cosines[left, right], kind="stable")
    return [(int(left[n]), int(right[n]), float(cosines[left[n], right[n]])) for n in order]
