"""Draws the demo data's pictures: true ratios, the category's colour, a few simple shapes.

Nothing is downloaded and no font is needed. The same generator state gives the same bytes on the
same version of Pillow.
"""

import io
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image, ImageColor, ImageDraw

from seeds.texts.distributions import pick
from seeds.texts.goods import roots

Ratio = Literal["3:4", "1:1", "4:3", "16:9", "9:16", "1:3"]
Format = Literal["JPEG", "PNG"]
Colour = tuple[int, int, int]

SIZES: Final[Mapping[Ratio, tuple[int, int]]] = {
    "3:4": (360, 480),
    "1:1": (420, 420),
    "4:3": (480, 360),
    "16:9": (512, 288),
    "9:16": (288, 512),
    "1:3": (240, 720),
}
"""Width and height in pixels of each ratio; exact, so that a feed can trust them."""

NOTE_RATIOS: Final[Mapping[Ratio, float]] = {
    "3:4": 52,
    "1:1": 20,
    "4:3": 10,
    "9:16": 10,
    "16:9": 5,
    "1:3": 3,
}
"""Per cent of note pictures by ratio: mostly upright, as people hold a phone."""

_SCALE: Final = 2
_WHITE: Final[Colour] = (255, 255, 255)
_CREAM: Final[Colour] = (250, 244, 235)
_INK: Final[Colour] = (74, 62, 60)


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture with its true size in pixels."""

    data: bytes
    width: int
    height: int
    content_type: str


@dataclass(frozen=True, slots=True)
class _Canvas:
    """A square stage of 100 x 100 units in the middle of the picture, whatever its ratio."""

    draw: ImageDraw.ImageDraw
    left: float
    top: float
    unit: float
    main: Colour
    deep: Colour
    pale: Colour

    def points(self, *places: tuple[float, float]) -> list[tuple[float, float]]:
        return [(self.left + x * self.unit, self.top + y * self.unit) for x, y in places]

    def shape(self, fill: Colour, *places: tuple[float, float]) -> None:
        self.draw.polygon(self.points(*places), fill=fill)

    def oval(self, fill: Colour, x: float, y: float, wide: float, high: float) -> None:
        box = self.points((x - wide / 2, y - high / 2), (x + wide / 2, y + high / 2))
        self.draw.ellipse(box, fill=fill)

    def block(
        self, fill: Colour, x: float, y: float, wide: float, high: float, round_by: float = 0
    ) -> None:
        box = self.points((x, y), (x + wide, y + high))
        self.draw.rounded_rectangle(box, radius=round_by * self.unit, fill=fill)

    def stroke(self, fill: Colour, thick: float, *places: tuple[float, float]) -> None:
        width = max(1, round(thick * self.unit))
        self.draw.line(self.points(*places), fill=fill, width=width, joint="curve")


def note_ratio(rng: random.Random) -> Ratio:
    """The ratio of a note's picture, as often as people choose it."""
    return pick(rng, NOTE_RATIOS)


def draw(
    rng: random.Random,
    category: str,
    ratio: Ratio = "3:4",
    image_format: Format = "JPEG",
    *,
    video_cover: bool = False,
) -> Picture:
    """A picture for a category in the exact pixels of ``SIZES``.

    :param category: code of a root (``fashion``) or of a leaf (``fashion-coat``, which then shows
        a coat where a drawing of it exists).
    :param video_cover: adds the small triangle of a video's cover.
    """
    root = category.partition("-")[0]
    width, height = SIZES[ratio]
    main = _tinted(rng, ImageColor.getrgb({item.code: item.colour for item in roots()}[root]))
    image = _background(rng, main, width * _SCALE, height * _SCALE)
    stage = _stage(image, main)
    rng.choice(_SUBJECTS.get(category) or _SUBJECTS[root])(rng, stage)
    if video_cover:
        _play_mark(stage)
    small = image.resize((width, height), Image.Resampling.LANCZOS)
    return Picture(_encoded(small, image_format), width, height, f"image/{image_format.lower()}")


