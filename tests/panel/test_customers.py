"""Claims about the list of customers: what it shows, whom it finds, and who is not in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils.html import escape

from tests.actions.cast import ANN
from tests.panel.cast import EURO, LIVE_ID, RINGING_ID, Cast
from tests.panel.conftest import logged_in
from tests.panel.test_forms import CUSTOMER, errors_of, names_in
from tollgate.actions.accounts import create_account
from tollgate.actions.acts import acting
from tollgate.actions.alerts import create_alert
from tollgate.actions.customer_status import hold_for_fraud, set_customer_status
from tollgate.actions.customers import create_customer, update_customer
from tollgate.panel import customer_lists
from tollgate.store.models import (
    Alert,
    AlertEvent,
    AlertState,
    Audit,
    Customer,
    RecordingSpace,
    SavedView,
    Tag,
    User,
    UserGroup,
    Wallet,
)
from tollgate.store.queries import unready
from tollgate.store.queries.customers import wallet_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def fjord(cast: Cast) -> Customer:
    """A customer of Baltic, the reseller, with an account manager, a tag and a country."""
    with acting(ANN):
        return create_customer(
            account_id=cast.account.pk, name="Fjord", currency="EUR", parent_id=cast.baltic.pk, country="NO",
            account_manager_id=cast.bob.pk, tag_ids=[Tag.objects.get().pk], reference="PO 7", accounting_id="A-77",
            company="Fjord Voice AS", status="pending",
        )  # fmt: skip


def test_customers_are_found_by_what_is_known_of_them(cast: Cast, ann: Client, fjord: Customer) -> None:
    for address, names in (
        ("", ["Acme", "Baltic", "Fjord"]),
        ("?f.status=active", ["Acme", "Baltic"]),
        ("?f.status=pending", ["Fjord"]),
        ("?f.status=dialing", ["Acme"]),
        ("?f.status=unready", ["Baltic"]),
        ("?f.country=NO", ["Fjord"]),
        (f"?f.tag={Tag.objects.get().pk}", ["Fjord"]),
        ("?f.reseller=balt", ["Fjord"]),
        ("?f.reseller=acme", []),
        (f"?f.manager={cast.bob.pk}", ["Fjord"]),
        ("?q=PO", ["Fjord"]),
        ("?q=a-77", ["Fjord"]),
        ("?q=voice", ["Fjord"]),
        ("?q=carla@acme", ["Acme"]),
        (f"?q={cast.acme.number}", ["Acme"]),
        ("?q=carla@acme&f.country=NO", []),
    ):
        assert names_in(ann.get("/customers/" + address)) == names, address
    file = b"".join(ann.get("/customers/?q=a-77&columns=name,accounting_id&export=csv").streaming_content)  # type: ignore[attr-defined]
    assert b"Fjord,A-77" in file


def test_a_reseller_named_whole_finds_its_own_customers_alone_and_a_part_those_of_all(
    cast: Cast, ann: Client, fjord: Customer
) -> None:
    with acting(ANN):
        west = create_customer(account_id=cast.account.pk, name="Baltic West", currency="EUR", is_reseller=True)
        create_customer(account_id=cast.account.pk, name="Geyser", currency="EUR", parent_id=west.pk)
    for asked, found in {
        "Baltic": ["Fjord"], "baltic west": ["Geyser"], west.number: ["Geyser"], "alt": ["Fjord", "Geyser"],
        "nobody": [],
    }.items():  # fmt: skip
        rows = ann.get("/customers/", {"f.reseller": asked}).context["grid"].rows
        assert [row.name for row in rows] == found, asked


def test_kept_views_of_a_reseller_chosen_by_its_id_name_it_now(cast: Cast, ann: Client) -> None:
    with acting(ANN):
        new = {"currency": "EUR", "is_reseller": True}
        west = create_customer(account_id=cast.account.pk, name=f"West {cast.baltic.pk}", **new)
        abroad = create_customer(account_id=create_account(name="Other", currency="EUR").pk, name="Abroad", **new)
        island = create_customer(account_id=cast.account.pk, name="Island", currency="EUR", parent_id=west.pk)
    chosen = "columns=name&f.status=&f.reseller={}&columns=number&f.country="
    kept = {"chosen": chosen.format(west.pk), "typed": "f.reseller=Balt", "digits": f"f.reseller={cast.baltic.pk}"}
    kept |= {"strange": f"f.reseller={cast.acme.pk}", "other": f"f.reseller={west.pk}"}
    kept |= {"another account's": f"f.reseller={abroad.pk}"}
    for name, query in kept.items():
        grid = "contacts" if name == "other" else "customers"
        SavedView.objects.create(user=cast.ann, grid=grid, name=name, query=query)
    import_module("tollgate.store.migrations.0050_delayed_jobs").name_resellers(apps, None)
    told = dict(SavedView.objects.values_list("name", "query"))
    assert told == {**kept, "chosen": chosen.format(west.number)}
    assert ann.get(f"/customers/?{told['chosen']}").context["grid"].rows == [island]


def test_what_was_spent_today_stands_beside_the_daily_limit_and_ends_at_midnight(cast: Cast, ann: Client) -> None:
    Customer.objects.filter(pk=cast.acme.pk).update(daily_spend_limit_micros=40_000_000)
    wallet = Wallet.objects.filter(pk=wallet_of(cast.acme).pk)
    today = datetime.now(UTC).date()
    for spent_on, shown in ((today, "4.50"), (today - timedelta(days=1), "0.00")):
        wallet.update(spent_micros=4_500_000, spent_on=spent_on)
        page = ann.get(f"/customers/{cast.acme.pk}/payments/").content.decode()
        told = page[page.index("Spent today") :][:400]
        assert (shown in told, "40.00" in told) == (True, True)


def test_customers_by_live_channels_are_walked_forth_and_back(
    cast: Cast, ann: Client, fjord: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that occupy channels are found from the live calls; Baltic, the reseller, occupies those of Fjord."""
    busy = {cast.acme: 2, cast.baltic: 1, fjord: 1}
    with acting(ANN):
        made = [create_customer(account_id=cast.account.pk, name=name, currency="EUR") for name in ("Golf", "Hotel")]
    wallets = {owner: wallet_of(owner) for owner in busy}
    with connection.cursor() as cursor:
        for call_id, owners in ((LIVE_ID, (cast.acme,)), (RINGING_ID, (cast.acme, fjord, cast.baltic))):
            ids = [wallets[owner].pk for owner in owners]
            cursor.execute("UPDATE call SET wallet_ids = %s WHERE id = %s", [ids, call_id])
    for owner, channels in busy.items():
        Wallet.objects.filter(pk=wallets[owner].pk).update(channels=channels)
    everybody = sorted([*busy, *made], key=lambda one: (busy.get(one, 0), one.pk))
    monkeypatch.setattr(customer_lists, "LIST", replace(customer_lists.LIST, page_size=2))
    for sort, expected in (("live_channels", everybody), ("-live_channels", everybody[::-1])):
        pages = [ann.get(f"/customers/?sort={sort}")]
        while url := pages[-1].context["grid"].following_url():
            pages.append(ann.get(f"/customers/{url}"))
            assert f'href="{escape(url)}"' in ann.get(f"/customers/{url}").content.decode(), "Refresh"
        forth = [page.context["grid"].rows for page in pages]
        assert [row.name for rows in forth for row in rows] == [one.name for one in expected]
        assert [row.live_channels for rows in forth for row in rows] == [busy.get(one, 0) for one in expected]
        back = [pages[-1]]
        while url := back[-1].context["grid"].previous_url():
            back.append(ann.get(f"/customers/{url}"))
        assert [names_in(page) for page in reversed(back)] == [[row.name for row in rows] for rows in forth]
    assert names_in(ann.get("/customers/?sort=-live_channels&f.status=pending")) == ["Fjord"]
    assert names_in(ann.get("/customers/?sort=live_channels&c.live=more:0&c.name=contains:a")) == ["Baltic", "Acme"]


