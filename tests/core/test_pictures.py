"""Claims about pictures that people upload: a picture is what its bytes are, and an SVG can do nothing."""

import struct

import pytest

from tollgate.core.pictures import MOST_BYTES, PNG, SVG, PictureRefused, read_picture


def png(width: int = 10, height: int = 10, *, end: bytes = b"IEND\xaeB`\x82") -> bytes:
    """A file that starts and ends as a PNG does."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x06\0\0\0crc0" + end


def svg(inside: str, root: str = 'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"') -> bytes:
    """A drawing."""
    return f'<?xml version="1.0"?><svg {root}>{inside}</svg>'.encode()


def test_a_picture_is_known_by_its_bytes() -> None:
    assert read_picture(png()) == PNG
    assert (
        read_picture(svg('<!-- ours --><g fill="url(#a)"><path d="M0 0h9"/><use href="#b" transform="scale(2)"/></g>'))
        == SVG
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GIF89a", "PNG or an SVG"),
        (png() + b" " * MOST_BYTES, "at most 200 kB"),
        (png(0), "pixels"),
        (png(5000), "pixels"),
        (png(end=b"cut"), "damaged"),
        (svg("<script>alert(1)</script>"), "<script>"),
        (svg('<g onload="alert(1)"/>'), "onload"),
        (svg('<foreignObject><p xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>'), "foreignObject"),
        (svg('<use href="https://evil.example/x.svg#a"/>'), "outside itself"),
        (svg('<a href="javascript:alert(1)"/>'), "<a>"),
        (svg('<rect fill="url(https://evil.example/x)"/>'), "outside itself"),
        (svg('<rect fill="URL(https://evil.example/x)"/>'), "outside itself"),
        (svg('<rect fill="u\\72l(https://evil.example/x)"/>'), "outside itself"),
        (svg('<rect fill="image-set(&quot;https://evil.example/x&quot; 1x)"/>'), "outside itself"),
        (svg('<g transform="url(#a)"/><g transform="Url(//evil.example/x)"/>'), "outside itself"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', "document type"),
        (b'<?xml-stylesheet href="https://evil.example/x.css"?><svg/>', "instructions"),
        (b"<svg><g></svg>", "cannot be read"),
    ],
)
def test_what_could_do_harm_is_refused_with_a_reason(data: bytes, words: str) -> None:
    with pytest.raises(PictureRefused, match=words):
        read_picture(data)
