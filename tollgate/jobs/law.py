"""Sounds of the telephone: mu-law and A-law, one byte for each of 8000 samples a second (ITU-T G.711)."""

from typing import Final

PCMU: Final = 0
PCMA: Final = 8
NAMES: Final = {PCMU: "PCMU", PCMA: "PCMA"}
SILENCE: Final = b"\xff"
"""Of mu-law."""


def _linear(code: int) -> int:
    """A mu-law code as a sample of 16 bits."""
    code = ~code & 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return -size if code & 0x80 else size


def _alaw(sample: int) -> int:
    """A sample of 16 bits as an A-law code."""
    sign = 0x80 if sample >= 0 else 0
    size = min(sample if sample >= 0 else -sample - 1, 32_767) >> 3
    if size < 32:
        return (sign | size >> 1) ^ 0x55
    exponent = size.bit_length() - 5
    return (sign | exponent << 4 | size >> exponent & 0x0F) ^ 0x55


_TABLE: Final = bytes(_alaw(_linear(code)) for code in range(256))


def to_alaw(sound: bytes) -> bytes:
    """Mu-law as A-law."""
    return sound.translate(_TABLE)
