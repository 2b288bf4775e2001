"""The page's foot: what took part, by digest, and who signs."""

from lens_server.audit.renderers import wording
from lens_server.markup import Html, element, lines, named
from lens_server.report import Provenance, Report, Setting


def provenance(report: Report) -> Html:
    """Everything needed to tell this audit from another, and room for a signature on paper."""
    source = report.provenance
    parts = [
        element("h2", "Provenance"),
        element("dl", *_what(report), class_="facts"),
        _settings("Parameters", source.parameters),
        _settings("Environment", source.environment),
        element("h2", "Signature"),
        element("p", f"Recorded signer: {source.signer or 'none; this report is not signed'}."),
        element(
            "dl",
            *(named(each, "") for each in ("Name", "Date", "Signature")),
            class_="signature",
            aria_hidden="true",
        ),
    ]
    return element("footer", lines(*parts))


def _what(report: Report) -> list[Html]:
    source = report.provenance
    return [
        named("Tool", f"{source.tool}, definitions of measures {source.measures}, report {report.schema}"),
        named("Rulebook", _digested(source.rulebook, source.rulebook_digest)),
        named("Subject", _digested(source.subject, source.subject_digest)),
        named("Preprocessing", _digested("", source.preprocessing_digest)),
        named("Foundation model", _digested(source.foundation_model, source.space_digest)),
        named("Templates", _templates(source)),
        named("Probe set", _digested(source.probe_set, source.probe_set_digest)),
        named("Images", _images(source)),
        named("Overlap with training", source.overlap or "not recorded"),
        named("Index", _digested(source.index, source.index_digest)),
        named("Lock", _digested("", source.lock_digest) if source.lock_digest else "none"),
        named("Times", f"{source.started} to {source.finished}"),
        *([named("References", "; ".join(report.references))] if report.references else []),
    ]


def _digested(name: str, digest: str) -> list[Html]:
    shown = [element("span", name)] if name else []
    return [*shown, element("code", digest or "no digest")]


def _templates(source: Provenance) -> str:
    told = ", ".join(f"“{each}”" for each in source.templates) or "none"
    return told + (f"; null prompt “{source.null_prompt}”" if source.null_prompt else "; empty null prompt")


def _images(source: Provenance) -> str:
    by = f" by {source.group_by}" if source.group_by else ""
    return f"{source.samples:,} in {wording.plural(source.groups, 'group')}{by}"


def _settings(title: str, settings: tuple[Setting, ...]) -> Html | None:
    if not settings:
        return None
    listed = element("dl", *(named(each.name, each.value) for each in settings), class_="facts")
    return element("details", lines(element("summary", title), listed), open=True)
