"""What is told of the rows of tasks: what is wrong with them in words, and as a file to be mended and sent again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tollgate.actions.tasks import AT_A_TIME
from tollgate.core.field_words import field_words
from tollgate.store.models import Task

_AMOUNT: Final = re.compile(r"-[0-9]+|[+-][0-9]+\.[0-9]+", re.ASCII)


def error_lines(task: Task) -> Iterator[str]:
    """A CSV file of the rows that failed: what was given, its line and what is wrong, to be mended and sent again."""
    text = io.StringIO()
    writer = csv.writer(text)
    headers = task.headers or ["Id", "Record"]
    writer.writerow([*map(harmless, headers), "Line", "What is wrong"])
    for row in task.rows.filter(state="failed").order_by("number").iterator(AT_A_TIME):
        given = [str(row.record_id or ""), row.title] if row.cells is None else [shown(one) for one in row.cells]
        given += [""] * (len(headers) - len(given))
        writer.writerow([*map(harmless, given), row.number, harmless(error_words(row.errors))])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def error_words(errors: Iterable[Sequence[str]]) -> str:
    """What is wrong with a row, in a sentence for each field."""
    return " ".join(f"{field_words(name)}: {sentence}" if name else sentence for name, sentence in errors)


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula. An amount is none; `+` and digits are a telephone number."""
    risky = text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _AMOUNT.fullmatch(text)
    return f"'{text}" if risky else text


def shown(cell: Any) -> str:
    """A cell for people: a sealed one is not told."""
    return "" if isinstance(cell, Mapping) else str(cell)
