"""Claims about `tollgate new-account` and `tollgate reset-login`."""

from __future__ import annotations

from tests.jobs.installation import Installation

ASKED = ("new-account", "Acme Telecom", "--currency", "EUR", "--email", "ann@acme.example")


def test_an_empty_installation_gets_an_account_an_operator_and_an_edge(empty: Installation) -> None:
    said = empty.ok(*ASKED)
    assert len(said["password"]) >= 10
    assert empty.rows("SELECT name, currency FROM account") == [("Acme Telecom", "EUR")]
    assert empty.rows("SELECT name, kind, rpc_url FROM edge") == [("kam1", "kamailio", "http://127.0.0.1:8060/RPC")]
    assert empty.rows("SELECT email, is_active FROM app_user") == [("ann@acme.example", True)]
    assert "there is an account already" in empty.fails(*ASKED)


def test_nothing_is_left_of_an_account_that_cannot_be(empty: Installation) -> None:
    assert "currency" in empty.fails("new-account", "Acme Telecom", "--currency", "XYZ", "--email", "ann@acme.example")
    assert "email" in empty.fails("new-account", "Acme Telecom", "--currency", "EUR", "--email", "nobody")
    assert empty.rows("SELECT count(*) FROM account") == [(0,)]


def test_who_lost_the_password_gets_a_link_that_works_once(empty: Installation) -> None:
    empty.ok(*ASKED)
    first, second = (empty.ok("reset-login", "Ann@acme.example", "--drop-second-factor") for _ in range(2))
    assert "/set-password/" in second["link"]
    assert first["link"] != second["link"]
    assert empty.rows("SELECT count(*) FROM code WHERE used_at IS NULL AND purpose = 'set_user_password'") == [(1,)]
    assert "no active user" in empty.fails("reset-login", "bob@acme.example")
