"""Claims about the lists of calls, their sums and one call's page."""

import csv
import io
import re
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from tests.panel.cast import CHARGED_ID, LIVE_ID, REFUSED_ID, Cast
from tollgate import environment
from tollgate.panel.call_search import CallSource
from tollgate.panel.calls import CDR_COLUMNS
from tollgate.store.lake_days import write_closed_days
from tollgate.store.models import CDR, User, Wallet
from tollgate.ui.exports import csv_lines
from tollgate.ui.sources import Query

pytestmark = pytest.mark.django_db


def test_a_call_page_tells_decision_price_and_answer(cast: Cast, ann: Client) -> None:
    page = ann.get(f"/calls/{CHARGED_ID}/").content.decode()
    for words in (
        "Seconds 0 to 120 at 0.06 EUR per 60 s, in increments of 60 s",
        "Seconds 0 to 67 at 0.012 EUR per 60 s, in increments of 1 s",
        "0.1066", "Q.850 16, normal clearing", "Credit", "Cirrus A-Z", "charged@edge",
    ):  # fmt: skip
        assert words in page, words
    assert "not what the rate alone gives" not in page
    told = page.split("The price, step by step")[1]
    legs = [re.findall(r'"num">([^<]*)</td><td class="price-unit">(\w*)<', leg) for leg in told.split("<table")]
    priced = [lines for lines in legs if lines]
    assert [lines[-1] for lines in priced] == [("0.12", "EUR"), ("0.0134", "EUR")]
    for lines in priced:
        decimals = {len(amount.partition(".")[2]) for amount, _ in lines if amount}
        assert len(decimals) == 1, "the points of a leg's steps stand below each other"


def test_entries_of_a_call_name_whose_wallet_they_move_and_a_live_call_has_none_yet(cast: Cast, ann: Client) -> None:
    wallet = Wallet.objects.get(kind="carrier", owner_id=cast.cirrus.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO entry (account_id, wallet_id, book, kind, amount_micros, currency, call_id, at)"
            " VALUES (%s, %s, 'carrier_cost', 'call', 13400, 'EUR', %s, now())",
            [cast.account.pk, wallet.pk, CHARGED_ID],
        )
    entries = ann.get(f"/calls/{CHARGED_ID}/").content.decode().split("Entries</h2>")[1]
    assert "Carrier Cirrus</a>" in entries
    entries = ann.get(f"/calls/{LIVE_ID}/").content.decode().split("Entries</h2>")[1]
    assert "They are made when the call ends." in entries


