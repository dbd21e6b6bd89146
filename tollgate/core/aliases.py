"""Aliases: a dialed number that stands for another, of one customer or of all (behaviour.md 11).

An alias has what is dialed (`current`: a whole number, or an expression that starts with `^`) and what takes its place
(`new`; in it `$1` or `\\1` is what a group matched, `$0` all that fits). What stands behind the part that an expression
fits is kept. A customer's own aliases are asked first, then those of all; within each by their order, and the first
that fits is applied. It is one step: what comes out is no alias again. A `+` before a number counts only for an
alias that has it too. To warn of another trap, add it to `hints`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tollgate.core import rewrite_hints, rewrites
from tollgate.core.rewrites import Rewrite, RewriteInvalid

MOST_ALIASES: Final = 2000
"""Of one customer, or of all customers together."""
MOST_INSTRUCTIONS: Final = rewrites.MOST_INSTRUCTIONS
"""Of the expressions of all customers together."""
MOST_OWN_INSTRUCTIONS: Final = 200
"""Of the expressions of one customer: what its calls cost is the time of all, and users of resellers write them too."""
MOST_DIGITS: Final = 20
"""A longer number fits no expression: how long one call can take does not hang on what a caller dials."""
_NO_NUMBER: Final = (
    "a number has at most 30 of the signs 0-9 # *, perhaps a + before them; an expression starts with ^."
)


class AliasInvalid(ValueError):
    """An alias that cannot be obeyed: in which field, and what is wrong with it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Alias:
    """One alias as calls obey it. `owner` is whose it is: customer or account."""

    id: int
    owner: str
    rewrite: Rewrite

    @property
    def current(self) -> str:
        """What is dialed."""
        return self.rewrite.current

    @property
    def size(self) -> int:
        """Instructions of its expression; none for a number."""
        return 0 if self.rewrite.pattern is None else len(self.rewrite.pattern.program)

    def apply(self, number: str) -> str | None:
        """The number that takes the place of a dialed one; None when it does not fit."""
        if self.rewrite.pattern is None and number not in (self.current, f"+{self.current}"):
            return None
        return self.rewrite.apply(number)


@dataclass(frozen=True, slots=True)
class Aliases:
    """The aliases of one customer, or of all. Numbers are found at once, however many there are."""

    listed: tuple[Alias, ...]
    numbers: Mapping[str, int] = field(init=False)  # number -> its place in `listed`
    expressions: tuple[int, ...] = field(init=False)  # their places

    def __post_init__(self) -> None:
        numbers: dict[str, int] = {}
        for place, alias in enumerate(self.listed):
            if alias.rewrite.pattern is None:
                numbers.setdefault(alias.current, place)
        object.__setattr__(self, "numbers", numbers)
        expressions = tuple(place for place, alias in enumerate(self.listed) if alias.rewrite.pattern is not None)
        object.__setattr__(self, "expressions", expressions)

    @property
    def size(self) -> int:
        """Instructions of all expressions together."""
        return sum(alias.size for alias in self.listed)

    def find(self, number: str) -> tuple[Alias, str] | None:
        """The first alias that fits a number, and what takes its place."""
        bare = number.removeprefix("+")
        nearest = min(self.numbers.get(number, len(self.listed)), self.numbers.get(bare, len(self.listed)))
        for place in self.expressions if len(bare) <= MOST_DIGITS else ():
            if place > nearest:
                break
            after = self.listed[place].apply(number)
            if after is not None:
                return self.listed[place], after
        if nearest == len(self.listed):
            return None
        after = self.listed[nearest].apply(number)
        assert after is not None, "a number fits itself"
        return self.listed[nearest], after


def aliases(listed: Iterable[Alias]) -> Aliases | None:
    """Aliases in the order of asking; None where there are none."""
    found = tuple(listed)
    return Aliases(found) if found else None


def translated(own: Aliases | None, shared: Aliases | None, number: str) -> tuple[Alias, str] | None:
    """What becomes of a dialed number: by the customer's own aliases, else by those of all."""
    found = own.find(number) if own is not None else None
    if found is None and shared is not None:
        found = shared.find(number)
    return found


def alias(row: Mapping[str, object]) -> Alias:
    """The alias of a row: its fields as they are stored. Raises AliasInvalid."""
    current, new = str(row["current"]).strip(), str(row["new"]).strip()
    if not current:
        raise AliasInvalid("current", "write the number that is dialed, or an expression that starts with ^.")
    if not new and not current.startswith("^"):
        raise AliasInvalid("new", "write the number that takes its place.")
    try:
        (rewrite,) = rewrites.parse([{"target": "cld", "current": current, "new": new}])
    except RewriteInvalid as problem:
        no_number = problem.column == "current" and not current.startswith("^")
        raise AliasInvalid(problem.column, _NO_NUMBER if no_number else problem.sentence) from None
    identity = row.get("id") or 0
    assert isinstance(identity, int)
    return Alias(identity, str(row.get("owner", "customer")), rewrite)


def hints(known: Alias, beside: Aliases | None) -> list[str]:
    """What an alias does that its author may not want, one sentence each; `beside` are the others of its owner that
    are asked before it, and it."""
    rewrite = known.rewrite
    told = [sentence for trap in rewrite_hints.TRAPS if (sentence := trap(rewrite))]
    if rewrite.pattern is None:
        first = beside.find(known.current) if beside is not None else None
        if first is not None and first[0].id != known.id:
            told.append(f"It is never reached: {first[0].current} comes before it and fits {known.current} too.")
    elif not rewrite.pattern.ends:
        told.append("What is dialed behind the part that fits is kept. End it with $ to fit whole numbers alone.")
    return told
