"""Claims about the summaries: whoever writes calls and corrections, in whatever order, they are their sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Json

from tests.world import World
from tollgate.store.sql import load, script

HOUR_AT = datetime(2026, 11, 20, 23, tzinfo=UTC)
WRITERS = 3
LAW = load("ledger_laws")["summaries_are_the_records"]
RESALE_LAW = load("ledger_laws")["resold_calls_are_in_the_summaries"]
OUTCOME_LAW = load("ledger_laws")["outcomes_are_the_records"]
RESOLD = ("calls", "billed_s", "charge_micros", "correction_micros")
MEASURES = ("attempts", "connected", "duration_ms", "cost_micros", "carrier_cost_micros", "profit_micros")
CORRECTED = ("correction_micros", "carrier_correction_micros", "profit_correction_micros")
NEW_CDR = """
INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, carrier_id, state, started_at, answered_at, ended_at,
                 prefix, destination, duration_ms, billed_s, currency, cost_micros, carrier_currency,
                 carrier_cost_micros, carrier_billed_s, profit_micros, detail)
VALUES (%s, %s, 'kam1', %s, %s, %s, 'charged', %s, %s, %s, %s, 'Land', %s, 1, 'EUR', %s, %s, %s, 1, %s, %s)
"""
MEASURES_OF_SUMMARIES = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = 'summary'::regclass AND attnum > 0 AND attnotnull AND atttypid = 'bigint'::regtype
  AND attname NOT LIKE '%%_id'
"""
NEW_CORRECTION = """
INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)
SELECT account_id, now(), id, 'adjustments', 'correction', %s, currency, %s FROM wallet WHERE id = %s
"""
NEW_CHARGE = """
INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)
SELECT account_id, now(), id, 'revenue', %s, %s, currency, %s FROM wallet WHERE id = %s
"""

whole = st.integers(0, 10**12)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, WRITERS - 1), st.integers(0, 3), whole, whole, st.booleans()),
        st.tuples(st.just("correct"), st.integers(0, WRITERS - 1), st.integers(0, 40), st.integers(-(10**9), 10**9)),
        st.tuples(st.sampled_from(["commit", "forget"]), st.integers(0, WRITERS - 1)),
        st.tuples(st.just("roll up")),
    ),
    max_size=30,
)


@dataclass(slots=True)
class Cast:
    """Acme below a reseller, Cirrus in euros, and what is known of the calls that were kept."""

    world: World
    url: str
    acme: int
    cirrus: int
    wallets: tuple[int, int, int]
    kept: dict[int, tuple[datetime, bool]] = field(default_factory=dict)
    expected: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    resold: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    last_id: int = 0


@pytest.fixture(scope="module")
def module_database(postgres: object, migrated_template: str) -> Iterator[str]:
    from tests.conftest import create_database, drop_database

    yield create_database("test_summaries", template=migrated_template)
    drop_database("test_summaries")


@pytest.fixture(scope="module")
def cast(module_database: str) -> Iterator[Cast]:
    with closing(World(module_database)) as world:
        reseller = world.customer("Resale", is_reseller=True)
        acme = world.customer("Acme", parent_id=reseller)
        cirrus = world.carrier("Cirrus", ())
        owners = (("customer", acme), ("customer", reseller), ("carrier", cirrus))
        world.rows("SELECT cdr_make_partition(%s)", HOUR_AT.date())  # the oldest day: what is before it came late
        wallets = [int(world.wallet(kind, owner)["id"]) for kind, owner in owners]
        yield Cast(world, module_database, acme, cirrus, (wallets[0], wallets[1], wallets[2]))


