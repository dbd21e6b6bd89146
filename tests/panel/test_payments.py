"""Claims about the pages of money that comes in."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tollgate.actions.acts import Actor, acting
from tollgate.actions.charges import make_charge
from tollgate.actions.customer_packages import assign_package, create_package
from tollgate.actions.payment_booking import complete, new_payment
from tollgate.actions.payments import create_payment, refund_payment
from tollgate.actions.postings import post, wallet_of
from tollgate.core.money import format_micros
from tollgate.gateways.payments import PROVIDERS
from tollgate.panel.invoice_pages import standing_ones
from tollgate.store.models import (
    Account,
    Allocation,
    Charge,
    Checkout,
    Customer,
    Payment,
    PaymentEvent,
    PaymentGateway,
    PaymentRow,
    UserGroup,
    VoucherBatch,
    Wallet,
)

pytestmark = pytest.mark.django_db
EURO = 1_000_000


def test_ann_enters_a_payment_refunds_it_and_sees_both(cast: Cast, ann: Client) -> None:
    page = f"/customers/{cast.acme.pk}/payments/new/"
    form = {"amount_micros": "50", "kind": "payment", "gateway": "manual", "status": "completed", "external_id": "b1"}
    for _ in range(2):
        assert ann.post(page, form).status_code == 302
    paid = Payment.objects.get(external_id="b1")
    assert ann.post(f"/payments/{paid.pk}/refund/", {"amount_micros": "20", "reason": "too much"}).status_code == 302
    shown = ann.get(f"/payments/{paid.pk}/").content.decode()
    assert "Given back" in shown
    assert "-20.00" in shown
    listed = ann.get("/payments/?q=acme").content.decode()
    assert "50.00" in listed
    assert "Refund" in ann.get(f"/customers/{cast.acme.pk}/payments/").content.decode()
    assert ann.post(f"/payments/{paid.pk}/reverse/", {"confirmation": "no"}).status_code == 302
    assert Payment.objects.filter(reverses=paid).count() == 1
    ann.post(page, {**form, "kind": "bonus", "external_id": "b2"})
    bonus = Payment.objects.get(external_id="b2")
    assert f"/payments/{bonus.pk}/refund/" not in ann.get(f"/payments/{bonus.pk}/").content.decode(), "it is undone"
    ann.post(f"/payments/{bonus.pk}/reverse/", {"confirmation": bonus.pk})
    assert Payment.objects.get(reverses=bonus).amount_micros == -50 * EURO


def test_before_a_payment_is_approved_its_page_tells_what_that_does_and_nothing_is_done(
    cast: Cast, ann: Client
) -> None:
    Customer.objects.filter(pk=cast.acme.pk).update(create_invoice_on_payment=True)
    form = {"amount_micros": "50", "kind": "payment", "gateway": "manual", "status": "pending", "external_id": "b3"}
    ann.post(f"/customers/{cast.acme.pk}/payments/new/", form)
    waiting = Payment.objects.get(external_id="b3")
    page, wallet = f"/payments/{waiting.pk}/approve/", Wallet.objects.get(kind="customer", owner_id=cast.acme.pk)
    shown = ann.get(page).content.decode()
    waiting.refresh_from_db()
    assert (waiting.status, Wallet.objects.get(pk=wallet.pk).balance_micros) == ("pending", wallet.balance_micros)
    after = f"becomes {format_micros(wallet.balance_micros + 50 * EURO, 2)} EUR"
    for told in ("50.00 EUR", after, "RCT-", "no invoice"):
        assert told in shown, told
    assert page in ann.get(f"/payments/{waiting.pk}/").content.decode()
    assert f'name="version" value="{waiting.version}"' in shown
    for unseen in ({}, {"version": waiting.version - 1}, {"version": "x"}):
        answer = ann.post(page, unseen, follow=True).content.decode()
        assert "Somebody else has changed this record" in answer, "what was not shown is not approved"
    waiting.refresh_from_db()
    assert waiting.status == "pending"
    ann.post(page, {"version": waiting.version})
    waiting.refresh_from_db()
    assert waiting.status == "completed"
    assert ann.get(page)["Location"] == f"/payments/{waiting.pk}/"


def test_money_in_suspense_is_assigned_on_its_page(cast: Cast, ann: Client) -> None:
    stray = Payment.objects.create(
        account=cast.account, gateway="stripe", status="pending", currency="EUR", amount_micros=7 * EURO, payer="x@y.z"
    )
    assert "In suspense" in ann.get("/payments/?f.suspense=yes").content.decode()
    assert "Whose is it?" in ann.get(f"/payments/{stray.pk}/").content.decode()
    assert ann.post(f"/payments/{stray.pk}/assign/", {"customer_id": "nobody"}).status_code == 422
    assert ann.post(f"/payments/{stray.pk}/assign/", {"customer_id": "acme", "remember": "on"}).status_code == 302
    stray.refresh_from_db()
    assert (stray.status, stray.customer_id) == ("completed", cast.acme.pk)
    assert Customer.objects.get(pk=cast.acme.pk).paypal_email == "x@y.z"


def test_what_is_given_back_by_a_gateway_is_approved_on_its_page_by_another(cast: Cast, ann: Client) -> None:
    with acting(Actor("Otto", frozenset({"*"}))):
        gateway = PaymentGateway.objects.get()
        received = {"received_micros": 50 * EURO, "received_currency": "EUR", "external_id": "pi_1"}
        paid = complete(new_payment(cast.acme, gateway=gateway.name, amount_micros=50 * EURO, **received))
        Account.objects.update(two_person_payments=True)
        back = refund_payment(payment_id=paid.pk)
    page = f"/payments/{back.pk}/"
    assert f"{page}approve/" in ann.get(page).content.decode()
    shown = ann.get(f"{page}approve/").content.decode()
    assert "-50.00 EUR" in shown
    assert "becomes" not in shown, "the wallet pays when the gateway has agreed"
    assert not Checkout.objects.filter(payment=back).exists()
    back.refresh_from_db()
    answer = ann.post(f"{page}approve/", {"version": back.version}, follow=True).content.decode()
    assert "The refund is under way." in answer
    assert Checkout.objects.get(payment=back).next_at is not None
    assert f"{page}approve/" not in answer
    other = Payment.objects.get(kind="payment", amount_micros=25 * EURO)
    own = ann.post(f"/payments/{other.pk}/refund/", {"amount_micros": "5", "reason": ""}, follow=True).content.decode()
    assert "The refund waits." in own


def test_the_log_finds_a_notice_by_what_was_said(cast: Cast, ann: Client) -> None:
    gateway = PaymentGateway.objects.get()
    body = '{"id": "evt_needle"}'
    event = PaymentEvent.objects.create(account=cast.account, gateway=gateway, body=body, state="refused", note="why")
    assert f"/payment-log/{event.pk}/" in ann.get("/payment-log/?q=evt_needle").content.decode()
    assert f"/payment-log/{event.pk}/" not in ann.get("/payment-log/?q=other").content.decode()
    assert "evt_needle" in ann.get(f"/payment-log/{event.pk}/").content.decode()
    ann.post(f"/payment-log/{event.pk}/retry/")
    event.refresh_from_db()
    assert event.state == "queued"
    address = f"/payments/notices/{gateway.token}/"
    assert Client(enforce_csrf_checks=True).post(address, b"{}", content_type="application/json").status_code == 400
    assert Client().post("/payments/notices/guess/", b"{}", content_type="application/json").status_code == 404
    assert Client().get(address).status_code == 405
    assert Client().post(address, b"x" * 300_000, content_type="text/plain").status_code == 413
    assert PaymentEvent.objects.latest("id").state == "refused"


def test_a_gateway_that_sends_no_notices_is_given_no_address_for_them(cast: Cast, ann: Client) -> None:
    page = f"/payment-gateways/{PaymentGateway.objects.get().pk}/"
    assert "Address for its notices" in ann.get(page).content.decode()
    PaymentGateway.objects.update(provider="moneris", settings={}, mode="test")
    shown = ann.get(page).content.decode()
    assert "Address for its notices" not in shown
    assert all(title in shown for title in ("Store id", "API token", "Checkout id"))


def test_codes_are_downloaded_once_and_keys_never_shown(cast: Cast, ann: Client) -> None:
    batch = VoucherBatch.objects.get()
    first = ann.post(f"/vouchers/{batch.pk}/codes/")
    assert len(first.content.decode().splitlines()) == batch.count + 1
    assert ann.post(f"/vouchers/{batch.pk}/codes/").status_code == 302
    for typed, kept in (("2031-05-01 00:00:00", datetime(2031, 5, 1, tzinfo=UTC)), ("", None)):
        ann.post(f"/vouchers/{batch.pk}/edit/", {"enabled": "on", "expires_at": typed})
        batch.refresh_from_db()
        assert batch.expires_at == kept
    gateway = PaymentGateway.objects.get()
    page = f"/payment-gateways/{gateway.pk}/"
    assert "sk_test_1" not in ann.get(page).content.decode()
    form = {"title": "Card", "mode": "test", "currencies": ["EUR"], "surcharge_micros": "0.30", "surcharge_ppm": "2.9",
            "version": gateway.version, "enabled": "on"}  # fmt: skip
    assert ann.post(page, form).status_code == 302
    gateway.refresh_from_db()
    assert (gateway.title, gateway.surcharge_micros, gateway.surcharge_ppm) == ("Card", 300_000, 29_000)


def test_every_kind_of_gateway_is_set_up_by_its_form_and_shows_no_key(cast: Cast, ann: Client) -> None:
    for provider, row in PROVIDERS.items():
        name = f"our_{provider}"
        assert ann.post("/payment-gateways/new/", {"name": name, "provider": provider}).status_code == 302
        made = PaymentGateway.objects.get(name=name)
        taken = list(row.currencies)
        assert made.currencies == (["EUR"] if not taken or "EUR" in taken else taken)
        address = f"/payment-gateways/{made.pk}/"
        keys = {f"secret.{one.name}": f"key-of-{one.name}" for one in row.fields if one.secret}
        others = {
            f"setting.{one.name}": "" if one.default else "b@demo.example" for one in row.fields if not one.secret
        }
        page = ann.get(address).content.decode()
        assert all(f'name="{field}"' in page for field in keys | others), provider
        assert ('name="deduct_fees"' in page) == row.tells_fees
        form = {"title": row.title, "mode": "live", "currencies": [row.currencies[0] if row.currencies else "EUR"],
                "surcharge_micros": "0", "surcharge_ppm": "0", "version": made.version}  # fmt: skip
        assert ann.post(address, {**form, "enabled": "on", **others}).status_code == (422 if keys else 302), provider
        made.refresh_from_db()
        if keys:
            assert ann.post(address, {**form, "enabled": "on", **keys, **others}).status_code == 302, provider
        page = ann.get(address).content.decode()
        assert "Kept; type it only to change it" in page or not keys
        assert not any(key in page for key in keys.values()), provider


def test_only_what_still_settles_is_offered_to_be_taken_back() -> None:
    def of(*amounts: int) -> set[int]:
        rows = [Allocation(pk=n, invoice_id=1, payment_id=1, amount_micros=amount) for n, amount in enumerate(amounts)]
        return standing_ones(rows)

    assert of(100, 16) == {0, 1}
    assert of(100, -100) == set(), "taken back whole"
    assert of(100, -10) == {0}, "a part was refunded"
    assert of(100, -100, 100) == {2}, "settled anew"


def test_ann_says_anew_what_a_payment_was_for_and_a_late_form_is_told(cast: Cast, ann: Client, bob: Client) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        paid = create_payment(customer_id=cast.acme.pk, amount_micros=EURO, public_note="Mai", payer="A")
    page = f"/payments/{paid.pk}/edit/"
    assert page in ann.get(f"/payments/{paid.pk}/").content.decode()
    form = {"public_note": "May", "private_note": "late", "payer": "Acme UAB", "version": str(paid.version)}
    assert ann.post(page, form)["Location"] == f"/payments/{paid.pk}/"
    paid.refresh_from_db()
    assert (paid.public_note, paid.private_note, paid.payer) == ("May", "late", "Acme UAB")
    late = ann.post(page, {**form, "public_note": "June"})
    assert (late.status_code, "May" in late.content.decode()) == (409, True)
    assert bob.get(page).status_code == 403
    Payment.objects.filter(pk=paid.pk).update(noticed_as="S1")
    assert 'name="payer"' not in ann.get(page).content.decode(), "the bank has told who paid"


def test_what_packages_took_from_the_balance_stands_among_a_customers_payments_and_in_no_sum(
    cast: Cast, ann: Client
) -> None:
    taken, billed = charged_by_packages(cast.acme)
    row = PaymentRow.objects.get(charge=taken)
    assert (row.amount_micros, row.status, row.kind) == (-7 * EURO, "completed", "package")
    with acting(Actor("setup", frozenset({"*"}))):
        entry = post(wallet_of(cast.acme), "revenue", "package", amount_micros=-7 * EURO, note="", ref="invoice:1")
    Charge.objects.filter(pk=billed.pk).update(entry_id=entry.pk)
    assert not PaymentRow.objects.filter(charge=billed).exists(), "an invoice has asked for that"
    shown = ann.get(f"/customers/{cast.acme.pk}/payments/").content.decode()
    listed = shown[shown.index("<h2>Payments</h2>") : shown.index("<h2>Entries</h2>")]
    assert ("-7.00" in listed, "Line A" in listed, "Line B" in listed) == (True, True, False)
    assert f"/customer-packages/{row.customer_package_id}/" in listed
    assert "Line A" not in ann.get("/payments/").content.decode(), "it is no payment"
    UserGroup.objects.filter(pk=cast.group.pk).update(areas=["customers", "money", "payments"])
    shown = ann.get(f"/customers/{cast.acme.pk}/payments/").content.decode()
    assert ("-7.00" in shown, "/customer-packages/" in shown) == (True, False)
    paid = Payment.objects.filter(customer=cast.acme)
    rows = PaymentRow.objects.filter(customer=cast.acme, charge=None)
    assert sorted(paid.values_list("pk", "amount_micros")) == sorted(rows.values_list("payment_id", "amount_micros"))


def charged_by_packages(customer: Customer) -> tuple[Charge, Charge]:
    """What a package took from the balance, 7.00, and what another one leaves to the invoice."""
    charges = []
    with acting(Actor("setup", frozenset({"*"}))):
        for name, own in (("Line A", True), ("Line B", False)):
            sold = create_package(account_id=customer.account_id, name=name, currency="EUR", retail_nanos=7 * 10**9)
            held = assign_package(customer_id=customer.pk, package_id=sold.pk, auto_decrement=own)
            charges.append(
                make_charge(
                    customer=customer, kind="package", key=name, description=name, from_on=held.starts_on,
                    until_on=held.starts_on + timedelta(days=30), unit_price_nanos=7 * 10**9, post_now=own,
                    detail={"customer_package": held.pk, "cost_nanos": 3 * 10**9},
                )
            )  # fmt: skip
    return charges[0], charges[1]
