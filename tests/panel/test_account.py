"""Claims about the page of the account: its blocks, what each lets one do, and what it shows of the balance."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tests.panel.cast import EURO, PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions import account_billing, packages
from tollgate.actions.account_billing import charge_account_days, set_account_tariff, top_up_account, wallet_of
from tollgate.actions.account_identity import update_account_email
from tollgate.actions.account_pause import WORDS
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import Actor, acting
from tollgate.actions.agreements import publish_agreement
from tollgate.actions.customer_status import set_customer_status
from tollgate.actions.packages import create_account_package, update_account_package
from tollgate.actions.users import create_user, create_user_group
from tollgate.panel import account_packages
from tollgate.store.models import (
    Account,
    AccountCharge,
    AccountPackage,
    AgreementAcceptance,
    Audit,
    ChargingProcess,
    Code,
    User,
    Wallet,
)

pytestmark = pytest.mark.django_db
PAGE = "/account-settings/"


def done(act: object, **arguments: object) -> None:
    """An act by somebody who may do every one."""
    with acting(Actor("setup", frozenset({"*"}))):
        act(**arguments)  # type: ignore[operator]  # each is an act


def test_the_page_shows_five_blocks_and_leads_to_what_belongs_to_it(cast: Cast, ann: Client, bob: Client) -> None:
    page = ann.get(PAGE).content.decode()
    for title in ("Company", "General", "Mail", "SMS", "Packages", "Service agreement", "Address"):
        assert f'<h2 class="card-title">{title}</h2>' in page
    for name in ("me", "users", "groups", "messages", "templates", "account_statement"):
        assert reverse(f"panel:{name}") in page
    assert "Edit" not in bob.get(PAGE).content.decode().partition("<main")[2]


def test_what_cannot_be_changed_here_leads_to_support_with_a_ticket_begun(cast: Cast, ann: Client) -> None:
    page = " ".join(ann.get(PAGE).content.decode().split())
    assert "What cannot be changed here is changed by support. How it is reached is set in" in page
    Account.objects.update(
        support_email="help@platform.example", support_url="https://help.example/", support_phone="+37052123456"
    )
    page = ann.get(PAGE).content.decode()
    begun = f"Account%3A%20Demo%20Telecom%20%28number%20{cast.account.pk}%29%0AWritten%20by%3A%20ann%40demo.example"
    assert f"mailto:help@platform.example?subject=Account%20Demo%20Telecom&amp;body={begun}" in page
    assert 'href="https://help.example/"' in page
    assert 'href="tel:+37052123456"' in page


def test_the_page_tells_how_far_each_charging_process_obeys_the_last_change(cast: Cast, ann: Client) -> None:
    now = datetime.now(UTC)
    done(update_account, account_id=cast.account.pk, channels=77)
    newest = Audit.objects.filter(table_name="account").latest("id").pk
    for name, change_id, seen_at in (
        ("one:1", newest, now),
        ("two:2", newest - 1, now),
        ("three:3", newest, now - timedelta(minutes=2)),
    ):
        ChargingProcess.objects.create(name=name, change_id=change_id, obeyed_at=now, seen_at=seen_at)
    found = {process.name: process.state for process in ann.get(PAGE).context["obeyed"].processes}
    assert found == {"one:1": "Obeys it", "two:2": "Behind", "three:3": "Silent"}
    done(set_customer_status, customer_id=cast.acme.pk, status="inactive", reason="It moves")
    facts = f"/customers/{cast.acme.pk}/"
    assert len(ann.get(facts).context["obeyed"].late) == 3
    later = Audit.objects.filter(table_name="customer").latest("id").pk
    ChargingProcess.objects.update(change_id=later, seen_at=now)
    assert "Obeyed everywhere" in ann.get(facts).content.decode()


def test_a_block_is_saved_by_itself_and_asks_when_another_was_first(cast: Cast, ann: Client) -> None:
    address = reverse("panel:account_block", args=["contact"])
    form = {"phone": "+37052123456", "mobile": "", "version": Account.objects.get().version}
    assert ann.post(address, form).status_code == 302
    assert ann.post(address, {**form, "phone": "+37052123457"}).status_code == 409
    assert Account.objects.get().phone == "+37052123456"
    row = Audit.objects.filter(table_name="account", act="update_account").latest("id")
    assert (row.before["phone"], row.after["phone"]) == ("", "+37052123456")  # type: ignore[index]  # it has both


def test_the_balance_is_that_of_the_ledger_with_its_currency(cast: Cast, ann: Client) -> None:
    done(top_up_account, account_id=cast.account.pk, amount_micros=5 * EURO)
    assert '<span class="num">5.00 <span class="unit">EUR</span></span>' in ann.get(PAGE).content.decode()
    Wallet.objects.filter(pk=wallet_of(cast.account).pk).update(balance_micros=-EURO)
    red = '<span class="num below-zero">-1.00 <span class="unit">EUR</span></span>'
    assert red in ann.get(PAGE).content.decode(), "below zero it is red"


def test_the_billing_method_asks_with_both_tariffs_and_is_locked_after(cast: Cast, ann: Client) -> None:
    done(
        set_account_tariff,
        account_id=cast.account.pk,
        minute_price_nanos=300_000,
        channel_day_price_nanos=1_250_000_000,
    )
    address = reverse("panel:account_method")
    asked = ann.get(address).content.decode()
    assert "0.0003" in asked
    assert "1.25" in asked
    assert "next one is possible at" in asked
    assert ann.post(address, {}).status_code == 302
    page = ann.get(PAGE).content.decode()
    assert "Locked until" in page
    assert "from tomorrow (UTC) per channel" in page
    assert ann.post(address, {"reason": ""}).status_code == 422, "who may pass over the lock says why"
    assert ann.post(address, {"reason": "asked by the board"}).status_code == 302


def test_who_may_not_pass_over_the_lock_finds_its_button_shut_until_the_30_days_are_over(cast: Cast) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Finance", acts=["change_billing_method"], areas=["account"])
        fay = create_user(name="Fay", email="fay@demo.example", password=PASSWORD, group_ids=[group.pk])
    browser, address = logged_in(fay), reverse("panel:account_method")
    assert browser.post(address, {}).status_code == 302
    page = " ".join(browser.get(PAGE).content.decode().split())
    assert '<button class="btn" type="button" disabled>Change the method</button>' in page
    assert re.search(r"Locked until \S+ \S+ UTC, in 4\sweeks", page), "how long it is still locked"
    assert address not in page
    assert browser.post(address, {"reason": "because"}).status_code == 403
    Account.objects.update(billing_locked_at=datetime.now(UTC) - timedelta(days=30, minutes=5))
    assert address in browser.get(PAGE).content.decode()
    assert browser.post(address, {}).status_code == 302
    assert Account.objects.get().billing_method == "per_minute"


def test_recording_asks_with_its_price_and_tells_of_the_second_gate(cast: Cast, ann: Client) -> None:
    address = reverse("panel:account_recording")
    asked = ann.get(address).content.decode()
    assert "0.0003 EUR" in asked
    assert "ingress route (Media)" in asked
    ann.post(address)
    assert Account.objects.get().recording
    page = ann.get(PAGE).content.decode()
    assert "Call recording" in page
    assert "Disable call recording" in page


def test_taking_recording_away_asks_about_calls_being_recorded(
    cast: Cast, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = reverse("panel:account_recording")
    ann.post(address)
    assert "being recorded now" not in ann.get(address).content.decode()
    for module in (packages, account_packages):
        monkeypatch.setattr(module, "being_recorded_count", lambda account: 2)
    page = ann.get(address).content.decode()
    assert "Calls being recorded now: 2" in page
    assert 'value="end"' in page
    assert ann.post(address).url == address, "the question comes again"
    assert Account.objects.get().recording
    ann.post(address, {"recorded_calls": "end"})
    assert not Account.objects.get().recording


def test_the_notice_of_a_low_balance_is_set_on_the_account_page(cast: Cast, ann: Client) -> None:
    assert "No notice when it is low" in ann.get(PAGE).content.decode()
    address = reverse("panel:account_block", args=["balance"])
    form = ann.get(address).content.decode()
    assert "Low balance notice" in form
    version = Account.objects.get().version
    ann.post(address, {"low_balance_micros": "20", "version": version})
    assert Account.objects.get().low_balance_micros == 20_000_000
    page = " ".join(re.sub(r"<[^>]+>", " ", ann.get(PAGE).content.decode()).split())
    assert "Users are told below 20.00" in page
    assert "Nobody is told yet" in page
    User.objects.filter(pk=cast.ann.pk).update(email_verified_at=datetime.now(UTC))
    assert "Nobody is told yet" not in ann.get(PAGE).content.decode()


def test_packages_tell_their_price_and_what_they_come_to_today_and_this_month(cast: Cast, ann: Client) -> None:
    done(
        create_account_package,
        account_id=cast.account.pk,
        name="NOC",
        description="Eyes on the network",
        unit="desks",
        price_nanos=2_500_000_000,
        quantity=2,
    )
    held = AccountPackage.objects.get()
    AccountCharge.objects.create(
        account=cast.account, on=held.starts_on, package=held, what="NOC", used=3, unit="desks",
        price_nanos=held.price_nanos, amount_micros=7_500_000, currency="EUR",
    )  # fmt: skip
    page = ann.get(PAGE).content.decode()
    row = [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in page.partition(">NOC<")[2].split("</td>")[:7]]
    assert row == [
        "/a> Eyes on the network", "2.5 EUR, per unit and day", "2 (desks)", "2 desks", "5.00 EUR", "5 desks",
        "12.50 EUR",
    ]  # fmt: skip


def test_a_day_that_is_over_counts_before_it_is_charged_and_a_change_holds_from_tomorrow(
    cast: Cast, ann: Client
) -> None:
    done(create_account_package, account_id=cast.account.pk, name="NOC", unit="desks", price_nanos=10**9, quantity=2)
    held = AccountPackage.objects.get()
    today = held.starts_on
    days = min(3, today.day)
    AccountPackage.objects.update(starts_on=today - timedelta(days=2))
    AccountCharge.objects.create(
        account=cast.account, on=today - timedelta(days=days), what="per_minute", used=0, unit="seconds",
        price_nanos=0, amount_micros=0, currency="EUR",
    )  # fmt: skip
    done(update_account_package, package_id=held.pk, quantity=5)
    context = ann.get(PAGE).context
    line = context["packages"][0]
    assert (line["today"], line["month"], line["month_micros"]) == (2, 2 * days, 2 * days * EURO)
    page = " ".join(ann.get(PAGE).content.decode().split())
    assert "From tomorrow (UTC): 5 (desks), 1 EUR, per unit and day" in page
    assert "up to yesterday" not in page


def test_the_statement_adds_up_charges_and_top_ups_to_the_balance(cast: Cast, ann: Client) -> None:
    done(top_up_account, account_id=cast.account.pk, amount_micros=50 * EURO)
    done(create_account_package, account_id=cast.account.pk, name="NOC", unit="desks", price_nanos=10**9, quantity=2)
    today = AccountPackage.objects.get().starts_on
    first = today - timedelta(days=2)
    AccountPackage.objects.update(starts_on=first)
    Account.objects.update(created_at=datetime(first.year, first.month, first.day, tzinfo=UTC), channels=3)
    Account.objects.update(channel_day_price_nanos=10**9, billing_method="per_channel")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(account_billing, "AFTER", timedelta(0))
        done(charge_account_days, account_id=cast.account.pk)
    rows = ann.get(reverse("panel:account_statement")).context["grid"].rows
    assert [(day.on, day.charged_micros, day.paid_micros, day.balance_micros) for day in rows] == [
        (today, 0, 50 * EURO, 40 * EURO),
        (today - timedelta(days=1), 5 * EURO, 0, -10 * EURO),
        (first, 5 * EURO, 0, -5 * EURO),
    ]
    assert (rows[1].channels, rows[1].channel_micros, rows[1].package_micros) == (3, 3 * EURO, 2 * EURO)
    assert rows[0].balance_micros == wallet_of(cast.account).balance_micros
    page = ann.get(reverse("panel:account_statement")).content.decode()
    found = re.search(rf'href="([^"]+f\.on={first}[^"]*)"', page)
    assert found is not None
    charges = ann.get(found[1]).context["grid"].rows
    assert {(charge.on, charge.what) for charge in charges} == {(first, "NOC"), (first, "per_channel")}


def test_an_email_that_waits_is_taken_back_by_a_button(cast: Cast, ann: Client, bob: Client) -> None:
    done(update_account_email, account_id=cast.account.pk, email="slip@demo.example")
    assert "slip@demo.example waits to be confirmed until" in " ".join(ann.get(PAGE).content.decode().split())
    back = reverse("panel:account_email_back")
    assert back not in bob.get(PAGE).content.decode()
    assert bob.post(back).status_code == 403
    Code.objects.update(expires_at=datetime.now(UTC))
    assert "slip@demo.example was not confirmed" in " ".join(ann.get(PAGE).content.decode().split())
    ann.post(back)
    assert Account.objects.get().pending_email == ""
    assert "slip@demo.example" not in ann.get(PAGE).content.decode()


def test_recording_goes_on_at_the_price_of_its_package(cast: Cast, ann: Client) -> None:
    address = reverse("panel:account_recording")
    ann.post(address)
    AccountPackage.objects.update(price_nanos=700_000)
    ann.post(address)
    assert "0.0007 EUR" in ann.get(address).content.decode()


def test_an_agreement_is_read_before_it_is_accepted(cast: Cast, ann: Client, bob: Client) -> None:
    assert "Service agreement to accept" not in ann.get("/").content.decode()
    done(publish_agreement, account_id=cast.account.pk, title="Service agreement", text="Be kind.")
    assert "Service agreement to accept" in ann.get("/").content.decode()
    assert "Service agreement to accept" not in bob.get("/").content.decode(), "he may not accept it"
    assert "Read and accept" in ann.get(PAGE).content.decode()
    text = ann.get(reverse("panel:agreement", args=[1])).content.decode()
    assert "Be kind." in text
    sha256 = text.partition('name="sha256" value="')[2][:64]
    ann.post(reverse("panel:agreement_accept", args=[1]), {"sha256": sha256})
    held = AgreementAcceptance.objects.get()
    assert (held.by, held.user_id, held.ip) == ("ann@demo.example", cast.ann.pk, "127.0.0.1")
    assert "Service agreement to accept" not in ann.get("/").content.decode()
    assert "Accepted" in ann.get(PAGE).content.decode()


def test_a_paused_account_shows_balance_and_billing_alone(cast: Cast, ann: Client) -> None:
    Account.objects.update(status="paused")
    page = ann.get(PAGE).content.decode()
    assert "Account balance" in page
    assert 'card-title">Packages' not in page
    assert "Silence allowed" not in page


def test_a_paused_account_takes_from_its_forms_nothing_but_its_status(cast: Cast, ann: Client) -> None:
    Account.objects.update(status="paused")
    company, calls = (reverse("panel:account_block", args=[block]) for block in ("company", "calls"))
    shown = ann.get(company)
    assert WORDS in shown.content.decode()
    assert "Save" not in shown.content.decode().partition("<main")[2]
    typed = {name: shown.context["form"][name].value() for name in shown.context["form"].fields}
    answer = ann.post(company, {**typed, "company": "Half saved"})
    assert (answer.status_code, WORDS in answer.content.decode()) == (422, True)
    assert ann.post(reverse("panel:account_email"), {"email": "new@demo.example"}).status_code == 422
    form = ann.get(calls).context["form"]
    assert set(form.fields) == {"status", "version"}
    again = {"status": "active", "version": form["version"].value(), "channels": "9"}
    assert ann.post(calls, again).status_code == 302
    account = Account.objects.get()
    assert (account.status, account.channels, account.company) == ("active", cast.account.channels, "")


def test_options_are_typed_as_people_write_them(cast: Cast, ann: Client) -> None:
    shown = ann.get("/options/").context["form"]
    given = {name: value for name in shown.fields if (value := shown[name].value()) not in (None, "", [])}
    given = {name: value for name, value in given.items() if value is not False}
    wrong = ann.post("/options/", {**given, "sip_rewrites": "credit 402"})
    assert "Line 1" in wrong.content.decode()
    answer = ann.post("/options/", {**given, "sip_rewrites": "credit: 402 Please top up", "number_digits_count": "8",
                                     "two_person_payments": "on", "payment_description": "Demo top-up"})  # fmt: skip
    assert answer.status_code == 302
    account = Account.objects.get()
    assert account.sip_rewrites == [{"refusal": "credit", "sip": 402, "reason": "Please top up"}]
    assert account.number_digits_count == 8
    assert (account.two_person_payments, account.payment_description) == (True, "Demo top-up")
