"""Pictures that people upload: what kind a file really is, and whether it is safe to show to others.

`read_picture` looks at the bytes and never at a name. PNG is taken by its signature and its size in pixels. SVG is a
document that could carry scripts, so only the elements and attributes of `ELEMENTS` and `ATTRIBUTES` are allowed and
nothing may lead outside the file: of what CSS computes, attributes may hold `url(#...)` and transforms. To allow more
of SVG, add its name there.
"""

import re
import struct
from typing import Final
from xml.etree import ElementTree as ET

MOST_BYTES: Final = 200_000
MOST_PIXELS: Final = 2000
PNG: Final = "image/png"
SVG: Final = "image/svg+xml"
_ELEMENTS = (
    "svg g path rect circle ellipse line polyline polygon text tspan title desc defs linearGradient radialGradient "
    "stop clipPath mask use symbol"
)
_ATTRIBUTES = (
    "id class viewBox width height x y x1 y1 x2 y2 cx cy r rx ry fx fy d points transform fill fill-rule fill-opacity "
    "stroke stroke-width stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray stroke-opacity opacity "
    "clip-path clip-rule mask offset stop-color stop-opacity gradientUnits gradientTransform spreadMethod "
    "preserveAspectRatio version font-family font-size font-weight text-anchor dx dy letter-spacing href role "
    "aria-label aria-hidden"
)
ELEMENTS: Final = frozenset(_ELEMENTS.split())
ATTRIBUTES: Final = frozenset(_ATTRIBUTES.split())

_TRANSFORMS: Final = frozenset({"transform", "gradientTransform"})
_WITHIN: Final = re.compile(r"url\(#[\w.:-]+\)")
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


class PictureRefused(ValueError):
    """The file is not a picture that may be shown; the sentence says why."""


def read_picture(data: bytes) -> str:
    """The media type of a picture. Raises PictureRefused."""
    if len(data) > MOST_BYTES:
        raise PictureRefused(f"Use a file of at most {MOST_BYTES // 1000} kB.")
    if data.startswith(_SIGNATURE):
        return _read_png(data)
    if b"<svg" in data[:1000]:
        return _read_svg(data)
    raise PictureRefused("Use a PNG or an SVG file.")


def _read_png(data: bytes) -> str:
    if data[12:16] != b"IHDR" or len(data) < 33 or not data.endswith(b"IEND\xaeB`\x82"):
        raise PictureRefused("This PNG file is damaged.")
    width, height = struct.unpack(">II", data[16:24])
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise PictureRefused(f"Use a picture of at most {MOST_PIXELS} by {MOST_PIXELS} pixels.")
    return PNG


def _read_svg(data: bytes) -> str:
    # Declarations can define entities that grow without end, instructions can name style sheets elsewhere.
    if b"<!" in data.replace(b"<!--", b"") or b"<?" in data.removeprefix(b"<?xml "):
        raise PictureRefused("This SVG has a document type, raw sections or instructions: save it as plain SVG.")
    try:
        root = ET.fromstring(data)  # noqa: S314 - entities were refused above
    except ET.ParseError as problem:
        raise PictureRefused(f"This SVG cannot be read ({problem}).") from None
    for element in root.iter():
        name = _local(element.tag)
        if name not in ELEMENTS:
            raise PictureRefused(f"This SVG has an element <{name}>, which is not allowed: save it as plain SVG.")
        for attribute, value in element.attrib.items():
            _check_attribute(_local(attribute), value)
    return SVG


def _check_attribute(name: str, value: str) -> None:
    if name not in ATTRIBUTES:
        raise PictureRefused(f"This SVG has an attribute {name}, which is not allowed: save it as plain SVG.")
    # CSS reads its words in any letters, and an escape writes any of them in other ones.
    words = _WITHIN.sub("", value.lower())
    computed = "url(" in words if name in _TRANSFORMS else "(" in words
    if computed or "\\" in words or (name == "href" and not value.startswith("#")):
        raise PictureRefused(
            f"This SVG refers to something outside itself by {name}, or a value is computed: write #ff8800."
        )


def _local(name: object) -> str:
    """The name without its namespace."""
    return str(name).rpartition("}")[2]