def avatar(rng: random.Random) -> Picture:
    """A square profile picture of 160 pixels: a friendly face of shapes, no person's likeness."""
    hue = _tinted(rng, ImageColor.getrgb(rng.choice(roots()).colour))
    image = _background(rng, hue, 320, 320)
    stage = _stage(image, hue)
    hair = rng.choice((_INK, (96, 72, 58), (58, 54, 70)))
    stage.oval(hair, 50, 44, 50, 54)
    stage.oval((246, 221, 200), 50, 48, 38, 42)
    stage.shape(hair, (31, 40), (36, 24), (64, 24), (69, 40), (52, 32))
    for eye in (42, 58):
        stage.oval(_INK, eye, 49, 3.4, 4.4)
        stage.oval((240, 178, 168), eye + (eye - 50) * 0.35, 56, 6, 3.6)
    stage.block(hue, 22, 74, 56, 40, 18)
    small = image.resize((160, 160), Image.Resampling.LANCZOS)
    return Picture(_encoded(small, "JPEG"), 160, 160, "image/jpeg")


def _encoded(image: Image.Image, image_format: Format) -> bytes:
    out = io.BytesIO()
    if image_format == "PNG":
        # 48 colours are enough for shapes, and keep a PNG as small as a JPEG.
        image.quantize(48, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    else:
        image.save(out, "JPEG", quality=76, optimize=True)
    return out.getvalue()


def _background(rng: random.Random, main: Colour, width: int, height: int) -> Image.Image:
    """A soft gradient with two pale circles, like light on a wall."""
    above, below = _mixed(main, _CREAM, 0.82), _mixed(main, _CREAM, 0.5)
    column = Image.new("RGB", (1, height))
    for row in range(height):
        column.putpixel((0, row), _mixed(below, above, 1 - row / height))
    image = column.resize((width, height))
    pen = ImageDraw.Draw(image)
    for share in (0.36, 0.22):
        radius = share * max(width, height)
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.05, 0.6) * height
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(box, fill=_mixed(main, _CREAM, 0.7 + share / 2))
    return image


def _stage(image: Image.Image, main: Colour) -> _Canvas:
    side = min(image.width, image.height) * 0.94
    return _Canvas(
        draw=ImageDraw.Draw(image),
        left=(image.width - side) / 2,
        top=(image.height - side) / 2,
        unit=side / 100,
        main=main,
        deep=_mixed(main, _INK, 0.45),
        pale=_mixed(main, _WHITE, 0.72),
    )