class Writer:
    """One connection that writes calls and corrections, and keeps or forgets them together."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.connection = psycopg.connect(cast.url)
        self.said: Counter[tuple[datetime, str]] = Counter()
        self.resold: Counter[tuple[datetime, str]] = Counter()
        self.mine: dict[int, tuple[datetime, bool]] = {}

    def call(self, hour: int, cost: int, carrier_cost: int, *, foreign: bool) -> None:
        """A call of Acme over its reseller and Cirrus; whose cost is in another currency, earns no known profit."""
        cast = self.cast
        cast.last_id += 1
        hour_at = HOUR_AT + timedelta(hours=hour)
        started_at = hour_at + timedelta(minutes=cast.last_id % 60)
        detail = Json({"legs": [{"wallet": wallet} for wallet in cast.wallets[:2]]})
        profit = None if foreign else cost - carrier_cost
        self.connection.execute(
            NEW_CDR,
            [cast.last_id, cast.world.account, f"call {cast.last_id}", cast.acme, cast.cirrus, started_at, started_at,
             started_at, str(cost % 3), cost, cost, "USD" if foreign else "EUR", carrier_cost, profit, detail],
        )  # fmt: skip
        self.mine[cast.last_id] = (hour_at, foreign)
        said = (1, 1, cost, cost, carrier_cost, profit or 0)
        self.said.update({(hour_at, name): value for name, value in zip(MEASURES, said, strict=True)})
        self.charge(hour_at, cost)

    def charge(self, hour_at: datetime, cost: int) -> None:
        """What Acme and its reseller pay for the last call; a third of it was beyond what was granted."""
        cast = self.cast
        bought = cost * 2 // 3
        for wallet, micros in ((cast.wallets[0], cost), (cast.wallets[1], bought)):
            for kind, part in (("call", micros - micros // 3), ("overrun", micros // 3)):
                if part:
                    self.connection.execute(NEW_CHARGE, [kind, -part, cast.last_id, wallet])
        if bought:
            self.resold.update({(hour_at, "calls"): 1, (hour_at, "billed_s"): 1, (hour_at, "charge_micros"): bought})

    def correct(self, choice: int, amount: int) -> None:
        """A correction of a wallet that had a part in one of the calls that are known by now."""
        known = sorted((self.cast.kept | self.mine).items())
        if not known:
            return
        call_id, (hour_at, foreign) = known[choice % len(known)]
        part = choice % 3
        self.connection.execute(NEW_CORRECTION, [amount, call_id, self.cast.wallets[part]])
        if part == 0:
            self.said[hour_at, "correction_micros"] -= amount
        if part == 2:
            self.said[hour_at, "carrier_correction_micros"] += amount
        if part == 1:
            self.resold[hour_at, "correction_micros"] -= amount
        if part > 0 and not foreign:
            self.said[hour_at, "profit_correction_micros"] -= amount

    def commit(self) -> None:
        self.connection.commit()
        self.cast.kept |= self.mine
        for key, value in self.said.items():
            self.cast.expected[key] += value
        for key, value in self.resold.items():
            self.cast.resold[key] += value
        self._anew()

    def forget(self) -> None:
        self.connection.rollback()
        self._anew()

    def _anew(self) -> None:
        self.mine, self.said, self.resold = {}, Counter(), Counter()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_summaries_are_the_sum_of_calls_and_corrections_however_writers_overlap(
    cast: Cast, done: list[tuple[object, ...]]
) -> None:
    writers = [Writer(cast) for _ in range(WRITERS)]
    try:
        for step in done:
            match step:
                case ("call", int(who), int(hour), int(cost), int(carrier_cost), bool(foreign)):
                    writers[who].call(hour, cost, carrier_cost, foreign=foreign)
                case ("correct", int(who), int(choice), int(amount)):
                    writers[who].correct(choice, amount)
                case ("commit", int(who)):
                    writers[who].commit()
                case ("forget", int(who)):
                    writers[who].forget()
                case _:
                    cast.world.rows("SELECT roll_up(2)")
        assert _broken(cast) == []
        for writer in writers:
            writer.commit()
    finally:
        for writer in writers:
            writer.connection.close()
    while cast.world.rows("SELECT roll_up(2)") == [(True,)]:
        pass
    assert _broken(cast) == []
    assert _summaries(cast) == {key: value for key, value in cast.expected.items() if value}
    assert _resold(cast) == {key: value for key, value in cast.resold.items() if value}


def test_hours_that_differ_are_found_and_made_anew(cast: Cast) -> None:
    writer = Writer(cast)
    for hour in (0, 1):
        writer.call(hour, 120_000, 70_000, foreign=False)
    writer.commit()
    writer.connection.close()
    cast.world.rows("SELECT roll_up(1000)")
    cast.world.connection.execute("UPDATE summary SET cost_micros = cost_micros + 1 WHERE hour_at = %s", [HOUR_AT])
    cast.world.connection.execute("UPDATE resale_summary SET billed_s = billed_s + 1 WHERE hour_at = %s", [HOUR_AT])
    cast.world.connection.execute("UPDATE outcome_summary SET rang = rang + 1 WHERE hour_at = %s", [HOUR_AT])
    for law in (LAW, RESALE_LAW, OUTCOME_LAW):
        assert {row[1] for row in cast.world.rows(law)} == {HOUR_AT}
    cast.world.rows("SELECT rebuild_summaries(%s, %s)", HOUR_AT, HOUR_AT + timedelta(hours=1))
    assert _broken(cast) == []


def test_what_resellers_paid_before_it_was_summed_up_is_there_after_the_update(cast: Cast) -> None:
    """Calls of the database and those whose record only the lake has."""
    writer = Writer(cast)
    for hour in (0, 1):
        writer.call(hour, 120_000, 70_000, foreign=False)
    writer.correct(1, 500)
    writer.commit()
    writer.connection.close()
    cast.world.rows("SELECT roll_up(1000)")
    with cast.world.connection.transaction(force_rollback=True):
        cast.world.connection.execute("ALTER TABLE cdr DISABLE TRIGGER USER")
        cast.world.connection.execute(
            "INSERT INTO archived_call (id, account_id, started_at, customer_id, destination, billed_s, cost_micros)"
            " SELECT id, account_id, started_at, customer_id, destination, billed_s, cost_micros FROM cdr"
            " WHERE started_at < %s",
            [HOUR_AT + timedelta(hours=1)],
        )
        cast.world.connection.execute("DELETE FROM cdr WHERE started_at < %s", [HOUR_AT + timedelta(hours=1)])
        cast.world.connection.execute("DELETE FROM resale_summary")
        cast.world.connection.execute("DELETE FROM resold_customer")
        cast.world.connection.execute("UPDATE customer SET parent_id = NULL WHERE id = %s", [cast.acme])
        whole = script("schema_resale")
        begin, end = whole.index("-- Those of today"), whole.index("CREATE TABLE resale_summary")
        cast.world.connection.execute(whole[begin:end].encode())
        cast.world.connection.execute(whole[whole.index("-- What the summaries have by now") :].encode())
        assert cast.world.rows(load("ledger_laws")["resellers_are_known_by_their_customers"]) == []
        assert _resold(cast) == {key: value for key, value in cast.resold.items() if value}


def test_who_was_ever_below_a_reseller_at_any_depth_stays_known(cast: Cast) -> None:
    world = cast.world
    with world.connection.transaction(force_rollback=True):
        high, other = (world.customer(name, is_reseller=True) for name in ("High", "Other"))
        low = world.customer("Low", is_reseller=True, parent_id=high)
        last = world.customer("Last", parent_id=low)
        for parent in (None, other):
            world.connection.execute("UPDATE customer SET parent_id = %s WHERE id = %s", [parent, low])
        known = world.rows("SELECT customer_id, reseller_id FROM resold_customer WHERE reseller_id >= %s", high)
        assert set(known) == {(low, high), (last, high), (last, low), (low, other), (last, other)}


def test_a_late_call_of_a_day_that_has_left_brings_no_summary_of_that_day_into_doubt(cast: Cast) -> None:
    with cast.world.connection.transaction(force_rollback=True):
        gone_at = HOUR_AT - timedelta(days=1)
        names = "account_id, customer_id, carrier_id, prefix, destination, currency, carrier_currency"
        measures = ", ".join(name for (name,) in cast.world.rows(MEASURES_OF_SUMMARIES))
        cast.world.connection.execute(
            f"INSERT INTO summary ({names}, hour_at, {measures}) "
            "SELECT account_id, %s, %s, 'x', 'Left', 'EUR', 'EUR', %s, "
            f"{', '.join('7' for _ in measures.split(', '))} FROM customer WHERE id = %s",
            [cast.acme, cast.cirrus, gone_at, cast.acme],
        )
        cast.world.connection.execute(
            NEW_CDR,
            [10**9, cast.world.account, "late", cast.acme, cast.cirrus, gone_at, gone_at, gone_at, "x", 1, 1, "EUR", 1,
             0, Json({})],
        )  # fmt: skip
        assert cast.world.rows(LAW) == []
        with pytest.raises(psycopg.errors.RaiseException, match="are in the lake"), cast.world.connection.transaction():
            cast.world.rows("SELECT rebuild_summaries(%s, %s)", gone_at, gone_at + timedelta(hours=1))


def test_summaries_go_on_where_another_server_numbers_transactions_from_the_beginning(cast: Cast) -> None:
    """A restored backup brings a progress that the new server's transactions have not reached by far."""
    with cast.world.connection.transaction(force_rollback=True):
        cast.world.rows("SELECT roll_up(1000)")
        cast.world.connection.execute("UPDATE summary_progress SET reached = reached + 1000000")
        cast.world.rows("SELECT summaries_moved()")
        (shift,) = cast.world.rows("SELECT shift FROM summary_progress")[0]
        assert shift >= 1_000_000
        (default,) = cast.world.rows(
            "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'cdr'::regclass"
            " AND pg_get_expr(adbin, adrelid) LIKE '%%xact%%'"
        )[0]
        assert str(shift) in default


