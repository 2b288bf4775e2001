"""`lesions:` as a dataset: keys, metadata, lazy pictures, and arguments that answer for themselves."""

import numpy as np
import pytest

from indexer.datasets.lesions import ARTEFACTS, COLOURS, LesionDataset, Rate, World, columns, render
from indexer.errors import DatasetFault, InvalidInput, UnknownName


def test_keys_are_sorted_and_metadata_is_the_truth() -> None:
    shown = LesionDataset.from_argument("30,seed=7")
    assert list(shown.keys) == sorted(set(shown.keys)) and shown.keys[12] == "lesion-000012"
    assert len(shown.metadata) == len(shown) == 30
    assert {"label", "group", "asymmetric", "irregular_border", *COLOURS, *ARTEFACTS} <= set(shown.metadata.columns)
    assert shown.metadata.loc[4].to_dict() == columns(World(seed=7).sample(4))
    assert set(shown.metadata[list(ARTEFACTS)].to_numpy().ravel()) <= {0, 1}


def test_load_renders_the_sample_any_number_of_times() -> None:
    shown = LesionDataset.from_argument("10,seed=7,size=48")
    picture = shown.load(3)
    assert picture.mode == "RGB" and picture.size == (48, 48)
    assert np.array_equal(np.array(picture), render(World(seed=7).sample(3), 48))
    assert picture.tobytes() == shown.load(3).tobytes()
    with pytest.raises(DatasetFault, match="10"):
        shown.load(10)


def test_argument_sets_the_world() -> None:
    shown = LesionDataset.from_argument(
        " 40, seed=3, photos=1, noise=0.1, patch=0.9/0.05, ink@asymmetric=1/0, hair=0.5"
    )
    assert shown.world == World(
        seed=3,
        photos=1,
        label_noise=0.1,
        artefact_rates={"patch": Rate(0.9, 0.05), "ink": Rate(1, 0, "asymmetric"), "hair": Rate(0.5, 0.5)},
    )
    again = LesionDataset.from_argument(str(shown.describe()["argument"]))
    assert again.world == shown.world and again.describe() == shown.describe()


@pytest.mark.parametrize("argument", ["", "  ", "seed=5"])
def test_count_has_a_default(argument: str) -> None:
    assert len(LesionDataset.from_argument(argument)) == 2000


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("many", "COUNT"),
        ("0", "1 to 1,000,000"),
        ("-3", "1 to 1,000,000"),
        ("10,sed=3", "'seed'"),
        ("10,pach=0.5", "'patch'"),
        ("10,seed=x", "whole number"),
        ("10,seed=", "no setting"),
        ("10,ruler", "no setting"),
        ("10,20", "no setting"),
        ("10,seed=1,seed=2", "twice"),
        ("10,ink=0.1,ink=0.2", "twice"),
        ("10,ink=2", "0 to 1"),
        ("10,ink=nan", "0 to 1"),
        ("10,ink=0.1/", "a number"),
        ("10,size=2", "size >= 16"),
        ("10,seed=-1", "seed >= 0"),
    ],
)
def test_bad_argument_says_what_is_wrong_and_how_to_put_it_right(argument: str, words: str) -> None:
    with pytest.raises(InvalidInput) as fault:
        LesionDataset.from_argument(argument)
    assert words in str(fault.value)
    assert fault.value.hint


def test_unknown_condition_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="asymmetric"):
        LesionDataset.from_argument("10,ink@asymetric=0.5/0.1")
