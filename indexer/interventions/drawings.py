"""The overlays that the lesion world has not: layers for a picture of (height, width) pixels."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from indexer.datasets.lesions.fields import Field, frame, ramp
from indexer.datasets.lesions.overlays import Layer, Picture, layer

WORDS = ("SAMPLE", "PREVIEW", "COPYRIGHT", "STOCK PHOTO")


def sticker(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """A coloured sticker, partly in view at the edge."""
    return layer("patch", shape, rng)


def surroundings(image: Picture, alpha: Field) -> Field:
    """Mean colour [3] of the picture just around a mask: within an eighth of the shorter side from it."""
    mask = alpha > 0
    near = max(2, min(mask.shape) // 8)
    reached = Image.fromarray(np.asarray(mask, np.uint8) * 255).filter(ImageFilter.BoxBlur(near))
    around = (np.asarray(reached) > 0) & ~mask
    if not around.any():
        around = ~mask if not mask.all() else mask
    colour: Field = image[around].mean(axis=0, dtype=np.float64).astype(np.float32)
    return colour


def text_watermark(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """A word over and over along a diagonal, half transparent, light with a dark rim."""
    height, width = shape
    shorter = min(shape)
    word, turn = WORDS[rng.integers(len(WORDS))], rng.choice((-1, 1)) * rng.uniform(25, 40)
    font = ImageFont.load_default(size=max(8.0, shorter * rng.uniform(0.085, 0.115)))
    side = int(np.ceil(np.hypot(height, width)))
    letters, rim = Image.new("L", (side, side)), Image.new("L", (side, side))
    step_x, step_y = font.getlength(word) * 1.35, font.getbbox(word)[3] * rng.uniform(2.0, 2.6)
    start, stroke = rng.uniform(0, 1), max(1, round(shorter / 250))
    for row, y in enumerate(np.arange(-step_y * start, side, step_y)):
        for x in np.arange(-step_x * (start + 0.5 * (row % 2)), side, step_x):
            ImageDraw.Draw(letters).text((x, y), word, fill=255, font=font)
            ImageDraw.Draw(rim).text((x, y), word, fill=255, font=font, stroke_width=stroke)
    inside, outline = (_turned(each, turn, shape) for each in (letters, rim))
    tone = np.where(outline > 0, inside / np.maximum(outline, 1e-6), 0)
    colour = 40 + 215 * np.clip(tone, 0, 1)[..., None]
    return Layer(np.broadcast_to(colour, (*shape, 3)).astype(np.float32), 0.5 * outline)


def photo_frame(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """A white border round the picture, ended by a thin dark line."""
    at = frame(*shape)
    depth = np.minimum(at.half_width - np.abs(at.x), at.half_height - np.abs(at.y))
    wide, line = rng.uniform(0.1, 0.16), max(0.014, 1.2 * at.pixel)
    dark = ramp(depth, wide - at.pixel, wide)
    colour = 246 - (246 - rng.uniform(20, 50)) * dark[..., None]
    alpha = ramp(depth, wide + line + at.pixel, wide + line)
    return Layer(np.broadcast_to(colour, (*shape, 3)).astype(np.float32), alpha)


def _turned(image: Image.Image, degrees: float, shape: tuple[int, int]) -> Field:
    """The middle of a square picture turned by an angle, 0 to 1."""
    turned = image.rotate(degrees, Image.Resampling.BILINEAR)
    top, left = (image.height - shape[0]) // 2, (image.width - shape[1]) // 2
    part = turned.crop((left, top, left + shape[1], top + shape[0]))
    return np.asarray(part, np.float32) / 255
