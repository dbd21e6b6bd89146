"""Named SQL statements, kept as text so that no Django is needed to read or run them.

A file holds statements, each after a line `-- name: statement_name`; comment lines below the name say what the
statement is for. `schema_*.sql` files are run whole by migrations. To add a statement, add a name to a file that
fits; only `ledger_*.sql` may write a balance.
"""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_MARK = "-- name:"


@cache
def load(name: str) -> dict[str, str]:
    """Return the statements of `<name>.sql` by their names, in file order. Raises ValueError when a name repeats."""
    found: dict[str, str] = {}
    for part in script(name).split(_MARK)[1:]:
        title, _, body = part.partition("\n")
        if title.strip() in found:
            raise ValueError(f"{name}.sql names {title.strip()} twice")
        found[title.strip()] = body.strip()
    return found


@cache
def script(name: str) -> str:
    """Return the whole text of `<name>.sql`."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
