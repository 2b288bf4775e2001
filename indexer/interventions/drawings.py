"""The overlays that the lesion world has not: layers for a picture of (height, width) pixels."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from indexer.datasets.lesions.fields import Field, Frame, frame, noise, ramp
from indexer.datasets.lesions.overlays import Layer, Picture, layer

WORDS = ("SAMPLE", "PREVIEW", "COPYRIGHT", "STOCK PHOTO")


SMALL = 128
"""Pixels of the shorter side below which patch and hair are the lesion world's own, which its subjects know."""

STICKERS = ((96, 186, 178), (14, 132, 202), (232, 126, 30), (236, 220, 22), (146, 206, 200), (152, 150, 232))
DOTS = ((66, 150, 92), (62, 112, 204), (244, 204, 56))
"""RGB of the stickers seen on dermoscopy photographs, and of the discs in the middle of some of them."""


def sticker(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """A large round coloured sticker, partly in view at the edge, as photographs of skin show them."""
    if min(shape) < SMALL:
        return layer("patch", shape, rng)
    at = frame(*shape)
    middle, radius = _beside(rng.uniform(0, 2 * np.pi), rng.uniform(0.98, 1.2), at), rng.uniform(0.6, 0.86)
    squeeze = rng.uniform(0.75, 1)  # many photographs were stretched to another shape
    x, y = (at.x - middle[0]) / (radius * squeeze), (at.y - middle[1]) / radius
    distance = np.sqrt(x * x + y * y)
    soft = 1.5 * at.pixel / radius
    colour: Field = np.broadcast_to(np.array(STICKERS[rng.integers(len(STICKERS))], np.float32), (*shape, 3))
    dot, size = np.array(DOTS[rng.integers(len(DOTS))], np.float32), rng.uniform(0.42, 0.56)
    if rng.random() < 0.35:
        colour = colour + (dot - colour) * ramp(distance, size + soft, size - soft)[..., None]
    weave = 1 + 0.03 * noise(rng, shape, 110) + 0.02 * noise(rng, shape, 40)
    light = 1 + rng.uniform(-0.06, 0.06) * x + rng.uniform(-0.06, 0.06) * y
    bevel = 1 + rng.uniform(-0.1, 0.16) * ramp(distance, 0.86, 0.93)
    shaded = colour * (weave * light * bevel * rng.uniform(0.92, 1.06))[..., None]
    return Layer(np.clip(shaded, 0, 255), ramp(distance, 1 + soft, 1 - soft))


def hair(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Thin bent hairs across the picture."""
    if min(shape) < SMALL:
        return layer("hair", shape, rng)
    at = frame(*shape)
    alpha = np.zeros(shape, np.float32)
    main = rng.uniform(0, np.pi)
    for _ in range(rng.integers(9, 17)):
        turn, bend = main + rng.normal(0, 0.5), rng.uniform(-0.5, 0.5)
        middle = rng.uniform(-1, 1, 2) * (at.half_width, at.half_height)
        x, y = at.x - np.float32(middle[0]), at.y - np.float32(middle[1])
        along = x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))
        across = y * np.float32(np.cos(turn)) - x * np.float32(np.sin(turn)) - np.float32(bend) * along * along
        distance = np.abs(across) / np.sqrt(1 + np.float32(4 * bend * bend) * along * along)
        half_length, half_width = rng.uniform(0.5, 1.1), max(rng.uniform(0.004, 0.008), 0.55 * at.pixel)
        thin = half_width * (1 - 0.6 * np.clip(np.abs(along) / half_length, 0, 1))
        line = np.clip((thin - distance) / at.pixel + 0.5, 0, 1) * (np.abs(along) < half_length)
        alpha = np.maximum(alpha, line * np.float32(rng.uniform(0.65, 0.95)))
    return Layer(np.array((46, 32, 25)) * rng.uniform(0.6, 1.5), alpha)


def _beside(angle: float, reach: float, at: Frame) -> tuple[float, float]:
    """A place in this direction from the middle: on the picture's edge where `reach` is 1."""
    square = reach / max(abs(np.cos(angle)), abs(np.sin(angle)))
    return float(np.cos(angle) * square * at.half_width), float(np.sin(angle) * square * at.half_height)


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
    start, stroke = rng.uniform(0, 1), max(1, round(shorter / 400))
    for row, y in enumerate(np.arange(-step_y * start, side, step_y)):
        for x in np.arange(-step_x * (start + 0.5 * (row % 2)), side, step_x):
            ImageDraw.Draw(letters).text((x, y), word, fill=255, font=font)
            ImageDraw.Draw(rim).text((x, y), word, fill=255, font=font, stroke_width=stroke)
    inside, outline = (_turned(each, turn, shape) for each in (letters, rim))
    tone = np.where(outline > 0, inside / np.maximum(outline, 1e-6), 0)
    colour = 40 + 215 * np.clip(tone, 0, 1)[..., None]
    return Layer(np.broadcast_to(colour, (*shape, 3)).astype(np.float32), 0.3 * outline)


def photo_frame(shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """A white border round the picture, ended by a thin dark line."""
    at = frame(*shape)
    depth = np.minimum(at.half_width - np.abs(at.x), at.half_height - np.abs(at.y))
    wide, line = rng.uniform(0.05, 0.09), max(0.014, 0.5 * at.pixel)
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
