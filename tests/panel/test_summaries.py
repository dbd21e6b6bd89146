"""Claims about summaries, the breakout and reports as people see them: exact, weighted, and only one's own."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions import deliveries, records
from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.reports import create_report, file_of, update_report
from tollgate.actions.users import create_user, create_user_group
from tollgate.core.breakout import Cut, Question
from tollgate.core.summaries import Span, beginning
from tollgate.jobs import timetable
from tollgate.panel.call_search import CallSource
from tollgate.panel.summaries import joined
from tollgate.store.models import Customer, Invoice, Message, SavedReport, UserGroup
from tollgate.store.queries.breakout import breakout
from tollgate.store.queries.call_sums import by_summaries
from tollgate.ui.sources import Query

pytestmark = pytest.mark.django_db
NEW_CDR = """
INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, carrier_id, state, started_at, answered_at, ended_at,
                 number, prefix, destination, duration_ms, billed_s, currency, cost_micros, carrier_currency,
                 carrier_cost_micros, carrier_billed_s, profit_micros, written)
VALUES (%s, %s, 'kam1', %s, %s, %s, %s, %s, %s, %s, '3706123', %s, %s, %s, %s, 'EUR', %s, %s, %s, %s, %s, %s)
"""
NEW_ENTRY = """
INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)
SELECT account_id, now(), id, 'revenue', 'call', %s, currency, %s FROM wallet WHERE kind = 'customer' AND owner_id = %s
"""
NUMBERS = itertools.count(10**9)
NOON_AT = beginning(datetime.now(UTC), Span.DAY) - timedelta(hours=12)
"""Yesterday's, which is over in every zone that matters here."""


