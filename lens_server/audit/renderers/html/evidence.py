"""What a claim rests on, to look at: pairs with and without, dose and response, the strongest neurons."""

from dataclasses import replace

from lens_server.audit.renderers import wording
from lens_server.audit.renderers.html import plots
from lens_server.audit.renderers.html.pictures import Pictures
from lens_server.markup import Html, element, lines
from lens_server.report import EvidencePair, Finding, Result, Witness


def evidence(finding: Finding, pictures: Pictures) -> Html:
    """The evidence of every claim that has some, open, the worst claim first."""
    return lines(*(_of_claim(each, pictures) for each in wording.ranked_results(finding) if _shows(each)))


def _shows(result: Result) -> bool:
    return bool(result.pairs or result.doses or result.witnesses)


def _of_claim(result: Result, pictures: Pictures) -> Html:
    parts = [_pairs(result, pictures), _doses(result), _witnesses(result, pictures)]
    summary = element("summary", "Evidence for ", element("b", wording.short_claim(result)))
    return element("details", lines(summary, *parts), class_="evidence", open=True)


def _pairs(result: Result, pictures: Pictures) -> Html | None:
    if not result.pairs:
        return None
    flips = sum(each.flipped for each in result.pairs)
    concept = wording.short_claim(replace(result, class_name=None))
    shown = wording.plural(len(result.pairs), "pair")
    told = f"The same image without and with {concept}; {flips} of the {shown} shown change the decision."
    items = [_pair(each, concept, pictures) for each in result.pairs]
    return lines(element("h4", "Pairs"), element("p", told, class_="soft"), element("ul", *items, class_="pairs"))


def _pair(pair: EvidencePair, concept: str, pictures: Pictures) -> Html:
    sides = (
        (pair.without, f"without {concept}", pair.decision_without, pair.margin_without),
        (pair.having, f"with {concept}", pair.decision_having, pair.margin_having),
    )
    shown = [
        element(
            "figure",
            pictures.show(name, f"{pair.key} {side}: decided {decision}"),
            element(
                "figcaption",
                element("span", side.split(" ")[0], class_="soft"),
                element("b", decision),
                element("span", f"margin {wording.number(margin, 2)}", class_="soft"),
            ),
        )
        for name, side, decision, margin in sides
    ]
    flip = element("strong", "⇄ decision flips") if pair.flipped else element("span", "= decision stays", class_="soft")
    foot = element("p", flip, " ", element("span", pair.key, class_="soft key"))
    return element("li", element("div", *shown, class_="sides"), foot, class_="flipped" if pair.flipped else None)


def _doses(result: Result) -> Html | None:
    if not result.doses:
        return None
    head = element("tr", *(element("th", each, scope="col") for each in ("strength", "effect, σ", "flips")))
    rows = [
        element(
            "tr",
            element("th", wording.number(each.strength, 2), scope="row"),
            element("td", wording.number(each.effect)),
            element("td", wording.number(each.flips)),
        )
        for each in result.doses
    ]
    table = element("table", element("thead", head), element("tbody", *rows))
    return lines(element("h4", "Dose and response"), element("div", plots.doses(result.doses), table, class_="doses"))


def _witnesses(result: Result, pictures: Pictures) -> Html | None:
    if not result.witnesses:
        return None
    told = (
        "Each with the images that excite it most; these show it 0 as much as images without it, 1 as images with it. "
        "Alignment finds neurons; it decides nothing."
    )
    items = [_witness(each, pictures) for each in result.witnesses]
    return lines(
        element("h4", "Strongest neurons"), element("p", told, class_="soft"), element("ul", *items, class_="neurons")
    )


def _witness(witness: Witness, pictures: Pictures) -> Html:
    facts = [
        f"shown {wording.number(witness.shown)}",
        f"alignment {wording.number(witness.alignment)}",
        _p(witness.p),
    ]
    if witness.relevance is not None:
        facts.append(f"{wording.number(100 * witness.relevance, 1)} % of the relevance")
    strip = [
        pictures.show(name, f"Exemplar {number} of {witness.neuron}")
        for number, name in enumerate(witness.exemplars[:6], start=1)
    ]
    label = element("div", element("b", witness.neuron), element("span", " · ".join(facts), class_="soft"))
    return element("li", label, element("div", *strip, class_="strip"))


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {wording.number(value)}"
