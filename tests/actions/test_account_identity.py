"""Claims about what identifies the account: company, email, address, numbers, and who may change which."""

import re

import pytest
from django.db.models.functions import Now

from tests.actions.test_customers import refused
from tollgate.actions.account_identity import (
    confirm_account_address,
    confirm_account_email,
    decide_change_request,
    email_waits_until,
    request_address_change,
    send_account_code,
    take_back_account_email,
    update_account_email,
    verify_account_mobile,
    verify_account_phone,
)
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import Actor, NotEditable, acting
from tollgate.actions.agreements import accept_agreement, acceptance_by, publish_agreement
from tollgate.actions.messages import body
from tollgate.actions.options import update_options
from tollgate.store.models import Account, Audit, Code, Message

VILNIUS = {"address_line1": "Gedimino 1", "city": "Vilnius", "postcode": "01103", "country": "LT"}


def test_the_fields_of_the_company_are_checked_by_their_form(account: Account) -> None:
    changed = update_account(account_id=account.pk, ocn="12ab", vat_id="lt 123456789", registration_id="304-1")
    assert (changed.ocn, changed.vat_id, changed.registration_id) == ("12AB", "LT123456789", "304-1")
    refused("ocn", update_account, account_id=account.pk, ocn="12345")
    refused("vat_id", update_account, account_id=account.pk, vat_id="LT12")
    refused("vat_id", update_account, account_id=account.pk, vat_id="123456789")
    refused("name", update_account, account_id=account.pk, name=" ")


def test_an_frn_of_an_american_account_has_ten_digits(account: Account) -> None:
    assert update_account(account_id=account.pk, frn="anything").frn == "anything"
    Account.objects.update(country="US")
    refused("frn", update_account, account_id=account.pk, frn="123456789")
    assert update_account(account_id=account.pk, frn="0001234567").frn == "0001234567"


@pytest.mark.parametrize("field", ["currency", "email", "billing_method", "city", "country", "address_line1"])
def test_what_is_not_edited_is_refused_by_its_name(account: Account, field: str) -> None:
    with pytest.raises(NotEditable) as caught:
        update_account(account_id=account.pk, name="Half saved", **{field: "x"})  # type: ignore[arg-type]  # on purpose
    assert set(caught.value.errors) == {field}
    account.refresh_from_db()
    assert account.name != "Half saved"


def test_a_new_email_holds_once_it_is_confirmed_where_it_leads(account: Account) -> None:
    Account.objects.update(email="old@demo.example")
    update_account_email(account_id=account.pk, email="new@demo.example")
    account.refresh_from_db()
    assert (account.email, account.pending_email) == ("old@demo.example", "new@demo.example")
    sent = Message.objects.get(recipient="new@demo.example")
    token = re.search(r"/confirm-email/([^/]+)/", body(sent).text)[1]  # type: ignore[index]  # the link is there
    refused("token", confirm_account_email, token="nonsense")
    assert confirm_account_email(token=token).email == "new@demo.example"
    refused("token", confirm_account_email, token=token)
    assert Message.objects.get(template="email_changed").recipient == "old@demo.example"
    refused("email", update_account_email, account_id=account.pk, email="nobody")


def test_an_email_that_waits_is_taken_back_or_lapses_with_its_link(account: Account) -> None:
    refused("account_id", take_back_account_email, account_id=account.pk)
    asked = update_account_email(account_id=account.pk, email="slip@demo.example")
    assert email_waits_until(asked) is not None
    link = re.search(r"/confirm-email/([^/]+)/", body(Message.objects.get()).text)[1]  # type: ignore[index]  # it is there
    assert take_back_account_email(account_id=account.pk).pending_email == ""
    refused("token", confirm_account_email, token=link)
    asked = update_account_email(account_id=account.pk, email="slip@demo.example")
    Code.objects.update(expires_at=Now())
    assert email_waits_until(asked) is None


def test_an_address_is_confirmed_or_asked_to_be_changed(account: Account) -> None:
    refused("account_id", confirm_account_address, account_id=account.pk)
    for country in ("XX", ""):
        refused("country", request_address_change, account_id=account.pk, **{**VILNIUS, "country": country})
    first = request_address_change(account_id=account.pk, message="moved", **VILNIUS)
    second = request_address_change(account_id=account.pk, **{**VILNIUS, "city": "Kaunas"})
    refused("request_id", decide_change_request, request_id=first.pk, approve=True)
    decide_change_request(request_id=second.pk, approve=True)
    account.refresh_from_db()
    assert (account.city, account.country) == ("Kaunas", "LT")
    assert account.address_confirmed_at is not None
    assert confirm_account_address(account_id=account.pk).address_confirmed_by
    third = request_address_change(account_id=account.pk, **VILNIUS)
    decide_change_request(request_id=third.pk, approve=False)
    account.refresh_from_db()
    assert account.city == "Kaunas"


