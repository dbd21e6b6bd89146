"""Claims about vouchers: worth what their batch says, once, whoever tries at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_customers import refused
from tests.actions.test_payments import balance
from tollgate.actions.acts import acting
from tollgate.actions.own_payments import redeem_voucher
from tollgate.actions.payment_gateways import create_payment_gateway, update_payment_gateway
from tollgate.actions.payments import create_payment, refund_payment, reverse_payment
from tollgate.actions.vouchers import (
    WRONG_MOST,
    create_voucher_batch,
    disable_voucher,
    export_voucher_codes,
    update_voucher_batch,
)
from tollgate.store.models import Account, Customer, Entry, Payment, Voucher, VoucherBatch


def codes_of(account: Account, **fields: object) -> list[str]:
    """The codes of a new batch."""
    name = f"Batch {VoucherBatch.objects.count()}"
    given = {"currency": "EUR", "count": 3, "addition_micros": 5 * EURO, **fields}
    batch = create_voucher_batch(account_id=account.pk, name=name, **given)  # type: ignore[arg-type]
    return export_voucher_codes(voucher_batch_id=batch.pk)


def test_codes_are_given_once_and_only_their_hashes_stay(account: Account) -> None:
    first = codes_of(account)[0]
    batch = VoucherBatch.objects.get()
    assert (batch.codes_sealed, batch.exported_by, Voucher.objects.count()) == ("", "Ann", 3)
    assert not Voucher.objects.filter(code_hash__icontains=first.replace("-", "")).exists()
    assert "shown once" in refused("voucher_batch_id", export_voucher_codes, voucher_batch_id=batch.pk)


def test_what_another_data_key_sealed_is_told_in_words_and_can_be_entered_anew(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = create_voucher_batch(account_id=account.pk, name="Sealed", currency="EUR", count=1, addition_micros=EURO)
    keys = {"secret_key": "sk_test_1", "webhook_secret": "whsec_1"}
    gateway = create_payment_gateway(account_id=account.pk, name="cards", provider="stripe", secrets=keys, enabled=True)
    monkeypatch.setenv("TOLLGATE_DATA_KEY", "the key of another installation")
    assert "another data key" in refused("voucher_batch_id", export_voucher_codes, voucher_batch_id=batch.pk)
    assert VoucherBatch.objects.get().codes_sealed
    refused("settings", update_payment_gateway, payment_gateway_id=gateway.pk, title="Cards")
    update_payment_gateway(payment_gateway_id=gateway.pk, secrets=keys)


def test_a_free_voucher_credits_once_however_it_is_typed(account: Account) -> None:
    customer = acme(account)
    code, other, third = codes_of(account)
    assert redeem_voucher(customer_id=customer.pk, code=f" {code.lower().replace('-', ' ')} ").state == "credited"
    assert redeem_voucher(customer_id=customer.pk, code=code).state == "refused"
    bonus = Payment.objects.get()
    assert (bonus.kind, bonus.amount_micros, balance(customer)) == ("bonus", 5 * EURO, 5 * EURO)
    assert (Entry.objects.get().kind, bonus.tax_micros) == ("bonus", 0)
    disable_voucher(voucher_id=Voucher.objects.get(serial=2).pk)
    assert redeem_voucher(customer_id=customer.pk, code=other).state == "refused"
    update_voucher_batch(voucher_batch_id=VoucherBatch.objects.get().pk, enabled=False)
    assert redeem_voucher(customer_id=customer.pk, code=third).state == "refused"
    foreign = codes_of(account, currency="USD")[0]
    over = codes_of(account, expires_at=datetime.now(UTC) - timedelta(days=1))[0]
    assert {redeem_voucher(customer_id=customer.pk, code=one).state for one in (foreign, over)} == {"refused"}


def test_an_end_of_a_batch_is_set_moved_and_taken_off_and_stays_where_it_is_not_named(account: Account) -> None:
    customer, at = acme(account), datetime.now(UTC)
    code = codes_of(account, expires_at=at - timedelta(days=1))[0]
    given = {"voucher_batch_id": VoucherBatch.objects.get().pk}
    assert update_voucher_batch(**given, expires_at=at - timedelta(hours=1)).expires_at == at - timedelta(hours=1)
    assert update_voucher_batch(**given, enabled=True).expires_at == at - timedelta(hours=1)
    assert redeem_voucher(customer_id=customer.pk, code=code).state == "refused"
    assert update_voucher_batch(**given, expires_at=None).expires_at is None
    assert redeem_voucher(customer_id=customer.pk, code=code).state == "credited"
    refused("enabled", update_voucher_batch, **given, enabled=None)


def test_a_multiplier_waits_for_a_payment_that_is_large_enough(account: Account) -> None:
    customer = acme(account)
    code = codes_of(account, multiplier_milli=1100, addition_micros=EURO, minimum_micros=20 * EURO)[0]
    assert redeem_voucher(customer_id=customer.pk, code=code).state == "waiting"
    create_payment(customer_id=customer.pk, amount_micros=19 * EURO)
    assert balance(customer) == 19 * EURO
    create_payment(customer_id=customer.pk, amount_micros=50 * EURO)
    assert balance(customer) == (19 + 50 + 5 + 1) * EURO
    create_payment(customer_id=customer.pk, amount_micros=50 * EURO)
    assert balance(customer) == (19 + 50 + 5 + 1 + 50) * EURO, "once"


def test_a_bonus_is_in_whole_coins_and_waits_where_it_would_be_none(account: Account) -> None:
    customer = acme(account)
    code = codes_of(account, multiplier_milli=1100, addition_micros=0, minimum_micros=10_000)[0]
    redeem_voucher(customer_id=customer.pk, code=code)
    create_payment(customer_id=customer.pk, amount_micros=90_000)
    assert (balance(customer), Voucher.objects.filter(state="waiting").count()) == (90_000, 1), "less than a cent"
    create_payment(customer_id=customer.pk, amount_micros=33_330_000)
    assert Payment.objects.get(kind="bonus").amount_micros == 3_330_000
    assert Voucher.objects.filter(state="waiting").count() == 0


def test_a_bonus_goes_back_with_the_payment_it_was_given_for(account: Account) -> None:
    customer = acme(account)
    code = codes_of(account, multiplier_milli=3000, addition_micros=EURO, minimum_micros=EURO, confirm=True)[0]
    redeem_voucher(customer_id=customer.pk, code=code)
    paid = create_payment(customer_id=customer.pk, amount_micros=1000 * EURO)
    bonus = Payment.objects.get(kind="bonus")
    assert (bonus.reverses_id, balance(customer)) == (paid.pk, 3001 * EURO)
    refund_payment(payment_id=paid.pk, amount_micros=300 * EURO)
    assert balance(customer) == (3001 - 900) * EURO - 300_000, "its part, to the coin"
    reverse_payment(payment_id=paid.pk, reason="chargeback")
    bonus.refresh_from_db()
    assert (bonus.refunded_micros, balance(customer)) == (2001 * EURO, 0)
    slip = create_payment(customer_id=customer.pk, amount_micros=5 * EURO, kind="bonus")
    refused("payment_id", refund_payment, payment_id=slip.pk)
    reverse_payment(payment_id=slip.pk, reason="a slip")
    assert balance(customer) == 0


def test_generous_batches_are_confirmed_and_absurd_ones_refused(account: Account) -> None:
    usual = {"account_id": account.pk, "name": "x", "currency": "EUR", "count": 1, "minimum_micros": EURO}
    refused("multiplier_milli", create_voucher_batch, **usual, multiplier_milli=1_235_000)
    refused("confirm", create_voucher_batch, **usual, multiplier_milli=1500)
    refused("multiplier_milli", create_voucher_batch, **usual)
    refused("minimum_micros", create_voucher_batch, **{**usual, "minimum_micros": 0}, multiplier_milli=1100)
    refused("addition_micros", create_voucher_batch, **{**usual, "minimum_micros": 0})
    assert create_voucher_batch(**usual, multiplier_milli=1500, confirm=True).count == 1  # type: ignore[arg-type]


def test_who_guesses_waits_an_hour(account: Account) -> None:
    customer, other = acme(account), None
    code = codes_of(account)[0]
    for _ in range(WRONG_MOST):
        assert redeem_voucher(customer_id=customer.pk, code="0000-0000-0000-0000").state == "refused"
    refused("code", redeem_voucher, customer_id=customer.pk, code=code)
    other = Customer.objects.create(account=account, number="77", name="Other", currency="EUR")
    assert redeem_voucher(customer_id=other.pk, code=code).state == "credited"
    Customer.objects.filter(pk=other.pk).update(payment_gateways=["bank_transfer"])
    refused("code", redeem_voucher, customer_id=other.pk, code=code)


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_use_a_voucher_once() -> None:
    with acting(ANN):
        account = demo_account()
        customers = [
            Customer.objects.create(account=account, number=str(n), name=f"C{n}", currency="EUR") for n in range(4)
        ]
        code = codes_of(account)[0]

    def attempt(number: int) -> str:
        try:
            with acting(ANN):
                return redeem_voucher(customer_id=customers[number % 4].pk, code=code).state
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        states = list(pool.map(attempt, range(20)))
    assert sorted(states) == ["credited", *["refused"] * 19]
    assert Payment.objects.count() == Entry.objects.count() == 1
