"""Traps in rewrites: rows that can be obeyed but probably do something else than was meant.

To warn of another trap, write a function of one row that returns its sentence or nothing, and name it in `TRAPS`.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from tollgate.core.patterns import DIGITS, Group, Parts, Repeat, Signs, inside
from tollgate.core.rewrites import Rewrite, Rewrites, new_text

_ANY: Final = frozenset({"", "^", "^.*", "^.*$", "^(.*)", "^(.*)$"})


class Hint(NamedTuple):
    """A row (from 1), and what it does that its author may not want."""

    row: int
    sentence: str


def hints(rewrites: Rewrites) -> tuple[Hint, ...]:
    """What to warn of, in the order of the rows."""
    found: list[Hint] = []
    for place, rewrite in enumerate(rewrites):
        found += [Hint(rewrite.row, sentence) for trap in TRAPS if (sentence := trap(rewrite))]
        above = next((row for row in rewrites[:place] if _takes_all(row, rewrite)), None)
        if above is not None:
            found.append(
                Hint(rewrite.row, f"It is never reached: row {above.row} fits every number that this one does.")
            )
    return tuple(found)


def without_zero(rewrite: Rewrite) -> str:
    """`[1-9]+` does not fit a number with a zero anywhere."""
    for part in _parts(rewrite):
        if isinstance(part, Repeat) and isinstance(part.what, Signs) and part.most != 1:
            these = part.what.these
            if not part.what.negated and these == DIGITS - {"0"}:
                return "[1-9] leaves the digit 0 out: numbers with a 0 there do not fit. Write [0-9] if they should."
    return ""


def all_alike(rewrite: Rewrite) -> str:
    """An expression for the whole number, of which nothing is used."""
    pattern = rewrite.pattern
    if pattern is None or not pattern.ends or any(isinstance(piece, int) for piece in rewrite.new):
        return ""
    new = new_text(rewrite)
    if not new:
        return "Nothing is left of a number that fits."
    return (
        f"Every number that fits becomes {new}: write $1 where the number's own digits belong."
        if _varies(rewrite)
        else ""
    )


def digit_behind_group(rewrite: Rewrite) -> str:
    """`$12` is group 1 and a 2."""
    for piece, following in zip(rewrite.new, rewrite.new[1:], strict=False):
        if isinstance(piece, int) and isinstance(following, str) and following[0] in DIGITS:
            return f"${piece}{following} is read as ${piece}, then {following}."
    return ""


def shorter_first(rewrite: Rewrite) -> str:
    """In `(0|00)` the second is never tried on a number with 00 unless the rest asks for it."""
    for part in _parts(rewrite):
        if isinstance(part, Group):
            ways = [_literal(way) for way in part.ways]
            for place, way in enumerate(ways):
                first = next((other for other in ways[:place] if other and way.startswith(other)), None)
                if first is not None:
                    return f"{first} stands before {way} and is preferred: put the longer one first."
    return ""


def changes_nothing(rewrite: Rewrite) -> str:
    """The same again."""
    same = rewrite.new == (0,) if rewrite.pattern is not None else new_text(rewrite) == rewrite.current
    return "It changes nothing." if same else ""


TRAPS: Final[tuple[Callable[[Rewrite], str], ...]] = (
    without_zero,
    all_alike,
    digit_behind_group,
    shorter_first,
    changes_nothing,
)


def _parts(rewrite: Rewrite) -> Parts:
    return tuple(inside(rewrite.pattern.parts)) if rewrite.pattern is not None else ()


def _varies(rewrite: Rewrite) -> bool:
    """Whether more than one number fits."""
    return any(not isinstance(part, Signs) or part.negated or len(part.these) > 1 for part in _parts(rewrite))


def _literal(parts: Parts) -> str:
    """The text that a way begins with, as far as it is literal."""
    text = ""
    for part in parts:
        if not isinstance(part, Signs) or part.negated or len(part.these) != 1:
            break
        text += min(part.these)
    return text


def _takes_all(above: Rewrite, row: Rewrite) -> bool:
    if above.target != row.target:
        return False
    if above.current in _ANY or above.current == row.current:
        return True
    start = row.current if row.pattern is None else _literal(row.pattern.parts)
    return above.pattern is None and start.startswith(above.current)
