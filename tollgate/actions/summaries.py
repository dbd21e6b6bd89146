"""Summaries are brought up to date: by the workers every two seconds, by whoever asks, and anew where they differ.

What they are is said in store/sql/schema_summaries.sql. No act changes a figure: all comes from CDRs and corrections.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from tollgate.actions.acts import act
from tollgate.actions.statements import fetch

PEAKS_OVER: Final = timedelta(seconds=20)
"""How far a look at new calls goes back: longer than between two looks, so that each second is seen whole."""
PEAKS_KEPT: Final = timedelta(days=40)
BATCH: Final = 200_000
"""CDRs that are added in one transaction: no longer than a second or two."""
FILE: Final = "summaries"
log = logging.getLogger(__name__)


def roll_up() -> None:
    """Adds the calls and corrections that are not in the summaries yet. Right in several processes at once.

    Each step is a transaction of its own: what is broken off goes on where it was.
    """
    while (step := fetch(FILE, "roll_up", BATCH)[0])["more"]:
        if step["within_at"] is not None:
            log.info("summaries: calls from before %s are in, written at once", step["within_at"])


def note_peaks(at: datetime) -> None:
    """Looks how many calls each customer has at once, and keeps the most of each hour. Right in several processes."""
    fetch(FILE, "note_peaks", at, at - PEAKS_OVER)
    fetch(FILE, "forget_peaks", at - PEAKS_KEPT)


@act
def refresh_summaries() -> None:
    """Brings the summaries up to date at once."""
    roll_up()


@act
def rebuild_summaries(*, hours: Iterable[datetime]) -> int:
    """Makes these hours anew from CDRs and corrections; returns how many."""
    wanted = sorted(set(hours))
    for hour_at in wanted:
        fetch(FILE, "rebuild", hour_at, hour_at + timedelta(hours=1))
    return len(wanted)
