"""A clock that a test moves: whatever the database, and modules that are told of it, call now is then.

    clock = Clock(url, datetime(2024, 1, 1, 12, tzinfo=UTC))   before the first row is written, in a database of its own
    clock.tell(monkeypatch, desk, service)                     modules that look at `datetime`
    clock.at(datetime(2024, 2, 29, 12, tzinfo=UTC))            for every connection, at once

Its functions stand in a schema that every session of the database searches before PostgreSQL's own: the program under
test is not touched and knows of nothing. All of it goes with the database.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from types import ModuleType

import psycopg
import pytest
from psycopg import sql

NAMES = ("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp")
DEFAULTS = """
SELECT format('ALTER TABLE %%s ALTER COLUMN %%I SET DEFAULT clock.now()', attrelid::regclass, attname)
FROM pg_attrdef
JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
JOIN pg_class ON pg_class.oid = adrelid
WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
  AND pg_get_expr(adbin, adrelid) = ANY (%s)
"""
SEARCHED = "clock, pg_catalog, public"


class Clock:
    """What time it is for a database. Sessions that were open before it are told by `SET search_path` to `SEARCHED`."""

    def __init__(self, url: str, moment: datetime) -> None:
        """Puts the functions in place, and the defaults of columns, which were bound to PostgreSQL's own."""
        self.url = url
        self.moment = moment
        self._connection = psycopg.connect(url, autocommit=True)
        run = self._connection.execute
        run("CREATE SCHEMA clock")
        run("CREATE UNLOGGED TABLE clock.moment AS SELECT %s::timestamptz AS at", [moment])
        for name in NAMES:
            run(
                f"CREATE FUNCTION clock.{name}() RETURNS timestamptz LANGUAGE sql STABLE"
                " RETURN (SELECT at FROM clock.moment)"
            )
        for (statement,) in run(DEFAULTS, [[*(f"{name}()" for name in NAMES), "CURRENT_TIMESTAMP"]]).fetchall():
            run(statement)
        name = sql.Identifier(self._connection.info.dbname)
        run(sql.SQL("ALTER DATABASE {} SET search_path = " + SEARCHED).format(name))

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()

    def at(self, moment: datetime) -> None:
        """Sets the clock."""
        if moment != self.moment:
            self._connection.execute("UPDATE clock.moment SET at = %s", [moment])
            self.moment = moment

    def now(self, zone: tzinfo | None = None) -> datetime:
        """As `datetime.now` of a module that was told."""
        return self.moment.astimezone(zone)

    def tell(self, patch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
        """These modules take the clock's time for the present."""
        for module in modules:
            patch.setattr(module, "datetime", self)