def test_a_call_that_only_the_lake_has_is_told_like_any_other(
    cast: Cast, ann: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    cdr = CDR.objects.get(pk=CHARGED_ID)
    cdr.pk = CHARGED_ID + 100
    for name in ("started_at", "answered_at", "ended_at"):
        setattr(cdr, name, getattr(cdr, name) - timedelta(days=6))
    cdr.save(force_insert=True)
    before = ann.get(f"/calls/{cdr.pk}/").content.decode()
    assert write_closed_days(datetime.now(UTC))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # as if its day had left the database
        cursor.execute("DELETE FROM cdr WHERE id = %s", [cdr.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
    page = ann.get(f"/calls/{cdr.pk}/").content.decode()
    assert "Archived" in page
    start = "The price, step by step"
    assert page.split(start)[1] == before.split(start)[1]
    assert ann.get(f"/calls/{cdr.pk + 1}/").status_code == 404


def test_a_charge_that_the_rate_does_not_give_is_pointed_at(cast: Cast, ann: Client) -> None:
    cdr = CDR.objects.get(pk=CHARGED_ID)
    assert cdr.detail is not None
    cdr.detail["legs"][0]["cost"] = 1
    cdr.pk = CHARGED_ID + 100
    cdr.save(force_insert=True)
    assert "not what the rate alone gives" in ann.get(f"/calls/{cdr.pk}/").content.decode()


def test_a_refused_call_says_why_and_what_was_compared(cast: Cast, ann: Client) -> None:
    page = ann.get(f"/calls/{REFUSED_ID}/").content.decode()
    assert "Refused: Credit." in page
    assert "402 Insufficient Credit" in page
    assert "available <b>0</b>" in page


def test_a_refusal_in_the_account_s_own_words_is_shown_in_them(cast: Cast, ann: Client) -> None:
    cdr = CDR.objects.get(pk=REFUSED_ID)
    assert cdr.detail is not None
    cdr.detail["reason"] = "Please Pay"
    cdr.pk, cdr.sip_sent = REFUSED_ID + 100, 480
    cdr.save(force_insert=True)
    assert "480 Please Pay" in ann.get(f"/calls/{cdr.pk}/").content.decode()


def test_a_live_call_has_the_same_address(cast: Cast, ann: Client) -> None:
    page = ann.get(f"/calls/{LIVE_ID}/").content.decode()
    assert "Live call" in page
    assert "End call" in page
    assert ann.get("/calls/999/").status_code == 404


def test_the_time_of_a_call_is_told_in_the_users_zone_too(cast: Cast, ann: Client) -> None:
    User.objects.filter(pk=cast.ann.pk).update(zone="Asia/Tokyo")
    assert "in Asia/Tokyo" in ann.get(f"/calls/{CHARGED_ID}/").content.decode()


def test_sums_are_of_everything_found_and_never_mix_currencies(cast: Cast, ann: Client) -> None:
    other = CDR.objects.get(pk=CHARGED_ID)
    other.pk, other.currency, other.cost_micros, other.profit_micros = CHARGED_ID + 1, "USD", 5_000_000, None
    other.save(force_insert=True)
    sums = {line.currency: line for line in ann.get("/cdrs/", follow=True).context["sums"]}
    assert (sums["EUR"].cost_micros, sums["USD"].cost_micros) == (120_000, 5_000_000)
    assert sums["EUR"].carrier_cost_micros == 2 * 13_400, "both calls cost the carrier's euros"
    assert sums["USD"].carrier_cost_micros == 0
    assert (sums[""].attempts, sums["EUR"].connected) == (1, 1)


def test_filters_narrow_list_and_sums_alike(cast: Cast, ann: Client) -> None:
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    for filters, found in (
        ({"f.state": "refused"}, 1), ({"f.least": "60"}, 1), ({"f.least": "68"}, 0), ({"f.number": "4420"}, 2),
        ({"f.number": "4421"}, 0), ({"f.customer": "acm"}, 2), ({"f.carrier": "cir"}, 1), ({"f.refusal": "credit"}, 1),
        ({"f.destination": "uk"}, 2),
    ):  # fmt: skip
        answer = ann.get("/cdrs/", {"f.from": since, **filters})
        assert answer.context["grid"].total == found, filters
        assert sum(line.attempts for line in answer.context["sums"]) == found, filters
    assert ann.get("/cdrs/", {"f.from": "yesterday"}).status_code == 422


def test_an_export_holds_every_row_with_exact_amounts(cast: Cast, ann: Client) -> None:
    answer = ann.get("/cdrs/", {"export": "csv"})
    lines = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    charged = next(line for line in lines if line["State"] == "Charged")
    assert (charged["Charge"], charged["Charge currency"], charged["Carrier cost"]) == ("0.12", "EUR", "0.0134")
    assert len(lines) == 2


def test_the_database_writes_the_same_file_as_the_rows_one_by_one(cast: Cast, ann: Client) -> None:
    odd = CDR.objects.get(pk=CHARGED_ID)
    changes: tuple[dict[str, object], ...] = (
        {"cli": "=1+1", "cld": 'a "b", c\nd', "cost_micros": -5, "profit_micros": None, "duration_ms": 59_999},
        {"cli": "", "currency": None, "carrier": None, "duration_ms": 0, "sip_received": 0, "price_nanos": 1},
        {"released_by": "tollgate", "q850": 102, "answered_at": None},
        {"released_by": "tollgate", "q850": 41, "sip_sent": None, "customer_card_id": None},
        {"released_by": "edge", "carrier_price_nanos": 12_345, "carrier_revision_id": None},
        {"cli": "-1", "currency": "USD", "destination": "\ttab", "cost_micros": 10**15, "duration_ms": 3_600_500},
    )
    for place, change in enumerate(changes, start=1):
        other = copy(odd)
        other.pk = CHARGED_ID + place
        for name, value in change.items():
            setattr(other, name, value)
        other.save(force_insert=True)
    source, query = CallSource(cast.account, None, datetime.now(UTC)), Query(sort="started_at", descending=True)
    by_database = list(csv.reader(io.StringIO(b"".join(source.csv_blocks(query, CDR_COLUMNS)).decode(), newline="")))
    slowly = csv.reader(io.StringIO("".join(csv_lines(CDR_COLUMNS, source.stream(query))), newline=""))
    titles, *rows = slowly
    assert by_database == rows
    assert len(by_database) == 8
    told = {row[titles.index("Release reason")] for row in rows}
    assert told == {"", "The caller hung up", "No media", "The edge"}
    answer = ann.get("/cdrs/", {"export": "csv", "f.customer": "ACM", "columns": "cli,talked"})
    assert b"".join(answer).decode().splitlines()[0] == 'CLI,"Talked, s"'


def test_a_file_of_a_filter_that_cannot_be_is_refused(cast: Cast, ann: Client) -> None:
    for export in ("csv", "xlsx"):
        answer = ann.get("/cdrs/", {"export": export, "f.from": "garbage"})
        assert answer.status_code == 422
        assert "From (UTC): write a date and time" in answer.content.decode()


def test_live_calls_are_asked_for_again_without_the_page_around(cast: Cast, ann: Client) -> None:
    whole = ann.get("/live/").content.decode()
    part = ann.get("/live/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" in whole
    assert "<html" not in part
    for words in ("Ringing", "Talking", "0.06", "Cirrus / cirrus-a", "End call"):
        assert words in part


def test_a_recording_is_played_when_there_is_one(cast: Cast, ann: Client) -> None:
    folder = environment.data_folder() / "recordings"
    folder.mkdir(exist_ok=True)
    for status in (404, 200):
        answer = ann.get(f"/calls/{CHARGED_ID}/recording/")
        assert answer.status_code == status
        assert status == 404 or b"".join(answer) == b"RIFF"
        assert ("<audio" in ann.get(f"/calls/{CHARGED_ID}/").content.decode()) == (status == 200)
        (folder / f"{CHARGED_ID}.wav").write_bytes(b"RIFF")
    (folder / f"{CHARGED_ID}.wav").unlink()
