"""Claims about documents as programs fetch them: the files of the panel, of documents that one may read alone."""

from __future__ import annotations

import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import Account, Customer, Invoice

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued(cast: Cast) -> Invoice:
    """Acme's document, with all that an e-invoice needs."""
    Account.objects.update(company="Demo Telecom UAB", country="LT", vat_id="LT100001919017")
    Customer.objects.filter(pk=cast.acme.pk).update(accounting_id="DEB-70001", country="LT", city="Vilnius")
    Customer.objects.filter(pk=cast.acme.pk).update(billing_type="postpaid", tax_treatment="no_vat")
    with acting(Actor("setup", frozenset({"*"}))):
        draft = draft_invoice(customer_id=cast.acme.pk)
        add_invoice_line(invoice_id=draft.pk, description="Trunk", unit_price_nanos=10**10)
        return issue_invoice(invoice_id=draft.pk)


def test_a_program_gets_the_files_of_the_panel(cast: Cast, issued: Invoice) -> None:
    api, ann = Api.of(cast.ann), logged_in(cast.ann)
    for form, media in (("pdf", "application/pdf"), ("factur-x", "application/pdf"), ("ubl", "application/xml")):
        answer = api.get(f"invoices/{issued.pk}/{form}")
        assert (answer.status_code, answer["Content-Type"]) == (200, media), answer.content
        assert answer.content == ann.get(f"/invoices/{issued.pk}/{form}/").content
    assert b"DEB-70001" in api.get(f"invoices/{issued.pk}/ubl").content, "the customer's key in the books"


def test_what_is_no_file_is_refused_in_words(cast: Cast, issued: Invoice) -> None:
    api = Api.of(cast.ann)
    receipt = Invoice.objects.get(kind="receipt")
    refused = api.get(f"invoices/{receipt.pk}/ubl")
    assert (refused.status_code, "its tax came with the payment" in refused.json()["detail"]) == (409, True)
    assert api.get(f"invoices/{issued.pk}/doc").status_code == 404
    assert api.get(f"invoices/{10**9}/pdf").status_code == 404
    assert api.get(f"invoices/{issued.pk}/pdf", {"fields": "id"}).json()["errors"][0]["field"] == "fields"


def test_nobody_gets_files_of_documents_that_he_may_not_read(cast: Cast, issued: Invoice) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        blind = create_user_group(name="No invoices", acts=[], areas=["customers"])
        user = create_user(name="Cy", email="cy@demo.example", password=PASSWORD, group_ids=[blind.pk])
    assert Api.of(user).get(f"invoices/{issued.pk}/pdf").status_code == 403


def test_a_line_bears_taxes_of_its_own_and_what_is_wrong_with_them_is_named(cast: Cast, issued: Invoice) -> None:
    api = Api.of(cast.ann)
    draft = api.act("draft_invoice", customer_id=cast.acme.pk).json()["result"]
    line = {"invoice_id": draft["id"], "description": "Training", "unit_price_nanos": 10**11, "tax_category": "E"}
    refused = api.act("add_invoice_line", **line)
    assert (refused.status_code, fields_of(refused)) == (422, {("exemption_reason", "invalid")})
    odd = api.act("add_invoice_line", **line, tax_ids=["1"])
    assert (odd.status_code, fields_of(odd)) == (422, {("tax_ids.0", "type")})
    assert api.act("add_invoice_line", **line, exemption_reason="Article 132").status_code in (200, 201)
    (told,) = api.get(f"invoices/{draft['id']}").json()["lines"]
    assert (told["tax_category"], told["exemption_reason"], told["tax_ids"]) == ("E", "Article 132", [])
