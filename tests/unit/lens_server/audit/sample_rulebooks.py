"""A small rulebook whose every part is right, and the same with one thing changed."""

GOOD = """\
schema: concept-rules/v1
ruleset: {id: test.rules, version: "1.0.0", title: Rules to try the reading with}
target:
  classes: {benign: 0, malignant: 1}
foundation_model:
  name: index
  templates: ["a photo of {}"]
statistics: {alpha: 0.05, confidence: 0.95}
controls:
  placebo_prompts: ["a bicycle"]
  positive_control: {overlay: colour_patch, must_detect_at: 0.30}
concepts:
  - {id: shape, kind: valid, prompts: ["an asymmetric shape"]}
  - {id: border, kind: valid, prompts: ["a ragged border"]}
  - {id: diameter, kind: valid, assessable: never, because: no scale is known, needs: millimetres}
  - {id: patch, kind: spurious, prompts: ["a sticker"], overlay: colour_patch, label_column: patches}
  - {id: gel, kind: spurious, prompts: ["gel"]}
rules:
  - {id: use-shape, type: require, concepts: [shape], classes: [malignant], measure: contrast_effect,
     adjust_for: [border], min: 0.05, direction: for, severity: high, blocking: true}
  - {id: no-flip, type: forbid, concepts: [patch], measure: flip_rate, max: 0.10, severity: critical, blocking: true}
  - {id: no-gel, type: limit, concepts: [patch, gel], measure: contrast_effect, adjust_for: [shape, border], max: 0.3,
     confirm_by: flip_rate, severity: high, blocking: true}
  - {id: share, type: limit, concepts: [patch, gel], measure: relevance_share, max: 0.3, aggregate: sum, severity: low}
  - {id: not-worse, type: compare, concepts: [patch], measure: flip_rate, baseline: "file:audit.json",
     max_increase: 0.05, severity: high, blocking: true}
  - {id: named, type: unexplained, max: 0.5, severity: low}
  - {id: no-diameter, type: declare, concepts: [diameter], severity: info}
"""


def changed(old: str, new: str) -> bytes:
    """The good rulebook with one text replaced, which must be there."""
    assert old in GOOD, old
    return GOOD.replace(old, new, 1).encode()


def line_of(text: str) -> int:
    """Line of the good rulebook that holds a text."""
    return next(number for number, line in enumerate(GOOD.splitlines(), start=1) if text in line)


def with_rule(rule: str) -> bytes:
    """The good rulebook and one more rule, in flow style without its braces, in the last line."""
    return f"{GOOD}  - {{{rule}}}\n".encode()


LAST = len(GOOD.splitlines()) + 1
"""The line of the rule that `with_rule` adds."""
