"""Claims about the fields of a customer: what is kept, what is refused, and what one field says about another."""

from datetime import timedelta
from typing import Any

import pytest

from tests.actions.cast import ANN, EURO, acme, sold_by
from tests.actions.test_customers import refused
from tollgate.actions.accounts import create_account
from tollgate.actions.acts import Actor, Done, Invalid, NotPermitted, acting
from tollgate.actions.clis import add_verified_cli, remove_verified_cli
from tollgate.actions.contacts import create_contact
from tollgate.actions.customer_checks import CHECKS
from tollgate.actions.customer_notes import add_customer_note, delete_customer_note
from tollgate.actions.customer_status import (
    approve_customer,
    end_customer_blocks,
    extend_customer,
    notify_expiring_customers,
    reject_customer,
    set_customer_status,
)
from tollgate.actions.customer_successor import NOT_COPIED, create_successor_customer
from tollgate.actions.customers import create_customer, delete_customer, update_customer
from tollgate.actions.holds import impose
from tollgate.actions.localizations import create_localization, delete_localization, update_localization
from tollgate.actions.options import update_options
from tollgate.actions.portal_domains import (
    SECTIONS,
    create_portal_domain,
    delete_portal_domain,
    shown_sections,
    update_portal_domain,
)
from tollgate.actions.records import now
from tollgate.actions.routes import create_tag_route, delete_ingress_route
from tollgate.actions.tags import create_tag, delete_tag
from tollgate.core.holds import Hold
from tollgate.core.notices import NOTICES
from tollgate.store.models import (
    Account,
    Audit,
    Customer,
    CustomerHold,
    Message,
    PortalDomain,
    User,
    VatCheck,
    Wallet,
)

DAY = timedelta(days=1)
VARS = "[headers]\nremove_regex = '^X-'"
DOT = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="  # <svg/>


def test_every_field_is_kept_as_it_was_given(account: Account) -> None:
    tag = create_tag(account_id=account.pk, name="Wholesale", color="blue")
    domain = create_portal_domain(account_id=account.pk, host="Portal.Example.com", brand="Blue")
    local = create_localization(account_id=account.pk, name="Lithuania", originate_cld="00/*, 0/370")
    given = {
        "company": "Acme UAB", "reference": "PO 7", "accounting_id": "A-7", "phone": "+37061234567",
        "website": "https://acme.example/", "address_line1": "Gedimino 1", "city": "Vilnius", "state": "Vilnius",
        "postcode": "LT-01103", "country": "LT", "zone": "Europe/Vilnius", "domain_id": domain.pk,
        "portal_show": ["clis"], "portal_hide": ["calls"], "tag_ids": [tag.pk], "vars_toml": VARS,
        "pai_mode": "required", "first_reply_s": 4, "pdd_s": 6, "ring_s": 45, "rtp_firewall": "unlocked",
        "recording_retention_days": 30, "attestation": "A", "approved_clis_only": True, "local_calls": False,
        "local_price_nanos": 5_000_000, "local_increment_s": 6, "loss_making_calls": "warn", "ip_management": True,
        "localization_id": local.pk, "number": "370612345",
    }  # fmt: skip
    customer = acme(account, **given)
    assert {name: getattr(customer, name) for name in given} == given
    changed = update_customer(customer_id=customer.pk, tag_ids=[], accounting_id="", ring_s=None)
    assert (changed.tag_ids, changed.accounting_id, changed.ring_s) == ([], None, None)
    assert Audit.objects.filter(table_name="customer_tag", verb="DELETE", actor="Ann").exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("number", "12a4", "4 to 20 digits"),
        ("accounting_id", "taken", "Another customer"),
        ("phone", "12", "E.164"),
        ("website", "ftp://acme.example", "https://"),
        ("website", "https://", "https://"),
        ("country", "XX", "ISO 3166"),
        ("zone", "Mars/Olympus", "IANA"),
        ("vars_toml", "[a]\nb = 1\nb = 2", "Line 3"),
        ("vars_toml", "a = " + '"' + "x" * 10_001 + '"', "at most 10000"),
        ("pai_mode", "maybe", "Choose one"),
        ("rtp_firewall", "ajar", "Choose one"),
        ("cli_pool", "maybe", "Choose one"),
        ("non_cli_card_id", 99, "customer card"),
        ("attestation", "D", "Choose one"),
        ("first_reply_s", 0, "from 1 to 120"),
        ("pdd_s", 121, "from 1 to 120"),
        ("ring_s", 601, "from 1 to 600"),
        ("recording_retention_days", 0, "from 1"),
        ("local_price_nanos", -1, "from 0"),
        ("local_increment_s", 0, "from 1"),
        ("portal_show", ["secrets"], "do not exist"),
        ("tag_ids", [99], "tags"),
        ("domain_id", 99, "portal domains"),
        ("localization_id", 99, "localizations"),
        ("account_manager_id", 99, "active user"),
    ],
)
def test_a_field_that_cannot_be_is_named(account: Account, field: str, value: object, words: str) -> None:
    create_customer(account_id=account.pk, name="First", currency="EUR", accounting_id="taken")
    customer = acme(account)
    assert words in refused(field, update_customer, customer_id=customer.pk, **{field: value})


