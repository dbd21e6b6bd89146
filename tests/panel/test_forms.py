"""Claims about forms: what is saved, what is refused with words at its field, and that nothing is half-saved."""

from typing import Any

import pytest
from django.test import Client

from tests.panel.cast import EURO, PASSWORD, Cast
from tollgate.panel.customer_forms import CustomerForm, NewCustomerForm
from tollgate.store.models import (
    Audit,
    Card,
    Carrier,
    Contact,
    Customer,
    Did,
    Edge,
    Endpoint,
    Entry,
    Gateway,
    IngressRoute,
    Revision,
    RouteOption,
    User,
    UserGroup,
    Wallet,
)

pytestmark = pytest.mark.django_db
CUSTOMER = {
    "name": "Ford", "currency": "EUR", "status": "active", "channels": "5", "cps_milli": "2.5",
    "max_duration_s": "1:00:00", "debit_limit_micros": "-3.50", "daily_spend_limit_micros": "", "hours": "",
    "pai_mode": "default", "rtp_firewall": "locked", "attestation": "C", "local_price_nanos": "0",
    "cli_selection": "first", "local_increment_s": "60", "billing_type": "prepaid", "invoice_schedule": "none",
    "billing_day": "1", "payment_terms_days": "14", "overdue_grace_days": "0", "overdue_action": "remind",
    "tax_treatment": "auto", "loss_making_calls": "allow", "cli_pool": "disabled",
}  # fmt: skip


def errors_of(answer: Any) -> dict[str, list[str]]:
    """The words at each field of the form that came back."""
    return dict(answer.context["form"].errors)


def everything() -> tuple[int, ...]:
    """How many rows there are of everything a form can make."""
    models = (
        Customer, Contact, Endpoint, IngressRoute, RouteOption, Carrier, Gateway, Card, Revision, Edge, User, UserGroup,
        Entry, Audit,
    )  # fmt: skip
    return tuple(model.objects.count() for model in models)


def test_a_new_customer_has_exactly_what_was_typed(cast: Cast, ann: Client) -> None:
    answer = ann.post("/customers/new/", CUSTOMER)
    ford = Customer.objects.get(name="Ford")
    assert answer.status_code == 302
    assert answer["Location"] == f"/customers/{ford.pk}/"
    assert (ford.channels, ford.cps_milli, ford.max_duration_s) == (5, 2500, 3600)
    assert (ford.debit_limit_micros, ford.daily_spend_limit_micros) == (-3_500_000, None)
    assert Audit.objects.filter(table_name="customer", row_id=ford.pk, actor="ann@demo.example").exists()


