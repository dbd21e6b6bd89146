"""Claims about changing what is put off by the form of its record, for every such form."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from django.forms import BooleanField, ChoiceField, TypedChoiceField
from django.test import Client

from tests.panel.cast import EURO, PASSWORD, Cast
from tests.panel.conftest import logged_in
from tests.panel.test_access import addresses
from tests.panel.test_delays import IN_2_HOURS, edit, put_off, sellers
from tests.panel.test_forms import as_shown, errors_of
from tollgate.actions.acts import Actor, acting
from tollgate.actions.delay_values import SECRET_ARGUMENTS, read
from tollgate.actions.delays import record_model, run_due
from tollgate.actions.mail_settings import update_mail_settings
from tollgate.panel.delay_forms import form_of
from tollgate.store.models import Account, Audit, Customer, DelayedSave, Endpoint, LegalHold, MailSettings, Task, User
from tollgate.store.secrets import unseal

pytestmark = pytest.mark.django_db


def page_of(saved: DelayedSave) -> str:
    """Where what it writes is changed."""
    return f"/delays/{saved.pk}/edit/"


def changed(client: Client, saved: DelayedSave, **typed: str) -> Any:
    """What answers to typing this into the form that it opens in."""
    return client.post(page_of(saved), opened(client.get(page_of(saved))) | typed)


def opened(page: Any) -> dict[str, Any]:
    """What a browser would send back of the form as it opened."""
    return as_shown(page) | {"save": "delay", "delay_version": page.context["saving"].editing.version}


def test_the_form_opens_with_what_would_be_written_and_saves_nothing_else(cast: Cast, ann: Client) -> None:
    saved = put_off(ann, cast, daily_spend_limit_micros="25", channels="11", note="Call them")
    Customer.objects.filter(pk=cast.acme.pk).update(cps_milli=7000)
    shown = as_shown(ann.get(page_of(saved)))
    told = ("daily_spend_limit_micros", "channels", "cps_milli", "note")
    assert [str(shown[name]) for name in told] == ["25.00", "11", "7", "Call them"]
    answer = changed(ann, saved, channels="12", daily_spend_limit_micros="", company="Acme Ltd")
    assert (answer.status_code, answer.headers.get("Location")) == (302, f"/delays/{saved.pk}/"), errors_of(answer)
    saved.refresh_from_db()
    expected = {"customer_id": cast.acme.pk, "channels": 12, "company": "Acme Ltd", "note": "Call them"}
    assert saved.arguments == expected
    assert set(saved.before) == {"channels", "company"}
    acme = Customer.objects.get(pk=cast.acme.pk)
    assert (acme.company, acme.channels == 12, acme.notes.filter(text="Call them").exists()) == ("", False, False)
    row = Audit.objects.filter(table_name="delayed_save", row_id=saved.pk).latest("id")
    assert (row.act, row.actor) == ("update_delayed_save", "ann@demo.example")
    assert (row.before["after"]["channels"], row.after["after"]["channels"]) == (11, 12)
    assert run_due(saved.due_at) == 1
    assert Customer.objects.get(pk=cast.acme.pk).channels == 12


def test_every_form_of_a_record_shows_what_would_be_written(cast: Cast, ann: Client) -> None:
    """One field of each form is put off; its form then opens with that, and all else as it was."""
    seen_acts = set()
    for _, address, view in addresses(cast):
        act = getattr(view, "act", "")
        if not act.startswith(("update_", "change_", "describe_", "set_", "extend_")) or record_model(act) is None:
            continue
        page = ann.get(address)
        if page.status_code != 200 or 'value="delay"' not in page.content.decode():
            continue
        shown = as_shown(page)
        for name, typed in variants(page, shown):
            if ann.post(address, {**shown, **IN_2_HOURS, name: typed}).status_code == 302:
                break
        else:
            continue
        saved = DelayedSave.objects.latest("id")
        answer = ann.get(page_of(saved))
        assert answer.status_code == 200, (act, address, answer.headers.get("Location"))
        seen = as_shown(answer)
        wrong = {one: (seen.get(one), value) for one, value in shown.items() if str(seen.get(one)) != str(value)}
        assert {**shown, name: typed}.keys() - seen.keys() <= {name}, (act, address)
        assert set(wrong) <= {name}, (act, address, name, wrong)
        assert str(seen.get(name, "")) != str(shown.get(name, "")), (act, address, name)
        seen_acts.add(act)
        answer = changed(ann, saved)
        assert answer.status_code == 302, (act, errors_of(answer))
        again = DelayedSave.objects.get(pk=saved.pk)
        assert (again.before, again.after) == (saved.before, saved.after), act
        plain = [
            {name: row.arguments[name] for name in row.arguments.keys() - SECRET_ARGUMENTS} for row in (saved, again)
        ]
        assert plain[0] == plain[1], act
    print(sorted(seen_acts))
    assert len(seen_acts) > 30, sorted(seen_acts)


def variants(page: Any, shown: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Other values for the fields of a form, until one fits."""
    for bound in page.context["form"].visible_fields():
        now = shown.get(bound.name, "")
        if isinstance(bound.field, BooleanField):
            yield bound.name, "" if now else "on"
        elif isinstance(bound.field, ChoiceField):
            others = ((bound.name, value) for value, _ in bound.field.choices if value and str(value) != str(now))
            yield from islice(others, 2)
        elif isinstance(now, (str, int)):
            yield from ((bound.name, value) for value in (f"{now}x", f"{now}1", "2031-01-01", "other@demo.example"))


