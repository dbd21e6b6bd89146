"""Claims about the audit log: the reason that an account may ask for, who acted within an act, and the seals."""

import time

import psycopg
import pytest
from django.db import connection
from psycopg.rows import dict_row

from tests.actions.cast import acme
from tollgate.actions.acts import ACTS, SAY_WHY, Actor, Invalid, act, acting
from tollgate.actions.audit import seal_audit
from tollgate.actions.customers import update_customer
from tollgate.core.audit_chain import Broken, Link, Whole, examine
from tollgate.jobs import doctor
from tollgate.store.models import Account, Audit, Customer
from tollgate.store.sql import load


def user(reason: str = "") -> Actor:
    """Ann, as the panel acts for her."""
    return Actor("ann@demo.example", frozenset({"*"}), reason, "user", 1, "192.0.2.1")


def test_an_account_may_ask_every_user_for_a_reason(account: Account) -> None:
    customer = acme(account)
    Account.objects.update(audit_comment=True)
    with acting(user()), pytest.raises(Invalid) as caught:
        update_customer(customer_id=customer.pk, channels=3)
    assert caught.value.errors == {"reason": [SAY_WHY]}
    with acting(user("asked by phone")):
        update_customer(customer_id=customer.pk, channels=3)
    with acting(Actor("nightly", frozenset({"*"}))):
        update_customer(customer_id=customer.pk, channels=4)
    found = Audit.objects.filter(table_name="customer", verb="UPDATE").order_by("id")
    assert [(row.actor, row.reason) for row in found] == [("ann@demo.example", "asked by phone"), ("nightly", "")]
    Account.objects.update(audit_comment=False)
    with acting(user()):
        update_customer(customer_id=customer.pk, channels=5)


def test_after_an_act_within_an_act_the_log_tells_the_outer_one_again(account: Account) -> None:
    customer = acme(account)

    @act
    def change_twice() -> Customer:
        with acting(Actor("somebody else", frozenset({"*"}))):
            update_customer(customer_id=customer.pk, channels=1)
        Customer.objects.filter(pk=customer.pk).update(channels=2)
        return customer

    try:
        with acting(user("why")):
            change_twice()
    finally:
        del ACTS["change_twice"]
    found = Audit.objects.filter(table_name="customer", verb="UPDATE").order_by("id")
    assert [(row.actor, row.act) for row in found] == [
        ("somebody else", "update_customer"),
        ("ann@demo.example", "change_twice"),
    ]


def other_connection() -> psycopg.Connection[tuple[object, ...]]:
    """Another process at the same database."""
    parts = connection.get_connection_params()
    names = {"dbname": "dbname", "user": "user", "password": "password", "host": "host", "port": "port"}
    return psycopg.connect(**{name: parts[name] for name in names if parts.get(name)})


def chain(of: psycopg.Connection[tuple[object, ...]]) -> Whole | Broken:
    """What the doctor reads."""
    rows = of.execute(load("audit_chain")["chain"].encode()).fetchall()
    return examine(Link(*row) for row in rows)  # type: ignore[arg-type]


def sealed_soon() -> int:
    """How many are sealed as soon as any is: rows younger than a second wait for the next time."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if count := seal_audit():
            return count
        time.sleep(0.1)
    return 0


@pytest.mark.django_db(transaction=True)
def test_rows_are_sealed_in_order_and_one_altered_behind_the_triggers_is_found() -> None:
    make = b"INSERT INTO audit (table_name, row_id, verb, reason) VALUES ('customer', 1, 'UPDATE', %s)"
    with other_connection() as slow, other_connection() as quick:
        slow.execute(make, ["first to take its number, last to commit"])
        quick.execute(make, ["second number"])
        quick.commit()
        time.sleep(1.1)
        assert seal_audit() == 0, "nothing is sealed before the row in front of it is there"
        slow.commit()
        assert sealed_soon() == 2
        assert seal_audit() == 0
        whole = chain(quick)
        assert isinstance(whole, Whole)
        assert whole.sealed_count == 2
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            quick.execute("UPDATE audit SET actor = 'somebody else'")
        quick.rollback()
        (first, _) = quick.execute("SELECT id FROM audit ORDER BY id").fetchall()
        quick.execute("ALTER TABLE audit DISABLE TRIGGER ALL")
        quick.execute("UPDATE audit SET actor = 'somebody else' WHERE id = %s", first)
        quick.execute("ALTER TABLE audit ENABLE TRIGGER ALL")
        quick.commit()
        with psycopg.connect(quick.info.dsn, password=quick.info.password, row_factory=dict_row) as looking:
            (finding,) = doctor._audit_chain(looking)
    assert (finding.state, finding.words) == (doctor.WRONG, f"row {first[0]} of the audit log was altered")
