"""A clock of the database that a test moves: whatever acts, triggers and defaults call now is then.

    clock = Clock(datetime(2024, 1, 1, 12, tzinfo=UTC))        before the first row is written
    clock.at(datetime(2024, 2, 29, 12, tzinfo=UTC))

Its functions stand in a schema that is searched before PostgreSQL's own: the program under test is not touched and
knows of nothing. All of it is gone at the end of the transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

NAMES = ("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp")
DEFAULTS = """
SELECT format('ALTER TABLE %%s ALTER COLUMN %%I SET DEFAULT clock.now()', attrelid::regclass, attname)
FROM pg_attrdef
JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
JOIN pg_class ON pg_class.oid = adrelid
WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
  AND pg_get_expr(adbin, adrelid) = ANY (%s)
"""


@dataclass(slots=True)
class Clock:
    """What time it is for the database, in this transaction."""

    now: datetime

    def __post_init__(self) -> None:
        """Puts the functions in place, and the defaults of columns, which were bound to PostgreSQL's own."""
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA clock")
            for name in NAMES:
                cursor.execute(
                    f"CREATE FUNCTION clock.{name}() RETURNS timestamptz LANGUAGE sql STABLE"
                    " RETURN current_setting('clock.at')::timestamptz"
                )
            cursor.execute(DEFAULTS, [[*(f"{name}()" for name in NAMES), "CURRENT_TIMESTAMP"]])
            for (statement,) in cursor.fetchall():
                cursor.execute(statement)
            cursor.execute("SET LOCAL search_path = clock, pg_catalog, public")
        self.at(self.now)

    def at(self, moment: datetime) -> datetime:
        """Sets the clock; gives the moment."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('clock.at', %s, true)", [moment.isoformat()])
        self.now = moment
        return moment
