"""Claims about the ways to save a form (at once, and on to the next, later) and about the log of what was put off."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import URLPattern

from tests.panel.cast import EURO, PASSWORD, Cast
from tests.panel.conftest import logged_in
from tests.panel.test_access import addresses
from tests.panel.test_forms import as_shown, errors_of
from tollgate.actions.acts import Actor, acting
from tollgate.actions.delays import delay_save, record_model, run_due
from tollgate.actions.users import create_user, create_user_group
from tollgate.panel.delay_times import TimeUnfit, due_at
from tollgate.panel.save_modes import STAYS
from tollgate.panel.urls import urlpatterns
from tollgate.store.models import (
    Account,
    Agreement,
    Audit,
    CarrierFormat,
    Contact,
    Customer,
    DelayedSave,
    Did,
    LegalHold,
    User,
)

pytestmark = pytest.mark.django_db
BOOKED = "money and documents are booked now or not at all"
BEGUN = "it begins work, or ends something: a button of its own"
DATED = "it has a day of its own"
TOLD_ONCE = "its secret is told once, to who asks"
AS_IT_STANDS = "it is about lines as they stand now"
A_FILE = "a file is read at once"
EXCEPTIONS = {
    "draft_invoice": BOOKED, "credit_invoice": BOOKED,
    "debit_invoice": BOOKED, "refund_payment": BOOKED, "assign_payment": BOOKED, "redeem_voucher": BOOKED,
    "pay_out_payment": BOOKED, "pay_out_credit": BOOKED, "make_debit_run": BEGUN, "make_transfer_run": BEGUN,
    "return_bank_line": BOOKED, "pay_carrier": BOOKED,
    "erase_contact": BEGUN, "impersonate_contact": BEGUN, "start_circuit_test": BEGUN, "run_packages": DATED,
    "publish_revision": DATED, "publish_markup": DATED, "assign_package": DATED,
    "change_billing_method": DATED, "generate_pin": TOLD_ONCE, "set_pin": TOLD_ONCE, "open_dispute": AS_IT_STANDS,
    "answer_dispute": AS_IT_STANDS, "add_invoice_line": AS_IT_STANDS, "change_invoice_line": AS_IT_STANDS,
    "add_statement_file": A_FILE, "import_own_texts": A_FILE, "start_upload": A_FILE,
}  # fmt: skip
"""Acts whose form is not put off, each with the reason; every other form of an act may be saved later."""
DONE_WITH = {
    "top_up", "adjust", "top_up_account", "hold_for_fraud", "release_legal_hold", "release_customer", "disable_voucher",
    "end_customer_package", "request_address_change", "start_recalculation", "send_bulk_email", "send_bulk_sms",
}  # fmt: skip
"""Acts that are put off, but whose form does not stay open: it is done with when they are done."""
STAY_ALL_THE_SAME = {"add_invoice_line", "change_invoice_line", "assign_package"}
"""Those of them that are often done again at once."""
IN_2_HOURS = {"save": "delay", "delay_kind": "after", "delay_count": "2", "delay_unit": "hours"}


def edit(cast: Cast) -> str:
    """The form of Acme."""
    return f"/customers/{cast.acme.pk}/edit/"


def put_off(client: Client, cast: Cast, **changes: str) -> DelayedSave:
    """A change of Acme in two hours, by its form."""
    answer = client.post(edit(cast), as_shown(client.get(edit(cast))) | changes | IN_2_HOURS)
    assert (answer.status_code, answer["Location"]) == (302, edit(cast)), errors_of(answer)
    return DelayedSave.objects.latest("id")


def sellers(cast: Cast, name: str, **fields: object) -> User:
    """A user who may change customers and put it off, but not manage what others have put off."""
    del cast
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name=f"Group of {name}", acts=["update_customer", "delay_save"], areas=["*"])
        user = create_user(name=name, email=f"{name.lower()}@demo.example", password=PASSWORD, group_ids=[group.pk])
    User.objects.filter(pk=user.pk).update(**fields)
    return User.objects.get(pk=user.pk)


def test_only_what_was_changed_is_put_off_and_it_is_listed_above_the_form(cast: Cast, ann: Client, bob: Client) -> None:
    User.objects.filter(pk=cast.ann.pk).update(zone="Asia/Tokyo")
    saved = put_off(ann, cast, daily_spend_limit_micros="25", channels="10")
    assert saved.arguments == {"customer_id": cast.acme.pk, "daily_spend_limit_micros": 25 * EURO}
    assert abs(saved.due_at - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)
    assert Customer.objects.get(pk=cast.acme.pk).daily_spend_limit_micros is None
    page = ann.get(edit(cast)).content.decode()
    for words in ("Daily spend limit: (empty) → 25.00", "Asia/Tokyo", "Run now", "Cancel it", f"/delays/{saved.pk}/"):
        assert words in page
    readers = bob.get(edit(cast)).content.decode()
    assert "Daily spend limit: (empty) → 25.00" in readers
    assert "Run now" not in readers
    assert "Delay and save" not in readers
    answer = ann.post(f"/delays/{saved.pk}/run/", {"next": edit(cast)}, follow=True)
    assert "is saved" in answer.content.decode()
    assert Customer.objects.get(pk=cast.acme.pk).daily_spend_limit_micros == 25 * EURO
    assert "Run now" not in ann.get(edit(cast)).content.decode()


def test_what_cannot_be_saved_later_comes_back_with_words_at_once(cast: Cast, ann: Client) -> None:
    shown = as_shown(ann.get(edit(cast)))
    for typed, field, words in (
        ({"channels": "-1"}, "channels", ""),
        ({}, "__all__", "Nothing would change"),
        ({"channels": "7", "delay_count": "0"}, "__all__", "whole number"),
        ({"channels": "7", "delay_kind": "at", "delay_at": "2020-01-01T00:00"}, "__all__", "still to come"),
        ({"channels": "7", "delay_kind": "at", "delay_at": ""}, "__all__", "date and a time"),
    ):
        answer = ann.post(edit(cast), shown | IN_2_HOURS | typed)
        assert answer.status_code == 422
        assert list(errors_of(answer)) == [field]
        assert words in str(errors_of(answer))
    Customer.objects.filter(pk=cast.acme.pk).update(channels=20)
    assert ann.post(edit(cast), shown | IN_2_HOURS | {"channels": "7"}).status_code == 409
    assert not DelayedSave.objects.exists()


def test_every_form_of_a_record_offers_the_three_ways(cast: Cast, ann: Client) -> None:
    for address in (
        f"/contacts/{cast.contact.pk}/", f"/endpoints/{cast.ip_endpoint.pk}/", f"/endpoints/{cast.sip_user.pk}/",
        f"/routes/{cast.route.pk}/", f"/carriers/{cast.cirrus.pk}/edit/", f"/gateways/{cast.gateway.pk}/",
        f"/cards/{cast.customer_card.pk}/edit/", f"/edges/{cast.edge.pk}/", f"/users/{cast.bob.pk}/",
        "/options/", edit(cast), f"/dids/{Did.objects.create(account=cast.account, number='37052070001').pk}/",
    ):  # fmt: skip
        shown = ann.get(address)
        page = shown.content.decode()
        assert ('value="stay"' in page, 'value="delay"' in page) == (True, True), address
        answer = ann.post(address, as_shown(shown) | IN_2_HOURS)
        assert "Nothing would change" in str(errors_of(answer)), (address, errors_of(answer))


def test_every_form_offers_the_three_ways_or_is_named_with_the_reason(cast: Cast, ann: Client) -> None:
    ways: dict[str, set[tuple[bool, bool]]] = {}
    for name, address, view in addresses(cast):
        chosen = {"id": cast.acme.pk} if name.startswith("mailing_") else {}
        answer = ann.get(address, chosen) if getattr(view, "act", "") else None
        page = answer.content.decode() if answer is not None and not answer.streaming else ""
        if 'id="record"' in page:
            ways.setdefault(view.act, set()).add(('value="stay"' in page, 'value="delay"' in page))
    assert len(ways) > 100
    others = {act for act, shown in ways.items() if (True, True) not in shown or len(shown) > 1}
    assert others == set(EXCEPTIONS) | DONE_WITH
    for act in DONE_WITH:
        assert ways[act] == {(False, True)}, act
    for act in EXCEPTIONS:
        assert ways[act] == {(act in STAY_ALL_THE_SAME, False)}, act
    acts = {getattr(pattern.callback, "act", "") for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    unseen = {act for act in acts - set(ways) if act.startswith(STAYS) and record_model(act) is None}
    assert unseen == {"add_customer_note", "add_dispute_note"}, "a note has a button beside it"


def test_a_long_text_is_told_in_short_with_a_way_to_all_of_it(cast: Cast, ann: Client) -> None:
    text = "All calls are charged by the second. " * 80 + "The last word."
    address = "/account-settings/agreement/new/"
    assert ann.post(address, {"title": "Terms", "text": text, **IN_2_HOURS}).status_code == 302
    saved = DelayedSave.objects.latest("id")
    log = ann.get("/delays/").content.decode()
    assert "All calls are charged" in log
    assert "The last word." not in log
    page = ann.get(f"/delays/{saved.pk}/").content.decode()
    assert page.count("The last word.") == 1
    assert page.index("<summary>All calls") < page.index("The last word.")


def test_a_hold_an_agreement_and_a_carriers_files_are_put_off_like_every_record(cast: Cast, ann: Client) -> None:
    LegalHold.objects.all().delete()
    files = f"/carriers/{cast.cirrus.pk}/files/"
    forms = {
        "/legal-holds/new/": {"customer_id": "Acme", "reason": "case 9"},
        "/account-settings/agreement/new/": {"title": "Terms", "text": "Be kind."},
        files: {"strip": "00|99"},
    }
    for address, typed in forms.items():
        answer = ann.post(address, as_shown(ann.get(address)) | typed | IN_2_HOURS)
        assert (answer.status_code, answer.headers.get("Location")) == (302, address), (address, errors_of(answer))
    assert "00|99" in ann.get(files).content.decode().partition('id="record"')[0], "it is listed above the form"
    held = LegalHold.objects.filter(customer=cast.acme), Agreement.objects.filter(title="Terms")
    assert not any(rows.exists() for rows in held)
    assert run_due(datetime.now(UTC) + timedelta(hours=3)) == 3
    assert set(DelayedSave.objects.values_list("state", flat=True)) == {"done"}
    assert [rows.count() for rows in held] == [1, 1]
    assert CarrierFormat.objects.get(carrier=cast.cirrus).strip == "00|99"


def test_a_new_record_is_put_off_and_the_form_is_empty_for_the_next(cast: Cast, ann: Client) -> None:
    address = f"/customers/{cast.acme.pk}/contacts/new/"
    name = {"first_name": "Dan", "last_name": "Doe"}
    typed = {**as_shown(ann.get(address)), **name, "email": "dan@acme.example"}
    answer = ann.post(address, {**typed, "save": "stay"})
    assert (answer.status_code, answer.headers.get("Location")) == (302, address), errors_of(answer)
    answer = ann.post(address, {**typed, "email": "eve@acme.example", **IN_2_HOURS}, follow=True)
    assert "New contact" in answer.content.decode()
    assert "delay log" in answer.content.decode()
    assert not Contact.objects.filter(email="eve@acme.example").exists()
    assert run_due(datetime.now(UTC) + timedelta(hours=3)) == 1
    assert Contact.objects.filter(email="eve@acme.example", customer=cast.acme).exists()


def test_the_log_shows_ones_own_and_lets_the_due_time_be_moved(cast: Cast, ann: Client) -> None:
    dan, eve = logged_in(sellers(cast, "Dan")), logged_in(sellers(cast, "Eve", zone="Europe/Vilnius"))
    saved = put_off(eve, cast, channels="7")
    address = f"/delays/{saved.pk}/"
    assert "Acme: channels" in ann.get("/delays/").content.decode()
    assert "Acme: channels" in eve.get("/delays/?f.state=pending").content.decode()
    assert "Acme: channels" not in dan.get("/delays/").content.decode()
    for target in (address, f"{address}run/", f"{address}cancel/"):
        assert dan.post(target).status_code == 404
    assert eve.post(address, {"due_at": "2020-01-01T00:00"}).status_code == 422
    assert eve.post(address, {"due_at": "2031-07-01T12:00"}).status_code == 302
    saved.refresh_from_db()
    assert saved.due_at == datetime(2031, 7, 1, 9, tzinfo=UTC)
    assert ann.post(f"{address}cancel/").status_code == 302
    saved.refresh_from_db()
    assert saved.state == "canceled"
    assert "Change the time" not in ann.get(address).content.decode()
    verbs = Audit.objects.filter(table_name="delayed_save", row_id=saved.pk).order_by("id")
    assert [(row.actor, row.act) for row in verbs] == [
        ("eve@demo.example", "delay_save"),
        ("eve@demo.example", "update_delayed_save"),
        ("ann@demo.example", "cancel_delayed_save"),
    ]


def test_a_resellers_user_manages_only_what_concerns_the_resellers_customers(cast: Cast, ann: Client) -> None:
    put_off(ann, cast, channels="7")
    Customer.objects.filter(pk=cast.baltic.pk).update(is_reseller=True)
    mine = Customer.objects.create(account=cast.account, name="Below", number="1", currency="EUR", parent=cast.baltic)
    with acting(Actor("ann@demo.example", frozenset({"*"}), "", "user", cast.ann.pk)):
        in_a_day = datetime.now(UTC) + timedelta(days=1)
        delay_save(act="update_customer", arguments={"customer_id": mine.pk, "channels": 1}, due_at=in_a_day)
    dan = sellers(cast, "Dan", reseller_id=cast.baltic.pk)
    group = dan.groups.get()
    group.acts = [*group.acts, "cancel_delayed_save"]
    group.save()
    page = logged_in(dan).get("/delays/").content.decode()
    assert ("Below: channels" in page, "Acme: channels" in page) == (True, False)


def test_an_account_may_ask_for_a_reason_with_every_save(cast: Cast, ann: Client) -> None:
    Account.objects.update(audit_comment=True)
    shown = as_shown(ann.get(edit(cast))) | {"channels": "7"}
    assert 'name="reason"' in ann.get(edit(cast)).content.decode()
    refused = ann.post(edit(cast), shown)
    assert refused.status_code == 422
    assert "Say why" in refused.content.decode()
    assert ann.post(edit(cast), shown | {"reason": " "}).status_code == 422
    assert ann.post(edit(cast), shown | {"reason": "asked by phone"}).status_code == 302
    row = Audit.objects.filter(table_name="customer", row_id=cast.acme.pk).latest("id")
    assert (row.reason, row.ip) == ("asked by phone", "127.0.0.1")
    ann.post(f"/endpoints/{cast.sip_user.pk}/delete/", {"confirmation": "acme-carla"})
    assert "acme-carla" in ann.get(f"/customers/{cast.acme.pk}/auth/").content.decode()
    ann.post(f"/endpoints/{cast.sip_user.pk}/delete/", {"confirmation": "acme-carla", "reason": "left"})
    assert Audit.objects.get(table_name="endpoint", verb="DELETE").reason == "left"
    saved = put_off(ann, cast, channels="9", reason="from tomorrow on")
    run_due(saved.due_at)
    assert Audit.objects.filter(table_name="customer", reason="from tomorrow on").count() == 1


def test_a_moment_is_read_by_the_clock_of_its_zone() -> None:
    at = datetime(2031, 3, 29, 12, tzinfo=UTC)
    picked = {"delay_kind": "at", "delay_at": "2031-03-30T04:30"}
    assert due_at(picked, zone="Europe/Vilnius", at=at) == datetime(2031, 3, 30, 1, 30, tzinfo=UTC)
    with pytest.raises(TimeUnfit, match="skips this hour"):
        due_at({**picked, "delay_at": "2031-03-30T03:30"}, zone="Europe/Vilnius", at=at)
    for count in ("", "0", "-1", "1.5", "²", "100000"):
        with pytest.raises(TimeUnfit):
            due_at({"delay_count": count, "delay_unit": "days"}, zone="UTC", at=at)
