"""A paused account: until it is active again, of what its page keeps only balance, billing and status change.

The page hides the rest, and the acts refuse it, whoever asks: a form, a program, a delayed save. An act on something
else that the page of the account keeps begins with `check_active`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tollgate.actions.acts import Invalid
from tollgate.store.models import Account

PAUSED: Final = "paused"
WORDS: Final = "The account is paused: until it is active again only its balance, its billing and its status change."


class AccountPaused(Invalid):
    """This waits until the account is active again."""

    def __init__(self) -> None:
        super().__init__({"status": [WORDS]})


def check_active(account: Account) -> None:
    """Raises AccountPaused."""
    if account.status == PAUSED:
        raise AccountPaused


def check_changes(account: Account, values: Mapping[str, Any]) -> None:
    """A paused account changes nothing but its status, and what is saved as it resumes. Raises AccountPaused."""
    resumed = values.get("status", PAUSED) != PAUSED
    if not resumed and any(getattr(account, name) != value for name, value in values.items()):
        check_active(account)