def test_what_one_transaction_wrote_is_added_piece_by_piece_and_counted_once_at_any_moment(cast: Cast) -> None:
    """As an old installation, whose calls count as written at once: days with a partition, one without, a full one."""
    while cast.world.rows("SELECT roll_up(2)") == [(True,)]:
        pass
    writer = Writer(cast)
    for days in (30, 31):
        cast.world.rows("SELECT cdr_make_partition(%s)", (HOUR_AT + timedelta(days=days)).date())
    for hour in (*[30 * 24 - 1] * 6, *[30 * 24] * 6, 31 * 24, 40 * 24):
        writer.call(hour, 1000 + hour, 10, foreign=False)
    writer.correct(0, 77)
    writer.commit()
    writer.connection.close()
    (called,) = cast.world.rows("SELECT sum(attempts), sum(cost_micros) FROM call_line")
    stations = []
    while cast.world.rows("SELECT roll_up(2)") == [(True,)]:
        reached, within_at = cast.world.rows("SELECT reached, within_at FROM summary_progress")[0]
        stations.append(within_at)
        assert _broken(cast) == []
        cast.world.rows("SELECT rebuild_summaries(%s, %s)", HOUR_AT, HOUR_AT + timedelta(days=60))
        assert _broken(cast) == [], "made anew in between"
        assert _told_by_list(cast, reached) == called
    assert [at - HOUR_AT for at in stations if at and at > HOUR_AT + timedelta(days=29)] == [
        timedelta(hours=hours) for hours in (*range(30 * 24 - 22, 30 * 24 + 2), 31 * 24 + 1, 40 * 24 + 1)
    ], "hours of the full day, then days"
    assert _summaries(cast) == {key: value for key, value in cast.expected.items() if value}


