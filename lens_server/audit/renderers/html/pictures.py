"""Pictures: held once in the page, shown by reference however often, each with a text that says what it is."""

import base64

from lens_server.markup import Html, element, lines
from lens_server.report import Report


class Pictures:
    """What the report holds of pictures."""

    def __init__(self, report: Report) -> None:
        self._held = {each.id: each.jpeg for each in report.pictures}

    def store(self) -> Html:
        """The invisible drawing that holds every picture, and the hatching of the plots."""
        hatch = element(
            "pattern",
            element("path", class_="hatching", d="M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2"),
            id="hatch",
            width=6,
            height=6,
            patternUnits="userSpaceOnUse",
        )
        held = [
            element("image", id=f"picture-{name}", width=100, height=100, href=f"data:image/jpeg;base64,{_text(jpeg)}")
            for name, jpeg in self._held.items()
        ]
        return element("svg", element("defs", lines(hatch, *held)), class_="store", aria_hidden="true")

    def show(self, name: str, said: str) -> Html:
        """One picture; an empty frame that says so where the report does not hold it."""
        if name not in self._held:
            return element("span", "no picture", class_="picture missing", role="img", aria_label=f"{said}: no picture")
        use = element("use", href=f"#picture-{name}")
        return element("svg", use, class_="picture", viewBox="0 0 100 100", role="img", aria_label=said)


def _text(jpeg: bytes) -> str:
    return base64.b64encode(jpeg).decode("ascii")
