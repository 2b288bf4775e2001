"""A neuron's card as a picture: its exemplars in a grid under a line of facts."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from indexer.errors import InvalidInput
from lens_server.answers import Exemplar, Hit, NeuronCard, RangeSample

_TILE, _GAP, _CAPTION, _MARGIN, _HEAD, _LINE = 128, 8, 18, 16, 64, 20
_PAPER, _INK, _FAINT, _MISSING = (255, 255, 255), (24, 24, 27), (113, 113, 122), (228, 228, 231)


def card_picture(card: NeuronCard, *, columns: int = 6, most: int = 18) -> Image.Image:
    """The card [RGB]: up to `most` exemplars, strongest first, then the neuron's whole range; with activations.

    The card must hold thumbnails.
    """
    shown = card.exemplars[:most]
    columns = min(columns, max(len(shown), len(card.range), 3))
    rows = max(-(-len(shown) // columns), 1)
    width = 2 * _MARGIN + columns * (_TILE + _GAP) - _GAP
    range_top = _MARGIN + _HEAD + rows * (_TILE + _CAPTION + _GAP)
    height = range_top + (_LINE + -(-len(card.range) // columns) * (_TILE + _CAPTION + _GAP) if card.range else 0)
    picture = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    _headline(draw, card, width - 2 * _MARGIN)
    _tiles(picture, [(each.thumbnail, _caption(each)) for each in shown], columns, _MARGIN + _HEAD)
    if card.range:
        draw.text((_MARGIN, range_top), "over its whole range", fill=_FAINT, font=_font(13))
        percentiles = [(each.thumbnail, f"{each.percentile:g} %  {_caption(each)}") for each in card.range]
        _tiles(picture, percentiles, columns, range_top + _LINE)
    if not shown:
        draw.text((_MARGIN, _MARGIN + _HEAD), "no exemplars: this neuron is dead", fill=_FAINT, font=_font(14))
    return picture


def search_picture(found: Sequence[tuple[str, Sequence[tuple[Hit, NeuronCard]]]], *, columns: int = 8) -> Image.Image:
    """Search answers [RGB]: per query a heading, per hit a line of facts over a row of its strongest exemplars."""
    row, heading = _TILE + _CAPTION + _LINE + _GAP, 34
    width = 2 * _MARGIN + columns * (_TILE + _GAP) - _GAP
    height = 2 * _MARGIN + sum(heading + row * max(len(hits), 1) for _, hits in found)
    picture = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    top = _MARGIN
    for query, hits in found:
        draw.text((_MARGIN, top), _fitted(draw, query, _font(20), width - 2 * _MARGIN), fill=_INK, font=_font(20))
        top += heading
        if not hits:
            draw.text((_MARGIN, top), "no neuron passes the filter", fill=_FAINT, font=_font(13))
            top += row
        for hit, card in hits:
            z = "" if hit.z is None else f" · z {hit.z:.1f}"
            facts = f"{hit.neuron.id} · alignment {hit.alignment:.3f}{z}" + (
                "" if hit.p is None else f" · p {hit.p:.4f}"
            )
            draw.text((_MARGIN, top), _fitted(draw, facts, _font(13), width - 2 * _MARGIN), fill=_FAINT, font=_font(13))
            strongest = card.exemplars[:columns]
            _tiles(picture, [(each.thumbnail, _caption(each)) for each in strongest], columns, top + _LINE)
            top += row
    return picture


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture; the format follows the file's ending. Raises InvalidInput."""
    try:
        picture.save(path)
    except (OSError, ValueError) as fault:
        raise InvalidInput(
            f"{path} cannot be written: {fault}.", hint="End the name in .png, in a folder that exists."
        ) from fault


def _headline(draw: ImageDraw.ImageDraw, card: NeuronCard, width: int) -> None:
    neuron = card.neuron
    draw.text((_MARGIN, _MARGIN - 4), _fitted(draw, neuron.id, _font(20), width), fill=_INK, font=_font(20))
    clarity = "undefined" if neuron.clarity is None else f"{neuron.clarity:.2f}"
    facts = f"{neuron.state.replace('_', ' ')} · clarity {clarity} · active on {neuron.active_share:.0%} of samples"
    if card.relevance:
        strongest = card.relevance[0]
        facts += f" · most relevant to {strongest.class_name} ({strongest.signed:+.2g})"
    draw.text((_MARGIN, _MARGIN + 24), _fitted(draw, facts, _font(13), width), fill=_FAINT, font=_font(13))


def _tiles(picture: Image.Image, tiles: Sequence[tuple[bytes | None, str]], columns: int, top: int) -> None:
    """Thumbnails with their captions in rows below a line."""
    draw = ImageDraw.Draw(picture)
    for number, (thumbnail, caption) in enumerate(tiles):
        at = _MARGIN + number % columns * (_TILE + _GAP), top + number // columns * (_TILE + _CAPTION + _GAP)
        if thumbnail is None:
            draw.rectangle((*at, at[0] + _TILE - 1, at[1] + _TILE - 1), fill=_MISSING)
        else:
            image = Image.open(io.BytesIO(thumbnail)).convert("RGB")
            scale = _TILE / max(image.size)
            size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
            image = image.resize(size, Image.Resampling.LANCZOS)
            picture.paste(image, (at[0] + (_TILE - image.width) // 2, at[1] + (_TILE - image.height) // 2))
        draw.text((at[0], at[1] + _TILE + 2), _fitted(draw, caption, _font(12), _TILE), fill=_INK, font=_font(12))


def _caption(shown: Exemplar | RangeSample) -> str:
    return f"{shown.activation:.3g}" + (f"  {shown.label}" if shown.label else "")


def _fitted(
    draw: ImageDraw.ImageDraw, text: str, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont", width: int
) -> str:
    if draw.textlength(text, font=font) <= width:
        return text
    while text and draw.textlength(text + "…", font=font) > width:
        text = text[:-1]
    return text + "…"


def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    return ImageFont.load_default(size)
