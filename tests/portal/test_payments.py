"""Claims about paying in the portal: what is open, what it costs, and that Dan never sees Acme's money."""

from __future__ import annotations

import json
from datetime import date

import pytest

from tests.gateways.payments import moneris
from tests.gateways.payments.desk import desk
from tests.gateways.payments.more import CURRENCY, KEYS, NEW, settings_of
from tests.panel.test_payments import charged_by_packages
from tests.portal.cast import SETUP, PortalCast, visiting
from tollgate.actions.acts import acting
from tollgate.actions.payment_gateways import create_payment_gateway, update_payment_gateway
from tollgate.actions.payments import create_payment
from tollgate.actions.vouchers import export_voucher_codes
from tollgate.store.models import Account, Customer, ExchangeRate, Payment, PaymentGateway, VoucherBatch

pytestmark = pytest.mark.django_db
EURO = 1_000_000


def test_carla_sees_what_a_payment_costs_before_she_pays(cast: PortalCast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8")
    carla = visiting(cast.carla)
    with desk() as house:
        house.answers["POST /v1/checkout/sessions"] = (200, {"id": "cs_1", "url": "https://checkout.stripe.com/1"})
        with acting(SETUP):
            update_payment_gateway(
                payment_gateway_id=PaymentGateway.objects.get().pk,
                settings={"api_url": house.url},
                secrets={"secret_key": "sk", "webhook_secret": "wh"},
                surcharge_micros=300_000,
                surcharge_ppm=29_000,
            )
        form = {"gateway": "stripe", "amount_micros": "20.00", "currency": "EUR"}
        assert "surcharge 2.9 % + 0.30" in carla.get("/portal/payments/top-up/").content.decode()
        page = carla.post("/portal/payments/top-up/", form, follow=True).content.decode()
    paid = Payment.objects.latest("id")
    assert (paid.status, paid.customer_id, paid.received_micros) == ("pending", cast.panel.acme.pk, 20_880_000)
    assert "20.88" in page
    assert "0.88" in page
    assert "https://checkout.stripe.com/1" in page
    assert carla.get(f"/portal/payments/{paid.pk}/?back=1").status_code == 200
    assert visiting(cast.dan).get(f"/portal/payments/{paid.pk}/").status_code == 404
    Customer.objects.filter(pk=cast.panel.acme.pk).update(payment_gateways=[])
    for page_name in ("top-up", "bank-transfer", "voucher", "automatic"):
        assert carla.get(f"/portal/payments/{page_name}/").status_code == 404, page_name


def test_carla_pays_by_the_gateways_that_she_may_pay_by(cast: PortalCast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8")
    account, carla = Account.objects.get(), visiting(cast.carla)
    Customer.objects.update(topup_currencies=[])
    for code in ("ZAR", "PHP"):
        ExchangeRate.objects.create(account=account, base=code, quote="EUR", on=date(2020, 1, 1), rate_nanos=50_000_000)
    with desk() as house:
        house.answers["POST /transaction/initialize"] = (
            200,
            {"data": {"authorization_url": "https://checkout.paystack.com/1", "reference": "1"}},
        )
        with acting(SETUP):
            for name in NEW:
                create_payment_gateway(
                    account_id=account.pk,
                    name=name,
                    provider=name,
                    currencies=[CURRENCY[name]],
                    settings=settings_of(name, house.url),
                    secrets=dict(KEYS[name]),
                )
        page = carla.get("/portal/payments/top-up/").content.decode()
        assert all(f'value="{name}"' in page for name in NEW)
        Customer.objects.update(payment_gateways=["paystack", "yoco"])
        page = carla.get("/portal/payments/top-up/").content.decode()
        assert [name for name in NEW if f'value="{name}"' in page] == ["paystack", "yoco"]
        form = {"gateway": "paystack", "amount_micros": "400.00", "currency": "ZAR"}
        page = carla.post("/portal/payments/top-up/", form, follow=True).content.decode()
        sent = json.loads(house.asked[-1][2])
    assert "https://checkout.paystack.com/1" in page
    assert (sent["email"], sent["amount"]) == ("carla@acme.example", 40_000)
    assert sent["callback_url"].endswith(f"/portal/payments/{Payment.objects.latest('id').pk}/?back=1")
    assert Payment.objects.latest("id").amount_micros == 20 * EURO


def test_carla_pays_in_a_form_of_the_gateways_own_that_may_ask_nobody_in_her_name(
    cast: PortalCast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8")
    account, carla = Account.objects.get(), visiting(cast.carla)
    Customer.objects.update(topup_currencies=[], payment_gateways=["moneris"])
    ExchangeRate.objects.create(account=account, base="CAD", quote="EUR", on=date(2020, 1, 1), rate_nanos=700_000_000)
    with desk() as house:
        with acting(SETUP):
            create_payment_gateway(
                account_id=account.pk,
                name="moneris",
                provider="moneris",
                settings=moneris.settings_of(house.url),
                secrets=moneris.SECRETS,
            )
        house.answers[moneris.REQUEST] = moneris.preloaded()
        form = {"gateway": "moneris", "amount_micros": "40.00", "currency": "CAD"}
        page = carla.post("/portal/payments/top-up/", form, follow=True).content.decode()
        url = house.url
    address = f"/portal/payments/{Payment.objects.latest('id').pk}/pay/"
    assert address in page
    shown = carla.get(address)
    text = shown.content.decode()
    assert f'src="{url}/chktv2/js/chkt_v2.00.js"' in text
    assert (f'data-ticket="{moneris.TICKET}"' in text, 'data-mode="qa"' in text, "40.00" in text) == (True,) * 3
    assert moneris.SECRETS["api_token"] not in text
    policy = dict(part.strip().partition(" ")[::2] for part in shown["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == policy["style-src"] == f"'self' {url}"
    assert (policy["connect-src"], policy["form-action"], policy["default-src"]) == ("'none'", "'none'", "'self'")
    assert url not in carla.get(address.removesuffix("pay/"))["Content-Security-Policy"]
    assert visiting(cast.dan).get(address, follow=True).status_code == 404
    Payment.objects.update(status="completed")
    assert carla.get(address).status_code == 302


def test_carla_announces_a_transfer_and_uses_a_voucher_but_completes_nothing(cast: PortalCast) -> None:
    Account.objects.update(payment_details="IBAN LT12 1000 0111 0100 1000")
    carla = visiting(cast.carla)
    assert "IBAN LT12" in carla.get("/portal/payments/bank-transfer/").content.decode()
    carla.post("/portal/payments/bank-transfer/", {"amount_micros": "40.00", "payer": "Acme UAB"})
    told = Payment.objects.latest("id")
    assert (told.status, told.gateway, told.created_by) == ("pending", "bank_transfer", "carla@acme.example")
    with acting(SETUP):
        codes = export_voucher_codes(voucher_batch_id=VoucherBatch.objects.get().pk)
        create_payment(customer_id=cast.panel.acme.pk, amount_micros=EURO, public_note="May", private_note="pays late")
    assert carla.post("/portal/payments/voucher/", {"code": "wrong"}).status_code == 422
    assert carla.post("/portal/payments/voucher/", {"code": codes[0]}).status_code == 302
    page = carla.get("/portal/payments/").content.decode()
    export = carla.get("/portal/payments/?export=csv").getvalue().decode()
    for shown in (page, export):
        assert "May" in shown
        assert "5.00" in shown
        assert "pays late" not in shown
    assert "May" not in visiting(cast.dan).get("/portal/payments/").content.decode()


def test_carla_takes_back_a_transfer_that_she_has_announced(cast: PortalCast) -> None:
    Account.objects.update(payment_details="IBAN LT12 1000 0111 0100 1000")
    carla = visiting(cast.carla)
    carla.post("/portal/payments/bank-transfer/", {"amount_micros": "40.00"})
    told = Payment.objects.latest("id")
    page = f"/portal/payments/{told.pk}/"
    assert f"{page}cancel/" in carla.get(page).content.decode()
    assert visiting(cast.dan).post(f"{page}cancel/").status_code == 404
    assert carla.post(f"{page}cancel/")["Location"] == page
    told.refresh_from_db()
    assert told.status == "canceled"
    assert f"{page}cancel/" not in carla.get(page).content.decode()


def test_what_packages_took_stands_among_the_payments_and_leads_to_the_packages(cast: PortalCast) -> None:
    charged_by_packages(cast.panel.acme)
    carla = visiting(cast.carla)
    page = carla.get("/portal/payments/").content.decode()
    export = carla.get("/portal/payments/?export=csv").getvalue().decode()
    for shown in (page, export):
        assert ("-7.00" in shown, "Line A" in shown, "Line B" in shown) == (True, True, False)
    assert 'href="/portal/packages/"' in page[page.index("<table") :]
    assert "Line A" not in visiting(cast.dan).get("/portal/payments/").content.decode()
    Customer.objects.filter(pk=cast.panel.acme.pk).update(portal_hide=["packages"])
    page = carla.get("/portal/payments/").content.decode()
    assert ("-7.00" in page, 'href="/portal/packages/"' in page) == (True, False)
