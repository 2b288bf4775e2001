"""What every format owes: it is found by name, is a pure function of the report, and ends in a newline."""

import pytest

from indexer.errors import UnknownName
from lens_server.audit.renderers import RENDERERS, render
from tests.unit.lens_server.audit.sample_reports import every_report

REPORTS, AGAIN = every_report(), every_report()


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("format", RENDERERS)
def test_equal_reports_have_equal_bytes(name, format):
    assert REPORTS[name] is not AGAIN[name]
    drawn = render(REPORTS[name], format)
    assert drawn.encode("utf-8") == render(AGAIN[name], format).encode("utf-8")
    assert drawn.endswith("\n") and "\x00" not in drawn and "\r" not in drawn


def test_an_unknown_format_has_the_nearest():
    with pytest.raises(UnknownName) as refused:
        render(REPORTS["empty"], "htlm")
    assert "'html'" in refused.value.hint
