"""Claims about who may open and press what, walking every address of the panel as everybody who should not."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from tests.panel.cast import CHARGED_ID, LIVE_ID, Cast
from tests.panel.conftest import logged_in
from tollgate.core.areas import AREAS, area_of_page
from tollgate.panel.texts import digest_of
from tollgate.panel.urls import urlpatterns
from tollgate.store.models import (
    AccessNumber,
    AccountPackage,
    Agreement,
    Alert,
    Alias,
    Audit,
    BankLine,
    BankRun,
    CarrierDispute,
    CarrierFile,
    CarrierPayment,
    CarrierStatement,
    CircuitTest,
    CliProof,
    CliRule,
    ConferenceRoom,
    CustomerNote,
    CustomerPackage,
    CustomPage,
    DelayedSave,
    DeletedRecord,
    Department,
    Did,
    DunningStep,
    ExchangeRate,
    Invoice,
    InvoiceLine,
    InvoiceTemplate,
    LegalHold,
    Localization,
    MailSettings,
    Mandate,
    Message,
    NumberBlock,
    Package,
    Payment,
    PaymentEvent,
    PaymentGateway,
    PortalDomain,
    Recalculation,
    SavedReport,
    SignInProvider,
    SmsSettings,
    StirCertificate,
    Tag,
    Task,
    Tax,
    Template,
    VerifiedCli,
    Voucher,
    VoucherBatch,
    Webhook,
    WebhookDelivery,
)

pytestmark = pytest.mark.django_db
OWN = {
    "me",
    "theme",
    "remember",
    "views",
    "own_password",
    "own_email",
    "recovery_codes",
    "help",
    "help_page",
    "help_picture",
}  # everybody's, whatever the groups
MEMBERS = {
    "dashboard",
    "search",
    "suggestions",
    "shown_page",
    "token_new",
    "token_revoke",
}  # any group's; each shows only what may be read
PUBLIC = {"forgot", "set_password", "confirm_email", "confirm_login_email"}
NOT_HERE = {
    "call_recording",
    "card_check",
    "carrier_file_check",
    "upload",
    "upload_check",
    "bulk_edit",
    "bulk_delete",
}  # they need a file: test_cards.py, test_calls.py
STRICTER_POLICY = "default-src 'none'"  # of files that people brought
EXAMPLES = re.compile(r"<(textarea|pre|code)\b.*?</\1>|&lt;.*?&gt;", re.DOTALL)  # text, whatever it looks like


def addresses(cast: Cast) -> Iterator[tuple[str, str, Any]]:
    """Every address with records of the cast in it: its name, the address, its view. Unknown ids are 1."""
    known = {
        "customer_id": cast.acme.pk, "contact_id": cast.contact.pk, "endpoint_id": cast.ip_endpoint.pk,
        "route_id": cast.route.pk, "carrier_id": cast.cirrus.pk, "gateway_id": cast.gateway.pk,
        "card_id": cast.customer_card.pk, "call_id": LIVE_ID, "user_id": cast.ann.pk, "group_id": cast.group.pk,
        "message_id": Message.objects.earliest("id").pk, "key": "set_password", "language": "en", "block": "company",
        "mail_settings_id": MailSettings.objects.get().pk, "sms_settings_id": SmsSettings.objects.get().pk,
        "digest": digest_of("Cancel"),
        "template_id": Template.objects.get().pk, "audit_id": Audit.objects.earliest("id").pk,
        "payment_id": Payment.objects.get().pk, "payment_gateway_id": PaymentGateway.objects.get().pk,
        "payment_event_id": PaymentEvent.objects.get().pk, "voucher_batch_id": VoucherBatch.objects.get().pk,
        "voucher_id": Voucher.objects.earliest("id").pk,
        "mandate_id": Mandate.objects.get().pk, "bank_run_id": BankRun.objects.get().pk,
        "bank_line_id": BankLine.objects.get().pk,
        "conference_room_id": ConferenceRoom.objects.get().pk,
        "block_id": NumberBlock.objects.get().pk, "access_number_id": AccessNumber.objects.get().pk,
        "sold_package_id": Package.objects.get().pk, "customer_package_id": CustomerPackage.objects.get().pk,
        "task_id": _first(Task), "delayed_save_id": _first(DelayedSave), "noun": "customer",
        "package_id": _first(AccountPackage), "number": Agreement.objects.count() or 1,
        "edge_id": cast.edge.pk, "note_id": CustomerNote.objects.get().pk, "cli_id": VerifiedCli.objects.get().pk,
        "did_id": Did.objects.get_or_create(account=cast.account, number="37052070001")[0].pk,
        "alias_id": Alias.objects.get().pk, "stir_certificate_id": StirCertificate.objects.get().pk,
        "cli_rule_id": CliRule.objects.get().pk, "cli_proof_id": CliProof.objects.get().pk,
        "span": "day", "report_id": SavedReport.objects.get().pk,
        "department_id": Department.objects.get_or_create(account=cast.account, key="field", name="Field")[0].pk,
        "deleted_record_id": DeletedRecord.objects.get_or_create(
            account=cast.account, table_name="tag", record_id=10**9, author="ann@demo.example", sealed="x"
        )[0].pk,
        "tag_id": Tag.objects.get().pk, "localization_id": Localization.objects.get().pk,
        "provider_id": SignInProvider.objects.get().pk,
        "webhook_id": Webhook.objects.get().pk, "delivery_id": WebhookDelivery.objects.earliest("id").pk,
        "alert_id": Alert.objects.get().pk, "step_id": DunningStep.objects.get().pk,
        "domain_id": PortalDomain.objects.get().pk, "invoice_id": Invoice.objects.earliest("id").pk,
        "line_id": InvoiceLine.objects.earliest("id").pk, "tax_id": Tax.objects.earliest("id").pk,
        "invoice_template_id": InvoiceTemplate.objects.earliest("id").pk,
        "exchange_rate_id": ExchangeRate.objects.earliest("id").pk,
        "kind": "invoice", "page": "how-to/connect-a-customer", "name": "call.png",
        "first": "2026-01-01", "program": "xero", "last": "2026-01-31",
        "recalculation_id": Recalculation.objects.get().pk,
        "statement_id": CarrierStatement.objects.get().pk, "file_id": CarrierFile.objects.get().pk,
        "dispute_id": CarrierDispute.objects.get().pk,
        "carrier_payment_id": CarrierPayment.objects.earliest("id").pk,
        "custom_page_id": CustomPage.objects.get_or_create(account=cast.account, name="Acme first")[0].pk,
        "circuit_test_id": CircuitTest.objects.get_or_create(
            account=cast.account, asked_by=cast.ann.email, defaults={"number": "442079460001", "state": "done"}
        )[0].pk,
        "legal_hold_id": LegalHold.objects.get_or_create(
            customer=cast.baltic, released_at=None, defaults={"reason": "case 7", "placed_by": "Ann"}
        )[0].pk,
    }  # fmt: skip
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        wanted = pattern.pattern.converters
        values = {key: known.get(key, 1 if "Int" in type(kind).__name__ else "x") for key, kind in wanted.items()}
        yield str(pattern.name), reverse(f"panel:{pattern.name}", kwargs=values), pattern.callback


def _first(model: type[Any]) -> int:
    """The id of a record that some tests make; of others 1, which is none."""
    known: int | None = model.objects.order_by("pk").values_list("pk", flat=True).first()
    return known or 1


def guarded(cast: Cast) -> Iterator[tuple[str, str, Any]]:
    """The addresses that a group opens."""
    return (row for row in addresses(cast) if row[0] not in OWN | PUBLIC | MEMBERS)


def test_nobody_is_sent_to_the_login(cast: Cast) -> None:
    for name, address, _ in addresses(cast):
        for answer in (Client().get(address), Client().post(address)):
            if name not in PUBLIC and answer.status_code != 405:
                assert answer.status_code == 302, name
                assert answer["Location"].startswith("/account/login/"), name


def test_every_page_opens_for_ann(cast: Cast, ann: Client) -> None:
    opened, policy = 0, ann.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for name, address, _ in addresses(cast):
        answer = ann.get(address)
        assert answer["Content-Security-Policy"] in (policy, STRICTER_POLICY), name
        assert answer.status_code in ({200, 302, 405} | ({404} if "/1/" in address or name in NOT_HERE else set())), (
            name
        )
        opened += answer.status_code == 200
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            own = EXAMPLES.sub("", answer.content.decode())
            assert not re.search(r"<style| style=| on[a-z]+=", own), name
    assert opened > 60
    assert ann.get(reverse("panel:call", args=[CHARGED_ID])).status_code == 200
    assert ann.get(reverse("panel:endpoint", args=[cast.sip_user.pk])).status_code == 200


def test_bob_reads_and_changes_nothing(cast: Cast, bob: Client) -> None:
    reading = {"customers", "customer", "card", "call", "live_calls", "audit", "customer_edit", "route"}
    seen, refused = set(), 0
    for name, address, view in guarded(cast):
        if bob.get(address).status_code == 200:
            seen.add(name)
        if hasattr(view, "act"):
            assert bob.post(address).status_code in (403, 405), name
            refused += 1
    assert reading <= seen
    assert refused > 50
    assert not {name for name in seen if "_new" in name or "import" in name or name == "customer_top_up"}


def test_a_reader_sees_no_button_that_writes(cast: Cast, bob: Client) -> None:
    for address in ("/customers/", f"/customers/{cast.acme.pk}/", f"/carriers/{cast.cirrus.pk}/", "/users/", "/live/"):
        page = bob.get(address).content.decode()
        for words in ("Add a", "Top up", "Import prices", "End call", "Delete this"):
            assert words not in page, (address, words)
    assert "Save" not in bob.get(f"/customers/{cast.acme.pk}/edit/").content.decode()


def test_a_user_without_a_group_sees_nothing(cast: Cast) -> None:
    nils = logged_in(cast.nils)
    for name, address, _ in addresses(cast):
        if name not in OWN | PUBLIC:
            assert nils.get(address).status_code in (403, 405), name
            assert nils.post(address).status_code in (403, 405), name
    assert nils.get("/me/").status_code == 200


def test_every_page_is_of_an_area() -> None:
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        if str(pattern.name) not in OWN | PUBLIC | MEMBERS:
            assert area_of_page(pattern.callback.__module__) in AREAS, pattern.name
