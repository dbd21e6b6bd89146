"""Claims about how numbers are written for who reads the portal: on pages as in the customer's country and language, in
files with a point."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.gateways.payments.desk import desk
from tests.portal.cast import SETUP, PortalCast, visiting
from tests.portal.test_pages import words_of
from tollgate.actions.acts import acting
from tollgate.actions.notices import notify
from tollgate.actions.payment_gateways import update_payment_gateway
from tollgate.core.templates import Figure
from tollgate.portal import dashboard
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.models import Contact, Customer, Message, Payment, PaymentGateway

pytestmark = pytest.mark.django_db
READERS = [
    ("de", "DE", "25,00 EUR"),
    ("fr", "FR", "25,00 EUR"),
    ("pt-BR", "BR", "25,00 EUR"),
    ("en", "GB", "25.00 EUR"),
    ("en", "DE", "25,00 EUR"),
    ("de", "US", "25,00 EUR"),
    ("de", "CH", "25.00 EUR"),
]


def reads(cast: PortalCast, language: str, country: str) -> None:
    """Carla reads that language, and Acme is in that country."""
    Contact.objects.filter(pk=cast.carla.pk).update(language=language)
    Customer.objects.filter(pk=cast.panel.acme.pk).update(country=country)
    cast.carla.refresh_from_db()


@pytest.mark.parametrize(("language", "country", "shown"), READERS)
def test_amounts_are_written_as_their_reader_does_and_in_files_with_a_point(
    cast: PortalCast, language: str, country: str, shown: str
) -> None:
    reads(cast, language, country)
    carla = visiting(cast.carla)
    other = shown.replace(",", ".") if "," in shown else shown.replace(".", ",")
    for page in ("dashboard", "payments"):
        words = words_of(carla, f"/portal/{page}/")
        assert shown in words, page
        assert other not in words, page
    calls = carla.get("/portal/calls/?f.from=2020-01-01&columns=cost,price")
    assert ("0,12" if "," in shown else "0.12") in calls.content.decode()
    file = carla.get("/portal/calls/?f.from=2020-01-01&columns=cost,price&export=csv").getvalue().decode()
    assert "0.12" in file
    assert "0,12" not in file


@pytest.mark.parametrize(("language", "country", "shown"), READERS)
def test_mails_write_amounts_as_their_reader_does(cast: PortalCast, language: str, country: str, shown: str) -> None:
    reads(cast, language, country)
    acme = Customer.objects.get(pk=cast.panel.acme.pk)
    amount = {"amount": Figure("25.00"), "currency": "EUR", "received_on": "2026-11-02", "reference": "no. 7.50"}
    notify(acme, "payment.completed", amount)
    mail = Message.objects.latest("id")
    assert shown in mail.subject
    assert shown in mail.text
    assert shown in mail.html
    assert "no. 7.50" in mail.text, "what is no number of ours stays"


def test_a_form_takes_decimals_as_the_contact_writes_them_and_doubts_thousands(
    cast: PortalCast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8")
    reads(cast, "en", "DE")
    Customer.objects.filter(pk=cast.panel.acme.pk).update(minimum_payment_micros=5_500_000)
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
        form = {"gateway": "stripe", "amount_micros": "20,50", "currency": "EUR"}
        page = carla.get("/portal/payments/top-up/").content.decode()
        assert 'value="5,50"' in page
        assert "surcharge 2,9 % + 0,30" in page
        doubted = carla.post("/portal/payments/top-up/", {**form, "amount_micros": "1.000"})
        assert "could mean thousands" in doubted.content.decode()
        few = carla.post("/portal/payments/top-up/", {**form, "amount_micros": "1,00"}).content.decode()
        assert "5,50 EUR" in few
        carla.post("/portal/payments/top-up/", form)
    assert Payment.objects.latest("id").received_micros == 21_400_000


def test_a_statement_on_a_page_is_written_like_the_one_on_paper(cast: PortalCast) -> None:
    reads(cast, "en", "DE")
    today = datetime.now(UTC).date()
    words = words_of(visiting(cast.carla), f"/portal/statement/{today.replace(day=1)}/{today}/")
    assert "25,00 EUR" in words
    assert "25.00" not in words


def test_calls_that_cannot_be_read_are_told_in_the_portals_own_look(
    cast: PortalCast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_visit: object) -> None:
        raise DayUnreadable([date(2026, 11, 1)])

    monkeypatch.setattr(dashboard, "_figures", broken)
    answer = visiting(cast.carla).get("/portal/dashboard/")
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "Calls of 2026-11-01 (UTC) cannot be read." in page
    assert "portal/portal.css" in page
    assert "panel/panel.css" not in page
    assert 'href="/portal/calls/"' in page
    assert "tollgate lake" not in page
