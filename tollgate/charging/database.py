"""Connections to PostgreSQL: the settings that every connection of the charging process has.

To tune a kind of connection, add its settings to the function that opens it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from tollgate.store.sql import load

Connection = asyncpg.Connection | PoolConnectionProxy
AWAY: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)
"""What is raised when the database cannot be reached, has no place for us, or says goodbye."""

_DESK_SETTINGS: Final = {
    "application_name": "tollgate charging",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "5s",
}
"""Every statement of the desk touches few rows of hot tables by their keys: no plan may ever depend on statistics."""


async def connect(url: str, *, name: str = "tollgate charging", **settings: str) -> asyncpg.Connection:
    """A connection for reading records and listening."""
    return await asyncpg.connect(
        url,
        timeout=5,
        server_settings={"application_name": name, "timezone": "UTC", "jit": "off", **settings},
        statement_cache_size=200,
    )


BEGUN: Final = "begun"
"""What the function `charge` says as soon as no batch of its lane can come before it any more."""


class DeskConnection:
    """A connection whose named statements are prepared once."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._prepared: dict[str, asyncpg.prepared_stmt.PreparedStatement] = {}
        self._begun: Callable[[], None] | None = None
        connection.add_log_listener(self._hear)

    @classmethod
    async def open(cls, url: str) -> DeskConnection:
        """Connects and prepares."""
        connection = await asyncpg.connect(
            url, timeout=3, server_settings=_DESK_SETTINGS, statement_cache_size=20, command_timeout=10
        )
        desk = cls(connection)
        try:
            for name, sql in load("ledger_desk").items():
                desk._prepared[name] = await connection.prepare(sql)
        except BaseException:
            desk.close()
            raise
        return desk

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Runs a statement of `ledger_desk.sql`."""
        return await self._prepared[statement].fetch(*values)

    async def charge(self, *values: Any, begun: Callable[[], None]) -> None:
        """Runs `charge`; `begun` is called when whatever is sent from then on comes after it."""
        self._begun = begun
        await self._prepared["charge"].fetch(*values)

    def _hear(self, _connection: Connection, notice: asyncpg.PostgresLogMessage) -> None:
        if self._begun is not None and notice.message == BEGUN:
            self._begun()

    def on_lost(self, tell: Callable[[], None]) -> None:
        """Has somebody told as soon as the connection is gone, which who waits for something else would not see."""
        self.connection.add_termination_listener(lambda _: tell())

    def close(self) -> None:
        """Hangs up without ceremony: the server rolls back what was open."""
        self.connection.terminate()