def test_a_postcode_is_checked_by_the_country_it_will_stand_with(account: Account) -> None:
    customer = acme(account, country="LT", postcode="01103")
    assert "LT" in refused("postcode", update_customer, customer_id=customer.pk, postcode="SW1A 1AA")
    assert "9999 AA" in refused("postcode", update_customer, customer_id=customer.pk, country="NL")
    changed = update_customer(customer_id=customer.pk, country="GB", postcode="SW1A 1AA")
    assert (changed.country, changed.postcode) == ("GB", "SW1A 1AA")


def test_a_variable_that_nothing_obeys_is_told(account: Account, done: Done) -> None:
    acme(account, vars_toml='[cli]\npersist = 600\n[schedule]\nweek = "9-21"\nnight = 1')
    assert [words.split(" is ")[0] for words in done.warnings] == ["Variables: schedule.night"]


def test_losses_are_named_by_a_word_and_yes_and_no_are_two_of_them(account: Account) -> None:
    customer = acme(account)
    assert customer.loss_making_calls == "allow"
    for given, kept in (("warn", "warn"), (False, "refuse"), ("yes", "allow"), ("no", "refuse"), (True, "allow")):
        assert update_customer(customer_id=customer.pk, loss_making_calls=given).loss_making_calls == kept
    refused("loss_making_calls", update_customer, customer_id=customer.pk, loss_making_calls="maybe")


def test_a_reference_belongs_to_one_customer_where_the_options_say_so(account: Account) -> None:
    new: dict[str, Any] = {"account_id": account.pk, "currency": "EUR"}
    first, second = acme(account, reference="PO 7"), create_customer(**new, name="Second", reference="PO 7")
    words = refused("unique_references", update_options, account_id=account.pk, unique_references=True)
    assert "PO 7" in words
    update_customer(customer_id=second.pk, reference="PO 8")
    update_options(account_id=account.pk, unique_references=True)
    assert "Another customer" in refused("reference", update_customer, customer_id=second.pk, reference="PO 7")
    refused("reference", create_customer, **new, name="Third", reference="PO 8")
    assert update_customer(customer_id=first.pk, reference="PO 7", city="Vilnius").reference == "PO 7"
    create_customer(**new, name="Without one"), create_customer(**new, name="Without one, too")
    update_options(account_id=account.pk, unique_references=False)
    assert create_customer(**new, name="Third", reference="PO 8").reference == "PO 8"


def test_records_of_another_account_cannot_be_named(account: Account) -> None:
    other = create_account(name="Other", currency="EUR")
    theirs = create_tag(account_id=other.pk, name="Theirs")
    domain = create_portal_domain(account_id=other.pk, host="portal.other.example", brand="Other")
    customer = acme(account)
    refused("tag_ids", update_customer, customer_id=customer.pk, tag_ids=[theirs.pk])
    refused("domain_id", update_customer, customer_id=customer.pk, domain_id=domain.pk)