OUTCOMES = (
    ("charged", None, 16, 800, True), ("charged", None, 16, None, True), ("failed", None, 16, 1_200, False),
    ("failed", None, 17, None, False), ("failed", None, 34, None, False), ("refused", "credit", 21, None, False),
    ("refused", "channels_customer", 17, None, False),
)  # fmt: skip
"""State, refusal, Q.850 cause and post-dial delay of some attempts, and whether they were answered."""


def test_what_attempts_came_to_is_kept_by_reason_and_what_was_there_before_the_update_too(cast: Cast) -> None:
    world, at = cast.world, HOUR_AT + timedelta(hours=50)
    with world.connection.transaction(force_rollback=True):
        for number, (state, refusal, cause, pdd_ms, answered) in enumerate(OUTCOMES):
            world.connection.execute(
                "INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, state, started_at, answered_at,"
                " ended_at, refusal, q850, pdd_ms, duration_ms, written)"
                " VALUES (%s, %s, 'kam1', 'o', %s, %s, %s, %s, %s, %s, %s, %s, %s, 0)",
                [2 * 10**9 + number, world.account, cast.acme, state, at, at if answered else None, at, refusal, cause,
                 pdd_ms, 60_000 if answered else 0],
            )  # fmt: skip
        world.connection.execute("UPDATE summary_progress SET within_at = NULL")
        whole = script("schema_outcomes")
        world.connection.execute("DELETE FROM outcome_summary")
        world.connection.execute(whole[whole.index("-- What the summaries have by now") :].encode())
        found = world.rows(
            "SELECT refusal, attempts, connected, reached, rang, pdd_ms, duration_ms FROM outcome_summary"
            " WHERE hour_at = %s ORDER BY refusal", at.replace(minute=0),
        )  # fmt: skip
        assert found == [
            ("", 5, 2, 4, 2, 2_000, 120_000), ("channels_customer", 1, 0, 0, 0, 0, 0), ("credit", 1, 0, 0, 0, 0, 0)
        ]  # fmt: skip
        assert world.rows(OUTCOME_LAW) == []


def _broken(cast: Cast) -> list[tuple[object, ...]]:
    """What breaks the laws of the summaries."""
    return [row for law in (LAW, RESALE_LAW, OUTCOME_LAW) for row in cast.world.rows(law)]


def _told_by_list(cast: Cast, reached: int) -> tuple[int, int]:
    """Attempts and cost of all calls as the list of CDRs adds them up: from summaries and calls not in them yet."""
    from_at, until_at = HOUR_AT - timedelta(days=1), HOUR_AT + timedelta(days=90)
    bounds = [cast.world.account, reached, from_at, from_at, until_at, until_at]
    with psycopg.RawCursor(cast.world.connection) as cursor:
        cursor.execute(load("summaries")["sums_of_calls"].encode(), [*bounds, None, None, None, None, None])
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return sum(row["attempts"] for row in found), sum(row["cost_total"] for row in found)


def _resold(cast: Cast) -> dict[tuple[datetime, str], int]:
    found = cast.world.rows(f"SELECT hour_at, {', '.join(RESOLD)} FROM resale_summary")
    return {(row[0], name): int(value) for row in found for name, value in zip(RESOLD, row[1:], strict=True) if value}


def _summaries(cast: Cast) -> dict[tuple[datetime, str], int]:
    names = (*MEASURES, *CORRECTED)
    sums = ", ".join(f"sum({name})" for name in names)
    found = cast.world.rows(f"SELECT hour_at, {sums} FROM summary GROUP BY 1")
    return {(row[0], name): int(value) for row in found for name, value in zip(names, row[1:], strict=True) if value}
