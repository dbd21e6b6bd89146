"""Claims about the pages of recalculations: what will be told is told before, and each note leads to its calls."""

from __future__ import annotations

import io

import pypdf
import pytest

from tests.actions.cast import ANN, EURO
from tests.actions.test_correction_notes import PASSWORD, World, billed, documents, ran
from tests.panel.conftest import logged_in
from tollgate.actions.acts import acting
from tollgate.actions.customers import update_customer
from tollgate.actions.invoice_documents import pdf_of
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import CDR, Recalculation, User

pytestmark = pytest.mark.django_db
FORM = {"kind": "rerate", "from_at": "2023-12-31T00:00", "until_at": "2024-01-20T00:00", "reason": "a wrong card"}


def test_a_note_is_seen_before_it_is_issued_and_leads_to_exactly_the_calls_that_it_corrects() -> None:
    world = World()
    world.talks([world.baltic], 2 * EURO, EURO, 3 * EURO)
    billed(world.baltic)
    (invoice,) = documents(world.baltic)
    world.costs(EURO)
    client = logged_in(User.objects.get(email="ann@demo.example"))
    page = "/recalculations/new/"
    seen = client.post(page, {**FORM, "on_notes": "yes", "preview": "1"})
    assert seen.status_code == 200
    text = " ".join(seen.content.decode().split())
    assert f'<a href="/invoices/{invoice.pk}/">{invoice.number}</a>' in text
    assert "Credit note" in text
    assert "Issued invoices whose calls change: 1;" in text
    assert documents(world.baltic) == [invoice]
    acts = ["start_recalculation", "note_corrections"]
    with acting(ANN):
        group = create_user_group(name="Rating", acts=acts, areas=["recalculations"])
        other = create_user(name="Eve", email="eve@demo.example", password=PASSWORD, group_ids=[group.pk])
    told = logged_in(other).post(page, {**FORM, "on_notes": "yes", "preview": "1"}).content.decode()
    assert "Issued invoices whose calls change: 1;" in told
    assert str(invoice.number) not in told, "who may read no invoices is told of none"
    assert "Credit note" not in client.post(page, {**FORM, "on_notes": "no", "preview": "1"}).content.decode()
    begun = client.post(page, {**FORM, "on_notes": "yes"})["Location"]
    waits = client.get(begun).content.decode()
    assert all(words in waits for words in ("The calls are still looked for.", ">Cancel<", "0 of 1 row done"))
    ran()
    assert "3 of 3 calls done" in " ".join(client.get(begun).content.decode().split())
    note = documents(world.baltic)[-1]
    done = client.get(f"/recalculations/{Recalculation.objects.get().pk}/").content.decode()
    assert note.number is not None
    assert note.number in done
    assert "1 of 1 invoices done, 0 failed" in done
    shown = client.get(f"/invoices/{note.pk}/")
    (line,) = shown.context["lines"]
    listed = client.get(line.cdrs_url)
    corrected = set(CDR.objects.exclude(cost_micros=EURO).values_list("pk", flat=True))
    assert {row.pk for row in listed.context["grid"].rows} == corrected
    assert len(corrected) == line.row.calls_count == 2
    offered = client.get(f"/suggestions/note/?q={note.number[:4]}").json()["offers"]
    assert offered == [{"value": note.number, "words": "Baltic"}]
    paper = "".join(leaf.extract_text() for leaf in pypdf.PdfReader(io.BytesIO(pdf_of(note))).pages)
    assert "a wrong card" in paper
    assert invoice.number is not None
    assert invoice.number in paper

    with acting(ANN):
        update_customer(customer_id=world.baltic.pk, billing_type="prepaid", debit_limit_micros=0)
    world.costs(2 * EURO)
    told = client.post(page, {**FORM, "on_notes": "yes", "preview": "1"}).content.decode()
    assert "Issued invoices whose calls" not in told