@pytest.mark.parametrize(
    ("page", "field", "text"),
    [
        ("/customers/new/", "name", ""),
        ("/customers/new/", "name", "Acme"),
        ("/customers/new/", "currency", "XXX"),
        ("/customers/new/", "channels", "-1"),
        ("/customers/new/", "cps_milli", "1.0005"),
        ("/customers/new/", "debit_limit_micros", "1,50"),
        ("/customers/new/", "debit_limit_micros", "1e5"),
        ("/customers/new/", "daily_spend_limit_micros", "-1"),
        ("/customers/new/", "max_duration_s", "0"),
        ("/customers/new/", "expires_at", "soon"),
        ("/customers/new/", "valid_days", "0"),
        ("/customers/new/", "hours", '{"zone": "Nowhere/At_All"}'),
        ("/customers/{acme}/contacts/new/", "email", "carla@acme.example"),
        ("/customers/{acme}/contacts/new/", "mobile", "12"),
        ("/customers/{acme}/endpoints/new-ip/", "network", "198.51.100.300"),
        ("/customers/{acme}/endpoints/new-ip/", "network", "198.51.100.7"),
        ("/customers/{acme}/endpoints/new-sip-user/", "username", "acme-carla"),
        ("/customers/{acme}/endpoints/new-sip-user/", "password", "short"),
        ("/customers/{acme}/endpoints/new-sip-user/", "channels", "11"),
        ("/customers/{acme}/endpoints/new-sip-user/", "allowed_networks", "192.0.2.1\n192.0.2.1/24"),
        ("/customers/{acme}/routes/new/", "card_id", ""),
        ("/customers/{acme}/routes/new/", "dial_patterns", "44\n^("),
        ("/customers/{acme}/routes/new/", "capped_price_nanos", "-1"),
        ("/customers/{acme}/top-up/", "amount_micros", "0"),
        ("/customers/{acme}/top-up/", "amount_micros", "-5"),
        ("/customers/{acme}/top-up/", "amount_micros", "10.005"),
        ("/customers/{acme}/adjust/", "amount_micros", "0"),
        ("/customers/{acme}/adjust/", "note", ""),
        ("/carriers/new/", "name", "Cirrus"),
        ("/carriers/new/", "pdd_s", "0"),
        ("/carriers/{cirrus}/gateways/new/", "host", "sip:203.0.113.5"),
        ("/carriers/{cirrus}/gateways/new/", "port", "70000"),
        ("/cards/new-carrier/", "carrier_id", ""),
        ("/cards/new-customer/", "precision", "7"),
        ("/users/new/", "email", "ANN@demo.example"),
        ("/users/new/", "password", "short"),
        ("/groups/new/", "name", "Operators"),
        ("/groups/new/", "acts", "rule_the_world"),
        ("/edges/new/", "name", "kam1"),
        ("/edges/new/", "rpc_url", "10.0.0.5"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_saved(cast: Cast, ann: Client, page: str, field: str, text: str) -> None:
    address = page.format(acme=cast.acme.pk, cirrus=cast.cirrus.pk)
    good = good_input(cast, address)
    before = everything()
    answer = ann.post(address, {**good, field: text})
    assert answer.status_code == 422, answer
    assert set(errors_of(answer)) == {field}
    assert everything() == before
    assert ann.post(address, good).status_code == 302, "the rest of the input was good"
    assert everything() != before


def good_input(cast: Cast, address: str) -> dict[str, Any]:
    """Input that the form of this page accepts."""
    name = address.rstrip("/").rsplit("/", 1)[-1]
    limits = {"channels": "0", "cps_milli": "0"}
    if "gateways" in address:
        return {
            "name": "east", "host": "203.0.113.6", "port": "5060", "transport": "udp", "weight": "100",
            "strip_digits": "0", **limits,
        }  # fmt: skip
    if "routes" in address:
        return {
            "name": "Europe", "card_id": "Retail", "strategy": "lcr", "media": "proxy",
            "recording": "inherit", "enabled": "on", f"options-{cast.carrier_card.pk}-used": "on", **limits,
        }  # fmt: skip
    if "contacts" in address:
        return {"first_name": "Dan", "email": "dan@acme.example", "kind": "general", "invite": "on"}
    if "carriers" in address:
        return {
            "name": "Delta", "currency": "EUR", "status": "active", "first_reply_s": "3", "pdd_s": "5", "ring_s": "60",
            "pai_mode": "default", **limits,
        }  # fmt: skip
    card = {
        "name": "Second", "currency": "EUR", "precision": "4", "method": "up", "duration_method": "up",
        "increments": "initial_then_increment",
    }  # fmt: skip
    known: dict[str, dict[str, Any]] = {
        "new-ip": {"network": "192.0.2.0/24", **limits},
        "new-sip-user": {"username": "dan", "password": PASSWORD, "realm": "tollgate.local", **limits},
        "top-up": {"amount_micros": "5", "key": "k1"},
        "adjust": {"amount_micros": "5", "note": "why not", "key": "k1"},
        "new-carrier": {**card, "carrier_id": cast.cirrus.pk},
        "new-customer": card,
        "customers": CUSTOMER,
        "users": {"name": "Dan", "email": "dan@demo.example", "password": PASSWORD, "zone": "Europe/Vilnius"},
        "groups": {"name": "Sellers", "acts": ["create_customer", "top_up"], "areas": ["customers"]},
        "edges": {"name": "kam2", "kind": "plain"},
    }
    return known[name] if name in known else known[address.split("/")[1]]


def test_a_customer_needs_a_name_and_a_currency_and_its_tabs_are_those_of_the_trade(cast: Cast, ann: Client) -> None:
    page = ann.get("/customers/new/")
    form = page.context["form"]
    assert {name for name, field in form.fields.items() if field.required} == {"name", "currency"}
    of_the_trade = ["Basic", "Config", "Timeout", "Address", "Verification", "Notes", "Day/Time"]
    assert [tab.title for tab in form.sheets()][:7] == of_the_trade
    assert page.content.decode().count('class="required"') == 2
    empty = {**CUSTOMER, "channels": "", "cps_milli": "", "max_duration_s": "", "status": "", "local_increment_s": ""}
    assert ann.post("/customers/new/", {**empty, "note": "Asked for a trial"}).status_code == 302
    ford = Customer.objects.get(name="Ford")
    assert (ford.channels, ford.max_duration_s, ford.status, ford.local_increment_s) == (0, 3600, "active", 60)
    edit = f"/customers/{ford.pk}/edit/"
    sent = {**as_shown(ann.get(edit)), "note": "Trial until May"}
    assert ann.post(edit, sent).status_code == 302
    assert [(note.author, note.text) for note in ford.notes.order_by("id")] == [
        ("ann@demo.example", "Asked for a trial"), ("ann@demo.example", "Trial until May"),
    ]  # fmt: skip
    assert "Asked for a trial" in ann.get(edit).content.decode()


def test_a_record_saved_meanwhile_shows_both_values_and_asks(cast: Cast, ann: Client) -> None:
    address = f"/customers/{cast.acme.pk}/edit/"
    opened = {**CUSTOMER, "name": "Acme", "number": cast.acme.number, "version": cast.acme.version}
    assert ann.post(address, {**opened, "channels": "20"}).status_code == 302
    answer = ann.post(address, {**opened, "channels": "30"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Changed meanwhile" in page
    assert "<td>20</td><td>30</td>" in page.replace("\n", "")
    assert [found.title for found in answer.context["form"].differences] == ["Channels"], "and nothing that is the same"
    assert Customer.objects.get(pk=cast.acme.pk).channels == 20
    again = {**opened, "channels": "30", "version": answer.context["form"]["version"].value()}
    assert ann.post(address, again).status_code == 302
    assert Customer.objects.get(pk=cast.acme.pk).channels == 30


def test_a_customer_is_edited_by_the_form_it_was_made_with() -> None:
    assert issubclass(NewCustomerForm, CustomerForm)
    assert set(NewCustomerForm.base_fields) == set(CustomerForm.base_fields) | {"currency"}, "which never changes"


def test_saving_a_form_untouched_changes_nothing(cast: Cast, ann: Client) -> None:
    for address in (
        f"/customers/{cast.acme.pk}/edit/", f"/contacts/{cast.contact.pk}/", f"/endpoints/{cast.ip_endpoint.pk}/",
        f"/endpoints/{cast.sip_user.pk}/", f"/routes/{cast.route.pk}/", f"/carriers/{cast.cirrus.pk}/edit/",
        f"/gateways/{cast.gateway.pk}/", f"/cards/{cast.customer_card.pk}/edit/", f"/edges/{cast.edge.pk}/",
        f"/users/{cast.bob.pk}/", f"/groups/{cast.group.pk}/", "/account-settings/block/company/",
        "/account-settings/block/calls/", "/options/",
        f"/dids/{Did.objects.create(account=cast.account, number='37052070001').pk}/",
    ):  # fmt: skip
        before = everything()
        shown = as_shown(ann.get(address))
        answer = ann.post(address, shown)
        assert answer.status_code == 302, (address, errors_of(answer))
        assert everything() == before, address


def as_shown(answer: Any) -> dict[str, Any]:
    """What a browser would send back of a form that nobody touched."""
    sent: dict[str, Any] = {}
    for bound in answer.context["form"]:
        value = bound.field.prepare_value(bound.value())
        if bound.name == "options":
            for row in value:
                for part in ("position", "weight"):
                    sent[f"options-{row['card_id']}-{part}"] = row[part]
                if row["excluded"]:
                    sent[f"options-{row['card_id']}-excluded"] = "on"
                sent[f"options-{row['card_id']}-used"] = "on"
        elif bound.name == "acts":
            sent["acts"], sent["areas"] = value
        elif value is True:
            sent[bound.name] = "on"
        elif value is not None and value is not False:
            sent[bound.name] = value
    return sent


def test_a_carrier_card_left_out_stays_with_its_route_until_it_is_taken_in_again(cast: Cast, ann: Client) -> None:
    address = f"/routes/{cast.route.pk}/"
    used = f"options-{cast.carrier_card.pk}"
    option = RouteOption.objects.get(ingress_route=cast.route)
    assert (
        ann.post(address, as_shown(ann.get(address)) | {f"{used}-excluded": "on", f"{used}-weight": "7"}).status_code
        == 302
    )
    option.refresh_from_db()
    assert (option.excluded, option.weight) == (True, 7)
    page = ann.get(address)
    assert f'name="{used}-excluded"' in page.content.decode()
    assert ann.post(address, as_shown(page) | {"name": "Renamed"}).status_code == 302
    option.refresh_from_db()
    assert (option.excluded, option.weight) == (True, 7), "saving something else keeps what is left out"
    assert "Cirrus A-Z (left out)" in ann.get("/routes/").content.decode()
    taken_in = as_shown(ann.get(address))
    del taken_in[f"{used}-excluded"]
    assert ann.post(address, taken_in).status_code == 302
    option.refresh_from_db()
    assert not option.excluded


def test_a_deleted_customer_is_found_by_its_filter_and_restored_by_its_button(cast: Cast, ann: Client) -> None:
    page = f"/customers/{cast.baltic.pk}/"
    assert ann.post(f"{page}delete/", {"confirmation": "Baltic"}).status_code == 302
    assert names_in(ann.get("/customers/")) == ["Acme"]
    assert names_in(ann.get("/customers/?f.shown=deleted")) == ["Baltic"]
    shown = ann.get(page).content.decode()
    assert "Restore this customer" in shown
    assert "Top up" not in shown
    for part in ("cdrs/", "audit/", "payments/", "auth/"):
        assert ann.get(f"{page}{part}").status_code == 200
    for part in ("edit/", "top-up/", "adjust/", "routing/", "routes/new/"):
        assert ann.get(f"{page}{part}").status_code == 404, part
    assert ann.get(f"{page}restore/").status_code == 302
    assert Customer.objects.get(pk=cast.baltic.pk).deleted_at is not None, "looking restores nothing"
    assert "Baltic is restored." in ann.post(f"{page}restore/", follow=True).content.decode()
    assert Customer.objects.get(pk=cast.baltic.pk).deleted_at is None
    assert names_in(ann.get("/customers/")) == ["Acme", "Baltic"]


def test_a_reader_sees_a_deleted_customer_and_no_way_back(cast: Cast, ann: Client, bob: Client) -> None:
    page = f"/customers/{cast.baltic.pk}/"
    ann.post(f"{page}delete/", {"confirmation": "Baltic"})
    assert "Restore" not in bob.get(page).content.decode()
    assert bob.post(f"{page}restore/").status_code == 403
    assert Customer.objects.get(pk=cast.baltic.pk).deleted_at is not None


def names_in(answer: Any) -> list[str]:
    """The customers of a list."""
    return [row.name for row in answer.context["grid"].rows]


def test_a_top_up_is_one_entry_however_often_it_is_pressed(cast: Cast, ann: Client) -> None:
    for _ in range(2):
        answer = ann.post(f"/customers/{cast.acme.pk}/top-up/", {"amount_micros": "10.05", "note": "", "key": "once"})
        assert answer.status_code == 302
    wallet = Wallet.objects.get(kind="customer", owner_id=cast.acme.pk)
    assert wallet.balance_micros == 25 * EURO + 10_050_000
    assert Entry.objects.filter(wallet=wallet).count() == 2


def test_dangerous_acts_want_the_name_of_the_thing(cast: Cast, ann: Client) -> None:
    address = f"/endpoints/{cast.sip_user.pk}/delete/"
    ann.post(address, {"confirmation": "something else"})
    assert Endpoint.objects.filter(pk=cast.sip_user.pk).exists()
    ann.post(address, {"confirmation": "acme-carla"})
    assert not Endpoint.objects.filter(pk=cast.sip_user.pk).exists()


def test_a_customer_with_live_calls_stays(cast: Cast, ann: Client) -> None:
    answer = ann.post(f"/customers/{cast.acme.pk}/delete/", {"confirmation": "Acme"}, follow=True)
    assert "live calls" in answer.content.decode()
    assert Customer.objects.get(pk=cast.acme.pk).deleted_at is None


def test_a_sip_password_is_never_shown_again(cast: Cast, ann: Client) -> None:
    ann.post(f"/endpoints/{cast.sip_user.pk}/password/", {"password": PASSWORD, "realm": "tollgate.local"})
    changed = Endpoint.objects.get(pk=cast.sip_user.pk)
    assert changed.ha1 != cast.sip_user.ha1
    for address in (f"/endpoints/{cast.sip_user.pk}/", f"/customers/{cast.acme.pk}/audit/", "/audit/"):
        page = ann.get(address).content.decode()
        assert PASSWORD not in page
        assert str(changed.ha1) not in page


def test_ending_a_call_asks_first(cast: Cast, ann: Client) -> None:
    from tests.panel.cast import LIVE_ID
    from tollgate.store.models import Call

    address = f"/calls/{LIVE_ID}/end/"
    assert ann.get(address).status_code == 200
    assert Call.objects.get(pk=LIVE_ID).hangup_at is None
    assert ann.post(address).status_code == 302
    assert Call.objects.get(pk=LIVE_ID).hangup_at is not None


def test_everybody_keeps_a_theme(cast: Cast, bob: Client) -> None:
    assert bob.post("/me/theme/", {"theme": "dark"}).status_code == 204
    assert bob.post("/me/theme/", {"theme": "pink"}).status_code == 422
    assert 'data-theme-choice="dark"' in bob.get("/customers/").content.decode()