def test_the_account_says_how_long_a_number_is(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(number_digits_count=6)
    assert len(acme(account).number) == 6


def test_a_status_is_given_with_its_reason_and_ends_by_itself(account: Account) -> None:
    customer = acme(account)
    until = now() + DAY
    blocked = set_customer_status(customer_id=customer.pk, status="penalty", reason="overdue", until=until)
    assert (blocked.status, blocked.status_reason, blocked.status_until) == ("penalty", "overdue", until)
    last = Audit.objects.filter(table_name="customer", row_id=customer.pk).latest("id")
    assert (last.act, last.reason) == ("set_customer_status", "overdue")
    assert end_customer_blocks() == 0
    Customer.objects.filter(pk=customer.pk).update(status_until=now() - DAY)
    assert end_customer_blocks() == 1
    customer.refresh_from_db()
    assert (customer.status, customer.status_reason, customer.status_until) == ("active", "", None)


def test_a_status_loses_the_reason_of_the_one_before(account: Account) -> None:
    customer = acme(account)
    set_customer_status(customer_id=customer.pk, status="inactive", reason="holidays", until=now() + DAY)
    changed = update_customer(customer_id=customer.pk, status="active")
    assert (changed.status_reason, changed.status_until) == ("", None)
    until, owes = now() + DAY, "Invoice 12 is overdue."
    blocked = set_customer_status(customer_id=customer.pk, status="penalty", reason=owes, until=until)
    as_shown: dict[str, Any] = {"reason": blocked.status_reason, "until": until.replace(microsecond=0)}
    changed = set_customer_status(customer_id=customer.pk, status="inactive", **as_shown)
    assert changed.status_reason == owes, "of a block it is the form's to say"
    changed = set_customer_status(customer_id=customer.pk, status="active", **as_shown)
    assert (changed.status_reason, changed.status_until) == ("", None), "a form that shows them brings them back"
    assert Audit.objects.filter(row_id=customer.pk, table_name="customer").latest("id").reason != owes
    paid = set_customer_status(customer_id=customer.pk, status="active", reason="It was paid.")
    assert paid.status_reason == "It was paid."


def test_only_a_block_ends_by_itself_and_only_later(account: Account) -> None:
    customer = acme(account)
    soon = now() + DAY
    refused("status_until", update_customer, customer_id=customer.pk, status="active", status_until=soon)
    refused("status_until", update_customer, customer_id=customer.pk, status="penalty", status_until=now() - DAY)
    refused("until", set_customer_status, customer_id=customer.pk, status="penalty", until="soon")


def test_who_waits_for_approval_is_approved_or_rejected_once(account: Account) -> None:
    for act, words, status, reason in (
        (approve_customer, {}, "active", ""),
        (reject_customer, {"reason": "no papers"}, "inactive", "no papers"),
    ):
        customer = create_customer(account_id=account.pk, name=status, currency="EUR", status="pending")
        done = act(customer_id=customer.pk, **words)  # type: ignore[operator]
        assert (done.status, done.status_reason) == (status, reason)
        assert "does not wait" in refused("customer_id", act, customer_id=customer.pk, **words)
    waiting = create_customer(account_id=account.pk, name="waiting", currency="EUR", status="pending")
    refused("reason", reject_customer, customer_id=waiting.pk, reason=" ")


def test_an_extension_moves_the_end_whatever_sets_it(account: Account) -> None:
    at = now()
    customer = acme(account, expires_at=at + DAY, valid_days=3)
    Wallet.objects.filter(kind="customer", owner_id=customer.pk).update(first_used_at=at - 2 * DAY)
    refused("until", extend_customer, customer_id=customer.pk, until=at + DAY / 2)
    refused("until", extend_customer, customer_id=customer.pk, until=at - DAY)
    extended = extend_customer(customer_id=customer.pk, until=at + 10 * DAY + timedelta(hours=1))
    assert (extended.expires_at, extended.valid_days) == (at + 10 * DAY + timedelta(hours=1), 13)


def test_the_end_is_announced_once_to_every_contact(account: Account) -> None:
    at = now()
    customer = acme(account, expires_at=at + 3 * DAY)
    far = create_customer(account_id=account.pk, name="Far", currency="EUR", expires_at=at + 30 * DAY)
    for who, email in ((customer, "carla@acme.example"), (customer, "ann@acme.example"), (far, "dan@far.example")):
        create_contact(customer_id=who.pk, email=email, first_name="Carla")
    assert (notify_expiring_customers(), notify_expiring_customers()) == (1, 0)
    sent = Message.objects.filter(template="expiry_notice").values_list("recipient", flat=True)
    assert sorted(sent) == ["ann@acme.example", "carla@acme.example"]
    extend_customer(customer_id=customer.pk, until=at + 5 * DAY)
    assert notify_expiring_customers() == 1, "another end is another notice"


def test_days_count_from_creation_where_the_account_says_so(account: Account) -> None:
    acme(account, valid_days=2)
    assert notify_expiring_customers() == 0, "nobody has called yet"
    Account.objects.filter(pk=account.pk).update(valid_from_creation=True)
    assert notify_expiring_customers() == 1


def test_another_reseller_holds_from_the_next_call_on(account: Account, done: Done) -> None:
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    customer = acme(account)
    update_customer(customer_id=customer.pk, parent_id=nordic.pk)
    assert any("Past calls keep" in words for words in done.warnings)
    assert Wallet.objects.get(kind="customer", owner_id=customer.pk).depth == 2


def test_a_successor_has_the_settings_and_none_of_the_money(account: Account, done: Done) -> None:
    tag = create_tag(account_id=account.pk, name="Wholesale")
    before = acme(
        account, channels=7, debit_limit_micros=5 * EURO, accounting_id="A-7", tag_ids=[tag.pk], company="Acme UAB"
    )
    refused("currency", create_successor_customer, customer_id=before.pk, name="Acme 2", currency="EUR")
    after = create_successor_customer(customer_id=before.pk, name="Acme USD", currency="USD")
    assert (after.currency, after.channels, after.company, after.tag_ids) == ("USD", 7, "Acme UAB", [tag.pk])
    assert (after.debit_limit_micros, after.accounting_id) == (0, None)
    assert after.number != before.number
    assert Wallet.objects.get(kind="customer", owner_id=after.pk).balance_micros == 0
    assert before.number in after.notes.get().text
    assert after.number in before.notes.get().text
    assert any("limits in USD" in words for words in done.warnings)


def test_a_successor_is_not_held_for_what_the_old_customer_has_done(account: Account, done: Done) -> None:
    customer = acme(account)
    hold = Hold(status="penalty", reason="Too many", until_at=now() + timedelta(hours=3))
    assert impose(customer.pk, cause="alert:1", hold=hold, at=now())
    after = create_successor_customer(customer_id=customer.pk, name="Acme USD", currency="USD")
    assert (after.status, after.status_reason, after.status_until) == ("active", "", None)
    assert CustomerHold.objects.filter(customer=after).count() == 0
    assert any("Acme is penalty, its successor is active" in words for words in done.warnings)


def test_a_successor_leaves_the_reference_with_whom_it_belongs_to(account: Account) -> None:
    update_options(account_id=account.pk, unique_references=True)
    customer = acme(account, reference="PO 7")
    after = create_successor_customer(customer_id=customer.pk, name="Acme USD", currency="USD")
    assert (after.reference, Customer.objects.get(pk=customer.pk).reference) == ("", "PO 7")


def test_the_tax_number_of_a_successor_is_asked_for(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(country="DE", vat_id="DE123456789")
    customer = acme(account, country="LT", tax_number="LT100001738313")
    after = create_successor_customer(customer_id=customer.pk, name="Acme USD", currency="USD")
    assert VatCheck.objects.get(customer=after).number == "LT100001738313"


def test_every_field_is_copied_to_a_successor_or_belongs_to_one_customer_only(account: Account) -> None:
    assert CHECKS.keys() > NOT_COPIED
    sam = User.objects.create(email="sam@demo.example", name="Sam")
    customer = acme(account, account_manager_id=sam.pk, hours_hang_up=True, vars_toml=VARS)
    successor = {"customer_id": customer.pk, "currency": "USD"}
    after = create_successor_customer(**successor, name="Acme USD")
    copied = CHECKS.keys() - NOT_COPIED
    assert {name: getattr(after, name) for name in copied} == {name: getattr(customer, name) for name in copied}
    User.objects.update(is_active=False)
    assert create_successor_customer(**successor, name="Acme 3").account_manager_id is None


@pytest.mark.parametrize("unknown", ["invoice.lost", "debit.announced", "anything"])
def test_only_notices_that_can_be_left_out_are_opted_out_of(account: Account, unknown: str) -> None:
    customer = acme(account, notification_opt_outs=["invoice.due"])
    words = refused("notification_opt_outs", update_customer, customer_id=customer.pk, notification_opt_outs=[unknown])
    assert "invoice.due" in words
    everything = [event for event, notice in NOTICES.items() if not notice.always]
    changed = update_customer(customer_id=customer.pk, notification_opt_outs=everything)
    assert changed.notification_opt_outs == everything


def test_a_note_has_its_author_and_its_time_and_the_log_keeps_it(account: Account) -> None:
    customer = acme(account)
    note = add_customer_note(customer_id=customer.pk, text="Calls back on Monday")
    assert (note.author, note.at) == ("Ann", note.at)
    refused("text", add_customer_note, customer_id=customer.pk, text="  ")
    delete_customer_note(note_id=note.pk)
    assert Audit.objects.get(table_name="customer_note", verb="DELETE").before["text"] == "Calls back on Monday"  # type: ignore[index]


def test_a_cli_carries_the_customers_attestation_unless_told(account: Account) -> None:
    customer = acme(account, attestation="B")
    cli = add_verified_cli(customer_id=customer.pk, number="+370 612 34567")
    assert (cli.number, cli.attestation, cli.method, cli.verified_by) == ("37061234567", "B", "operator", "Ann")
    assert add_verified_cli(customer_id=customer.pk, number="37061234568", attestation="A").attestation == "A"
    assert "already" in refused("number", add_verified_cli, customer_id=customer.pk, number="37061234567")
    refused("number", add_verified_cli, customer_id=customer.pk, number="nobody")
    remove_verified_cli(cli_id=cli.pk)
    assert customer.verified_clis.count() == 1


def test_what_customers_use_is_not_removed(account: Account) -> None:
    tag = create_tag(account_id=account.pk, name="Wholesale")
    domain = create_portal_domain(account_id=account.pk, host="portal.example.com", brand="Blue")
    local = create_localization(account_id=account.pk, name="Lithuania")
    customer = acme(account, tag_ids=[tag.pk], domain_id=domain.pk, localization_id=local.pk)
    refused("tag_id", delete_tag, tag_id=tag.pk)
    refused("domain_id", delete_portal_domain, domain_id=domain.pk)
    refused("localization_id", delete_localization, localization_id=local.pk)
    update_customer(customer_id=customer.pk, tag_ids=[], domain_id=None, localization_id=None)
    route = create_tag_route(tag_id=tag.pk, name="World", card_id=sold_by(account).pk)
    assert "Ingress routes" in refused("tag_id", delete_tag, tag_id=tag.pk)
    delete_ingress_route(ingress_route_id=route.pk)
    delete_tag(tag_id=tag.pk)
    delete_portal_domain(domain_id=domain.pk)
    delete_localization(localization_id=local.pk)


def test_a_localization_names_the_pair_that_cannot_be_read(account: Account) -> None:
    local = create_localization(account_id=account.pk, name="Lithuania")
    words = refused("terminate_cld", update_localization, localization_id=local.pk, terminate_cld="0/370, 12")
    assert "Pair 2" in words


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "192.0.2.1"),
        ("host", "nodots"),
        ("host", "https://a.example"),
        ("color", "blue"),
        ("logo", "not base64!"),
        ("logo", "R0lGODlh"),
        ("sections", ["secrets"]),
        ("support_url", "javascript:alert(1)"),
        ("support_email", "x"),
    ],
)
def test_a_portal_domain_takes_only_what_is_safe_to_show(account: Account, field: str, value: object) -> None:
    domain = create_portal_domain(account_id=account.pk, host="portal.example.com", brand="Blue")
    refused(field, update_portal_domain, domain_id=domain.pk, **{field: value})


