"""Claims about the pages of the portal: what contacts read of their customer, and what they keep by themselves."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.panel.cast import PASSWORD
from tests.portal.cast import SETUP, PortalCast, link_in, newest_mail, visiting
from tollgate.actions.acts import acting
from tollgate.actions.contacts import create_contact
from tollgate.actions.customer_packages import assign_package, create_package
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.messages import body
from tollgate.actions.payments import create_payment
from tollgate.actions.portal_passwords import keep
from tollgate.actions.taxes import create_tax
from tollgate.store.models import (
    Account,
    Audit,
    Code,
    Contact,
    Customer,
    CustomerPackage,
    Endpoint,
    LoginDelay,
    Message,
)

pytestmark = pytest.mark.django_db
EURO = 1_000_000


def words_of(client: Client, address: str) -> str:
    """The words of a page, without its tags."""
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.getvalue().decode()))


def test_the_dashboard_tells_money_channels_and_where_to_call(cast: PortalCast) -> None:
    Account.objects.update(
        portal_text="Welcome aboard", support_phone="+37050000000", termination_addresses="sip.demo.example"
    )
    Customer.objects.filter(pk=cast.panel.acme.pk).update(email_verification=True)
    carla = visiting(cast.carla)
    words = words_of(carla, "/portal/dashboard/")
    for part in ("25.00 EUR", "of 10", "Welcome aboard", "+37050000000", "sip.demo.example", "Verify your email"):
        assert part in words, part
    with CaptureQueriesContext(connection) as queries:
        carla.get("/portal/dashboard/now/", headers={"X-Tollgate-Poll": "1"})
    assert len(queries) == 2, "the session with all that belongs to it, and the wallet"


def test_calls_are_told_with_what_they_cost_and_in_the_contacts_time(cast: PortalCast) -> None:
    Contact.objects.filter(pk=cast.carla.pk).update(zone="Europe/Vilnius")
    words = words_of(visiting(cast.carla), "/portal/calls/?f.from=2020-01-01")
    for part in ("442079460001", "UK", "Answered", "1:07", "0.12 EUR", "Start (Europe/Vilnius)", "Refused"):
        assert part in words, part
    Contact.objects.filter(pk=cast.carla.pk).update(zone="")
    Customer.objects.filter(pk=cast.panel.acme.pk).update(zone="Asia/Tokyo")
    carla = visiting(cast.carla)
    assert "Start (Asia/Tokyo)" in words_of(carla, "/portal/calls/?f.from=2020-01-01")
    in_tokyo = carla.get("/portal/calls/?f.from=2020-01-01&export=csv").getvalue()
    Customer.objects.filter(pk=cast.panel.acme.pk).update(zone="UTC")
    in_utc = visiting(cast.carla).get("/portal/calls/?f.from=2020-01-01&export=csv").getvalue()
    assert in_tokyo == in_utc, "a file tells UTC, whoever asks"


def test_every_amount_is_told_in_the_currency_of_the_customer(cast: PortalCast) -> None:
    with acting(SETUP):
        kyoto = create_customer(
            account_id=cast.panel.account.pk, name="Kyoto", currency="JPY", daily_spend_limit_micros=9
        )
        kei = create_contact(customer_id=kyoto.pk, email="kei@kyoto.example", first_name="Kei", password=PASSWORD)
        keep(kei, PASSWORD, must_change=False)
        paid = create_payment(customer_id=kyoto.pk, amount_micros=2500 * 10**6)
        draft = draft_invoice(customer_id=kyoto.pk)
        add_invoice_line(invoice_id=draft.pk, description="Set-up", unit_price_nanos=700 * 10**9)
        issue_invoice(invoice_id=draft.pk)
    browser = visiting(kei)
    statement = browser.get("/portal/statement/")["Location"].removeprefix("/portal/").rstrip("/")
    for page in ("dashboard", "payments", f"payments/{paid.pk}", "invoices", "details", statement):
        words = words_of(browser, f"/portal/{page}/")
        assert "JPY" in words, page
        assert "EUR" not in words, page


def test_packages_tell_what_is_left_what_renews_and_what_was_charged(cast: PortalCast) -> None:
    with acting(SETUP):
        sold = {"account_id": cast.panel.account.pk, "currency": "EUR", "retail_nanos": 30 * 10**9}
        free = create_package(
            **sold, name="UK talk", kind="free_minutes", minutes=100, prefixes="44", cost_nanos=7 * 10**9
        )
        trunk = create_package(**sold, name="Trunk", setup_retail_nanos=5 * 10**9, setup_cost_nanos=123 * 10**9)
        ended = create_package(**sold, name="Old one")
        for package in (free, trunk):
            held = assign_package(customer_id=cast.panel.acme.pk, package_id=package.pk, quantity=2)
        gone = assign_package(customer_id=cast.panel.acme.pk, package_id=ended.pk)
    CustomerPackage.objects.filter(pk=gone.pk).update(next_on=None, ends_on=gone.starts_on - timedelta(days=1))
    words = words_of(visiting(cast.carla), "/portal/packages/")
    for part in ("UK talk", "100 min to 44", "3:20:00", "60.00 EUR", str(held.next_on), "Trunk, setup", "Monthly"):
        assert part in words, part
    assert words.count("Old one") == 1, "only its charge"
    assert not [secret for secret in ("123", "7.00") if secret in words]
    assert "UK talk" not in words_of(visiting(cast.dan), "/portal/packages/")


def test_what_the_customer_shows_or_hides_wins(cast: PortalCast) -> None:
    hidden = ["calls", "dashboard", "details", "invoices", "packages", "payments"]
    Customer.objects.filter(pk=cast.panel.acme.pk).update(portal_hide=hidden)
    carla = visiting(cast.carla)
    assert carla.get("/portal/")["Location"] == "/portal/contacts/"
    for name, status in (("calls", 404), ("dashboard", 404), ("details", 404), ("contacts", 200), ("security", 200)):
        assert carla.get(f"/portal/{name}/").status_code == status, name
    assert visiting(cast.dan).get("/portal/calls/").status_code == 200


def test_contacts_keep_the_contacts_of_their_customer(cast: PortalCast) -> None:
    carla = visiting(cast.carla)
    given = {
        "first_name": "Emil",
        "email": "emil@acme.example",
        "kind": "noc",
        "phone": "8 612 34567",
        "phone_country": "LT",
    }
    assert carla.post("/portal/contacts/new/", given | {"email": "carla@acme.example"}).status_code == 422
    assert carla.post("/portal/contacts/new/", given).status_code == 302
    emil = Contact.objects.get(email="emil@acme.example")
    assert (emil.customer_id, emil.kind, emil.phone) == (cast.panel.acme.pk, "noc", "+37061234567")
    assert Client().get(link_in(newest_mail("set_password"))).status_code == 200
    row = Audit.objects.get(table_name="contact", row_id=emil.pk, verb="INSERT")
    assert (row.actor, row.actor_kind, row.actor_id) == ("carla@acme.example", "contact", cast.carla.pk)
    assert row.ip == "127.0.0.1"
    change = {"first_name": "Emil", "last_name": "Berg", "kind": "billing", "version": emil.version}
    sneaked = {"email": "eve@evil.example", "allowed_networks": "192.0.2.1", "customer_id": cast.panel.baltic.pk}
    assert carla.post(f"/portal/contacts/{emil.pk}/", change | sneaked).status_code == 302
    emil.refresh_from_db()
    assert (emil.last_name, emil.email, emil.customer_id) == ("Berg", "emil@acme.example", cast.panel.acme.pk)
    assert not emil.allowed_networks
    assert carla.post(f"/portal/contacts/{emil.pk}/", change).status_code == 409, "somebody saved in between"
    assert "Emil Berg" in words_of(carla, "/portal/contacts/?q=berg")


def test_email_and_mobile_are_verified_by_a_code_of_ten_minutes_and_five_tries(cast: PortalCast) -> None:
    carla = visiting(cast.carla)
    for what, kind in (("email", "email"), ("mobile", "sms")):
        assert carla.post(f"/portal/details/{what}/send-code/").status_code == 302
        message = newest_mail(f"verify_{what}")
        found = re.search(r"\b\d{6}\b", body(message).text)
        assert found is not None
        code = found[0]
        assert (message.kind, message.secret, code in message.text) == (kind, True, False)
        assert code not in Code.objects.latest("id").secret_hash
        wrong = f"{(int(code) + 1) % 10**6:06d}"
        for _ in range(5):
            assert "does not fit" in said(carla.post(f"/portal/details/{what}/code/", {"code": wrong}, follow=True))
        assert "does not fit" in said(carla.post(f"/portal/details/{what}/code/", {"code": code}, follow=True))
        again = said(carla.post(f"/portal/details/{what}/send-code/", follow=True))
        assert "wait a minute" in again
        Code.objects.update(tries_count=4)
        assert "is verified" in said(carla.post(f"/portal/details/{what}/code/", {"code": code}, follow=True))
    cast.carla.refresh_from_db()
    assert (cast.carla.email_verified_how, cast.carla.mobile_verified_how) == ("code", "code")
    assert cast.carla.email_verified_at is not None
    assert not mail.outbox


def said(answer: object) -> str:
    """The flash messages of a page."""
    return " ".join(str(message) for message in answer.context["messages"])  # type: ignore[attr-defined]


def test_a_code_fits_only_the_address_it_was_sent_to_and_ends(cast: PortalCast) -> None:
    carla = visiting(cast.carla)
    carla.post("/portal/details/mobile/send-code/")
    found = re.search(r"\b\d{6}\b", body(newest_mail("verify_mobile")).text)
    assert found is not None
    given = {"first_name": "Carla", "kind": "general", "mobile": "+37061111111", "version": cast.carla.version}
    assert carla.post("/portal/details/", given).status_code == 302
    assert "does not fit" in said(carla.post("/portal/details/mobile/code/", {"code": found[0]}, follow=True))
    Contact.objects.filter(pk=cast.carla.pk).update(mobile=cast.carla.mobile)
    Code.objects.update(expires_at="2026-01-01T00:00Z")
    assert "does not fit" in said(carla.post("/portal/details/mobile/code/", {"code": found[0]}, follow=True))
    Code.objects.all().delete()
    for _ in range(7):
        carla.post("/portal/details/mobile/send-code/")
        Code.objects.update(created_at=F("created_at") - timedelta(minutes=2))
    assert Code.objects.count() == 5, "five within an hour"


def test_details_tell_tax_reserve_and_the_paypal_address_that_only_the_provider_changes(cast: PortalCast) -> None:
    carla, acme = visiting(cast.carla), cast.panel.acme
    words = words_of(carla, "/portal/details/")
    assert [part in words for part in ("Credit line", "Reserve", "Tax number", "PayPal address")] == [
        True, False, False, False,
    ]  # fmt: skip
    with acting(SETUP):
        vat = create_tax(account_id=acme.account_id, name="VAT of the house", rate_ppm=205_000, fixed_micros=EURO // 2)
        given = {"tax_number": "LT100001738313", "paypal_email": "pay@acme.example", "tax_treatment": "taxed"}
        update_customer(customer_id=acme.pk, debit_limit_micros=-5 * EURO, tax_ids=[vat.pk], **given)
    words = words_of(carla, "/portal/details/")
    for part in ("Reserve 5.00 EUR", "VAT 20.5 %", "and 0.50 EUR on each invoice", *list(given.values())[:2]):
        assert part in words, part
    with acting(SETUP):
        update_customer(customer_id=acme.pk, tax_treatment="exempt")
    words = words_of(carla, "/portal/details/")
    assert "20.5" not in words
    assert "Exempt" in words


def test_the_own_email_is_changed_by_whoever_knows_the_password(cast: PortalCast) -> None:
    Contact.objects.filter(pk=cast.carla.pk).update(email_verified_at="2026-01-01T00:00Z", email_verified_how="code")
    carla = visiting(cast.carla)
    given = {"email": "carla@new.example", "password": PASSWORD}
    assert carla.post("/portal/details/email/", given | {"password": "wrong"}).status_code == 422
    assert carla.post("/portal/details/email/", given).status_code == 422, "a guess makes the next wait"
    LoginDelay.objects.all().delete()
    assert carla.post("/portal/details/email/", given).status_code == 302
    cast.carla.refresh_from_db()
    assert (cast.carla.email, cast.carla.email_verified_at) == ("carla@new.example", None)
    told = set(cast.carla.messages.filter(template="email_changed").values_list("recipient", flat=True))
    assert told == {"carla@acme.example", "carla@new.example"}


def test_contacts_see_their_sessions_and_end_them(cast: PortalCast) -> None:
    here, there, third = visiting(cast.carla), visiting(cast.carla, agent="Netscape"), visiting(cast.carla)
    page = here.get("/portal/security/")
    assert "Netscape" in page.content.decode()
    other = next(session for session in page.context["sessions"] if session.agent == "Netscape")
    here.post(f"/portal/security/sessions/{other.pk}/end/")
    assert there.get("/portal/security/").status_code == 302
    assert third.get("/portal/security/").status_code == 200
    here.post("/portal/security/sessions/end-others/")
    assert third.get("/portal/security/").status_code == 302
    assert here.get("/portal/security/").status_code == 200


def test_addresses_are_kept_by_the_customer_where_the_operator_allows_it(cast: PortalCast) -> None:
    carla, kept = visiting(cast.carla), cast.panel.ip_endpoint
    given = {"network": "203.0.113.77", "name": "harbor"}
    own = words_of(carla, "/portal/endpoints/")
    assert "Your provider registers" in own
    assert "Acme Monday" in own
    assert "203.0.113.60" not in own, "where the conference server stands is the operator's"
    assert "Acme Monday" not in words_of(visiting(cast.dan), "/portal/endpoints/")
    for page in ("/portal/endpoints/new/", f"/portal/endpoints/{kept.pk}/", f"/portal/endpoints/{kept.pk}/delete/"):
        assert carla.post(page, given | {"confirmation": "198.51.100.7"}).status_code == 404, page
    Customer.objects.filter(pk=cast.panel.acme.pk).update(ip_management=True)
    for network in ("203.0.0.0/16", "192.168.1.1", "198.51.100.99", "198.51.100.7", "nonsense"):
        assert carla.post("/portal/endpoints/new/", given | {"network": network}).status_code == 422, network
    assert carla.post("/portal/endpoints/new/", given).status_code == 302
    made = Endpoint.objects.get(name="harbor")
    assert (made.customer_id, str(made.network)) == (cast.panel.acme.pk, "203.0.113.77/32")
    change = {"network": "203.0.113.78", "name": "harbor", "version": made.version, "channels": "999"}
    assert carla.post(f"/portal/endpoints/{made.pk}/", change).status_code == 302
    made.refresh_from_db()
    assert (str(made.network), made.channels) == ("203.0.113.78/32", 0), "limits are the operator's"
    row = Audit.objects.filter(table_name="endpoint", row_id=made.pk).latest("id")
    assert (row.actor, row.actor_kind) == ("carla@acme.example", "contact")
    assert carla.get(f"/portal/endpoints/{cast.panel.sip_user.pk}/").status_code == 404
    assert carla.post(f"/portal/endpoints/{made.pk}/delete/").status_code == 302
    assert Endpoint.objects.filter(pk=made.pk).exists(), "not without its name"
    Endpoint.objects.filter(pk=made.pk).update(extensions="2000")
    assert carla.get(f"/portal/endpoints/{made.pk}/").status_code == 404, "what is called there is the operator's"
    assert f"/portal/endpoints/{made.pk}/" not in carla.get("/portal/endpoints/").content.decode()
    Endpoint.objects.filter(pk=made.pk).update(extensions="")
    carla.post(f"/portal/endpoints/{made.pk}/delete/", {"confirmation": "203.0.113.78"})
    assert not Endpoint.objects.filter(pk=made.pk).exists()


def test_the_theme_is_kept(cast: PortalCast) -> None:
    carla = visiting(cast.carla)
    assert carla.post("/portal/theme/", {"theme": "dark"}).status_code == 204
    assert carla.post("/portal/theme/", {"theme": "pink"}).status_code == 422
    assert 'data-theme-choice="dark"' in carla.get("/portal/security/").content.decode()


def test_contacts_send_few_mails_to_others(cast: PortalCast) -> None:
    carla = visiting(cast.carla)

    def invite(number: int) -> int:
        given = {"first_name": "Emil", "email": f"emil{number}@acme.example", "kind": "noc"}
        return carla.post("/portal/contacts/new/", given).status_code

    assert invite(1) == 302
    emil = Contact.objects.get(email="emil1@acme.example")
    carla.post(f"/portal/contacts/{emil.pk}/send-link/")
    assert Message.objects.filter(recipient=emil.email).count() == 1, "one a minute"
    sent = Code.objects.get(contact=emil)
    for number in range(19):
        sent.pk, sent.secret_hash = None, str(number)
        sent.save()
    assert invite(2) == 422, "twenty an hour"
    Client().post("/portal/forgot/", {"email": cast.carla.email})
    assert Message.objects.filter(recipient=cast.carla.email, template="set_password").exists(), (
        "her own is another matter"
    )
    Code.objects.all().delete()
    names = (f"old{n}@acme.example" for n in range(97))
    Contact.objects.bulk_create(Contact(customer=cast.panel.acme, email=name, first_name="Old") for name in names)
    assert Contact.objects.filter(customer=cast.panel.acme).count() == 99
    assert [invite(3), invite(4)] == [302, 422], "a hundred in all"
