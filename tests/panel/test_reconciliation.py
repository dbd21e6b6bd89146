"""Claims about reconciliation's pages: from the carrier's file to a letter, and readers press nothing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.panel.cast import CHARGED_ID, EURO, Cast
from tollgate.actions.reconciliation_work import compare_next
from tollgate.store.models import CDR, CarrierDispute, CarrierFormat, CarrierLine, CarrierStatement

pytestmark = pytest.mark.django_db


def test_a_carriers_file_becomes_a_letter(cast: Cast, ann: Client, bob: Client) -> None:
    cdr = CDR.objects.get(pk=CHARGED_ID)
    assert cdr.answered_at is not None
    day = cdr.answered_at.date()
    form = {
        "carrier_id": str(cast.cirrus.pk), "number": "INV-7", "from_on": f"{day - timedelta(days=1)}",
        "last_on": f"{day}", "zone": "UTC", "total_micros": "5.40", "currency": "EUR",
    }  # fmt: skip
    answer = ann.post("/reconciliation/new/", form)
    assert answer.status_code == 302
    statement = CarrierStatement.objects.get(number="INV-7")
    assert (statement.total_micros, statement.until_on) == (5_400_000, day + timedelta(days=1))

    lines = [
        "Call-ID,Start time,Called number,Billsec,Amount,Comment",
        f"{cdr.edge_call_id},{cdr.answered_at:%Y-%m-%d %H:%M:%S},{cdr.number},67,0.4,x",
        f",{cdr.answered_at:%Y-%m-%d %H:%M:%S},+882 16 5555,1:40,5,<b>",
    ]
    file = SimpleUploadedFile("cdrs.csv", "\n".join(lines).encode())
    page = f"/reconciliation/{statement.pk}/"
    assert bob.post(f"{page}file/", {"file": file, "kind": "calls"}).status_code == 403
    file.seek(0)
    check = ann.post(f"{page}file/", {"file": file, "kind": "calls"})["Location"]
    shown = ann.get(check).content.decode()
    assert "Not used: Comment" in shown
    assert "Ready" in shown
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown))
    assert ann.post(check, {name: text for name, text in hidden.items() if text})["Location"] == page
    assert CarrierFormat.objects.get(carrier=cast.cirrus).columns["calls"]["cost"] == "Amount"
    while compare_next():
        pass
    named = [ann.get(f"/reconciliation/?f.carrier_name={name}").content.decode() for name in ("cirr", "nobody")]
    assert [page in text for text in named] == [True, False]
    found = ann.get(page).content.decode()
    assert "Price differs" in found
    assert "Only theirs" in found
    for part in ("lines/", "sums/"):
        rows = b"".join(ann.get(f"{page}{part}?export=csv")).decode()
        assert rows.count("\n") == 3, rows
    line = statement_line(statement)
    assert ann.get(f"{page}dispute/?id={line}").status_code == 200
    opened = ann.post(f"{page}dispute/?id={line}", {"title": "Not ours", "ids": str(line)})["Location"]
    dispute = CarrierDispute.objects.get(title="Not ours", statement=statement)
    assert dispute.claimed_micros == 5 * EURO
    letter = ann.get(opened).content.decode()
    assert "Please credit EUR 5.00" in letter
    assert "Note as sent" not in bob.get(opened).content.decode()
    for step, fields in (("send/", {}), ("answer/", {"state": "partly", "agreed_micros": "2"}), ("settle/", {})):
        assert ann.post(f"{opened}{step}", fields).status_code == 302
    dispute.refresh_from_db()
    assert dispute.state == "settled"
    assert ann.post(f"{page}accept/", {"confirmation": "INV-7"}).status_code == 302
    statement.refresh_from_db()
    assert statement.accepted_micros == 400_000
    assert "Accepted" in ann.get(page).content.decode()


def statement_line(statement: CarrierStatement) -> int:
    """The line that only the carrier has."""
    statement.refresh_from_db()
    return CarrierLine.objects.get(statement=statement, run=statement.run, kind="theirs").pk