def test_phone_and_mobile_are_verified_and_lose_it_with_the_number(account: Account) -> None:
    update_account(account_id=account.pk, phone="+37052123456", mobile="+37061234567")
    refused("reason", verify_account_phone, account_id=account.pk, reason=" ")
    assert verify_account_phone(account_id=account.pk, reason="called it").phone_verified_at is not None
    send_account_code(account_id=account.pk)
    refused("mobile", send_account_code, account_id=account.pk)
    sms = Message.objects.get(kind="sms")
    code = re.search(r"\d{6}", body(sms).text)[0]  # type: ignore[index]  # the code is there
    assert not verify_account_mobile(account_id=account.pk, code="000000" if code != "000000" else "111111")
    assert verify_account_mobile(account_id=account.pk, code=code)
    changed = update_account(account_id=account.pk, mobile="+37061234568")
    assert (changed.mobile_verified_at, changed.phone_verified_at is not None) == (None, True)


def test_five_wrong_codes_are_the_end_of_a_code(account: Account) -> None:
    update_account(account_id=account.pk, mobile="+37061234567")
    send_account_code(account_id=account.pk)
    code = re.search(r"\d{6}", body(Message.objects.get(kind="sms")).text)[0]  # type: ignore[index]  # it is there
    for number in range(5):
        assert not verify_account_mobile(account_id=account.pk, code=f"wrong{number}")
    assert not verify_account_mobile(account_id=account.pk, code=code)


def test_an_agreement_is_accepted_as_it_was_read_and_asked_anew_with_a_new_version(account: Account) -> None:
    first = publish_agreement(account_id=account.pk, title="Service agreement", text="Be kind.")
    logged = Audit.objects.get(table_name="agreement", row_id=first.pk)
    assert (logged.act, logged.account_id, logged.after["text"]) == ("publish_agreement", account.pk, "(hidden)")
    refused("sha256", accept_agreement, agreement_id=first.pk, sha256="0" * 64)
    held = accept_agreement(agreement_id=first.pk, sha256=first.sha256)
    assert accept_agreement(agreement_id=first.pk, sha256=first.sha256).pk == held.pk
    second = publish_agreement(account_id=account.pk, title="Service agreement", text="Be kinder.")
    assert second.number == 2
    refused("agreement_id", accept_agreement, agreement_id=first.pk, sha256=first.sha256)
    assert not second.acceptances.exists()


def test_whoever_gets_the_email_of_another_has_accepted_nothing(account: Account) -> None:
    version = publish_agreement(account_id=account.pk, title="Service agreement", text="Be kind.")
    asked = {"agreement_id": version.pk, "sha256": version.sha256}
    with acting(Actor("ann@demo.example", frozenset({"*"}), kind="user", id=7)):
        first = accept_agreement(**asked)
    with acting(Actor("ann@new.example", frozenset({"*"}), kind="user", id=7)):
        assert accept_agreement(**asked).pk == first.pk, "with another email she is the same"
    assert acceptance_by(version, 8) is None
    with acting(Actor("ann@demo.example", frozenset({"*"}), kind="user", id=8)):
        assert accept_agreement(**asked).pk != first.pk
    assert acceptance_by(version, 8) is not None


def test_options_are_refused_whole_when_one_cannot_be(account: Account) -> None:
    refused("block_size", update_options, account_id=account.pk, block_start=1000)
    refused("support_url", update_options, account_id=account.pk, support_url="https://")
    refused("sip_rewrites", update_options, account_id=account.pk, sip_rewrites=[{"refusal": "no", "sip": 402}])
    row = {"refusal": "credit", "sip": 200, "reason": "OK"}
    assert "400 to 699" in refused("sip_rewrites", update_options, account_id=account.pk, sip_rewrites=[row])
    rows = [{"refusal": "credit", "sip": 403, "reason": " Please top up "}]
    changed = update_options(account_id=account.pk, block_start=1000, block_size=100, sip_rewrites=rows)  # type: ignore[typeddict-item]  # rows as JSON carries them
    assert changed.sip_rewrites == [{"refusal": "credit", "sip": 403, "reason": "Please top up"}]
    assert Audit.objects.filter(table_name="account", act="update_options").exists()