def _tinted(rng: random.Random, colour: tuple[int, ...]) -> Colour:
    """The category's colour, moved a little, so that a page of one category is not a wall."""
    red, green, blue = (min(235, max(60, part + rng.randint(-22, 22))) for part in colour[:3])
    return red, green, blue


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    """``share`` of ``other`` in ``one``."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _shadow(stage: _Canvas, wide: float = 60, y: float = 90) -> None:
    stage.oval(_mixed(stage.main, _CREAM, 0.3), 50, y, wide, 6)


def _play_mark(stage: _Canvas) -> None:
    stage.oval(_WHITE, 88, 12, 14, 14)
    stage.shape(stage.deep, (85.5, 8.5), (85.5, 15.5), (92, 12))


def _dress(rng: random.Random, stage: _Canvas) -> None:
    sway = rng.uniform(-4, 4)
    stage.stroke(stage.deep, 1.2, (36, 14), (50, 7), (64, 14))
    stage.shape(
        stage.main, (40, 14), (60, 14), (57, 40), (78 + sway, 88), (22 + sway, 88), (43, 40)
    )
    stage.block(stage.deep, 42.5, 38, 15, 4, 1)
    for fold in (36, 50, 64):
        stage.stroke(stage.pale, 0.8, (50 + (fold - 50) * 0.4, 46), (fold + sway, 85))


def _coat(rng: random.Random, stage: _Canvas) -> None:
    hem = rng.uniform(82, 92)
    stage.shape(stage.main, (34, 14), (66, 14), (74, hem), (26, hem))
    stage.shape(stage.deep, (34, 15), (20, 56), (28, 60), (37, 34))
    stage.shape(stage.deep, (66, 15), (80, 56), (72, 60), (63, 34))
    stage.shape(stage.pale, (42, 14), (58, 14), (50, 36))
    stage.stroke(stage.deep, 0.9, (50, 36), (50, hem))
    for button in (46, 56, 66):
        stage.oval(stage.pale, 54, button, 3, 3)


def _bag(rng: random.Random, stage: _Canvas) -> None:
    _shadow(stage)
    rise = rng.uniform(14, 24)
    stage.stroke(stage.deep, 3, (34, 46), (38, rise), (62, rise), (66, 46))
    stage.block(stage.main, 20, 42, 60, 46, 9)
    stage.block(stage.deep, 20, 42, 60, 17, 8)
    stage.oval(stage.pale, 50, 60, 8, 8)


def _lamp(rng: random.Random, stage: _Canvas) -> None:
    _shadow(stage, 70)
    lean = rng.uniform(-3, 3)
    stage.oval(_mixed(_CREAM, (255, 226, 160), 0.5), 50, 44, 84, 66)
    stage.stroke(stage.deep, 3, (50 + lean, 44), (50, 88))
    stage.shape(stage.main, (37 + lean, 18), (63 + lean, 18), (76 + lean, 48), (24 + lean, 48))
    stage.block(stage.deep, 36, 86, 28, 4, 2)


def _sofa(rng: random.Random, stage: _Canvas) -> None:
    _shadow(stage, 88)
    stage.block(stage.main, 14, 42, 72, 34, 8)
    stage.block(stage.deep, 8, 54, 16, 30, 6)
    stage.block(stage.deep, 76, 54, 16, 30, 6)
    stage.block(stage.pale, 22, 62, 56, 18, 5)
    tilt = rng.uniform(-3, 3)
    stage.shape(_CREAM, (34, 46 + tilt), (50, 46 - tilt), (52, 62), (36, 62))
    stage.block(stage.main, 10, 6, 22, 26, 2)
    stage.oval(stage.pale, 21, 19, 11, 11)


def _vase(rng: random.Random, stage: _Canvas) -> None:
    _shadow(stage, 46)
    for stem in range(5):
        x, y = 26 + stem * 12, rng.uniform(12, 30)
        stage.stroke(_mixed(stage.deep, (110, 140, 100), 0.6), 1, (50, 58), (x, y))
        stage.oval(stage.main if stem % 2 else stage.pale, x, y, 13, 13)
        stage.oval(stage.deep, x, y, 4, 4)
    stage.block(_CREAM, 39, 50, 22, 14, 3)
    stage.oval(_CREAM, 50, 74, 38, 32)


def _lipstick(rng: random.Random, stage: _Canvas) -> None:
    _shadow(stage, 44)
    tip = rng.uniform(14, 22)
    stage.shape(stage.main, (42, 50), (42, tip + 10), (58, tip), (58, 50))
    stage.block((226, 199, 146), 40, 46, 20, 14, 1)
    stage.block(stage.deep, 37, 58, 26, 32, 2)
    for swatch in range(3):
        tint = _mixed(stage.main, _WHITE, 0.18 * swatch)
        stage.block(tint, 70, 26 + swatch * 16, 24, 9, 4.5)


def _jar(rng: random.Random, stage: _Canvas) -> None:
    _shadow(stage, 66)
    lid = rng.uniform(34, 42)
    stage.block(stage.pale, 24, lid + 14, 52, 88 - lid - 14, 10)
    stage.block(stage.deep, 22, lid, 56, 16, 4)
    stage.block(_WHITE, 38, lid + 26, 24, 12, 2)
    stage.oval(_WHITE, 22, 20, 14, 14)
    stage.shape(stage.main, (72, 8), (79, 22), (65, 22))
    stage.oval(stage.main, 72, 23, 14, 12)


def _palette(rng: random.Random, stage: _Canvas) -> None:
    stage.block(stage.deep, 14, 26, 72, 50, 7)
    for place in range(6):
        tint = _mixed(stage.main, rng.choice((_WHITE, _INK, (230, 180, 150))), rng.uniform(0, 0.6))
        stage.oval(tint, 28 + place % 3 * 22, 41 + place // 3 * 20, 17, 15)
    stage.stroke(_CREAM, 2.4, (20, 90), (74, 82))
    stage.oval(stage.main, 79, 81.5, 11, 5)


def _cup(rng: random.Random, stage: _Canvas) -> None:
    _shadow(stage, 74)
    for wisp in (40, 50, 60):
        drift = rng.uniform(-3, 3)
        stage.stroke(_WHITE, 1.6, (wisp, 36), (wisp + drift, 28), (wisp - drift, 20), (wisp, 12))
    stage.oval(stage.deep, 76, 58, 24, 22)
    stage.oval(stage.pale, 76, 58, 13, 12)
    stage.shape(stage.main, (26, 44), (74, 44), (66, 84), (34, 84))
    stage.oval(stage.deep, 50, 44, 48, 10)
    stage.oval(_mixed(stage.deep, _CREAM, 0.35), 50, 44.6, 41, 7)


def _bowl(rng: random.Random, stage: _Canvas) -> None:
    _shadow(stage, 60)
    stage.oval(stage.pale, 50, 50, 76, 26)
    for _ in range(7):
        tint = rng.choice((stage.main, (222, 120, 90), (150, 180, 110), (250, 226, 150)))
        stage.oval(tint, rng.uniform(28, 72), rng.uniform(44, 52), 12, 8)
    stage.draw.pieslice(stage.points((12, 14), (88, 90)), 0, 180, fill=stage.deep)
    stage.stroke(_CREAM, 1.6, (62, 46), (94, 12))
    stage.stroke(_CREAM, 1.6, (66, 47), (98, 16))


def _ball(rng: random.Random, stage: _Canvas) -> None:
    stage.shape(stage.pale, (0, 96), (100, 96), (80, 62), (20, 62))
    stage.stroke(_WHITE, 1.2, (50, 62), (50, 96))
    x, y = rng.uniform(34, 66), rng.uniform(26, 44)
    stage.oval((214, 224, 96), x, y, 34, 34)
    stage.draw.arc(stage.points((x - 36, y - 20), (x - 2, y + 20)), -48, 48, _WHITE, 6)
    stage.draw.arc(stage.points((x + 2, y - 20), (x + 36, y + 20)), 132, 228, _WHITE, 6)
    stage.oval(_mixed(stage.main, _INK, 0.2), x, 80, 24, 5)


def _tent(rng: random.Random, stage: _Canvas) -> None:
    peak = rng.uniform(20, 34)
    stage.oval((252, 232, 180), rng.uniform(16, 84), 16, 16, 16)
    stage.shape(_mixed(stage.main, _WHITE, 0.3), (-6, 74), (peak, 26), (66, 74))
    stage.shape(_mixed(stage.main, _WHITE, 0.12), (34, 74), (76, 34), (108, 74))
    stage.block(stage.deep, -6, 73, 112, 18, 4)
    stage.shape(_CREAM, (22, 84), (50, 42), (78, 84))
    stage.shape(stage.deep, (42, 84), (50, 56), (58, 84))


def _bear(rng: random.Random, stage: _Canvas) -> None:
    for ear in (30, 70):
        stage.oval(stage.main, ear, 26, 22, 22)
        stage.oval(stage.pale, ear, 26, 12, 12)
    stage.oval(stage.main, 50, 52, 62, 58)
    stage.oval(_CREAM, 50, 62, 30, 24)
    stage.oval(_INK, 50, 56, 8, 6)
    look = rng.uniform(-1.5, 1.5)
    for eye in (38, 62):
        stage.oval(_INK, eye + look, 46, 5, 6)
    stage.stroke(_INK, 1, (44, 65), (50, 68), (56, 65))


def _moon(rng: random.Random, stage: _Canvas) -> None:
    stage.oval(stage.main, 48, 48, 62, 62)
    stage.oval(_mixed(stage.main, _CREAM, 0.76), 60, 41, 54, 54)
    for _ in range(6):
        x, y, size = rng.uniform(48, 92), rng.uniform(12, 78), rng.uniform(2.5, 5)
        spikes = [
            (x + math.sin(turn * math.pi / 4) * reach, y - math.cos(turn * math.pi / 4) * reach)
            for turn in range(8)
            for reach in (size if turn % 2 == 0 else size * 0.38,)
        ]
        stage.shape(_WHITE, *spikes)


_SUBJECTS: Final[Mapping[str, tuple[Callable[[random.Random, _Canvas], None], ...]]] = {
    "fashion": (_dress, _coat, _bag),
    "home": (_lamp, _sofa, _vase),
    "beauty": (_lipstick, _jar, _palette),
    "food": (_cup, _bowl),
    "sport": (_ball, _tent),
    "baby": (_bear, _moon),
    "fashion-dress": (_dress,),
    "fashion-coat": (_coat,),
    "fashion-knit": (_coat,),
    "fashion-bag": (_bag,),
    "home-lamp": (_lamp,),
    "home-tableware": (_cup, _bowl),
    "home-fragrance": (_vase, _jar),
    "home-furniture": (_sofa,),
    "beauty-lip": (_lipstick,),
    "beauty-eye": (_palette,),
    "beauty-skincare": (_jar,),
    "beauty-sunscreen": (_jar,),
    "beauty-hair": (_jar,),
    "food-drink": (_cup,),
    "food-meal": (_bowl,),
    "sport-ball": (_ball,),
    "sport-camp": (_tent,),
}
