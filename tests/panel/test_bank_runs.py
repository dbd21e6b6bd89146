"""Claims about the pages of mandates and of files for the bank."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from tests.actions.bank import IBAN, collecting
from tests.actions.test_bank_credits import owing
from tests.actions.test_invoice_runs import postpaid
from tests.panel.cast import Cast
from tollgate.actions.acts import Actor, acting
from tollgate.actions.mandates import create_mandate
from tollgate.actions.payments import create_payment
from tollgate.actions.payouts import pay_out_payment, transfer_run
from tollgate.actions.tasks import work
from tollgate.core import sepa
from tollgate.panel import bank_runs
from tollgate.store.models import Account, BankLine, BankRun, Customer, Invoice, Mandate, Payment, Task

pytestmark = pytest.mark.django_db
EURO = 1_000_000


@pytest.fixture
def owed(cast: Cast) -> Invoice:
    """An open invoice of a customer who pays afterwards."""
    with acting(Actor("setup", frozenset({"*"}))):
        collecting(cast.account)
        return owing(postpaid(cast.account, "Wester"), 121)


def test_ann_enters_a_mandate_collects_an_invoice_and_hears_that_it_came_back(ann: Client, owed: Invoice) -> None:
    today = datetime.now(UTC).date()
    form = {"iban": "LT12 1000 0111 0100 1000", "holder": "Wester UAB", "signed_on": str(today), "scheme": "CORE"}
    page = f"/customers/{owed.customer_id}/mandates/new/"
    assert "no IBAN" in ann.post(page, {**form, "iban": "LT1", "notice_days": "14"}).content.decode()
    assert ann.post(page, {**form, "notice_days": "5", "collects": "on"}).status_code == 302
    mandate = Mandate.objects.get(customer=owed.customer_id)
    shown = ann.get(f"/customers/{owed.customer_id}/payments/").content.decode()
    assert "LT12 **** 1000" in shown
    assert IBAN not in shown + ann.get(f"/mandates/{mandate.pk}/").content.decode()
    on = sepa.target_day(today + timedelta(days=14))
    early = ann.get(f"/bank-files/collect/?f.on={sepa.soonest(today)}").content.decode()
    assert f"It is due on {owed.due_on}" in early
    listed = ann.get(f"/bank-files/collect/?f.on={on}").content.decode()
    assert f'value="{owed.pk}"' in listed
    chosen = f"/bank-files/collect/new/?on={on}&id={owed.pk}"
    assert "1 invoices, 121.00 EUR" in ann.get(chosen).content.decode()
    made = ann.post(chosen, {"execute_on": str(on), "ids": str(owed.pk)})
    run = BankRun.objects.latest("id")
    assert (made.status_code, made["Location"]) == (302, f"/bank-files/{run.pk}/")
    file = ann.post(f"/bank-files/{run.pk}/file/")
    assert IBAN in file.content.decode()
    assert file["Content-Disposition"] == f'attachment; filename="{run.message_id}.xml"'
    assert file.content == ann.post(f"/bank-files/{run.pk}/file/").content
    ann.post(f"/bank-files/{run.pk}/sent/")
    ann.post(f"/bank-files/{run.pk}/confirm/", {"confirmation": "no"})
    assert Payment.objects.get(bank_line__run=run).status == "pending"
    ann.post(f"/bank-files/{run.pk}/confirm/", {"confirmation": run.message_id})
    line = run.lines.get()
    assert (line.state, line.payment.status) == ("settled", "completed")
    assert run.message_id in ann.get(f"/payments/{line.payment_id}/").content.decode()
    assert ann.post(f"/bank-files/lines/{line.pk}/returned/", {"reason_code": "AM04"}).status_code == 302
    owed.refresh_from_db()
    assert owed.open_micros == 121 * EURO
    assert "AM04 there was not enough money" in ann.get(f"/bank-files/{run.pk}/").content.decode()


def test_ann_pays_out_and_cancels_the_file(cast: Cast, ann: Client, owed: Invoice) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        customer = Customer.objects.get(pk=owed.customer_id)
        paid = create_payment(customer_id=customer.pk, amount_micros=500 * EURO)
    to = {"iban": IBAN, "holder": "Wester UAB"}
    assert ann.post(f"/payments/{paid.pk}/pay-out/", {**to, "amount_micros": "20"}).status_code == 302
    assert ann.post(f"/customers/{customer.pk}/pay-out/", {**to, "amount_micros": "30"}).status_code == 302
    assert (
        "are Wester" in ann.post(f"/customers/{customer.pk}/pay-out/", {**to, "amount_micros": "900"}).content.decode()
    )
    ids = list(BankLine.objects.filter(customer=customer).order_by("pk").values_list("pk", flat=True))
    assert all(f'value="{pk}"' in ann.get("/bank-files/pay-out/").content.decode() for pk in ids)
    on = sepa.soonest(datetime.now(UTC).date())
    chosen = {"execute_on": str(on), "ids": ",".join(map(str, ids))}
    assert ann.post("/bank-files/pay-out/new/", chosen).status_code == 302
    run = BankRun.objects.latest("id")
    assert (run.kind, run.total_micros) == ("transfer", 50 * EURO)
    ann.post(f"/bank-files/{run.pk}/file/")
    ann.post(f"/bank-files/{run.pk}/cancel/")
    run.refresh_from_db()
    assert run.state == "made", "somebody has fetched it"
    shown = ann.get(f"/bank-files/{run.pk}/").content.decode()
    assert "2 lines wait for the bank" in shown
    ann.post(f"/bank-files/{run.pk}/cancel/", {"confirmation": run.message_id})
    run.refresh_from_db()
    assert run.state == "canceled"
    assert BankLine.objects.filter(pk__in=ids, run=None, state="waiting").count() == 2


def test_files_that_the_bank_has_not_confirmed_are_found(cast: Cast, ann: Client, owed: Invoice) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        paid = create_payment(customer_id=owed.customer_id, amount_micros=500 * EURO)
        back = pay_out_payment(payment_id=paid.pk, amount_micros=20 * EURO, iban=IBAN)
        on = sepa.soonest(datetime.now(UTC).date())
        given = {"account_id": cast.account.pk, "execute_on": on}
        run = transfer_run(**given, bank_line_ids=[BankLine.objects.get(payment=back).pk])  # type: ignore[arg-type]
    assert "On its way back" in ann.get(f"/payments/{paid.pk}/").content.decode()
    address = "/bank-files/?f.confirmed="
    assert run.message_id in ann.get(f"{address}True").content.decode()
    assert run.message_id not in ann.get(f"{address}False").content.decode()
    ann.post(f"/bank-files/{run.pk}/confirm/", {"confirmation": run.message_id})
    assert run.message_id in ann.get(f"{address}False").content.decode()
    assert "the bank has told of every line" in ann.get(f"/bank-files/{run.pk}/").content.decode()


def test_a_list_of_what_may_be_collected_keeps_its_day(ann: Client, owed: Invoice) -> None:
    today = datetime.now(UTC).date()
    with acting(Actor("setup", frozenset({"*"}))):
        create_mandate(customer_id=owed.customer_id, signed_on=today, holder="Wester UAB", iban=IBAN, notice_days=1)
    on = sepa.target_day(today + timedelta(days=30))
    shown = ann.get(f"/bank-files/collect/?f.on={on}").content.decode()
    assert f'value="{owed.pk}"' in shown
    kept = set(re.findall(r'href="\?([^"]*f\.on=[^"]*)"', shown))
    assert any("export=csv" in link for link in kept)
    assert any("export" not in link for link in kept), "it is refreshed for the same day"
    early, then = (ann.get(f"/bank-files/collect/?f.on={day}&export=csv").getvalue().decode() for day in (today, on))
    assert ("It is due on" in early, "It is due on" in then) == (True, False)
    sunday = today + timedelta(days=7 - today.weekday() - 1)
    resting = ann.get(f"/bank-files/collect/?f.on={sunday}").content.decode()
    assert f"f.on={sepa.target_day(sunday)}" in resting
    assert "Collect the ticked" not in resting
    chosen = f"/bank-files/collect/new/?on={owed.due_on}&id={owed.pk}"
    asked = ann.post(chosen, {"execute_on": str(on), "ids": str(owed.pk)})
    assert asked.status_code == 302, "the day that is sent is the one that counts"
    assert BankRun.objects.latest("id").execute_on == on


def test_the_confirmation_counts_mails_by_the_day_that_is_asked_for(ann: Client, owed: Invoice) -> None:
    today = datetime.now(UTC).date()
    with acting(Actor("setup", frozenset({"*"}))):
        create_mandate(customer_id=owed.customer_id, signed_on=today, holder="Wester UAB", iban=IBAN, notice_days=1)
        told = Invoice.objects.get(pk=owed.pk)
    on = sepa.target_day(today + timedelta(days=30))
    assert not told.issuer.get("debit"), "it announces nothing"
    shown = ann.get(f"/bank-files/collect/new/?on={on}&id={owed.pk}").content.decode()
    assert "1 of them are announced by mail now" in shown
    sent = {"execute_on": str(sepa.soonest(today)), "ids": str(owed.pk)}
    early = ann.post(f"/bank-files/collect/new/?on={on}&id={owed.pk}", {**sent, "execute_on": "2020-01-01"})
    assert "0 invoices" in early.content.decode(), "on that day none of them can be collected"


def test_a_large_file_is_made_by_a_job_whose_page_tells_of_it(
    cast: Cast, ann: Client, owed: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_runs, "AT_ONCE_MOST", 0)
    today = datetime.now(UTC).date()
    with acting(Actor("setup", frozenset({"*"}))):
        create_mandate(customer_id=owed.customer_id, signed_on=today, holder="Wester UAB", iban=IBAN, notice_days=1)
    on = str(sepa.target_day(today + timedelta(days=30)))
    sent = {"execute_on": on, "ids": str(owed.pk)}
    begun = ann.post(f"/bank-files/collect/new/?on={on}&id={owed.pk}", sent)
    task = Task.objects.latest("pk")
    assert begun["Location"] == f"/bank-files/jobs/{task.pk}/"
    assert "The file is being made" in ann.get(begun["Location"]).content.decode()
    assert not BankRun.objects.filter(kind="debit", account=cast.account, execute_on=on).exists()
    work(lambda: datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=1), task_id=task.pk)
    run = BankRun.objects.latest("id")
    assert f'href="/bank-files/{run.pk}/"' in ann.get(f"{begun['Location']}now/").content.decode()
    again = ann.post(f"/bank-files/collect/new/?on={on}&id={owed.pk}", sent)
    assert again["Location"] == f"/bank-files/{run.pk}/", "the same file"
    assert BankRun.objects.latest("id") == run


def test_a_large_file_is_confirmed_by_a_job_whose_progress_its_page_tells(
    cast: Cast, ann: Client, owed: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_runs, "AT_ONCE_MOST", 1)
    with acting(Actor("setup", frozenset({"*"}))):
        paid = create_payment(customer_id=owed.customer_id, amount_micros=500 * EURO)
        backs = [pay_out_payment(payment_id=paid.pk, amount_micros=20 * EURO, iban=IBAN) for _ in range(2)]
        ids = [BankLine.objects.get(payment=one).pk for one in backs]
        on = sepa.soonest(datetime.now(UTC).date())
        run = transfer_run(account_id=cast.account.pk, execute_on=on, bank_line_ids=ids)
    page = f"/bank-files/{run.pk}/"
    assert ann.get(f"{page}confirm/now/")["HX-Refresh"] == "true", "there is nothing to follow"
    assert "Confirmed by a job" not in ann.get(page).content.decode()
    told = ann.post(f"{page}confirm/", {"confirmation": run.message_id}, follow=True).content.decode()
    assert "0 of 2 rows done" in " ".join(told.split())
    assert f'hx-get="{page}confirm/now/"' in told
    assert "confirm-run" not in told, "it is not asked for twice"
    task = Task.objects.latest("pk")
    assert page in ann.get(f"/tasks/{task.pk}/").content.decode()
    Account.objects.update(two_person_payments=True)
    Payment.objects.filter(pk=backs[1].pk).update(created_by=cast.ann.email)
    work(lambda: datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=1), task_id=task.pk)
    assert ann.get(f"{page}confirm/now/")["HX-Refresh"] == "true"
    left = " ".join(ann.get(page).content.decode().split())
    assert "1 line wait" in left
    assert "Another user approves this" in left
    Account.objects.update(two_person_payments=False)
    told = ann.post(f"{page}confirm/", {"confirmation": run.message_id}, follow=True).content.decode()
    assert "What waited has moved." in told
    assert "the bank has told of every line" in told
    assert "Confirmed by a job" not in told


def test_lists_tell_and_find_what_mandates_may_still_collect(ann: Client, owed: Invoice) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        fresh = create_mandate(customer_id=owed.customer_id, signed_on="2026-01-01", holder="Wester UAB", iban=IBAN)
    Mandate.objects.filter(pk=fresh.pk).update(signed_on=date(2020, 1, 1))
    assert "Expired" in ann.get(f"/customers/{owed.customer_id}/payments/").content.decode()
    assert fresh.reference in ann.get("/mandates/?f.status=expired").content.decode()
    assert fresh.reference not in ann.get("/mandates/?f.status=active").content.decode()
