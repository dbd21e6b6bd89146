"""Claims about what is never rewritten: entries, CDRs, published revisions, the audit log."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from tests.store.cast import EURO, cirrus_card, customer, demo_account, wallet_of
from tollgate.store.models import Audit, Edge, Endpoint, Rate, Revision, User

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def refused(statement: str, *values: object) -> str:
    """Run a statement that the database must refuse; return what it says."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
    return str(caught.value)


def test_an_entry_is_never_changed_or_deleted() -> None:
    wallet = wallet_of(customer(demo_account(), "Acme"))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency) "
            "VALUES (%s, %s, %s, 'payments', 'topup', %s, 'EUR')",
            [wallet.account_id, NOON, wallet.pk, 5 * EURO],
        )
    for statement in ("UPDATE entry SET amount_micros = 0", "DELETE FROM entry", "TRUNCATE entry"):
        assert "never changed or deleted" in refused(statement)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(amount_micros), count(*) FROM ledger_line")
        assert cursor.fetchone() == (0, 2)


def test_a_cdr_is_never_changed_or_deleted() -> None:
    account = demo_account()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cdr (id, account_id, edge, edge_call_id, state, started_at, ended_at) "
            "VALUES (1, %s, 'kam1', 'a', 'refused', %s, %s)",
            [account.pk, NOON, NOON],
        )
    assert "never changed" in refused("UPDATE cdr SET cost_micros = 1")
    assert "never changed" in refused("DELETE FROM cdr")


def test_a_partition_is_made_once_and_takes_its_day() -> None:
    account = demo_account()
    with connection.cursor() as cursor:
        made = []
        for _ in range(2):
            cursor.execute("SELECT cdr_make_partition('2026-11-02')")
            made.append(cursor.fetchone())
        cursor.execute(
            "INSERT INTO cdr (id, account_id, edge, edge_call_id, state, started_at, ended_at) "
            "VALUES (1, %s, 'kam1', 'a', 'refused', %s, %s)",
            [account.pk, NOON, NOON],
        )
        cursor.execute("SELECT count(*) FROM cdr_20261102")
        assert (made, cursor.fetchone()) == ([(True,), (False,)], (1,))


def test_a_partition_is_not_made_over_rows_that_the_default_holds() -> None:
    account = demo_account()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cdr (id, account_id, edge, edge_call_id, state, started_at, ended_at) "
            "VALUES (1, %s, 'kam1', 'a', 'refused', %s, %s)",
            [account.pk, NOON, NOON],
        )
        cursor.execute("SELECT cdr_make_partition('2026-11-02')")
        assert cursor.fetchone() == (False,)


def test_a_published_revision_and_its_rates_are_frozen() -> None:
    revision = Revision.objects.create(card=cirrus_card(demo_account()), number=1, effective_at=NOON)
    rate = Rate.objects.create(revision=revision, prefix="44", price_nanos=15_000_000)
    revision.published_at, revision.rate_count = NOON, 1
    revision.save()
    rate.price_nanos = 1
    for forbidden in (rate.save, rate.delete, lambda: Rate.objects.create(revision=revision, prefix="49")):
        with pytest.raises(IntegrityError, match="publish a new revision"), transaction.atomic():
            forbidden()
    revision.effective_at = datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        revision.save()


def test_a_note_of_a_published_revision_may_change() -> None:
    card = cirrus_card(demo_account())
    revision = Revision.objects.create(card=card, number=1, effective_at=NOON, published_at=NOON)
    revision.note = "agreed by mail"
    revision.save()
    assert Revision.objects.get(pk=revision.pk).note == "agreed by mail"


def test_every_change_is_audited_with_its_values_and_no_secret() -> None:
    account = demo_account()
    acme = customer(account, "Acme")
    acme.channels = 5
    acme.save()
    row = Audit.objects.filter(table_name="customer", row_id=acme.pk, verb="UPDATE").get()
    assert row.before is not None
    assert row.after is not None
    assert (row.before["channels"], row.after["channels"]) == (0, 5)
    sip_user = Endpoint.objects.create(
        account=account, customer=acme, kind="sip_user", username="anna", realm="demo", ha1="0" * 32
    )
    sip_user.ha1 = "f" * 32
    sip_user.save()
    User.objects.create_user("ann@demo.example", "correct horse battery", name="Ann")
    text = str(list(Audit.objects.values_list("before", "after")))
    assert "f" * 32 not in text
    assert "argon2" not in text


def test_a_save_without_a_change_leaves_no_trace() -> None:
    acme = customer(demo_account(), "Acme")
    before = Audit.objects.count()
    acme.save()
    acme.refresh_from_db()
    assert (Audit.objects.count(), acme.version) == (before, 1)


def test_the_audit_log_is_append_only() -> None:
    demo_account()
    assert "never changed" in refused("DELETE FROM audit")


def test_the_version_grows_with_every_change() -> None:
    acme = customer(demo_account(), "Acme")
    acme.channels = 1
    acme.save()
    acme.refresh_from_db()
    assert acme.version == 2


def test_that_an_edge_was_heard_is_no_change() -> None:
    edge = Edge.objects.create(account=demo_account(), name="kam1")
    before = Audit.objects.count()
    Edge.objects.filter(pk=edge.pk).update(last_seen_at=NOON)
    assert Audit.objects.count() == before
    Edge.objects.filter(pk=edge.pk).update(enabled=False)
    assert Audit.objects.count() == before + 1
