"""Claims about the pages of mandates and of files for the bank."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.actions.bank import IBAN, collecting
from tests.actions.test_bank_credits import owing
from tests.actions.test_invoice_runs import postpaid
from tests.panel.cast import Cast
from tollgate.actions.acts import Actor, acting
from tollgate.actions.payments import create_payment
from tollgate.core import sepa
from tollgate.store.models import BankLine, BankRun, Customer, Invoice, Mandate, Payment

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
    early = ann.get(f"/bank-files/collect/?on={sepa.soonest(today)}").content.decode()
    assert f"It is due on {owed.due_on}" in early
    listed = ann.get(f"/bank-files/collect/?on={on}").content.decode()
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
    ann.post(f"/bank-files/{run.pk}/cancel/")
    run.refresh_from_db()
    assert run.state == "canceled"
    assert BankLine.objects.filter(pk__in=ids, run=None, state="waiting").count() == 2