def test_what_others_have_changed_is_told_and_written_over_only_by_who_ticks_that(cast: Cast, ann: Client) -> None:
    saved = put_off(ann, cast, channels="7", daily_spend_limit_micros="25")
    Customer.objects.filter(pk=cast.acme.pk).update(daily_spend_limit_micros=9 * EURO)
    words = "Daily spend limit is 9.00 now, it was (empty) when this was saved."
    assert words in ann.get(f"/delays/{saved.pk}/").content.decode()
    page = ann.get(page_of(saved))
    assert words in page.content.decode()
    assert ann.post(page_of(saved), opened(page) | {"channels": "8"}).status_code == 302
    saved.refresh_from_db()
    assert saved.before == {"channels": cast.acme.channels, "daily_spend_limit_micros": None}
    page = ann.get(page_of(saved))
    tick = {"over_present": page.context["saving"].editing.seen}
    Customer.objects.filter(pk=cast.acme.pk).update(daily_spend_limit_micros=8 * EURO)
    late = ann.post(page_of(saved), opened(page) | tick)
    assert (late.status_code, "look at it, and tick again" in str(errors_of(late))) == (422, True)
    page = ann.get(page_of(saved))
    tick = {"over_present": page.context["saving"].editing.seen}
    assert ann.post(page_of(saved), opened(page) | tick).status_code == 302
    saved.refresh_from_db()
    assert saved.before["daily_spend_limit_micros"] == 8 * EURO


def test_of_two_editors_the_second_is_told_and_may_decide(cast: Cast, ann: Client) -> None:
    saved = put_off(ann, cast, channels="7")
    first, second = (opened(ann.get(page_of(saved))) for _ in range(2))
    assert ann.post(page_of(saved), first | {"channels": "8"}).status_code == 302
    answer = ann.post(page_of(saved), second | {"channels": "9"})
    assert answer.status_code == 422
    assert "Somebody else has changed what is put off" in str(errors_of(answer))
    assert answer.context["saving"].editing.version == "2"
    assert ann.post(page_of(saved), second | {"channels": "9", "delay_version": "2"}).status_code == 302
    saved.refresh_from_db()
    assert saved.arguments["channels"] == 9


def test_what_waits_no_longer_is_not_changed(cast: Cast, ann: Client) -> None:
    saved = put_off(ann, cast, channels="7")
    shown = opened(ann.get(page_of(saved)))
    run_due(saved.due_at)
    answer = ann.post(page_of(saved), shown | {"channels": "8"}, follow=True)
    assert "It waits no longer: it is done." in answer.content.decode()
    assert "Edit the change" not in answer.content.decode()
    assert Customer.objects.get(pk=cast.acme.pk).channels == 7


def test_others_change_it_by_right_and_in_their_own_name(cast: Cast, ann: Client) -> None:
    eve, dan = logged_in(sellers(cast, "Eve")), sellers(cast, "Dan")
    saved = put_off(eve, cast, channels="7")
    assert "Edit" in eve.get(edit(cast)).content.decode()
    assert logged_in(dan).get(page_of(saved)).status_code == 404
    group = dan.groups.get()
    group.acts = ["update_delayed_save", "delay_save"]
    group.save()
    refused = logged_in(dan).get(page_of(saved), follow=True)
    assert "There is no form in which you may change it" in refused.content.decode()
    page = ann.get(page_of(saved))
    assert "when you save, it is done in your name" in page.content.decode()
    assert ann.post(page_of(saved), opened(page) | {"channels": "8"}).status_code == 302
    saved.refresh_from_db()
    assert saved.author == "ann@demo.example"


