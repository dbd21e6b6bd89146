"""Digits: numbers as they are dialed, and the longest prefix of a number.

Numbers travel as plain digits without `+`. `PrefixIndex` answers "which prefix rates this number" from one sorted array
of integers, so that a file of it can be memory-mapped and shared by every process. To accept another separator in
numbers people type, add it to `_SEPARATORS`.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache

MOST_DIGITS = 18  # E.164 has 15 at most; dialed strings with a tech prefix are longer

_SEPARATORS = str.maketrans("", "", " -.()/\u00a0")
_BASE = 11  # a digit counts as itself plus one and "no digit" as zero, so that 12 is not 120
_SHIFTED = b"z" * 48 + b"123456789a" + b"z" * 198  # anything but a digit becomes what `int` refuses
_KEYS = _BASE**MOST_DIGITS
_MAGIC = b"TGPREFX1"


class NumberInvalid(ValueError):
    """Not a number that can be dialed."""


def normalize(number: str) -> str:
    """The digits of a number: one leading `+` and separators dropped. Raises NumberInvalid unless 1 to 18 are left."""
    digits = number.translate(_SEPARATORS).removeprefix("+")
    if not digits:
        raise NumberInvalid(f"{number!r} has no digits.")
    if not (digits.isascii() and digits.isdigit()):
        raise NumberInvalid(f"{number!r} has characters that are not digits.")
    if len(digits) > MOST_DIGITS:
        raise NumberInvalid(f"{number!r} has more than {MOST_DIGITS} digits.")
    return digits


class PrefixIndex:
    """The longest prefix of a number among many, each with a non-negative value (such as the place of its rate).

    Nested prefixes are flattened to disjoint intervals of the number space: `_starts` holds where each begins, sorted,
    `_values` what it means (-1: no prefix). No number is told from another by what follows its first `digits`.
    """

    __slots__ = ("_starts", "_values", "digits")

    def __init__(self, starts: Sequence[int], values: Sequence[int], digits: int = MOST_DIGITS) -> None:
        self._starts = starts
        self._values = values
        self.digits = digits

    @classmethod
    def build(cls, pairs: Iterable[tuple[str, int]]) -> "PrefixIndex":
        """An index of (prefix, value); the prefix "" catches every number. Raises ValueError naming a bad prefix."""
        starts, values = array("q", [0]), array("q", [-1])
        enclosing = [(_KEYS, -1)]  # (end, value) of the intervals around this point, the innermost last
        previous: str | None = None
        digits = 0
        for first, _, prefix, value in sorted(_entry(prefix, value) for prefix, value in pairs):
            if prefix == previous:
                raise ValueError(f"the prefix {prefix!r} is there twice.")
            previous = prefix
            digits = max(digits, len(prefix))
            _leave(enclosing, first, starts, values)
            _begin(first, value, starts, values)
            enclosing.append((first + _BASE ** (MOST_DIGITS - len(prefix)), value))
        _leave(enclosing, _KEYS - 1, starts, values)
        return cls(starts, values, digits)

    def find(self, number: str) -> int | None:
        """The value of the longest prefix of these digits. Raises ValueError when they are not digits."""
        value = self._values[bisect_right(self._starts, _key(number)) - 1]
        return value if value >= 0 else None

    def to_bytes(self) -> bytes:
        """The index as a file: magic, starts, values, in the machine's byte order (it is a cache, not an exchange)."""
        return _MAGIC + array("q", self._starts).tobytes() + array("q", self._values).tobytes()

    @classmethod
    def from_buffer(cls, buffer: bytes | memoryview) -> "PrefixIndex":
        """The index over bytes of `to_bytes` (such as a view of an mmap), not copied. Raises ValueError for others."""
        view = memoryview(buffer)
        if view[: len(_MAGIC)].tobytes() != _MAGIC or (view.nbytes - len(_MAGIC)) % 16:
            raise ValueError("these bytes are not a prefix index of this version.")
        numbers = view[len(_MAGIC) :].cast("q")
        count = len(numbers) // 2
        return cls(numbers[:count], numbers[count:])


@lru_cache(maxsize=64)
def _key(number: str) -> int:
    """A number's place in the number space; one call looks it up in every card that it meets."""
    return int(number[:MOST_DIGITS].encode("ascii").translate(_SHIFTED).ljust(MOST_DIGITS, b"0"), _BASE)


def _entry(prefix: str, value: int) -> tuple[int, int, str, int]:
    """(first key, length, prefix, value), which sorts an enclosing prefix before those inside it."""
    digits = not prefix or (prefix.isascii() and prefix.isdigit())
    if not digits or len(prefix) > MOST_DIGITS:
        raise ValueError(f"the prefix {prefix!r} is not 0 to {MOST_DIGITS} digits.")
    if value < 0:
        raise ValueError(f"the value of the prefix {prefix!r} is negative.")
    return int(prefix.encode().translate(_SHIFTED).ljust(MOST_DIGITS, b"0"), _BASE), len(prefix), prefix, value


def _begin(key: int, value: int, starts: "array[int]", values: "array[int]") -> None:
    """From this key on the value holds; an interval that nothing is left of is overwritten."""
    if starts[-1] == key:
        values[-1] = value
    elif values[-1] != value:
        starts.append(key)
        values.append(value)


def _leave(enclosing: list[tuple[int, int]], key: int, starts: "array[int]", values: "array[int]") -> None:
    """Closes every interval that has ended at this key: the one around it holds again."""
    while enclosing[-1][0] <= key:
        end, _ = enclosing.pop()
        _begin(end, enclosing[-1][1], starts, values)
