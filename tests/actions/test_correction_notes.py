"""Claims about notes on corrected calls: each correction is billed once, with its tax, whatever comes between."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.actions.bills import Talk, balance, charged
from tests.actions.cast import ANN, EURO, demo_account, sold_by
from tests.actions.test_customers import refused
from tests.actions.test_invoice_runs import BEGIN, postpaid
from tests.actions.test_tasks import actor_of
from tests.store.test_document_laws import broken, unguarded
from tollgate.actions import tasks
from tollgate.actions.acts import NotPermitted, acting
from tollgate.actions.allocations import release_all
from tollgate.actions.correction_notes import note_corrections
from tollgate.actions.customers import update_customer
from tollgate.actions.invoice_issue import issue_invoice, void_invoice
from tollgate.actions.invoice_notes import credit_invoice
from tollgate.actions.invoice_runs import park, release_customer, run_invoices
from tollgate.actions.invoices import draft_invoice
from tollgate.actions.postings import wallet_of
from tollgate.actions.recalculation_preview import Preview, preview
from tollgate.actions.recalculations import (
    notes_task_of,
    start_recalculation,
    take_back_recalculation,
    wanted_recalculation,
)
from tollgate.actions.revisions import publish_revision
from tollgate.actions.task_searches import done_of_found
from tollgate.actions.tasks import cancel_task, retry_task
from tollgate.actions.taxes import create_tax
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import CDR, Customer, Invoice, Recalculation, Task, TaskRow, User
from tollgate.store.queries.invoice_lists import left_of_lines

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
HOUR = timedelta(hours=1)
FEBRUARY, MARCH = BEGIN + timedelta(days=45), BEGIN + timedelta(days=75)
CENT = 10_000


class World:
    """Baltic pays afterwards, with VAT of 21 %; its calls of one minute in January cost what its card does not say."""

    def __init__(self, **fields: object) -> None:
        with acting(ANN):
            self.account = demo_account()
            vat = create_tax(account_id=self.account.pk, name="VAT", rate_ppm=210_000)
            self.card = sold_by(self.account, "Baltic A-Z")
            self.baltic = postpaid(
                self.account, "Baltic", tax_ids=[vat.pk], **{"debit_limit_micros": 100 * EURO, **fields}
            )
            group = create_user_group(name="Operators", acts=["*"], areas=["*"])
            user = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[group.pk])
        self.ann = actor_of(user)

    @classmethod
    def of(cls, world: World, name: str, **fields: object) -> World:
        """Another customer of the same account, who goes by the same card."""
        found = copy(world)
        with acting(ANN):
            tax_ids = [row.tax_id for row in world.baltic.customer_taxes.all()]
            found.baltic = postpaid(world.account, name, tax_ids=tax_ids, debit_limit_micros=100 * EURO, **fields)
        return found

    def talks(self, payers: Sequence[Customer], *micros: int, at: datetime = BEGIN) -> None:
        """Calls of the first payer, a minute each; the others are the resellers above it, who paid as much."""
        known = set(CDR.objects.values_list("pk", flat=True))
        calls = [Talk(at + place * HOUR, one) for place, one in enumerate(micros)]
        charged(payers[0], calls, reseller=payers[1] if len(payers) > 1 else None)
        legs = [
            {"wallet": wallet_of(payer).pk, "card": self.card.pk, "currency": "EUR", "book": "revenue"}
            for payer in payers
        ]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for pk in set(CDR.objects.values_list("pk", flat=True)) - known:
                cursor.execute(
                    "UPDATE cdr SET number = '37061234567', duration_ms = 60000, detail = %s WHERE id = %s",
                    [json.dumps({"legs": legs}), pk],
                )
            cursor.execute("SET LOCAL session_replication_role = origin")

    def costs(self, micros: int) -> None:
        """Every call costs this much by its card from now on."""
        rows = [{"prefix": "370", "price_nanos": micros * 1000, "initial_s": 60, "increment_s": 60}]
        with acting(ANN):
            publish_revision(card_id=self.card.pk, rows=rows, effective_at=datetime(2023, 1, 1, tzinfo=UTC))

    def recalculated(self, **fields: object) -> Recalculation:
        """The calls of January priced anew, and what follows."""
        with acting(self.ann):
            begun = start_recalculation(**self.january(), **fields)  # type: ignore[arg-type]
        ran()
        return begun

    def january(self) -> dict[str, object]:
        """What is asked for."""
        return {"account_id": self.account.pk, "kind": "rerate", "reason": "the card was wrong",
                "from_at": BEGIN - 24 * HOUR, "until_at": BEGIN + timedelta(days=20)}  # fmt: skip

    def seen(self) -> Preview:
        """The preview of it."""
        with acting(self.ann):
            return preview(wanted(self))


def wanted(world: World) -> Recalculation:
    """A recalculation of January that is not begun."""
    none = {"customer_id": None, "carrier_id": None, "least_s": None, "new_s": None}
    return wanted_recalculation(**world.january(), **none, released_by=())  # type: ignore[arg-type]


def ran() -> None:
    """Does what tasks have to do."""
    tasks.work(lambda: datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def billed(customer: Customer, at: datetime = FEBRUARY) -> None:
    """The unattended run."""
    with acting(ANN):
        run_invoices(at, customer_ids=[customer.pk])


def waited(invoice: Invoice, begun: Recalculation) -> None:
    """Makes a document one whose transaction began before a recalculation, and waited until that was over."""
    at = begun.created_at - timedelta(minutes=2)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE invoice SET created_at = %s, issued_at = %s WHERE id = %s", [at, at, invoice.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


def documents(customer: Customer) -> list[Invoice]:
    """What stands, in the order of issue."""
    return list(Invoice.objects.filter(customer=customer).exclude(state="void").order_by("pk"))


def sums(invoice: Invoice) -> tuple[str, int, int, int]:
    """Its kind, and what it says in cents."""
    return invoice.kind, *(micros // CENT for micros in (invoice.net_micros, invoice.tax_micros, invoice.total_micros))


def owed(customer: Customer) -> int:
    """What all documents of a customer come to."""
    return sum(-one.total_micros if one.kind == "credit_note" else one.total_micros for one in documents(customer))


def test_calls_corrected_after_their_invoice_are_told_by_one_note_with_its_tax_and_never_again() -> None:
    world = World()
    world.talks([world.baltic], 2 * EURO, 2 * EURO, 2 * EURO + 7)
    world.costs(2 * EURO)
    billed(world.baltic)
    (invoice,) = documents(world.baltic)
    assert sums(invoice) == ("invoice", 600, 126, 726)
    before = balance(world.baltic)
    world.costs(1_500_000)
    seen = world.seen()
    first = world.recalculated()
    _, note = documents(world.baltic)
    assert sums(note) == ("credit_note", 150, 32, 182)
    assert (note.corrects, note.recalculation, note.reason) == (invoice, first, "the card was wrong")
    assert [(one.kind, one.calls_count, one.total_micros) for one in seen.notes] == [
        ("credit_note", 3, note.total_micros)
    ]
    (line,) = note.lines.all()
    assert (line.kind, line.exact_micros, line.calls_count) == ("correction", 1_500_007, 3)
    assert balance(world.baltic) == before + note.total_micros
    invoice.refresh_from_db()
    assert invoice.open_micros == invoice.total_micros - note.total_micros, "the note settles what it corrects"
    with acting(world.ann):
        assert note_corrections(invoice_id=invoice.pk, recalculation_id=first.pk) is None, "once"
    world.talks([world.baltic], 5 * EURO, at=BEGIN + timedelta(days=35))
    billed(world.baltic, MARCH)
    assert sums(documents(world.baltic)[2]) == ("invoice", 500, 105, 605), "the next document has nothing to say of it"
    assert owed(world.baltic) == -balance(world.baltic)

    with acting(world.ann):
        take_back_recalculation(recalculation_id=first.pk, reason="it was right")
    ran()
    debit = documents(world.baltic)[-1]
    assert sums(debit) == ("debit_note", 150, 32, 182), "to the coin"
    world.costs(3 * EURO)
    world.recalculated()
    assert sums(documents(world.baltic)[-1]) == ("debit_note", 300, 63, 363)
    assert owed(world.baltic) == -balance(world.baltic)
    world.costs(0)
    world.recalculated()
    assert sums(documents(world.baltic)[-1]) == ("credit_note", 900, 189, 1089), "with the tax of what a note had added"
    assert owed(world.baltic) == -balance(world.baltic)
    assert broken() == set()
    with unguarded("UPDATE invoice_line SET posted = false WHERE id = %s", line.pk):
        assert "documents_have_their_entries" in broken()
    with unguarded("UPDATE invoice SET corrections_after_id = 0 WHERE id = %s", debit.pk):
        assert "corrections_are_told_by_one_note" in broken()


def test_who_wants_no_notes_gets_a_line_of_the_next_document_as_do_calls_on_drafts_and_of_who_pays_ahead() -> None:
    world = World()
    world.talks([world.baltic], 2 * EURO, 2 * EURO)
    world.talks([world.baltic], 5 * EURO, at=BEGIN + timedelta(days=35))
    billed(world.baltic)
    world.costs(EURO)
    assert not world.recalculated(on_notes=False).on_notes
    assert len(documents(world.baltic)) == 1
    billed(world.baltic, MARCH)
    assert sums(documents(world.baltic)[1]) == ("invoice", 300, 63, 363), "5.00 less 2.00"
    assert owed(world.baltic) == -balance(world.baltic)

    with acting(ANN):
        other = postpaid(world.account, "Nordic", debit_limit_micros=100 * EURO)
        world.talks([other], 2 * EURO, 2 * EURO)
        draft = draft_invoice(customer_id=other.pk, from_on="2024-01-01", until_on="2024-02-01")
    world.costs(3 * EURO)
    world.recalculated(customer_id=other.pk)
    assert documents(other) == [draft], "a draft is made anew when it is issued"
    with acting(ANN):
        issue_invoice(invoice_id=draft.pk)
    assert sums(documents(other)[0])[1] == 600
    world.costs(2 * EURO)
    with acting(ANN):
        update_customer(customer_id=other.pk, billing_type="prepaid", debit_limit_micros=0)
    world.recalculated(customer_id=other.pk)
    assert len(documents(other)) == 1, "what is back in the wallet buys calls on which no tax falls due"
    with acting(ANN):
        update_customer(customer_id=other.pk, billing_type="postpaid")
    assert broken() == set()

    reader = actor_of(User.objects.get(email="ann@demo.example"))
    held = replace(reader, may=reader.may - {"*"} | {"start_recalculation", "recalculate_call"})
    with acting(held), pytest.raises(NotPermitted):
        start_recalculation(**world.january(), on_notes=True)  # type: ignore[arg-type]
    with acting(held):
        assert not wanted(world).on_notes, "who may issue no notes corrects by lines of the next document"


@pytest.mark.parametrize("between", ["a run", "a person's draft"])
def test_what_a_document_bills_between_the_corrections_and_their_note_is_billed_once(between: str) -> None:
    world = World()
    world.talks([world.baltic], 2 * EURO, 2 * EURO)
    world.talks([world.baltic], 5 * EURO, at=BEGIN + timedelta(days=35))
    billed(world.baltic)
    world.costs(EURO)
    with acting(world.ann):
        begun = start_recalculation(**world.january())  # type: ignore[arg-type]
    while not Task.objects.filter(kind="correction_notes").exists():  # the crash: the notes are begun, none is issued
        tasks.work(lambda: datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), task_id=begun.task_id)
    if between == "a run":
        billed(world.baltic, MARCH)
        waited(documents(world.baltic)[1], begun)
    else:
        with acting(ANN):
            draft_invoice(customer_id=world.baltic.pk, from_on="2024-02-01", until_on="2024-03-01")
    ran()
    assert Task.objects.filter(state="completed", failed_count=0).count() == 2
    _, second = documents(world.baltic)
    if between != "a run":
        with acting(ANN):
            second = issue_invoice(invoice_id=second.pk)
    assert sums(second) == ("invoice", 300, 63, 363)
    assert owed(world.baltic) == -balance(world.baltic)
    with acting(world.ann):
        take_back_recalculation(recalculation_id=begun.pk, reason="it was right")
    ran()
    billed(world.baltic, MARCH + timedelta(days=31))
    assert owed(world.baltic) == -balance(world.baltic), "what no note told is taken back by none"
    assert broken() == set()


def test_a_note_takes_back_no_more_than_is_left_of_its_invoice_and_the_next_document_bears_the_rest() -> None:
    world = World()
    world.talks([world.baltic], 2 * EURO, 2 * EURO + 4_900)
    world.talks([world.baltic], 5 * EURO, at=BEGIN + timedelta(days=35))
    billed(world.baltic)
    (invoice,) = documents(world.baltic)
    assert sums(invoice) == ("invoice", 400, 84, 484)
    (line,) = invoice.lines.all()
    with acting(ANN):
        credit_invoice(invoice_id=invoice.pk, reason="kindness", lines=[{"line_id": line.pk, "net_micros": EURO}])
    world.costs(EURO // 4)
    world.recalculated()
    assert sums(documents(world.baltic)[-1]) == ("credit_note", 300, 63, 363), "3.00 of the 3.50 were left"
    assert left_of_lines(invoice) == {line.pk: 0}
    with acting(ANN):
        refused("lines", credit_invoice, invoice_id=invoice.pk, reason="again")
    billed(world.baltic, MARCH)
    assert sums(documents(world.baltic)[-1]) == ("invoice", 450, 95, 545), "5.00 less what waited"
    assert broken() == set()

    free = World.of(world, "Cirrus Calls", prices_include_tax=True)
    free.talks([free.baltic], 1_210_000, 1_210_000, 1_209_996)
    billed(free.baltic)
    assert sums(documents(free.baltic)[0]) == ("invoice", 300, 63, 363)
    free.costs(0)
    free.recalculated(customer_id=free.baltic.pk)
    note = documents(free.baltic)[-1]
    assert sums(note) == ("credit_note", 300, 63, 363), "all of it, to the coin"
    assert note.exact_micros == 3_629_996
    assert balance(free.baltic) == 0
    with acting(ANN):
        refused("invoice_id", void_invoice, invoice_id=documents(free.baltic)[0].pk, reason="it is corrected")
    assert broken() == set()


def test_every_level_gets_the_note_of_its_own_invoice_and_a_voided_note_is_billed_by_the_next_document() -> None:
    world = World(is_reseller=True)
    with acting(ANN):
        tax_ids = [row.tax_id for row in world.baltic.customer_taxes.all()]
        fjord = postpaid(
            world.account, "Fjord", parent_id=world.baltic.pk, tax_ids=tax_ids, debit_limit_micros=100 * EURO
        )
    world.talks([fjord, world.baltic], 3 * EURO)
    billed(fjord)
    billed(world.baltic)
    world.costs(EURO)
    world.recalculated()
    assert [sums(one) for one in documents(fjord)] == [("invoice", 300, 63, 363), ("credit_note", 200, 42, 242)]
    assert [sums(one) for one in documents(world.baltic)] == [("invoice", 200, 42, 242), ("credit_note", 100, 21, 121)]
    assert broken() == set()
    note = documents(fjord)[1]
    with acting(ANN):
        release_all(documents(fjord)[0])
        void_invoice(invoice_id=note.pk, reason="it was agreed otherwise")
    world.talks([fjord, world.baltic], 5 * EURO, at=BEGIN + timedelta(days=35))
    billed(fjord, MARCH)
    assert sums(documents(fjord)[-1]) == ("invoice", 300, 63, 363)
    assert owed(fjord) == -balance(fjord)
    world.costs(2 * EURO)
    with acting(world.ann):
        begun = start_recalculation(**world.january(), customer_id=fjord.pk)  # type: ignore[arg-type]
        park(fjord, "it does not add up", BEGIN)
    ran()
    failed = TaskRow.objects.get(state="failed")
    assert "billing rests" in failed.errors[0][1]
    with acting(world.ann):
        release_customer(customer_id=fjord.pk, reason="looked at")
        retry_task(task_id=failed.task_id)
    ran()
    assert sums(documents(fjord)[-1]) == ("debit_note", 100, 21, 121)
    assert documents(fjord)[-1].recalculation == begun
    assert broken() == set()


def test_who_cancels_waits_for_no_search_of_invoices_and_the_notes_of_what_was_done_are_issued_once() -> None:
    world = World()
    world.talks([world.baltic], 2 * EURO, 2 * EURO)
    billed(world.baltic)
    world.costs(EURO)
    with acting(world.ann):
        begun = start_recalculation(**world.january())  # type: ignore[arg-type]
    ticks = iter([datetime(2026, 1, 1, tzinfo=UTC)] * 2)  # the search and a call
    tasks.work(lambda: next(ticks, datetime(2026, 1, 2, tzinfo=UTC)), datetime(2026, 1, 2, tzinfo=UTC))
    with acting(world.ann), CaptureQueriesContext(connection) as asked:
        assert begun.task_id is not None
        cancel_task(task_id=begun.task_id)
    assert not [one for one in asked if "HAVING sum(entry.amount_micros)" in one["sql"]]
    noting = notes_task_of(begun)
    assert noting is not None
    assert done_of_found(noting) is None, "they are still looked for"
    with acting(world.ann):
        assert done_of_found(cancel_task(task_id=noting.pk)) == (0, 0)
        retry_task(task_id=noting.pk)
    ran()
    assert sums(documents(world.baltic)[-1]) == ("credit_note", 100, 21, 121), "of the one call that was corrected"
    noting.refresh_from_db()
    assert done_of_found(noting) == (1, 1)
    (row,) = noting.rows.exclude(record_id=None)
    assert row.record_id == documents(world.baltic)[-1].pk
    with acting(world.ann):
        retry_task(task_id=begun.task_id)
    ran()
    assert sums(documents(world.baltic)[-1]) == ("credit_note", 100, 21, 121)
    assert len(documents(world.baltic)) == 3, "and of the other one when it was done after all"
    assert broken() == set()


def test_the_notes_of_many_invoices_are_told_in_as_many_questions_as_those_of_one() -> None:
    world = World()
    others = [World.of(world, f"Baltic {number}") for number in range(3)]
    for one in (world, *others):
        one.talks([one.baltic], 2 * EURO, 2 * EURO)
    billed(world.baltic)
    world.costs(EURO)
    counts = []
    for number in (1, 1 + len(others)):
        with CaptureQueriesContext(connection) as asked:
            assert world.seen().invoices_count == len(world.seen().notes) == number
        counts.append(len(asked))
        for one in others:
            billed(one.baltic)
    assert counts[0] == counts[1]