def test_a_new_record_is_changed_in_its_form_and_its_password_is_kept_unseen(cast: Cast, ann: Client) -> None:
    address = f"/customers/{cast.acme.pk}/endpoints/new-sip-user/"
    typed = as_shown(ann.get(address)) | {"username": "acme-dan", "password": PASSWORD}
    assert ann.post(address, typed | IN_2_HOURS).status_code == 302
    saved = DelayedSave.objects.latest("id")
    page = ann.get(page_of(saved))
    assert (as_shown(page)["username"], PASSWORD in page.content.decode()) == ("acme-dan", False)
    wrong = ann.post(page_of(saved), opened(page) | {"username": ""})
    assert (wrong.status_code, PASSWORD in wrong.content.decode()) == (422, False)
    assert changed(ann, saved, username="acme-eve").status_code == 302
    assert run_due(saved.due_at) == 1
    made = Endpoint.objects.get(username="acme-eve")
    at_once = as_shown(ann.get(address)) | {"username": "acme-eve", "password": PASSWORD}
    Endpoint.objects.filter(pk=made.pk).update(username="acme-old")
    assert ann.post(address, at_once).status_code == 302
    assert Endpoint.objects.get(username="acme-eve").ha1 == made.ha1


def test_a_secret_that_somebody_else_put_off_is_typed_anew_and_ones_own_for_another_server(
    cast: Cast, ann: Client
) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        settings = update_mail_settings(
            mail_settings_id=MailSettings.objects.get(domain=None).pk,
            server="mail.example.com",
            username="ann",
            password=PASSWORD,
        )
    group = cast.bob.groups.get()
    group.acts = ["*"]
    group.save()
    bob, address = logged_in(cast.bob), f"/mail-settings/{settings.pk}/"
    assert ann.post(address, as_shown(ann.get(address)) | {"password": "Ann's own"} | IN_2_HOURS).status_code == 302
    saved = DelayedSave.objects.latest("id")
    assert changed(ann, saved, from_name="Demo").status_code == 302
    for who, typed in ((ann, {"server": "evil.example"}), (bob, {"server": "evil.example"}), (bob, {"from_name": "B"})):
        answer = changed(who, saved, **typed)
        assert (answer.status_code, set(errors_of(answer))) == (422, {"password"}), typed
        assert "Ann's own" not in answer.content.decode()
    saved.refresh_from_db()
    assert (read(saved.arguments)["password"], saved.author_id) == ("Ann's own", cast.ann.pk)
    assert changed(bob, saved, server="mx.example.com", password="Bob's own").status_code == 302
    assert run_due(saved.due_at) == 1
    settings.refresh_from_db()
    assert (settings.host, unseal(settings.password_sealed)) == ("mx.example.com", "Bob's own")


def test_the_block_of_the_account_opens_that_the_change_is_of(cast: Cast, ann: Client) -> None:
    User.objects.update(email_verified_at=datetime.now(UTC))
    Account.objects.update(phone="+37052123456", phone_verified_at=datetime.now(UTC))
    for block, typed in (("contact", {"phone": "+37052123457"}), ("balance", {"low_balance_micros": "20"})):
        Account.objects.update(low_balance_noticed_at=datetime.now(UTC))
        address = f"/account-settings/block/{block}/"
        assert ann.post(address, as_shown(ann.get(address)) | typed | IN_2_HOURS).status_code == 302
        saved = DelayedSave.objects.latest("id")
        assert form_of(saved) == address
        assert typed.keys() <= as_shown(ann.get(page_of(saved))).keys()


