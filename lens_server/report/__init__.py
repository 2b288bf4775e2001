"""The report of an audit: one object that every renderer draws and every door returns.

Frozen and plain, like `answers`: tuples, numbers, texts and enums, so that the command line, the server and its clients
share it. Pictures are held once, in `Report.pictures`, and referred to by id.
"""

from dataclasses import dataclass, field

from lens_server.report.results import (
    Change,
    Confirmation,
    Dose,
    EvidencePair,
    Picture,
    Result,
    Severity,
    Verdict,
    Witness,
)

__all__ = [
    "AppliedWaiver",
    "Change",
    "ConceptReport",
    "Confirmation",
    "Control",
    "Counts",
    "Dose",
    "EvidencePair",
    "Finding",
    "Picture",
    "Provenance",
    "Report",
    "Result",
    "Setting",
    "Severity",
    "Verdict",
    "Witness",
]


@dataclass(frozen=True)
class AppliedWaiver:
    """A waiver and what became of it."""

    id: str
    rule: str
    reason: str
    approved_by: str
    ticket: str
    expires: str
    """ISO date."""
    days_left: int
    state: str
    """`applied`, `expired`, `exceeded` (the bound is worse than accepted), `rule changed`, `unmatched`, `unused`."""
    note: str


@dataclass(frozen=True)
class Finding:
    """What became of one rule."""

    rule: str
    type: str
    title: str
    severity: Severity
    blocking: bool
    on_inconclusive: str
    measure: str | None
    tier: int | None
    """Tier of evidence, 1 to 3."""
    bound: str
    """What the limit is: `min`, `max`, `max_ratio`, `max_increase`, or empty."""
    limit: float | None
    verdict: Verdict
    sentence: str
    """The verdict in words, with the number that decides."""
    results: tuple[Result, ...]
    """The deciding one first."""
    change: Change | None
    waivers: tuple[str, ...]
    """Ids of the waivers that apply."""
    rationale: str
    remediation: str
    references: tuple[str, ...]
    fingerprint: str
    """sha256 of the rule and of the concepts it names: stays when other rules change."""
    line: int
    """Line of the rule in its rulebook; 0 when unknown."""


@dataclass(frozen=True)
class ConceptReport:
    """A concept of the rulebook and whether the foundation model can see it."""

    id: str
    kind: str
    assessable: bool
    """False for a concept declared never assessable, and for one that the foundation model cannot see."""
    because: str
    """Why not, or what was not measured; empty otherwise."""
    needs: str
    """What would make it assessable; empty otherwise."""
    competence: float | None
    """Zero-shot AUROC on control images; unset where there are none."""
    controls: str
    """What the control images are: `column NAME`, `overlay NAME`, `image probes`, or empty."""
    presence: str
    """`column NAME`, `foundation model`, or empty."""
    present: int
    absent: int
    flagged: int
    """Neurons flagged for it."""
    probe_words: tuple[str, ...]


@dataclass(frozen=True)
class Control:
    """One check of the audit itself."""

    kind: str
    """`neurons`, `placebo`, `positive`, or `competence`."""
    name: str
    passed: bool | None
    """Unset when it could not be run."""
    measured: float | None
    required: float
    sentence: str


@dataclass(frozen=True)
class Setting:
    """A name and its value as text."""

    name: str
    value: str


@dataclass(frozen=True)
class Provenance:
    """What took part, by digest."""

    tool: str
    measures: int
    """Version of the measures' definitions; results of different versions are not compared."""
    rulebook: str
    rulebook_digest: str
    subject: str
    subject_digest: str
    preprocessing_digest: str
    foundation_model: str
    space_digest: str
    templates: tuple[str, ...]
    null_prompt: str
    probe_set: str
    probe_set_digest: str
    samples: int
    groups: int
    group_by: str
    overlap: str
    """Overlap of probe set and training set, in words."""
    index: str
    index_digest: str
    lock_digest: str
    """Empty without a lock."""
    parameters: tuple[Setting, ...]
    environment: tuple[Setting, ...]
    started: str
    """UTC, ISO 8601; with `finished` all that differs between two equal runs."""
    finished: str
    signer: str


@dataclass(frozen=True)
class Counts:
    """How many rules have which verdict."""

    passed: int
    failed: int
    inconclusive: int
    not_assessable: int
    waived: int


@dataclass(frozen=True)
class Report:
    """The whole audit."""

    schema: str
    """`audit-report/v1`."""
    verdict: Verdict
    exit_status: int
    """The true one; `warn_only` maps it only where the process ends."""
    warn_only: bool
    sentence: str
    """The verdict in words."""
    ruleset: str
    ruleset_version: str
    title: str
    owner: str
    intended_use: str
    references: tuple[str, ...]
    counts: Counts
    findings: tuple[Finding, ...]
    """In the order of the rulebook."""
    fixed: tuple[str, ...]
    """Rules that failed in the baseline and no longer do, or are gone."""
    concepts: tuple[ConceptReport, ...]
    controls: tuple[Control, ...]
    waivers: tuple[AppliedWaiver, ...]
    declared: tuple[str, ...]
    """Lines on what was never assessed, e.g. diameter and evolution."""
    warnings: tuple[str, ...]
    limitations: tuple[str, ...]
    """What an audit of this kind cannot say."""
    provenance: Provenance
    pictures: tuple[Picture, ...] = field(repr=False)