def calls(cast: Cast, customer: Customer, *, connected: int, failed: int = 0, cost: int = 100_000, **more: Any) -> None:
    """Calls that began at noon yesterday, written long ago; carriers cost half of the price."""
    at, where = more.get("at", NOON_AT), (more.get("prefix", "3706"), more.get("destination", "Lithuania Mobile"))
    who = (customer.pk, cast.cirrus.pk)
    answered = ("charged", at, at, at, *where, 90_000, 90, cost, "EUR", cost // 2, 90, cost - cost // 2)
    missed = ("failed", at, None, at, *where, 0, 0, 0, None, None, None, None)
    with connection.cursor() as cursor:
        for row in [answered] * connected + [missed] * failed:
            call_id = next(NUMBERS)
            cursor.execute(NEW_CDR, [call_id, cast.account.pk, f"made {call_id}", *who, *row, more.get("written", 1)])
            if row is answered:
                cursor.execute(NEW_ENTRY, [-cost, call_id, customer.pk])


def rolled_up() -> None:
    """Summaries of what was written long ago; what this test's transaction writes is not complete before its end."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE summary_progress SET reached = 1")
        cursor.execute("SELECT roll_up(1000)")


def test_a_customers_summary_tells_each_stretch_and_what_bills_it(cast: Cast, ann: Client) -> None:
    calls(cast, cast.acme, connected=3, failed=1, cost=100_001)
    calls(cast, cast.acme, connected=1, cost=50_000, at=NOON_AT - timedelta(days=1))
    rolled_up()
    page = ann.get(f"/customers/{cast.acme.pk}/summary/day/")
    found = {row.words: row for row in page.context["grid"].rows}
    yesterday, before = (found[f"{NOON_AT - timedelta(days=days):%Y-%m-%d}"] for days in (0, 1))
    assert (yesterday.stretch.totals.cost_micros, before.stretch.totals.cost_micros) == (300_003, 50_000)
    assert yesterday.stretch.totals.asr_percent == Decimal("75.00")
    assert len(found) == 31
    text = page.content.decode()
    assert 'data-over="300" data-under="4"' in text
    assert f'value="{yesterday.id}" form="summary-ticks"' in text
    assert text.count("Refresh</button>") == 1, "the button that counts anew: a reload beside it would look the same"
    assert text.count('aria-label="Refresh"') == 1, "that of the contacts alone"
    line = ann.get(f"/customers/{cast.acme.pk}/summary/day/?export=csv").streaming_content
    assert f"{NOON_AT:%Y-%m-%d},75.00,90.0,0.150003,50.00,0.300003,4,3,270,270" in b"".join(line).decode()  # type: ignore[arg-type]
    since = f"f.from={NOON_AT:%Y-%m-%d}"
    file = ann.get(f"/customers/{cast.acme.pk}/summary/day/?{since}&export=xlsx").streaming_content
    sheet = load_workbook(io.BytesIO(b"".join(file))).active  # type: ignore[arg-type]
    days = [row[:6] for row in sheet.iter_rows(values_only=True)]  # type: ignore[union-attr]
    assert len(days) == 1 + 2, "yesterday and today: the filter holds for the file"
    assert (f"{NOON_AT:%Y-%m-%d}", 75, 90, 0.150003, 50, 0.300003) in days
    assert ann.get(f"/customers/{cast.acme.pk}/summary/year/").status_code == 404
    hours = ann.get(f"/customers/{cast.acme.pk}/").context["grid"]
    assert len(hours.rows) == 24
    assert not hours.grid.ticks


def test_a_resellers_summary_tells_what_it_pays_for_its_customers_and_its_files_have_their_calls(
    cast: Cast, ann: Client
) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        corso = create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
    calls(cast, cast.baltic, connected=1, cost=1_000_001)
    calls(cast, corso, connected=2, failed=1, cost=90_000)
    paid_by_reseller(cast.baltic, corso, micros=60_000)
    rolled_up()
    page = ann.get(f"/customers/{cast.baltic.pk}/summary/day/")
    row = next(row for row in page.context["grid"].rows if row.words == f"{NOON_AT:%Y-%m-%d}")
    assert (row.stretch.totals.cost_micros, row.stretch.resold.charge_micros) == (1_000_001, 120_000)
    assert (row.stretch.charged_micros, row.stretch.resold.calls, row.stretch.totals.attempts) == (1_120_001, 2, 1)
    titles = [column.title for column in page.context["grid"].view.columns]
    assert {"Charged for its customers' calls", "Charged in all"} <= set(titles)
    assert "documents bill what is charged in all" in page.content.decode()
    links = dict(row.menu)
    told = b"".join(ann.get(links["Download its CDRs (CSV)"]).streaming_content).decode()  # type: ignore[arg-type]
    assert (told.count("Corso"), told.count("Baltic"), told.count("Acme")) == (3, 1, 0)
    shown = ann.get(links["Show its CDRs"]).content.decode()
    assert shown.count("Corso") >= 3
    for customer in (cast.acme, corso):
        page = ann.get(f"/customers/{customer.pk}/summary/day/")
        assert "Charged in all" not in page.content.decode(), customer.name
    Customer.objects.filter(pk=cast.baltic.pk).update(is_reseller=False)
    still = ann.get(f"/customers/{cast.baltic.pk}/summary/day/?export=csv").streaming_content
    assert "1.120001" in b"".join(still).decode(), "what it paid while it was one"  # type: ignore[arg-type]


def paid_by_reseller(reseller: Customer, customer: Customer, *, micros: int) -> None:
    """Each charged call of a customer, charged to its reseller too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM cdr WHERE customer_id = %s AND state = 'charged'", [customer.pk])
        for (call_id,) in cursor.fetchall():
            cursor.execute(NEW_ENTRY, [-micros, call_id, reseller.pk])


def test_ticked_rows_that_follow_one_another_become_one_draft(cast: Cast, ann: Client) -> None:
    assert joined(["2026-11-03T00:00", "2026-11-01T00:00", "2026-11-02T00:00", "x"], Span.DAY) == [
        (datetime(2026, 11, 1).date(), datetime(2026, 11, 4).date())
    ]
    assert len(joined(["2026-11-03T00:00", "2026-11-01T00:00"], Span.DAY)) == 2
    days = [f"{NOON_AT - timedelta(days=days):%Y-%m-%dT00:00}" for days in (0, 1, 2)]
    answer = ann.post(f"/customers/{cast.acme.pk}/summary/day/invoice/", {"id": days[1:]})
    draft = Invoice.objects.get(customer=cast.acme, from_on=days[2][:10])
    assert answer["Location"] == reverse("panel:invoice", args=[draft.pk])
    assert (str(draft.from_on), str(draft.until_on)) == (days[2][:10], days[0][:10])
    text = ann.get(f"/customers/{cast.acme.pk}/summary/day/").content.decode()
    assert text.count(f"View draft {draft.pk}") == 4  # two rows: the cell and the menu
    assert f'value="{days[0]}" form' in text
    assert f'value="{days[1]}" form' not in text


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_a_ticked_row_is_billed_by_its_own_hours_wherever_the_customer_is(cast: Cast, ann: Client, zone: str) -> None:
    Customer.objects.filter(pk=cast.acme.pk).update(billing_zone=zone)
    midnight = NOON_AT - timedelta(hours=12)
    minute = timedelta(minutes=1)
    edges = (midnight - minute, midnight, midnight + timedelta(days=1) - minute, midnight + timedelta(days=1))
    for place, at in enumerate(edges):
        calls(cast, cast.acme, connected=1, cost=10_000 * 10**place, at=at)
    rolled_up()
    page = f"/customers/{cast.acme.pk}/summary/day/"
    row = next(row for row in ann.get(page).context["grid"].rows if row.begun_at == midnight)
    assert row.stretch.totals.cost_micros == 1_100_000
    ann.post(f"{page}invoice/", {"id": [row.id]})
    draft = Invoice.objects.get(customer=cast.acme, usage_from_at=midnight)
    told = (draft.net_micros, draft.usage_until_at, draft.from_on, draft.until_on, draft.zone)
    day = midnight.date()
    assert told == (1_100_000, midnight + timedelta(days=1), day, day + timedelta(days=1), "UTC")
    assert [line.from_on for line in draft.lines.all()] == [day], "lines by day have the same days"
    found = {row.begun_at: row.invoices for row in ann.get(page).context["grid"].rows}
    assert [bool(found[midnight + timedelta(days=days)]) for days in (-1, 0, 1)] == [False, True, False]


def test_missing_documents_are_seen_before_a_press_makes_them_once(cast: Cast, ann: Client, bob: Client) -> None:
    address = f"/customers/{cast.acme.pk}/invoices/missing/"
    page = ann.get(address)
    assert "has no invoice schedule" in page.content.decode()
    assert (">Cancel<" in page.content.decode(), page.context["back_url"]) == (False, address.removesuffix("missing/"))
    with acting(Actor("setup", frozenset({"*"}))):
        update_customer(customer_id=cast.acme.pk, invoice_schedule="daily")
    Invoice.objects.filter(customer=cast.acme, state="draft").delete()
    before = Invoice.objects.filter(customer=cast.acme).count()
    calls(cast, cast.acme, connected=2, cost=1_250_000, at=NOON_AT - timedelta(days=2))
    calls(cast, cast.acme, connected=1, cost=3_000_000, at=NOON_AT - timedelta(days=1))
    rolled_up()
    summary = f"/customers/{cast.acme.pk}/summary/day/"
    assert f'href="{address}?span=day"' in ann.get(summary).content.decode()
    assert f'href="{summary}">Cancel<' in ann.get(f"{address}?span=day").content.decode(), "back to where one was"
    page = ann.get(address)
    seen = [(row.from_on, row.net_micros, row.invoice_id) for row in page.context["grid"].rows]
    days = [(NOON_AT - timedelta(days=back)).date() for back in (2, 1)]
    assert seen == [(days[0], 2_500_000, 0), (days[1], 3_000_000, 0)]
    text = page.content.decode()
    assert all(said in text for said in (str(days[0]), "2.50", str(days[1]), "3.00", "Make them"))
    assert Invoice.objects.filter(customer=cast.acme).count() == before, "it was only shown"
    assert bob.post(address).status_code == 403
    assert ann.post(address)["Location"] == reverse("panel:customer_invoices", args=[cast.acme.pk])
    made = Invoice.objects.filter(customer=cast.acme, from_on__in=days).order_by("from_on")
    assert [(row.from_on, row.net_micros) for row in made] == [row[:2] for row in seen]
    assert all(row.number for row in made)
    ann.post(address)
    assert Invoice.objects.filter(customer=cast.acme).count() == before + 2
    assert "Make them" not in ann.get(address).content.decode()


def test_the_breakout_groups_by_what_is_asked_and_weighs_its_ratios(cast: Cast, ann: Client) -> None:
    calls(cast, cast.acme, connected=1, failed=9, destination="Latvia", prefix="371")
    calls(cast, cast.acme, connected=10, cost=30_001)
    rolled_up()
    page = ann.get("/breakout/?f.by=customer,country&f.period=yesterday")
    groups = {group.words["country"]: group for group in page.context["grid"].rows if group.currency == "EUR"}
    assert groups["Latvia"].totals.asr_percent == Decimal("10.00")
    assert groups["Lithuania"].totals.cost_micros == 300_010
    (total,) = page.context["totals"]
    assert (total.totals.asr_percent, total.totals.cost_micros) == (Decimal("55.00"), 400_010)
    assert [
        group.words["number"] for group in ann.get("/breakout/?f.by=number&f.period=yesterday").context["grid"].rows
    ] == ["3706123"]
    too_long = ann.get("/breakout/?f.by=number&f.from=2025-01-01 00:00&f.until=2026-01-01 00:00")
    assert "six months" in too_long.content.decode()
    no_file = ann.get("/breakout/?f.by=number&f.from=2025-01-01 00:00&f.until=2026-01-01 00:00&export=csv")
    assert (no_file.status_code, "six months" in no_file.content.decode()) == (422, True)
    twice = ann.get("/breakout/?f.by=customer,customer&f.period=yesterday")
    assert [column.name for column in twice.context["grid"].grid.columns].count("customer") == 1
    ticked = ann.get("/breakout/?by=carrier&by=day&f.period=today")
    assert ticked["Location"] == "/breakout/?f.period=today&f.by=carrier%2Cday"


def test_of_too_many_groups_a_page_tells_the_first_and_one_line_of_all_others_and_files_tell_all(
    cast: Cast, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollgate.panel.breakout.FIRST_ONES", Cut(2))
    monkeypatch.setattr("tollgate.actions.reports.MAILED_MOST", 3)
    for number, count in enumerate((3, 1, 4, 2)):
        calls(cast, cast.acme, connected=count, failed=number, cost=10 ** (6 - number), destination=f"Place {number}")
    rolled_up()
    asked = "/breakout/?f.by=destination&f.period=yesterday"

    def told(address: str) -> tuple[list[str], list[tuple[str, int]], str]:
        page = ann.get(address)
        groups = [group.words["destination"] for group in page.context["grid"].rows]
        others = [(group.currency, group.totals.attempts) for group in page.context["answer"].others]
        return groups, others, " ".join(page.content.decode().split())

    groups, others, text = told(asked)
    assert (groups, others) == (["Place 2", "Place 3"], [("EUR", 3 + 2)])
    assert "These are 2 of 4 groups, those with the most by Attempts." in text
    assert text.count("All others") == 1
    (total,) = ann.get(asked).context["totals"]
    assert (total.totals.connected, total.totals.cost_micros) == (10, 3 * 10**6 + 10**5 + 4 * 10**4 + 2 * 10**3)
    assert told(f"{asked}&sort=-totals__cost_micros")[0] == ["Place 0", "Place 1"]
    assert "those with the least by Customer charge" in told(f"{asked}&sort=totals__cost_micros")[2]
    file = b"".join(ann.get(f"{asked}&sort=-totals__cost_micros&export=csv").streaming_content).decode()  # type: ignore[arg-type]
    assert [line[:7] for line in file.splitlines()[1:]][:3] == ["Place 0", "Place 1", "Place 2"]
    assert len(file.splitlines()) == 1 + 4
    sheet = load_workbook(io.BytesIO(b"".join(ann.get(f"{asked}&export=xlsx").streaming_content))).active  # type: ignore[arg-type]
    assert sheet is not None
    assert len(list(sheet.iter_rows())) == 1 + 4
    parts = ann.get(asked.replace("/breakout/", "/breakout/data/")).json()
    assert [group["keys"] for group in parts["groups"]].count(["All others"]) == 1
    assert sum(int(group["parts"][0]) for group in parts["groups"]) == 10 + 6
    report = SavedReport(account=cast.account, name="Places", dimensions=["destination"], measures=["attempts"])
    lines = file_of(report, datetime.now(UTC))[2].decode().splitlines()
    assert lines[1:] == ["Place 0,EUR,3", "Place 2,EUR,6", "Place 3,EUR,5", "All others,EUR,2"]


@pytest.mark.parametrize(
    ("begin", "end", "told"),
    [((10, 30), (12, 30), 1 + 2 + 4), ((10, 31), (12, 30), 2 + 4), ((10, 30), (12, 29), 1 + 2), ((12, 0), (12, 29), 0),
     ((12, 10), (12, 50), 4), ((10, 59), (11, 1), 2), ((10, 31), (11, 0), 0), ((11, 0), (12, 0), 2)],
)  # fmt: skip
def test_a_breakout_of_an_odd_period_tells_its_calls_and_no_others(
    cast: Cast, begin: tuple[int, int], end: tuple[int, int], told: int
) -> None:
    for (hour, minute), count in {(10, 30): 1, (11, 0): 2, (12, 29): 4}.items():
        at = NOON_AT.replace(hour=hour, minute=minute)
        calls(cast, cast.acme, connected=count, at=at, prefix="371" if count == 2 else "3712", destination="Latvia")
    rolled_up()
    from_at, until_at = (NOON_AT.replace(hour=hour, minute=minute) for hour, minute in (begin, end))
    for dimensions in (("country",), ("number",)):
        question = Question(dimensions=dimensions, from_at=from_at, until_at=until_at)
        found = breakout(cast.account, question, datetime.now(UTC)).groups
        assert sum(group.totals.attempts for group in found) == told
        assert len(found) == min(told, 1), "the prefixes of one country are one line"


def test_the_sums_of_a_list_of_cdrs_are_the_same_by_the_summaries(cast: Cast) -> None:
    for minutes in (0, 59, 61, 300):
        calls(cast, cast.acme, connected=1, failed=1, cost=100_001, at=NOON_AT + timedelta(minutes=minutes))
    calls(cast, cast.baltic, connected=1, cost=7)
    rolled_up()
    calls(cast, cast.acme, connected=1, cost=900_000, at=NOON_AT + timedelta(minutes=130), written=10**15)
    period = {"started_at__gte": NOON_AT + timedelta(minutes=30), "started_at__lt": NOON_AT + timedelta(minutes=301)}
    for filters in ({}, period, {**period, "customer__name__icontains": "ACM"}, {**period, "state": "charged"}):
        for within in (None, frozenset({cast.baltic.pk})):
            source = CallSource(cast.account, within, datetime.now(UTC))
            query = Query(sort="started_at", filters=filters)
            assert source.sums(query) == source.search(query).sums(), (filters, within)
    assert by_summaries(cast.account, period, None, NOON_AT) is not None
    assert by_summaries(cast.account, {"state": "charged"}, None, NOON_AT) is None


def test_a_resellers_user_sees_own_customers_and_never_what_carriers_cost(cast: Cast) -> None:
    reseller = cast.baltic
    Customer.objects.filter(pk=reseller.pk).update(is_reseller=True)
    below = Customer.objects.create(
        account=cast.account, name="Delta", number="0009999999", currency="EUR", parent=reseller
    )
    calls(cast, cast.acme, connected=1, cost=777_777)
    calls(cast, below, connected=1, cost=123_456)
    rolled_up()
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Resale", acts=[], areas=["*"])
        rita = create_user(
            name="Rita", email="rita@demo.example", password=PASSWORD, group_ids=[group.pk], reseller_id=reseller.pk
        )
    browser = logged_in(rita)
    text = browser.get("/breakout/?f.by=customer,carrier&f.period=yesterday").content.decode()
    assert "0.123456" in text
    text = text.replace(">Carrier cards</a>", "")  # of the menu: the cards that its reseller is given to buy by
    for hidden in ("0.777777", "Acme", "Cirrus", "0.061728", "Profit", "Carrier"):
        assert hidden not in text, hidden
    own = browser.get(f"/customers/{below.pk}/summary/day/").content.decode()
    assert "0.123456" in own
    assert "0.061728" not in own
    assert browser.get(f"/customers/{cast.acme.pk}/summary/day/").status_code == 404
    assert browser.get("/reports/").status_code == 403


def test_a_saved_report_is_mailed_when_it_is_due_with_its_file(cast: Cast, ann: Client) -> None:
    calls(cast, cast.acme, connected=2)
    rolled_up()
    SavedReport.objects.all().delete()
    form = {
        "name": "Sales", "dimensions": ["customer", "country"], "measures": ["attempts", "cost_micros"],
        "customer": "acm", "period": "yesterday", "frequency": "daily", "recipients": "", "file_format": "csv",
        "destination": "", "carrier": "", "prefix": "", "number": "",
    }  # fmt: skip
    assert "Say who gets the report" in ann.post("/reports/new/", form).content.decode()
    assert ann.post("/reports/new/", {**form, "recipients": "ann@demo.example\nbob@demo.example"}).status_code == 302
    report = SavedReport.objects.get()
    assert report.next_at is not None
    assert (report.next_at.hour, report.next_at > datetime.now(UTC)) == (6, True)
    Message.objects.all().delete()
    timetable.reports(timestamp=0)
    assert not Message.objects.exists()
    SavedReport.objects.update(next_at=records.now())
    timetable.reports(timestamp=0)
    timetable.reports(timestamp=0)
    assert SavedReport.objects.get().next_at == report.next_at
    assert [message.recipient for message in Message.objects.order_by("pk")] == ["ann@demo.example", "bob@demo.example"]
    (file,) = deliveries._attachments(Message.objects.earliest("pk"), datetime.now(UTC))
    lines = file.content.decode().split("\r\n")
    assert lines[0] == "Customer,Country,Currency,Attempts,Customer charge"
    assert lines[1:] == ["Acme,Lithuania,EUR,2,0.20", ""]
    SavedReport.objects.update(next_at=report.next_at - timedelta(days=3))
    for _ in range(5):  # the workers were away for two days
        timetable.reports(timestamp=0)
    late = Message.objects.order_by("pk")[2:]
    assert len(late) == 2 * 3
    assert len({file.name for message in late for file in deliveries._attachments(message, NOON_AT)}) == 3
    Message.objects.filter(pk__in=[message.pk for message in late]).delete()
    calls(cast, cast.baltic, connected=1, failed=1, cost=70_000)
    rolled_up()
    day_at = beginning(datetime.now(UTC), Span.DAY)
    for names, dimensions, found in (
        ("acm; BALT ;nobody", ["customer"], {"Acme", "Baltic"}),
        ("acm;balt", ["customer", "number"], {"Acme", "Baltic"}),
        ("alti", ["customer"], {"Baltic"}),
        ("nobody; none", ["customer"], set()),
        ('"acme"; bal', ["customer", "number"], {"Acme", "Baltic"}),
        ('"acm"', ["customer"], set()),
    ):
        SavedReport.objects.update(filters={"customer": names, "carrier": "none; cirr"}, dimensions=dimensions)
        content = file_of(SavedReport.objects.get(), day_at)[2].decode()
        assert {line.split(",")[0] for line in content.splitlines()[1:]} == found, names
    Customer.objects.filter(pk=cast.acme.pk).update(name="Balt; Sons Ltd")
    for names, found in (
        ("balt; sons ltd", {"Balt; Sons Ltd"}),
        ("balt; sons", {"Balt; Sons Ltd"}),
        ('"Balt; Sons Ltd"; none', {"Balt; Sons Ltd"}),
        ("balt; none", {"Balt; Sons Ltd", "Baltic"}),
    ):
        for dimensions in (["customer"], ["customer", "number"]):
            SavedReport.objects.update(filters={"customer": names}, dimensions=dimensions)
            content = file_of(SavedReport.objects.get(), day_at)[2].decode()
            assert {line.split(",")[0] for line in content.splitlines()[1:]} == found, names
    SavedReport.objects.update(file_format="xlsx", dimensions=["customer", "hour"])
    name, _, content = file_of(SavedReport.objects.get(), datetime.now(UTC))
    assert (name.endswith(".xlsx"), content[:2]) == (True, b"PK")
    assert ann.get(f"/reports/{report.pk}/").status_code == 200


def test_what_carriers_cost_is_reported_to_nobody_by_who_may_not_read_it(cast: Cast) -> None:
    calls(cast, cast.acme, connected=1)
    rolled_up()
    SavedReport.objects.all().delete()
    areas = ["summaries", "reports"]
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Sales", acts=["create_report", "update_report"], areas=areas)
        sam = create_user(name="Sam", email="sam@demo.example", password=PASSWORD, group_ids=[group.pk])
    poor = Actor(sam.email, frozenset(group.acts), "asked", "user", sam.pk, areas=frozenset(areas))
    given: dict[str, Any] = {"account_id": cast.account.pk, "name": "Sales", "recipients": [sam.email]}
    sold: dict[str, Any] = {"dimensions": ["customer"], "measures": ["attempts", "cost_micros"]}
    for more in (
        {"dimensions": ["carrier"]},
        {"measures": ["profit_micros"]},
        {"measures": []},
        {"filters": {"carrier": "Cir"}},
    ):
        with acting(poor), pytest.raises(Invalid, match="call_details"):
            create_report(**given, **{**sold, **more})
    form = logged_in(sam).get("/reports/new/").context["form"]
    assert ("carrier" in form.fields, form.fields["measures"].required) == (False, True)
    assert not {name for name, _ in form.fields["measures"].choices} & {"profit_micros", "carrier_cost_micros"}
    rich = Actor(sam.email, poor.may, "asked", "user", sam.pk, areas=frozenset({"*"}))
    with acting(rich):
        report = create_report(**given, dimensions=["customer"], frequency="daily")
    UserGroup.objects.filter(pk=group.pk).update(areas=["*"])
    assert "Carrier cost" in file_of(report, datetime.now(UTC))[2].decode()
    UserGroup.objects.filter(pk=group.pk).update(areas=areas)
    told = file_of(report, datetime.now(UTC))[2].decode()
    assert ("Customer charge" in told, "Carrier cost" in told, "Profit" in told) == (True, False, False)
    with acting(poor), pytest.raises(Invalid, match="call_details"):
        update_report(report_id=report.pk, **sold)
    sam.groups.clear()
    Message.objects.all().delete()
    SavedReport.objects.update(next_at=beginning(datetime.now(UTC), Span.DAY))
    timetable.reports(timestamp=0)
    assert not Message.objects.exists(), "an author without any rights mails nothing"