def test_new_records_of_every_kind_open_in_their_form_as_they_were_typed(cast: Cast, ann: Client) -> None:
    acme = cast.acme.pk
    new: dict[str, dict[str, Any]] = {
        "/customers/new/": {"name": "Ford", "channels": "7", "company": "Ford Ltd"},
        f"/customers/{acme}/contacts/new/": {"first_name": "Dan", "last_name": "Doe", "email": "dan@acme.example"},
        f"/customers/{acme}/endpoints/new-ip/": {"network": "203.0.113.77"},
        "/tags/new/": {"name": "Gold"},
        "/cards/new-customer/": {"name": "Gold"},
        "/carriers/new/": {"name": "Delta"},
        "/exchange-rates/new/": {"base": "EUR", "quote": "USD", "on": "2031-05-02", "rate_nanos": "1.1"},
        "/legal-holds/new/": {"customer_id": "Acme", "reason": "case 9"},
        f"/customers/{acme}/top-up/": {"amount_micros": "12.50", "note": "goodwill"},
        f"/customers/{acme}/adjust/": {"amount_micros": "-2.50", "note": "wrong price"},
        "/account-settings/top-up/": {"amount_micros": "5.00"},
        "/account-settings/address/": {"address_line1": "Main street 1", "country": "LV", "city": "Riga"},
        "/recalculations/new/": {"from_at": "2024-01-01T00:00:00", "until_at": "2024-01-02T00:00:00", "reason": "why"},
        f"/mailings/sms/?id={acme}": {"text": "Hello"},
        f"/mailings/email/?id={acme}": {"subject": "News", "text": "Hello"},
        "/accounting/codes/": {"customers": "1200"},
    }  # fmt: skip
    LegalHold.objects.all().delete()
    for address, typed in new.items():
        before = DelayedSave.objects.count()
        sent = first_choices(ann.get(address)) | typed | ({"id": acme} if "mailings" in address else {})
        answer = ann.post(address, sent | IN_2_HOURS)
        assert (answer.status_code, DelayedSave.objects.count()) == (302, before + 1), (address, errors_of(answer))
        saved = DelayedSave.objects.latest("id")
        page = ann.get(page_of(saved))
        assert page.status_code == 200, (address, saved.act, page.headers.get("Location"))
        seen = as_shown(page)
        assert {name: as_text(seen.get(name)) for name in typed} == typed, address
        assert changed(ann, saved).status_code == 302, address
        again = DelayedSave.objects.get(pk=saved.pk)
        drawn = {"number": saved.after.get("number")}  # a new customer's
        assert again.after | drawn == saved.after | drawn, address
        assert read(again.arguments) == read(saved.arguments), address


def first_choices(page: Any) -> dict[str, Any]:
    """What a browser would send of a form that nobody touched: of a list without an empty line its first one."""
    fields = page.context["form"].fields.items()
    lists = {name: field.choices[0][0] for name, field in fields if type(field) in (ChoiceField, TypedChoiceField)}
    return lists | as_shown(page)


def as_text(value: Any) -> str:
    """A value as it is typed."""
    return f"{value:%Y-%m-%dT%H:%M:%S}" if isinstance(value, datetime) else str(value)


def test_what_ends_a_state_is_put_off_like_a_change_and_done_once(cast: Cast, ann: Client) -> None:
    LegalHold.objects.all().delete()
    hold = LegalHold.objects.create(customer=cast.baltic, reason="case 7", placed_by="Ann")
    Customer.objects.filter(pk=cast.baltic.pk).update(parked_at=datetime.now(UTC), parked_reason="does not add up")
    forms = {
        f"/legal-holds/{hold.pk}/release/": {"reason": "closed"},
        f"/customers/{cast.acme.pk}/fraud/": {"reason": "odd traffic"},
        f"/customers/{cast.baltic.pk}/release/": {"reason": "looked at"},
    }
    for address, typed in forms.items():
        answer = ann.post(address, as_shown(ann.get(address)) | typed | IN_2_HOURS)
        assert answer.status_code == 302, (address, errors_of(answer))
        page = ann.get(page_of(DelayedSave.objects.latest("id")))
        assert {name: as_shown(page).get(name) for name in typed} == typed, address
    hold.refresh_from_db()
    assert hold.released_at is None
    at = datetime.now(UTC) + timedelta(hours=3)
    assert (run_due(at), run_due(at)) == (3, 0)
    ended = {saved.act: (saved.state, saved.result) for saved in DelayedSave.objects.all()}
    assert set(ended.values()) == {("done", "")}, ended
    hold.refresh_from_db()
    acme, baltic = Customer.objects.get(pk=cast.acme.pk), Customer.objects.get(pk=cast.baltic.pk)
    assert (hold.released_by, acme.status, baltic.parked_at) == ("ann@demo.example", "penalty", None)


def test_mail_to_many_goes_out_at_its_time_once_with_its_rights_of_then(cast: Cast, ann: Client) -> None:
    address = f"/mailings/email/?id={cast.acme.pk}"
    typed = {"id": cast.acme.pk, "subject": "News", "text": "Hello"}
    for _ in range(2):
        answer = ann.post(address, as_shown(ann.get(address)) | typed | IN_2_HOURS)
        assert (answer.status_code, answer["Location"]) == (302, "/customers/")
    assert not Task.objects.filter(kind="send").exists()
    first, second = DelayedSave.objects.order_by("id")
    run_due(first.due_at)
    task = Task.objects.get(kind="send")
    assert (task.author, task.act, task.total_count) == ("ann@demo.example", "send_bulk_email", 1)
    User.objects.filter(pk=cast.ann.pk).update(is_active=False)
    run_due(second.due_at)
    second.refresh_from_db()
    assert (second.state, Task.objects.filter(kind="send").count()) == ("refused", 1)
