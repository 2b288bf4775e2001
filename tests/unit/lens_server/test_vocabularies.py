"""Shipped lists: each can be read, and `python-code` says what tiny-code was taught, as it was taught it."""

import pytest

from indexer.training.code_wordings import WORDINGS
from lens_server.vocabularies import SHIPPED, check_vocabulary, read_vocabulary


@pytest.mark.parametrize("name", SHIPPED)
def test_every_list_can_be_read(name):
    entries = read_vocabulary(name)
    check_vocabulary(entries)
    assert len(entries) > 50 and all(entry == entry.strip() for entry in entries)


def test_python_code_is_what_was_taught_in_its_first_wording():
    entries, taught = set(read_vocabulary("python-code")), {said[0] for said in WORDINGS.values()}
    assert entries <= taught
    rare = {said[0] for fact, said in WORDINGS.items() if fact.startswith(("keyword ", "after "))}
    assert taught - entries <= rare
    assert {"import statement", "closing bracket", "function name", "token after def", "import keyword"} <= entries