@pytest.mark.parametrize("sort", ["name", "-name", "balance_micros", "-balance_micros", "live_channels", "-expires_at"])
def test_of_very_many_customers_that_lack_something_each_page_is_the_same_as_of_few(
    cast: Cast, ann: Client, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    with acting(ANN):
        for number, name in enumerate(("Golf", "Hotel", "India", "Juliet", "Kilo")):
            made = create_customer(account_id=cast.account.pk, name=name, currency="EUR")
            Customer.objects.filter(pk=made.pk).update(expires_at=datetime(2030, 1, 1 + number, tzinfo=UTC))
            Wallet.objects.filter(pk=wallet_of(made).pk).update(balance_micros=number % 2 * 1000)
    monkeypatch.setattr(customer_lists, "LIST", replace(customer_lists.LIST, page_size=2))
    address = f"/customers/?f.status=unready&sort={sort}"

    def walked() -> list[list[str]]:
        pages = [ann.get(address)]
        while url := pages[-1].context["grid"].following_url():
            pages.append(ann.get(f"/customers/{url}"))
        while url := pages[-1].context["grid"].previous_url():
            pages.append(ann.get(f"/customers/{url}"))
        return [names_in(page) for page in pages]

    few, count = walked(), ann.get(address).context["grid"].total_text()
    assert {name for names in few for name in names} == {"Baltic", "Golf", "Hotel", "India", "Juliet", "Kilo"}
    monkeypatch.setattr(unready, "MANY", 2)
    monkeypatch.setattr(customer_lists, "MANY", 2)
    assert walked() == few
    assert (ann.get(address).context["grid"].total_text(), int(count) > 2) == ("2+", True)
    assert ann.get(f"{address}&q=kilo").context["grid"].total_text() == "1", "with a search they are counted"


def test_the_room_that_recordings_take_stands_above_every_page_of_a_customer(cast: Cast, ann: Client) -> None:
    def told(page: str) -> str:
        text = " ".join(ann.get(page).content.decode().split())
        return text.partition("<dt>Recordings</dt> <dd> ")[2].partition(" </dd>")[0].replace("\xa0", " ")

    assert told(f"/customers/{cast.acme.pk}/") == "none"
    RecordingSpace.objects.create(customer=cast.acme, files_count=2, size_bytes=1_288_490_189)
    for page in ("", "auth/", "cdrs/"):
        assert told(f"/customers/{cast.acme.pk}/{page}") == "1.2 GB"
    assert told(f"/customers/{cast.baltic.pk}/") == "none"


def test_a_verification_that_is_missing_makes_a_customer_pending(cast: Cast, ann: Client) -> None:
    with acting(ANN):
        update_customer(customer_id=cast.acme.pk, email_verification=True)
    assert "Acme" in names_in(ann.get("/customers/?f.status=unready"))


def test_todays_figures_are_weighted_and_in_the_file_too(cast: Cast, ann: Client) -> None:
    answer = ann.get("/customers/?columns=name,asr,acd,pdd,cps")
    acme = answer.context["grid"].rows[0].today
    # Of the cast's two CDRs of today one was refused by us and one answered; it talked 67 s after 0.9 s.
    midnight = datetime.now(UTC).replace(hour=0, minute=0)
    if datetime.now(UTC) - midnight > timedelta(minutes=10):  # otherwise the call began yesterday
        assert (acme.traffic.attempts, acme.traffic.refused) == (2, 1)
        assert (str(acme.traffic.asr_percent), acme.traffic.acd_s, str(acme.pdd_s)) == ("100.0", 67, "0.9")
    file = b"".join(ann.get("/customers/?columns=name,asr&export=csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert f"Acme,{acme.traffic.asr_percent}" in file


def test_a_resellers_user_sees_and_makes_only_its_own_customers(cast: Cast, fjord: Customer) -> None:
    eva = User.objects.create_user("eva@baltic.example", name="Eva", reseller_id=cast.baltic.pk)
    eva.groups.add(cast.group)
    client = logged_in(eva)
    assert names_in(client.get("/customers/")) == ["Fjord"]
    for part in (
        "", "edit/", "auth/", "payments/", "cdrs/", "audit/", "top-up/", "status/", "extend/", "successor/",
        "clis/new/",
    ):  # fmt: skip
        assert client.get(f"/customers/{cast.acme.pk}/{part}").status_code == 404, part
        assert client.get(f"/customers/{fjord.pk}/{part}").status_code == 200, part
    assert client.get(f"/customers/{cast.acme.pk}/routing/").status_code in (403, 404)
    for part in ("delete/", "approve/", "reject/", "notes/new/", "restore/"):
        assert client.post(f"/customers/{cast.acme.pk}/{part}").status_code == 404, part
    assert "37061234567" not in client.get("/clis/").content.decode()
    assert 'name="parent_id" value="Baltic"' in client.get("/customers/new/").content.decode(), "it sells by its own"
    for nobody in ("", "Acme", "Fjord"):
        assert set(errors_of(client.post("/customers/new/", {**CUSTOMER, "parent_id": nobody}))) == {"parent_id"}
    assert client.post("/customers/new/", {**CUSTOMER, "parent_id": "Baltic"}).status_code == 302
    assert Customer.objects.get(name="Ford").parent == cast.baltic


def shown(answer: Any) -> dict[str, Any]:
    """What a browser would send of a customer's form."""
    form = answer.context["form"]
    sent = {bound.name: bound.field.prepare_value(bound.value()) for bound in form}
    return {
        name: "on" if value is True else value
        for name, value in sent.items()
        if value is not None and value != "" and value is not False
    }


def test_another_reseller_has_to_be_confirmed(cast: Cast, ann: Client, fjord: Customer) -> None:
    address = f"/customers/{fjord.pk}/edit/"
    opened = shown(ann.get(address))
    assert opened["parent_id"] == "Baltic"
    assert ann.post(address, {**opened, "parent_id": cast.baltic.number}).status_code == 302, "by its number the same"
    moved = {**shown(ann.get(address)), "parent_id": ""}
    answer = ann.post(address, moved)
    assert (answer.status_code, set(errors_of(answer))) == (422, {"parent_confirmed"})
    assert set(errors_of(ann.post(address, {**moved, "parent_id": "Acme"}))) == {"parent_id"}, "no reseller"
    assert Customer.objects.get(pk=fjord.pk).parent == cast.baltic
    assert ann.post(address, {**moved, "parent_confirmed": "on"}).status_code == 302
    assert Customer.objects.get(pk=fjord.pk).parent is None


def test_a_credit_line_and_a_reserve_cannot_be_mistaken(cast: Cast, ann: Client) -> None:
    given = {name: value for name, value in CUSTOMER.items() if name != "debit_limit_micros"}
    for kind, amount, micros, words in (
        ("credit", "12.50", 12_500_000, "credit line"),
        ("reserve", "12.50", -12_500_000, "reserve"),
        ("none", "", 0, "prepaid"),
    ):
        chosen = {"debit_limit_micros_kind": kind, "debit_limit_micros_amount": amount, "name": f"Ford {kind}"}
        chosen["billing_type"] = "postpaid" if kind == "credit" else "prepaid"
        assert ann.post("/customers/new/", {**given, **chosen}).status_code == 302
        ford = Customer.objects.get(name=f"Ford {kind}")
        assert ford.debit_limit_micros == micros
        assert words in ann.get(f"/customers/{ford.pk}/").content.decode()
    listed = ann.get("/customers/").content.decode()
    for words in ("Credit line: 12.50 EUR", "Reserve: 12.50 EUR", "Debit limit: 0"):
        assert f'title="{words}"' in listed
    for kind, amount in (("none", "5"), ("credit", ""), ("reserve", "-5"), ("credit", "1,5")):
        chosen = {"debit_limit_micros_kind": kind, "debit_limit_micros_amount": amount}
        wrong = ann.post("/customers/new/", {**given, **chosen})
        assert set(errors_of(wrong)) == {"debit_limit_micros"}, (kind, amount)


def test_who_waits_for_approval_has_its_buttons(cast: Cast, ann: Client, bob: Client, fjord: Customer) -> None:
    page = f"/customers/{fjord.pk}/"
    assert "Approve" in ann.get(page).content.decode()
    assert "Approve" not in bob.get(page).content.decode()
    assert bob.post(f"{page}approve/").status_code == 403
    ann.post(f"{page}approve/")
    fjord.refresh_from_db()
    assert fjord.status == "active"
    assert "does not wait" in ann.post(f"{page}reject/", {"reason": "late"}, follow=True).content.decode()


def test_a_status_and_an_extension_are_kept_with_their_reason(cast: Cast, ann: Client) -> None:
    page = f"/customers/{cast.baltic.pk}/"
    version = ann.get(f"{page}status/").context["form"]["version"].value()
    given = {"status": "penalty", "reason": "overdue", "until": "2100-01-01T00:00:00", "version": version}
    assert ann.post(f"{page}status/", given).status_code == 302
    told = ann.get(page).content.decode()
    assert "overdue" in told
    assert "2100-01-01 00:00:00" in told
    assert Audit.objects.filter(act="set_customer_status", reason="overdue", customer_id=cast.baltic.pk).exists()
    version = ann.get(f"{page}extend/").context["form"]["version"].value()
    past = ann.post(f"{page}extend/", {"until": "2020-01-01T00:00:00", "version": version})
    assert set(errors_of(past)) == {"until"}
    assert ann.post(f"{page}extend/", {"until": "2101-01-01T00:00:00", "version": version}).status_code == 302
    assert "2101-01-01" in ann.get(page).content.decode()


def test_a_hold_for_fraud_is_ended_by_its_button_which_other_penalties_do_not_have(cast: Cast, ann: Client) -> None:
    page, button = f"/customers/{cast.acme.pk}/", "End a hold for fraud"
    with acting(ANN):
        set_customer_status(customer_id=cast.acme.pk, status="penalty", reason="Invoice 12 is overdue.")
    shown = ann.get(page).content.decode()
    assert button not in shown
    assert "Invoice 12 is overdue." in shown
    assert "overdue.." not in shown
    with acting(ANN):
        set_customer_status(customer_id=cast.acme.pk, status="active")
        hold_for_fraud(customer_id=cast.acme.pk, reason="Calls to Cuba")
    shown = ann.get(page).content.decode()
    assert button in shown
    assert "Fraud: Calls to Cuba." in shown
    ann.post(f"{page}fraud/end/")
    assert button not in ann.get(page).content.decode()
    assert Customer.objects.get(pk=cast.acme.pk).status == "active"


def test_a_successor_is_made_in_another_currency(cast: Cast, ann: Client) -> None:
    answer = ann.post(f"/customers/{cast.acme.pk}/successor/", {"name": "Acme USD", "currency": "USD"}, follow=True)
    page = answer.content.decode()
    assert "Set its limits in USD" in page
    assert cast.acme.number in page


def test_notes_are_told_newest_first_and_kept_from_readers(cast: Cast, ann: Client, bob: Client) -> None:
    page = f"/customers/{cast.acme.pk}/"
    ann.post(f"{page}notes/new/", {"text": "<b>zebra</b>"})
    told = ann.get(page).content.decode()
    assert told.index("&lt;b&gt;zebra") < told.index("Calls back on Monday")
    assert "ann@demo.example" in told
    assert bob.post(f"{page}notes/new/", {"text": "mine"}).status_code == 403
    assert "Add the note" not in bob.get(page).content.decode()
    note = cast.acme.notes.latest("id")
    ann.post(f"{page}notes/{note.pk}/delete/")
    assert "zebra" not in ann.get(page).content.decode().replace("The note", "")


def test_money_has_a_page_of_its_own(cast: Cast, ann: Client) -> None:
    page = ann.get(f"/customers/{cast.acme.pk}/payments/")
    assert [entry.amount_micros for entry in page.context["entries"].rows] == [25 * EURO]
    assert "first money" in page.content.decode()


def test_parts_of_a_customer_that_one_may_not_read_are_hidden(cast: Cast) -> None:
    narrow = UserGroup.objects.create(name="Narrow", acts=["create_contact"], areas=["customers", "routes"])
    user = User.objects.create_user("finn@demo.example", name="Finn")
    user.groups.add(narrow)
    finn = logged_in(user)
    page = finn.get(f"/customers/{cast.acme.pk}/").content.decode()
    assert "carla@acme.example" not in page
    tabs = finn.get(f"/customers/{cast.acme.pk}/").context["tabs"]
    assert [name for name, _, _ in tabs] == ["main", "routing"]
    for part, status in (("routing", 200), ("payments", 403), ("auth", 403), ("cdrs", 403), ("audit", 403)):
        assert finn.get(f"/customers/{cast.acme.pk}/{part}/").status_code == status, part
    assert "37061234567" not in finn.get(f"/customers/{cast.acme.pk}/routing/").content.decode()


def test_alerts_of_a_customer_stand_on_a_page_of_its_own_with_those_of_its_tags(cast: Cast, ann: Client) -> None:
    now = datetime.now(UTC)
    with acting(ANN):
        watch = {"account_id": cast.account.pk, "area": "asr", "threshold_micros": 30 * EURO, "operator": "<"}
        tag = Tag.objects.get()
        create_alert(title="Gold fails", tag_id=tag.pk, **watch)  # type: ignore[arg-type]
        create_alert(title="Baltic fails", customer_id=cast.baltic.pk, recipients=["a@b.example"], **watch)  # type: ignore[arg-type]
        update_customer(customer_id=cast.acme.pk, tag_ids=[tag.pk])
        update_customer(customer_id=cast.baltic.pk, tag_ids=[tag.pk])
    gold = Alert.objects.get(title="Gold fails")
    AlertState.objects.create(alert=gold, customer=cast.baltic, fired_at=now)
    AlertEvent.objects.create(alert=gold, customer=cast.baltic, kind="fired", value_micros=10 * EURO, at=now)
    fired = {}
    for customer in (cast.acme, cast.baltic):
        page = ann.get(f"/customers/{customer.pk}/alerts/")
        fired[customer.name] = {row.title: row.has_fired for row in page.context["grid"].rows}
        assert f"/alerts/new/?customer={customer.pk}" in page.content.decode()
        assert len(page.context["events"].rows) == (customer == cast.baltic)
    assert fired == {
        "Acme": {"Acme fails": False, "Gold fails": False},
        "Baltic": {"Baltic fails": False, "Gold fails": True},
    }
    menu = ann.get(f"/customers/{cast.acme.pk}/").content.decode()
    assert "/breakout/?f.customer=%22Acme%22" in menu
    by_route = ann.get("/breakout/?f.customer=%22Acme%22&f.by=route")
    assert by_route.status_code == 200
