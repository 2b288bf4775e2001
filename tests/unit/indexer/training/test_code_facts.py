"""What tiny-code is taught is true: facts of a source written here, at places found by their text."""

import numpy as np
import pytest

from indexer.training.code_facts import facts_at, facts_of, words_of
from indexer.training.code_wordings import HELD_OUT, WORDINGS

NUMBERS = {name: number for number, name in enumerate(WORDINGS)}
SOURCE = '''"""The module's own words. They end."""
import os as system
from abc.d import each as one, other

@register(1)
class Größe(Base, metaclass=Meta):
    """Of a class."""

    LIMIT: int = 0x1F

    def run(self, width: str = None, *rest) -> bool:
        # how far this goes before it ends
        if self.x[1:2] == width and not rest:
            raise ValueError("bad %s\\n" % width)
        with open(b"name", mode="r") as file:
            found = [item for item in range(3)]
        try:
            self.total += len(found)  # later
        except (KeyError, OSError):
            return {"key": f"{found}"}
        for _ in lambda: 2.5:
            assert __debug__, True
'''
TRUE = {
    "system": {"alias of an import", "import statement", "after as"},
    "os as": {"module name in an import", "import statement", "after import"},
    "abc.d": {"module name in an import", "from import", "after from", "before a dot"},
    "other\n": {"imported name", "from import", "after ,"},
    "register": {"decorator", "function call", "after @"},
    "class Gr": {"class definition", "keyword class", "start of a line"},
    "Größe": {"class name", "class definition", "after class", "name in camel case"},
    "Base": {"base class", "class definition", "after ("},
    "Meta)": {"class definition", "after =", "before a closing bracket"},
    "LIMIT": {"constant in capital letters", "assigned variable", "start of a line"},
    "int =": {"type annotation", "built-in type"},
    "0x1F": {"hexadecimal number", "number", "after ="},
    "run": {"function name", "function definition", "after def"},
    "self, ": {"self", "argument name"},
    "width: str": {"argument name", "before a colon", "after ,"},
    "str =": {"type annotation", "built-in type"},
    "None": {"None", "default value", "keyword None"},
    "bool:": {"return type annotation", "type annotation", "after ->"},
    ":\n        #": {"colon at the end of a function definition", "colon at the end of a line", "colon"},
    "# how": {"hash sign", "comment", "line that is all comment"},
    "far this": {"English prose in a comment", "comment"},
    "x[1": {"attribute of self", "attribute access", "if condition", "comparison", "after ."},
    "1:2": {"slice", "index in square brackets", "number one", "after ["},
    "] ==": {"closing square bracket", "closing bracket", "bracket"},
    "== width": {"equality sign", "comparison operator"},
    "not rest": {"keyword not", "boolean expression", "if condition", "after and"},
    "ValueError": {"exception name", "raise an exception", "function call", "after raise"},
    "%s": {"format placeholder", "string literal", "string formatting"},
    "\\n": {"escape sequence", "string literal"},
    '" % width': {"closing quote", "string literal"},
    'b"name': {"bytes literal", "opening quote", "with statement", "argument of a call"},
    "mode": {"keyword argument", "argument of a call"},
    "item for": {"list comprehension", "comprehension", "assigned value"},
    "range": {"call of a built-in function", "function call", "after in"},
    "+=": {"augmented assignment operator", "augmented assignment"},
    "# later": {"comment after code", "comment"},
    "KeyError": {"exception name", "except clause", "try and except"},
    '"key"': {"dictionary key", "dictionary", "return statement"},
    'f"{': {"f-string", "dictionary", "string literal"},
    "}\n": {"closing brace", "closing bracket", "return statement"},
    "lambda": {"keyword lambda", "lambda", "for loop", "after in"},
    "2.5": {"decimal number", "lambda"},
    "__debug__": {"dunder name", "assert statement", "after assert"},
    "True": {"True or False", "assert statement", "after ,"},
    "Of a class": {"docstring of a class", "docstring", "triple-quoted string"},
    "own words": {"docstring of a module", "English prose in a docstring"},
    "They": {"first word of a sentence", "docstring"},
}
FALSE = {
    "os as": {"from import", "imported name", "alias of an import"},
    "Base": {"class name", "function call"},
    "run": {"method call", "function call", "class definition"},
    "# how": {"docstring", "string literal", "English prose"},
    "] ==": {"closing parenthesis", "opening bracket"},
    "ValueError": {"return statement", "class name"},
    "mode": {"argument name", "default value"},
    "Of a class": {"docstring of a function", "comment"},
    "item for": {"generator expression", "dictionary"},
}


@pytest.fixture(scope="module")
def facts():
    return facts_of(SOURCE, NUMBERS)


def _held(facts, text):
    start = SOURCE.index(text)
    row = facts_at(facts, start, start + 1)
    return {name for name, at in NUMBERS.items() if row[at // 64] >> np.uint64(at % 64) & np.uint64(1)}


@pytest.mark.parametrize("text", TRUE)
def test_what_is_true_is_noted(facts, text):
    assert TRUE[text] <= _held(facts, text), TRUE[text] - _held(facts, text)


@pytest.mark.parametrize("text", FALSE)
def test_what_is_not_is_not(facts, text):
    assert not FALSE[text] & _held(facts, text)


def test_blanks_are_judged_by_what_follows_them_and_alone_by_themselves(facts):
    start = SOURCE.index("    def")
    assert facts_at(facts, start, start + 7).tolist() == facts_at(facts, start + 4, start + 7).tolist()
    row = facts_at(facts, start, start + 4)
    assert row[NUMBERS["indentation"] // 64] >> np.uint64(NUMBERS["indentation"] % 64) & np.uint64(1)


def test_a_piece_of_several_tokens_is_what_each_of_them_is(facts):
    start = SOURCE.index(")]")
    row = facts_at(facts, start, start + 2)
    for name in ("closing parenthesis", "closing square bracket"):
        assert row[NUMBERS[name] // 64] >> np.uint64(NUMBERS[name] % 64) & np.uint64(1)


@pytest.mark.parametrize("source", ["def (", "x = '", "a\x0cb = 1\n", "print 1\n", "\x00"])
def test_what_is_no_python_has_no_facts(source):
    assert facts_of(source, NUMBERS) is None


def test_words_of_names_and_prose():
    assert [word for word, _, _ in words_of("parseHTMLFile(_socket_type) # Read x")] == [
        "parse", "html", "file", "socket", "type", "read",
    ]  # fmt: skip


def test_no_wording_means_two_things():
    said = [wording for wordings in WORDINGS.values() for wording in wordings]
    assert len(said) == len(set(said)), sorted({each for each in said if said.count(each) > 1})


def test_paraphrases_are_not_trained_on():
    said = {wording.lower() for wordings in WORDINGS.values() for wording in wordings}
    assert set(HELD_OUT) <= set(WORDINGS)
    assert not said & {each.lower() for others in HELD_OUT.values() for each in others}
