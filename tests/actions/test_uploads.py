"""Claims about uploads: a file brings every field that the forms have."""

from datetime import UTC, datetime

import pytest

from tests.actions.cast import ANN, demo_account
from tests.actions.test_tasks import actor_of, errors_of, user, work
from tollgate.actions import contacts, customer_checks
from tollgate.actions.acts import acting
from tollgate.actions.cards import create_card
from tollgate.actions.customers import create_customer
from tollgate.actions.endpoints import IP_CHECKS
from tollgate.actions.invoice_templates import create_invoice_template
from tollgate.actions.localizations import create_localization
from tollgate.actions.portal_domains import create_portal_domain
from tollgate.actions.tags import create_tag
from tollgate.actions.taxes import create_tax
from tollgate.actions.uploads import start_upload
from tollgate.core.upload_fields import NOUNS
from tollgate.store.models import Contact, Customer, Task, TaskRow

pytestmark = pytest.mark.django_db
EVERY_FIELD: dict[str, tuple[str, object]] = {
    "name": ("Ford", "Ford"), "currency": ("EUR", "EUR"), "company": ("Ford UAB", "Ford UAB"),
    "number": ("370999", "370999"), "status": ("Penalty", "penalty"), "status_reason": ("Owes", "Owes"),
    "status_until": ("2041-01-01", datetime(2041, 1, 1, tzinfo=UTC)), "channels": ("12", 12),
    "cps_milli": ("2.5", 2500), "max_duration_s": ("1800", 1800), "debit_limit_micros": ("250", 250_000_000),
    "daily_spend_limit_micros": ("40.5", 40_500_000), "expires_at": ("2042-01-01", datetime(2042, 1, 1, tzinfo=UTC)),
    "valid_days": ("365", 365), "reference": ("PO 7", "PO 7"), "accounting_id": ("F-7", "F-7"),
    "website": ("https://ford.example/", "https://ford.example/"), "parent_id": ("Nordic", "Nordic"),
    "account_manager_id": ("ann@demo.example", "ann"), "domain_id": ("ford.example", "ford.example"),
    "localization_id": ("Latvia", "Latvia"), "tag_ids": ("Big", ["Big"]), "portal_show": ("clis", ["clis"]),
    "portal_hide": ("calls", ["calls"]), "pai_mode": ("If available", "if_available"),
    "rtp_firewall": ("unlocked", "unlocked"), "attestation": ("A", "A"), "first_reply_s": ("4", 4), "pdd_s": ("6", 6),
    "ring_s": ("45", 45), "vars_toml": ("[headers]\nremove_regex = '^X-'", "[headers]\nremove_regex = '^X-'"),
    "phone": ("+37061234567", "+37061234567"), "zone": ("Europe/Vilnius", "Europe/Vilnius"), "country": ("lt", "LT"),
    "address_line1": ("Gedimino 1", "Gedimino 1"), "address_line2": ("2nd floor", "2nd floor"),
    "city": ("Vilnius", "Vilnius"), "state": ("Vilniaus", "Vilniaus"), "postcode": ("LT-01103", "LT-01103"),
    "is_reseller": ("yes", True), "approved_clis_only": ("yes", True), "cli_selection": ("Random", "random"),
    "cli_pool": ("Non CLI unless either", "non_cli_unless_either"), "non_cli_card_id": ("Premium", "Premium"),
    "email_verification": ("yes", True), "mobile_verification": ("yes", True), "recording": ("yes", True),
    "recording_retention_days": ("30", 30), "loss_making_calls": ("Warn", "warn"), "local_calls": ("no", False),
    "local_price_nanos": ("0.0123", 12_300_000), "local_increment_s": ("6", 6), "ip_management": ("yes", True),
    "billing_type": ("postpaid", "postpaid"), "registration_id": ("30099", "30099"), "tax_number": ("LT 1", "LT1"),
    "tax_treatment": ("taxed", "taxed"), "tax_ids": ("PVM", ["PVM"]), "prices_include_tax": ("yes", True),
    "invoice_schedule": ("Weekly", "weekly"), "billing_day": ("5", 5), "billing_zone": ("Asia/Tokyo", "Asia/Tokyo"),
    "payment_terms_days": ("21", 21), "overdue_grace_days": ("3", 3), "overdue_action": ("restrict", "restrict"),
    "invoice_grouping": ("route", "route"), "invoice_template_id": ("House", "House"),
    "generate_invoices": ("no", False), "zero_invoices": ("yes", True), "email_invoices": ("no", False),
    "daily_receipts": ("yes", True), "create_invoice_on_payment": ("yes", True), "invoice_note": ("Thanks", "Thanks"),
    "language": ("de", "de"), "minimum_payment_micros": ("5", 5_000_000),
    "topup_currencies": ("EUR; USD", ["EUR", "USD"]),
    "payment_gateways": ("stripe", ["stripe"]), "paypal_email": ("pay@ford.example", "pay@ford.example"),
    "low_balance_micros": ("-5", -5_000_000), "notification_emails": ("noc@ford.example", ["noc@ford.example"]),
    "notification_departments": ("billing; noc", ["billing", "noc"]),
    "notification_opt_outs": ("invoice.due", ["invoice.due"]), "note": ("By file", "By file"),
    "hours": (
        "Europe/Vilnius; Sat 09:00-13:00",
        {"zone": "Europe/Vilnius", "windows": [{"weekday": 6, "from": "09:00", "until": "13:00"}], "holidays": []},
    ),
    "hours_hang_up": ("yes", True),
}  # fmt: skip


