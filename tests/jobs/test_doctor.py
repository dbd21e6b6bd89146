"""Claims about `tollgate doctor`."""

from __future__ import annotations

import psycopg

from tests.jobs.installation import Installation


def test_a_healthy_installation_passes(demo: Installation) -> None:
    found = {row["check"]: row["state"] for row in demo.ok("doctor")["findings"]}
    assert found["migrations"] == found["partitions"] == found["clock"] == "ok"
    assert found["charging"] == "note"
    assert found["balance_is_the_sum_of_entries"] == found["lines_sum_to_zero"] == "ok"


def test_a_balance_without_entries_is_found_and_shown(own_demo: Installation) -> None:
    with psycopg.connect(own_demo.url) as connection:
        connection.execute(
            "UPDATE wallet SET balance_micros = balance_micros + 1 WHERE kind = 'customer' AND owner_id = 1"
        )
    done = own_demo.run("doctor")
    assert done.returncode == 1
    assert "WRONG  balance is the sum of entries: 1 differences" in done.stdout
    assert "25000001" in done.stdout


def test_a_hold_without_a_call_is_found(own_demo: Installation) -> None:
    with psycopg.connect(own_demo.url) as connection:
        connection.execute("UPDATE wallet SET held_micros = 7, channels = 1 WHERE kind = 'customer' AND owner_id = 1")
    words = own_demo.run("doctor").stdout
    assert "WRONG  held is the sum of live holds" in words
    assert "WRONG  channels are the live calls" in words


def test_a_database_behind_the_program_is_found(own_demo: Installation) -> None:
    with psycopg.connect(own_demo.url) as connection:
        connection.execute(
            "DELETE FROM django_migrations WHERE app = 'store'"
            " AND name = (SELECT max(name) FROM django_migrations WHERE app = 'store')"
        )
    done = own_demo.run("doctor")
    assert done.returncode == 1
    assert "WRONG  migrations: run `tollgate migrate`: store.0" in done.stdout
