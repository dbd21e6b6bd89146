"""CLI pools: a customer's own numbers, and what becomes of its calls from any other (behaviour.md 29, S-208 and S-209).

Its numbers are its enabled DIDs, its verified CLIs, or both, by the mode. From another number a call shows one of them
instead, pays by the NON-CLI card, or is refused. What a call is asked is in `cli`; a new mode is a word in `MODES`.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

DISABLED: Final = "disabled"
MODES: Final = (
    DISABLED,
    "did_or_random",
    "cli_or_random",
    "non_cli_unless_did",
    "non_cli_unless_cli",
    "non_cli_unless_either",
    "refuse_unless_did",
    "refuse_unless_cli",
    "refuse_unless_either",
)


def replaces(mode: str) -> bool:
    """Whether another number gives way to one of the pool."""
    return mode.endswith("_or_random")


def prices(mode: str) -> bool:
    """Whether a call from another number pays by the NON-CLI card."""
    return mode.startswith("non_cli_")


def takes_dids(mode: str) -> bool:
    """Whether the customer's DIDs are in the pool."""
    return mode.startswith("did_") or mode.endswith(("_unless_did", "_either"))


def takes_clis(mode: str) -> bool:
    """Whether its verified CLIs are, and the numbers that its own CLI rules name."""
    return mode.startswith("cli_") or mode.endswith(("_unless_cli", "_either"))


CLI_MODES: Final = tuple(mode for mode in MODES if takes_clis(mode))


def asks_for_proof(mode: str, *, approved_only: bool) -> bool:
    """Whether it matters to a customer's calls which numbers are verified."""
    return approved_only or mode in CLI_MODES


@dataclass(frozen=True, slots=True)
class CliPool:
    """The pool of a customer that has one: digits of its enabled DIDs and of its verified CLIs, as the mode takes them.

    `card_id` is the NON-CLI card; without one a mode that prices by it refuses.
    """

    mode: str
    dids: tuple[str, ...] = ()
    clis: tuple[str, ...] = ()
    card_id: int | None = None
    numbers: tuple[str, ...] = field(init=False)  # those of the mode, in an order that is always the same
    _known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        taken = (*(self.dids if takes_dids(self.mode) else ()), *(self.clis if takes_clis(self.mode) else ()))
        known = frozenset(taken) - {""}
        object.__setattr__(self, "_known", known)
        object.__setattr__(self, "numbers", tuple(sorted(known)))

    def has(self, digits: str) -> bool:
        """Whether a number, its digits alone, is in the pool."""
        return digits in self._known

    def drawn(self, call_id: str) -> str | None:
        """A number by chance, the same however often a call is asked about; None where the pool has none."""
        if not self.numbers:
            return None
        drawn = int.from_bytes(sha256(f"pool {call_id}".encode("utf-8", "replace")).digest())
        return self.numbers[drawn % len(self.numbers)]