def kept_of(customer: Customer) -> dict[str, object]:
    """A customer's fields as `EVERY_FIELD` says them: other records by their names."""
    named = {name: getattr(customer, name) for name in EVERY_FIELD.keys() - {"tag_ids", "tax_ids", "note"}}
    pointing = [field for field in Customer._meta.concrete_fields if field.is_relation and field.attname in named]
    others = {field.attname: str(getattr(customer, field.name)) for field in pointing}
    return {
        **named,
        **others,
        "tag_ids": [tag.name for tag in customer.tags.all()],
        "tax_ids": [paid.tax.name for paid in customer.customer_taxes.all()],
        "note": customer.notes.get().text,
    }


def upload(noun: str, cells: dict[str, str]) -> Task:
    """A file of one row, worked."""
    task = start_upload(
        account_id=Customer.objects.get(name="Nordic").account_id,
        noun=noun,
        headers=list(cells),
        rows=[list(cells.values())],
        mapping={name: place for place, name in enumerate(cells)},
    )
    work()
    assert errors_of(task) == {}
    return task


def test_a_file_brings_every_field_that_the_forms_have() -> None:
    customer, contact = NOUNS["customer"].fields, NOUNS["contact"].fields
    acts_fields = customer_checks.CHECKS.keys() | customer_checks.BESIDE.keys() | {"currency"}
    assert {field.name for field in customer} == EVERY_FIELD.keys() == acts_fields
    of_address = IP_CHECKS.keys() | {"customer_id"}
    assert {field.name for field in NOUNS["ip_endpoint"].fields} == of_address - {"rewrites"}, "which are a table"
    of_contact = contacts.CHECKS.keys() | {"customer_id", "invite", "password"}
    assert {field.name for field in contact} == of_contact - {"theme"}, "which contacts choose themselves"
    with acting(ANN):
        account = demo_account()
        create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
        create_portal_domain(account_id=account.pk, host="ford.example", brand="Ford")
        create_localization(account_id=account.pk, name="Latvia")
        create_tag(account_id=account.pk, name="Big")
        create_tax(account_id=account.pk, name="PVM", rate_ppm=210_000)
        create_invoice_template(account_id=account.pk, name="House")
        create_card(account_id=account.pk, kind="customer", name="Premium", currency="EUR")
    ann = user("ann@demo.example", "*")
    with acting(actor_of(ann)):
        upload("customer", {name: text for name, (text, _) in EVERY_FIELD.items()})
        assert kept_of(Customer.objects.get(name="Ford")) == {name: value for name, (_, value) in EVERY_FIELD.items()}
        login = {"password": "correct horse battery", "allowed_networks": "192.0.2.0/24; 2001:db8::/32"}
        upload("contact", {"customer_id": "Ford", "email": "eve@ford.example", "first_name": "Eve", **login})
    eve = Contact.objects.get(email="eve@ford.example")
    assert [str(network) for network in eve.allowed_networks] == ["192.0.2.0/24", "2001:db8::/32"]
    assert (bool(eve.password), eve.password_must_change) == (True, True)
    assert login["password"] not in str(list(TaskRow.objects.values_list("cells")))


def test_who_brings_no_word_on_taxes_gets_those_of_a_new_form_and_none_is_said_as_such() -> None:
    with acting(ANN):
        account = demo_account()
        create_customer(account_id=account.pk, name="Nordic", currency="EUR")
        for name, default in (("VAT", True), ("Excise", False), ("Of old", True)):
            create_tax(account_id=account.pk, name=name, rate_ppm=210_000, is_default=default)
    ann = actor_of(user("ann@demo.example", "*"))
    rows = {"Absent": None, "Empty": "", "Blank": " ; ", "None": "None", "Named": "excise", "Both": "VAT; Excise"}
    with acting(ann):
        for name, cell in rows.items():
            upload("customer", {"name": name, "currency": "EUR"} | ({} if cell is None else {"tax_ids": cell}))
        for name in ("Nobody", "none; VAT"):
            row = {"name": "Refused", "currency": "EUR", "tax_ids": name}
            task = start_upload(
                account_id=account.pk, noun="customer", headers=list(row), rows=[list(row.values())],
                mapping={name: place for place, name in enumerate(row)},
            )  # fmt: skip
            work()
            assert "There is no tax of this name" in errors_of(task)[1][0][1]
    paid = {
        customer.name: {tax.tax.name for tax in customer.customer_taxes.all()}
        for customer in Customer.objects.exclude(name="Nordic")
    }
    new = {"VAT", "Of old"}
    assert paid == {
        **dict.fromkeys(("Absent", "Empty", "Blank"), new),
        "None": set(), "Named": {"Excise"}, "Both": {"VAT", "Excise"},
    }  # fmt: skip
    with acting(ANN):
        create_tax(account_id=account.pk, name="None", rate_ppm=0)
    with acting(ann):
        upload("customer", {"name": "Called so", "currency": "EUR", "tax_ids": "none"})
    assert [tax.tax.name for tax in Customer.objects.get(name="Called so").customer_taxes.all()] == ["None"]
