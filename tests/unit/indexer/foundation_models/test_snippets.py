"""Snippets: what a model of its own does, what others are given, and that the pivot is never cut away."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("open_clip")

from indexer.catalogue import FOUNDATION_MODELS
from indexer.errors import InvalidInput
from indexer.foundation_models.snippets import Snippet, check_sees_images, embed_snippets, fitted


def shorter_than(limit):
    return lambda texts: [len(text) <= limit for text in texts]


def test_a_model_without_marks_embeds_the_text():
    model = SimpleNamespace(embed_texts=lambda texts: [f"<{text}>" for text in texts])
    assert embed_snippets(model, [Snippet("import ", "os", "\n")]) == ["<import os\n>"]


def test_what_fits_is_whole():
    assert fitted([Snippet("ab", "c", "de")], shorter_than(5)) == ["abcde"]


@pytest.mark.parametrize(
    ("snippet", "kept"),
    [
        (Snippet("0123456789", "X", "abcdefghij"), "6789Xabcd"),
        (Snippet("0123456789", "X", "a"), "3456789Xa"),
        (Snippet("", "X", "abcdefghij"), "Xabcdefgh"),
        (Snippet("0123456789", "X", ""), "23456789X"),
    ],
)
def test_far_ends_are_cut_as_little_as_need_be(snippet, kept):
    assert fitted([Snippet("", "Y", ""), snippet], shorter_than(9)) == ["Y", kept]


def test_a_pivot_too_long_by_itself_stays():
    assert fitted([Snippet("ab", "cdefgh", "ij")], shorter_than(3)) == ["cdefgh"]


def test_clip_keeps_the_pivot_of_a_long_snippet():
    model = FOUNDATION_MODELS.load("tiny-clip")
    far, near = "naevus " * 100, "melanoma"
    long, other, bare = embed_snippets(
        model, [Snippet(far, near, f" {far}"), Snippet(far, "ruler", f" {far}"), Snippet("", near, "")]
    )
    assert np.abs(long - other).max() > 1e-3
    np.testing.assert_allclose(bare, model.embed_texts([near])[0], atol=1e-6)
    assert np.abs(model.embed_texts([far + near])[0] - model.embed_texts([f"{far}ruler"])[0]).max() < 1e-6
    assert embed_snippets(model, []).shape == (0, model.space.dimension)


def test_models_of_texts_are_told_from_models_of_images():
    check_sees_images(FOUNDATION_MODELS.load("tiny-clip"))
    with pytest.raises(InvalidInput, match="tiny-code embeds texts, not images"):
        check_sees_images(FOUNDATION_MODELS.load("tiny-code"))
