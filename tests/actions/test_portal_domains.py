"""Claims about portal domains: what they decide for customers, how they look, and in which words they write."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from tests.actions.cast import EURO, acme, bought_by, sold_by
from tests.actions.test_customers import refused
from tests.actions.test_tasks import begin, errors_of, user, work
from tollgate.actions.acts import Actor, OutOfDate, acting
from tollgate.actions.charges import today_of
from tollgate.actions.customer_packages import assign_package, create_package
from tollgate.actions.customer_successor import create_successor_customer
from tollgate.actions.customers import create_customer, delete_customer, update_customer
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoice_templates import create_invoice_template, delete_invoice_template
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.payment_amounts import currency_fits
from tollgate.actions.portal_domains import create_portal_domain, delete_portal_domain, update_portal_domain
from tollgate.actions.routes import create_ingress_route
from tollgate.actions.sign_in import create_sign_in_provider
from tollgate.actions.tags import create_tag
from tollgate.store.models import Account, Audit, Customer, PaymentGateway, PortalDomain, SignInProvider

if TYPE_CHECKING:
    from tollgate.actions.acts import Done


def talk(account: Account, **fields: Any) -> PortalDomain:
    """A portal domain."""
    return create_portal_domain(account_id=account.pk, host="talk.example.com", brand="Talk", **fields)


def template_of(account: Account) -> Customer:
    """A customer that others begin like: with fields of every kind, two routes and a package."""
    vip = create_tag(account_id=account.pk, name="VIP")
    template = create_customer(
        account_id=account.pk, name="Template", currency="EUR", channels=7, debit_limit_micros=50 * EURO,
        status="inactive", email_verification=True, tag_ids=[vip.pk], country="LT", zone="Europe/Vilnius",
        invoice_schedule="monthly", billing_day=28, portal_hide=["calls"], company="Nobody Ltd", ring_s=33,
    )  # fmt: skip
    options: Any = [{"card_id": bought_by(account).pk, "weight": 40}]
    sold = sold_by(account, "Standard EUR")
    create_ingress_route(customer_id=template.pk, name="World", card_id=sold.pk, options=options, cps_milli=5000)
    create_ingress_route(customer_id=template.pk, name="Baltics", card_id=sold.pk, dial_patterns="370\n371")
    monthly = create_package(account_id=account.pk, name="Numbers", currency="EUR", retail_nanos=2 * 10**9)
    assign_package(customer_id=template.pk, package_id=monthly.pk, quantity=3)
    return template


def test_a_new_customer_begins_like_the_template_of_its_domain_and_what_is_given_wins(
    account: Account, done: Done
) -> None:
    template = template_of(account)
    dollars = sold_by(account, "Standard USD", "USD")
    gold = sold_by(account, "Gold EUR")
    domain = talk(account, template_customer_id=template.pk, card_ids=[gold.pk])
    begun = acme(account, domain_id=domain.pk, channels=9)
    assert (begun.channels, begun.email_verification, begun.ring_s, begun.zone) == (9, True, 33, "Europe/Vilnius")
    assert (begun.debit_limit_micros, begun.billing_type, begun.tag_ids) == (50 * EURO, "postpaid", template.tag_ids)
    assert (begun.invoice_schedule, begun.billing_day, begun.portal_hide) == ("monthly", 28, ["calls"])
    assert (begun.status, begun.company, begun.country) == ("active", "", ""), "who the template is stays its own"
    routes = list(begun.ingress_routes.order_by("id"))
    assert [(one.name, one.card_id, one.cps_milli) for one in routes] == [
        ("World", gold.pk, 5000), ("Baltics", gold.pk, 0),
    ]  # fmt: skip
    assert routes[0].options.get().weight == 40
    assert [(one.package.name, one.quantity) for one in begun.packages.all()] == [("Numbers", 3)]
    assert not done.warnings or all("carrier" in sentence for sentence in done.warnings)

    prepaid = create_customer(
        account_id=account.pk, name="Own terms", currency="EUR", domain_id=domain.pk, billing_type="prepaid",
        invoice_schedule="none", portal_hide=[],
    )  # fmt: skip
    assert (prepaid.debit_limit_micros, prepaid.billing_day, prepaid.portal_hide) == (0, 1, [])
    other = create_customer(account_id=account.pk, name="Dollars", currency="USD", domain_id=domain.pk)
    assert (other.channels, other.debit_limit_micros, other.packages.count()) == (7, 0, 0), "amounts are in euro"
    assert not other.ingress_routes.exists()
    assert "World is left out" in done.warnings[-2]
    update_portal_domain(domain_id=domain.pk, card_ids=[gold.pk, dollars.pk])
    assert Audit.objects.filter(table_name="portal_domain_card", verb="INSERT", actor="Ann").count() == 2
    last = create_customer(account_id=account.pk, name="Dollars 2", currency="USD", domain_id=domain.pk)
    assert {one.card_id for one in last.ingress_routes.all()} == {dollars.pk}
    plain = create_customer(account_id=account.pk, name="Plain", currency="EUR")
    update_customer(customer_id=plain.pk, domain_id=domain.pk)
    plain.refresh_from_db()
    assert (plain.channels, plain.ingress_routes.count()) == (0, 0), "who is there already keeps what it has"


def test_a_resellers_user_takes_nothing_of_a_template_that_is_out_of_its_reach(account: Account) -> None:
    domain = talk(account, template_customer_id=template_of(account).pk)
    reseller = acme(account, is_reseller=True, domain_id=domain.pk)
    rita = Actor("Rita", frozenset({"*"}), reseller_id=reseller.pk, reach=frozenset())
    with acting(rita):
        begun = create_customer(
            account_id=account.pk, name="Below", currency="EUR", parent_id=reseller.pk, domain_id=domain.pk
        )
    assert (begun.domain_id, begun.channels, begun.debit_limit_micros, begun.tag_ids) == (domain.pk, 0, 0, [])
    assert not begun.ingress_routes.exists()
    assert not begun.packages.exists()


def test_a_package_that_ends_with_the_template_ends_with_those_that_begin_like_it(account: Account, done: Done) -> None:
    template = create_customer(account_id=account.pk, name="Template", currency="EUR")
    today = today_of(template)
    last = today + timedelta(days=9)
    for name, minimum_days, ends_on in (
        ("Endless", 0, None),
        ("Trial", 10, last),
        ("Long", 0, last),
        ("Over", 0, today),
    ):
        package = create_package(account_id=account.pk, name=name, currency="EUR", minimum_days=minimum_days)
        held = assign_package(customer_id=template.pk, package_id=package.pk, ends_on=ends_on)
        if name == "Long":
            type(package).objects.filter(pk=package.pk).update(minimum_days=11)
        if name == "Over":
            type(held).objects.filter(pk=held.pk).update(
                starts_on=today - timedelta(days=3), ends_on=today - timedelta(days=1)
            )
    begun = acme(account, domain_id=talk(account, template_customer_id=template.pk).pk)
    given = [(one.package.name, one.starts_on, one.ends_on) for one in begun.packages.order_by("id")]
    assert given == [("Endless", today, None), ("Trial", today, last)]
    assert "Package Long is left out" in done.warnings[-1]


def test_who_holds_an_older_form_is_told_when_only_the_cards_are_others(account: Account) -> None:
    gold = sold_by(account, "Gold EUR")
    domain = talk(account, template_customer_id=template_of(account).pk)
    changed = update_portal_domain(domain_id=domain.pk, card_ids=[gold.pk], version=domain.version)
    assert (changed.version, changed.card_ids) == (domain.version + 1, [gold.pk])
    with pytest.raises(OutOfDate):
        update_portal_domain(domain_id=domain.pk, card_ids=[], version=domain.version)
    again = update_portal_domain(domain_id=domain.pk, card_ids=[gold.pk], version=changed.version)
    assert again.version == changed.version, "the same cards are no change"


def test_a_domain_that_contacts_log_in_by_a_provider_at_is_not_removed(account: Account) -> None:
    domain = talk(account)
    create_sign_in_provider(
        account_id=account.pk, title="Talk staff", issuer="https://login.example.com", client_id="tollgate",
        serves="contacts", domain_id=domain.pk,
    )  # fmt: skip
    assert "Talk staff" in refused("domain_id", delete_portal_domain, domain_id=domain.pk)
    SignInProvider.objects.all().delete()
    delete_portal_domain(domain_id=domain.pk)
    assert not PortalDomain.objects.exists()


def test_the_section_of_packages_comes_to_the_domains_that_show_invoices(account: Account) -> None:
    talk(account, sections=["calls", "invoices"])
    create_portal_domain(account_id=account.pk, host="quiet.example.com", brand="Quiet", sections=["calls"])
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(import_module("tollgate.store.migrations.0017_domains").PACKAGES)
    assert {one.brand: one.sections for one in PortalDomain.objects.all()} == {
        "Talk": ["calls", "invoices", "packages"], "Quiet": ["calls"],
    }  # fmt: skip


def test_a_file_brings_customers_that_begin_like_the_template(account: Account) -> None:
    domain = talk(account, template_customer_id=template_of(account).pk, currencies=["EUR", "USD"])
    task = begin(
        user("bulk@demo.example", "*"), "customer",
        f"name,currency,domain\nAcme,EUR,{domain.host}\nBaltic,GBP,{domain.host}\n".encode(),
    )  # fmt: skip
    work()
    assert Customer.objects.get(name="Acme").channels == 7
    assert "EUR or USD" in str(errors_of(task)[3])


def test_a_domain_has_its_currencies_and_wallets_that_are_there_keep_theirs(account: Account) -> None:
    domain = talk(account)
    pounds = create_customer(account_id=account.pk, name="Pounds", currency="GBP", domain_id=domain.pk)
    update_portal_domain(domain_id=domain.pk, currencies=["USD", "EUR", "EUR"])
    domain.refresh_from_db()
    assert domain.currencies == ["EUR", "USD"]
    new = {"account_id": account.pk, "name": "More pounds", "currency": "GBP", "domain_id": domain.pk}
    assert "EUR or USD" in refused("currency", create_customer, **new)
    outside = create_customer(account_id=account.pk, name="Outside", currency="GBP")
    assert domain.host in refused("domain_id", update_customer, customer_id=outside.pk, domain_id=domain.pk)
    update_customer(customer_id=pounds.pk, domain_id=domain.pk, channels=3)
    euros = acme(account, domain_id=domain.pk)
    wish = {"customer_id": euros.pk, "name": "Acme 2", "currency": "GBP"}
    assert "EUR or USD" in refused("currency", create_successor_customer, **wish)
    gateway = PaymentGateway(account=account, currencies=["EUR", "GBP", "USD", "SEK"])
    pounds.refresh_from_db()
    assert {code for code in gateway.currencies if currency_fits(pounds, gateway, code)} == {"EUR", "USD", "GBP"}
    assert {code for code in gateway.currencies if currency_fits(euros, gateway, code)} == {"EUR", "USD"}
    update_customer(customer_id=euros.pk, topup_currencies=["USD", "SEK"])
    euros.refresh_from_db()
    assert [code for code in gateway.currencies if currency_fits(euros, gateway, code)] == ["USD"]


def test_what_a_domain_begins_customers_with_has_to_fit_together(account: Account) -> None:
    template, reseller = template_of(account), acme(account, is_reseller=True)
    below = create_customer(account_id=account.pk, name="Below", currency="EUR", parent_id=reseller.pk)
    euro, again, dollar = sold_by(account, "A"), sold_by(account, "B"), sold_by(account, "C", "USD")
    domain = talk(account, currencies=["EUR"], template_customer_id=template.pk, card_ids=[euro.pk])
    for field, values in (
        ("template_customer_id", {"template_customer_id": below.pk}),
        ("template_customer_id", {"template_customer_id": None}),
        ("card_ids", {"card_ids": [euro.pk, again.pk]}),
        ("card_ids", {"card_ids": [dollar.pk]}),
        ("card_ids", {"card_ids": [bought_by(account, "Other").pk]}),
        ("card_ids", {"currencies": ["USD"]}),
        ("invoice_template_id", {"invoice_template_id": 10**9}),
        ("currencies", {"currencies": ["XXQ"]}),
    ):
        refused(field, update_portal_domain, domain_id=domain.pk, **values)
    assert domain.host in refused("customer_id", delete_customer, customer_id=template.pk)
    assert domain.host in refused("parent_id", update_customer, customer_id=template.pk, parent_id=reseller.pk)


def test_colors_have_to_be_readable_and_a_sheet_asks_for_nothing(account: Account) -> None:
    domain = talk(account, color="#663399", sidebar_color="#112233", background="#f4f0fa", background_dark="#101418")
    for field, value in (
        ("color", "#ffcc00"),
        ("color_dark", "#663399"),
        ("sidebar_color", "#ffffff"),
        ("background", "#808080"),
        ("background_dark", "#eeeeee"),
        ("custom_css", "a { background: url(https://evil.example/) }"),
    ):
        refused(field, update_portal_domain, domain_id=domain.pk, **{field: value})
    PortalDomain.objects.filter(pk=domain.pk).update(color="#ffcc00")
    update_portal_domain(domain_id=domain.pk, color="#ffcc00", brand="Talk 2", custom_css=".card { border: 0 }")
    domain.refresh_from_db()
    assert (domain.brand, domain.custom_css) == ("Talk 2", ".card { border: 0 }"), "an old color holds nothing else up"


def test_documents_are_printed_by_the_domains_template_unless_the_customer_has_its_own(account: Account) -> None:
    paper = create_invoice_template(account_id=account.pk, name="Talk's letter", title="Talk bill")
    own = create_invoice_template(account_id=account.pk, name="Acme's letter")
    domain = talk(account, invoice_template_id=paper.pk)
    customer = acme(account, domain_id=domain.pk, email_invoices=False)

    def printed() -> int | None:
        draft = draft_invoice(customer_id=customer.pk)
        add_invoice_line(invoice_id=draft.pk, description="Welcome", unit_price_nanos=0)
        issued = issue_invoice(invoice_id=draft.pk)
        assert (issued.issuer or {})["looks"]["template_id"] == issued.template_id
        return issued.template_id

    assert printed() == paper.pk
    update_customer(customer_id=customer.pk, invoice_template_id=own.pk)
    assert printed() == own.pk
    unused = create_invoice_template(account_id=account.pk, name="Unused")
    update_portal_domain(domain_id=domain.pk, invoice_template_id=unused.pk)
    refused("template_id", delete_invoice_template, template_id=unused.pk)