def test_a_portal_domain_keeps_its_brand_and_its_logo(account: Account) -> None:
    domain = create_portal_domain(account_id=account.pk, host="Portal.Example.com", brand="Blue", logo=DOT)
    assert (domain.host, domain.sections, domain.logo_type) == ("portal.example.com", list(SECTIONS), "image/svg+xml")
    assert "host" in _errors(account, "portal.example.com")
    kept = update_portal_domain(domain_id=domain.pk, color="#1F6FEB", logo=None)
    assert (kept.logo, kept.logo_type, kept.color) == (None, "", "#1F6FEB")


def _errors(account: Account, host: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        create_portal_domain(account_id=account.pk, host=host, brand="Again")
    return list(caught.value.errors)


def test_a_customers_own_word_wins_over_its_domain() -> None:
    domain = PortalDomain(sections=["dashboard", "calls"])
    assert shown_sections(domain, show=["clis"], hide=["calls"]) == ["dashboard", "clis"]
    assert shown_sections(None, show=[], hide=["calls"]) == [name for name in SECTIONS if name != "calls"]


def test_each_act_has_a_permission_of_its_own(account: Account) -> None:
    customer = acme(account)
    with acting(Actor("Bob", frozenset({"set_customer_status"}))):
        assert set_customer_status(customer_id=customer.pk, status="inactive").status == "inactive"
        with pytest.raises(NotPermitted):
            extend_customer(customer_id=customer.pk, until=now() + DAY)
    with acting(ANN):
        delete_customer(customer_id=customer.pk)
        refused("customer_id", add_verified_cli, customer_id=customer.pk, number="37061234567")
