"""The messages in stock: what each says until an operator writes it anew, and the values that it may use.

`VALUES` are known to every message; `variables` are those that the sender of this one gives. Each has an example, which
the preview shows. To add a message: its `Stock` here, and `queue(template="its_key", values=...)` where it is caused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from tollgate.core.invoice_document import EXAMPLE, template_values
from tollgate.core.templates import Value
from tollgate.core.templates_syntax import parts

LANGUAGE: Final = "en"
"""The language of the words in stock."""

VALUES: Final[Mapping[str, Value]] = {
    "name": "Carla Rossi",
    "email": "carla@acme.example",
    "brand": "Demo Telecom",
    "account_name": "Demo Telecom",
    "account": {
        "id": "1",
        "name": "Demo Telecom",
        "email": "hello@demo.example",
        "phone": "+37061234567",
        "address": "1 Main Street",
        "city": "Vilnius",
        "county": "Vilnius",
        "postcode": "01100",
        "config": {"payment_details": "Demo Bank, IBAN LT601010012345678901"},
    },
    "company": {
        "name": "Acme",
        "number": "1234567890",
        "currency": "EUR",
        "address": "2 Side Street",
        "postcode": "LT-2",
    },
}
"""Who writes to whom: the recipient's name (or address) and email, the brand of their portal, the account, and the
customer the message is about (empty texts where it is about none)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """One message in stock. A message without an SMS text is not sent as one, and the other way round.

    `unused` are variables too, which own words may use though the words in stock do not.
    """

    key: str
    title: str
    variables: Mapping[str, str] = field(default_factory=dict)
    unused: Mapping[str, Value] = field(default_factory=dict)
    subject: str = ""
    text: str = ""
    sms: str = ""

    @property
    def html(self) -> str:
        """The text as simple HTML, its links to be clicked."""
        return as_html(self.text)

    @property
    def examples(self) -> Mapping[str, Value]:
        """Every value that this message may use, with an example."""
        return {**VALUES, **self.variables, **self.unused}


def as_html(text: str) -> str:
    """A text of paragraphs as HTML; the text is a template, or one that was filled and escaped before."""
    return "\n".join(_paragraph(part) for part in re.split(r"\n{2,}", text.strip()) if part)


def escaped(text: str) -> str:
    """A template of a text as one of HTML: what is between its tags is escaped, and a tag is on one line."""
    return "".join(" ".join(part.split("\n")) if is_tag else escape(part) for part, is_tag in parts(text))


def _paragraph(text: str) -> str:
    if re.fullmatch(r"\{\{[#/].*?\}\}|\{\{\s*else(?:\s+if\s[^{}]*)?\s*\}\}", text):
        return text
    if re.fullmatch(r"\{\{link\}\}", text):
        return '<p><a href="{{link}}">{{link}}</a></p>'
    return f"<p>{text}</p>".replace("\n", "<br>\n")


NOT_YOU: Final = "If that was not you, {{#if account.email}}write to {{account.email}}{{else}}tell us{{/if}} now."
LINK: Final = "https://portal.example.com/set/6fT2cQ"

DOCUMENT: Final[Mapping[str, str]] = {
    "number": "2026-00042",
    "total": "121.00",
    "open": "121.00",
    "currency": "EUR",
    "due_on": "2026-11-15",
}
"""The variables of a notice about an invoice."""
PAYMENT_DETAILS: Final = "Demo Bank, IBAN LT601010012345678901"
DOCUMENT_TEXTS: Final[Mapping[str, str]] = {
    "sub_total": "100.00",
    "tax": "21.00",
    "invoice_date": "2026-11-01",
    "payment_details": PAYMENT_DETAILS,
}
DOCUMENT_MORE: Final[Mapping[str, Value]] = {
    **DOCUMENT_TEXTS,
    "invoice": {"id": "2026-00042", "reference": "PO-7781", "note": "Thank you for your business."},
    "date": "2026-11-01",
    "date_due": "2026-11-15",
    "lines": template_values(EXAMPLE)["lines"],
}
"""What own words of such a notice may say besides, by the names that invoice templates have for it."""
ALERT: Final[Mapping[str, str]] = {
    "title": "Acme runs low",
    "subject": "Acme",
    "area": "Balance",
    "value": "4.20 EUR",
    "condition": "< 5.00",
    "level": "Warning",
    "note": "It rests for 5 min.",
}
"""The variables of an alert."""

MESSAGES: Final = (
    Stock(
        key="set_password",
        title="A link to set a password",
        variables={"link": LINK, "hours": "24"},
        subject="Set your password for {{brand}}",
        text="Hello {{name}},\n\nopen this address to choose your password. It works once, for {{hours}} hours.\n\n"
        "{{link}}\n\nIf you did not expect this, do nothing: nobody can set a password without the address.\n\n"
        "{{brand}}",
        sms="{{brand}}: set your password within {{hours}} hours at {{link}}",
    ),
    Stock(
        key="verify_email",
        title="A code to verify an email address",
        variables={"code": "482913", "minutes": "10"},
        subject="Your code for {{brand}}",
        text="Hello {{name}},\n\nyour code is {{code}}. It works for {{minutes}} minutes.\n\n"
        "If you did not ask for it, do nothing.\n\n{{brand}}",
    ),
    Stock(
        key="verify_mobile",
        title="A code to verify a mobile number",
        variables={"code": "482913", "minutes": "10"},
        sms="{{code}} is your code for {{brand}}. It works for {{minutes}} minutes.",
    ),
    Stock(
        key="verify_cli",
        title="A code to show a caller's number",
        variables={"code": "482913", "minutes": "10", "number": "+37061234567"},
        sms="{{code}} lets your calls show {{number}} at {{brand}}. It works for {{minutes}} minutes.",
    ),
    Stock(
        key="password_changed",
        title="A password was changed",
        subject="Your password for {{brand}} was changed",
        text=f"Hello {{{{name}}}},\n\nyour password was changed. {NOT_YOU}\n\n{{{{brand}}}}",
    ),
    Stock(
        key="factor_changed",
        title="A second factor was changed",
        variables={"what": "a passkey was added"},
        subject="How you log in to {{brand}} was changed",
        text=f"Hello {{{{name}}}},\n\n{{{{what}}}}. {NOT_YOU}\n\n{{{{brand}}}}",
    ),
    Stock(
        key="email_changed",
        title="The email of a login was changed",
        variables={"old_email": "carla@acme.example", "new_email": "carla.rossi@acme.example"},
        subject="Your login at {{brand}} has a new email",
        text="Hello {{name}},\n\nyour login is now {{new_email}}; it was {{old_email}}. "
        f"{NOT_YOU}\n\n{{{{brand}}}}",
    ),
    Stock(
        key="confirm_account_email",
        title="Confirm the new email of the account",
        variables={"link": LINK, "new_email": "office@demo.example"},
        subject="Confirm the email of {{account_name}}",
        text="Hello,\n\n{{new_email}} becomes the email of {{account_name}} once you open this address.\n\n{{link}}\n\n"
        "If you did not ask for it, do nothing.",
    ),
    Stock(
        key="confirm_user_email",
        title="Confirm the email of a user",
        variables={"link": LINK, "hours": "24"},
        subject="Confirm your email at {{account_name}}",
        text="Hello,\n\nthis email is a login at {{account_name}}. Open this address to confirm that you read it. It "
        "works once, for {{hours}} hours.\n\n{{link}}\n\nIf you did not expect this, do nothing.",
    ),
    Stock(
        key="test_email",
        title="The mail of the Test Email button",
        subject="A test mail of {{account_name}}",
        text="Hello,\n\nthis mail shows that {{account_name}} can send mail.",
    ),
    Stock(
        key="test_sms",
        title="The SMS of the Test SMS button",
        sms="This SMS shows that {{account_name}} can send SMS.",
    ),
    Stock(
        key="expiry_notice",
        title="A customer expires soon",
        variables={"expires_at": "2026-12-31 23:59 UTC"},
        subject="{{company.name}} expires soon",
        text="Hello {{name}},\n\nthe service of {{company.name}} ends at {{expires_at}}. "
        "To keep it, {{#if account.email}}write to {{account.email}}{{else}}tell us{{/if}}.\n\n{{brand}}",
        sms="{{brand}}: the service of {{company.name}} ends at {{expires_at}}.",
    ),
    Stock(
        key="cli_lapsing",
        title="Caller numbers have to be verified again",
        variables={"numbers": "+37061234567, +37061234568", "lapses_on": "2026-12-31"},
        subject="{{company.name}}: verify your caller numbers again",
        text="Hello {{name}},\n\nfrom {{lapses_on}} on calls of {{company.name}} may no longer show {{numbers}}. "
        "To keep that, verify them again in the portal, under Caller numbers.\n\n{{brand}}",
        sms="{{brand}}: verify {{numbers}} again before {{lapses_on}}.",
    ),
    Stock(
        key="low_balance",
        title="A balance is low",
        variables={"available": "4.20", "threshold": "5.00", "currency": "EUR"},
        subject="{{company.name}} has {{available}} {{currency}} left",
        text="Hello {{name}},\n\n{{company.name}} has {{available}} {{currency}} left for calls, below the "
        "{{threshold}} {{currency}} of your notice. When nothing is left, calls end.\n\n{{brand}}",
        sms="{{brand}}: {{company.name}} has {{available}} {{currency}} left.",
    ),
    Stock(
        key="account_low_balance",
        title="The account's own balance is low",
        variables={"balance": "4.20", "threshold": "20.00", "currency": "EUR"},
        subject="{{account_name}} has {{balance}} {{currency}} left with the platform",
        text="Hello {{name}},\n\nthe balance of {{account_name}} with the platform is {{balance}} {{currency}}, below "
        "the {{threshold}} {{currency}} of your notice. Top it up, for servers that are not paid expire.\n\n"
        "{{account_name}}",
    ),
    Stock(
        key="invoice_issued",
        title="An invoice was issued",
        variables=DOCUMENT,
        unused=DOCUMENT_MORE,
        subject="Invoice {{number}} of {{brand}}",
        text="Hello {{name}},\n\nhere is invoice {{number}} for {{company.name}} over {{total}} {{currency}}"
        "{{#if due_on}}, of which {{open}} {{currency}} are due on {{due_on}}{{/if}}.\n\n{{brand}}",
    ),
    Stock(
        key="credit_note_issued",
        title="A credit note was issued",
        variables={name: value for name, value in DOCUMENT.items() if name != "due_on"},
        unused=DOCUMENT_MORE,
        subject="Credit note {{number}} of {{brand}}",
        text="Hello {{name}},\n\nhere is credit note {{number}} for {{company.name}} over {{total}} {{currency}}, "
        "of which {{open}} {{currency}} settle what you are billed next.\n\n{{brand}}",
    ),
    Stock(
        key="invoice_voided",
        title="A document is void",
        variables={
            name: {**DOCUMENT, **DOCUMENT_TEXTS}[name] for name in ("number", "total", "currency", "invoice_date")
        },
        subject="{{number}} of {{brand}} is void",
        text="Hello {{name}},\n\n{{number}} of {{invoice_date}} for {{company.name}} over {{total}} {{currency}} "
        "is void. Please do not use it: a copy that says so is attached.\n\n{{brand}}",
    ),
    Stock(
        key="invoice_due",
        title="An invoice falls due",
        variables=DOCUMENT,
        unused=DOCUMENT_MORE,
        subject="Invoice {{number}} is due on {{due_on}}",
        text="Hello {{name}},\n\n{{open}} of {{total}} {{currency}} of invoice {{number}} for {{company.name}} are due "
        "on {{due_on}}. If you have paid already, thank you, and do nothing.\n\n{{brand}}",
    ),
    Stock(
        key="invoice_overdue",
        title="An invoice is overdue",
        variables=DOCUMENT,
        unused=DOCUMENT_MORE,
        subject="Invoice {{number}} is overdue",
        text="Hello {{name}},\n\n{{open}} of {{total}} {{currency}} of invoice {{number}} for {{company.name}} were "
        "due on {{due_on}}. Please pay now.\n\n{{brand}}",
    ),
    Stock(
        key="payment_received",
        title="A payment was received",
        variables={"amount": "50.00", "currency": "EUR", "received_on": "2026-11-02", "reference": "manual 7"},
        subject="Your payment of {{amount}} {{currency}}",
        text="Hello {{name}},\n\nwe have received {{amount}} {{currency}} for {{company.name}} on {{received_on}} "
        "({{reference}}). Thank you.\n\n{{brand}}",
    ),
    Stock(
        key="payment_refunded",
        title="A payment was refunded",
        variables={"amount": "50.00", "currency": "EUR", "received_on": "2026-11-02", "reference": "manual 7"},
        subject="{{amount}} {{currency}} go back to you",
        text="Hello {{name}},\n\n{{amount}} {{currency}} of {{company.name}} were given back on {{received_on}} "
        "({{reference}}).\n\n{{brand}}",
    ),
    Stock(
        key="debit_announced",
        title="A direct debit is announced",
        variables={
            "number": "2026-00042",
            "amount": "121.00",
            "currency": "EUR",
            "collected_on": "2026-12-15",
            "iban": "LT12 **** 1000",
            "mandate": "100042-1",
            "creditor_id": "LT98ZZZ123456789",
        },
        subject="We collect {{amount}} {{currency}} on {{collected_on}}",
        text="Hello {{name}},\n\nwe collect {{amount}} {{currency}} of invoice {{number}} for {{company.name}} on "
        "{{collected_on}} by SEPA direct debit from account {{iban}}.\n\nMandate {{mandate}}, creditor identifier "
        "{{creditor_id}}.\n\n{{brand}}",
    ),
    Stock(
        key="debit_returned",
        title="A direct debit came back",
        variables={
            "number": "2026-00042",
            "amount": "121.00",
            "currency": "EUR",
            "iban": "LT12 **** 1000",
            "reason": "there was not enough money",
        },
        unused={"payment_details": PAYMENT_DETAILS},
        subject="Invoice {{number}} is open again",
        text="Hello {{name}},\n\nour direct debit of {{amount}} {{currency}} from account {{iban}} for invoice "
        "{{number}} of {{company.name}} came back: {{reason}}. The invoice is open again.\n\n{{brand}}",
    ),
    Stock(
        key="package_charged",
        title="A package was charged",
        variables={"description": "Hosted PBX, November", "amount": "10.00", "currency": "EUR"},
        subject="{{description}}: {{amount}} {{currency}}",
        text="Hello {{name}},\n\n{{company.name}} was charged {{amount}} {{currency}} for {{description}}.\n\n"
        "{{brand}}",
    ),
    Stock(
        key="package_renewal",
        title="A package renews soon",
        variables={"package": "Hosted PBX", "renews_on": "2026-12-01", "amount": "10.00", "currency": "EUR"},
        subject="{{package}} renews on {{renews_on}}",
        text="Hello {{name}},\n\n{{package}} of {{company.name}} renews on {{renews_on}} for {{amount}} "
        "{{currency}}.\n\n{{brand}}",
    ),
    Stock(
        key="card_losses",
        title="Prices of a reseller are below what it pays",
        variables={"losses": "Retail < Wholesale (2026-12-01 00:00 UTC): 4477 (180 s: 0.18 < 0.24)"},
        subject="{{company.name}} sells below what it pays",
        text="Hello {{name}},\n\nprices that {{company.name}} pays have changed, and some of its own are below them. "
        "Each card that it sells by, the card it pays by, from when on, and calls of what length:\n\n{{losses}}\n\n"
        "To mend it, import prices or make them from the card that is paid by.\n\n{{brand}}",
    ),
    Stock(
        key="status_changed",
        title="A service was restricted or restored",
        variables={"status": "restricted", "why": "Invoice 2026-00042 is overdue."},
        subject="The service of {{company.name}} is {{status}}",
        text="Hello {{name}},\n\nthe service of {{company.name}} is {{status}}. {{why}}\n\n{{brand}}",
    ),
    Stock(
        key="alert",
        title="An alert fired",
        variables=ALERT,
        subject="{{#if level}}{{level}}: {{/if}}{{title}}",
        text="Hello,\n\n{{title}} ({{subject}}): {{area}} is {{value}}, watched for {{condition}}. {{note}}"
        "\n\n{{account_name}}",
        sms="{{title}} ({{subject}}): {{area}} is {{value}}. {{note}}",
    ),
    Stock(
        key="alert_digest",
        title="An alert as a digest",
        variables=ALERT,
        subject="{{subject}}: {{area}} {{value}}",
        text="Hello,\n\n{{area}} of {{subject}} is {{value}} ({{title}}, {{condition}}"
        "{{#if level}}, {{level}}{{/if}}). {{note}}\n\n{{account_name}}",
        sms="{{subject}}: {{area}} {{value}}",
    ),
    Stock(
        key="report",
        title="A report by mail",
        variables={"report": "Sales by country", "from": "2026-11-20 00:00 UTC", "until": "2026-11-21 00:00 UTC"},
        subject="{{report}}",
        text="Hello,\n\nhere is the report {{report}}, of the calls from {{from}} until {{until}}.\n\n{{account_name}}",
    ),
    Stock(
        key="books_alarm",
        title="The nightly look at the books found something",
        variables={"findings": "- summaries are the records: 2 differences", "count": "1"},
        subject="{{account_name}}: something is wrong with the books",
        text="Hello,\n\nthe nightly look at the books of {{account_name}} found what a person should see:\n\n"
        "{{findings}}\n\nRun tollgate doctor on the machine for each difference.",
    ),
    Stock(
        key="vat_number",
        title="A customer's VAT number is not confirmed",
        variables={"number": "DE136695976", "answer": "It is not valid.", "what": "Its next documents bear VAT."},
        subject="{{company.name}}: VAT number {{number}} is not confirmed",
        text="Hello,\n\nthe register of the EU (VIES) was asked for VAT number {{number}} of {{company.name}}. "
        "{{answer}}\n\n{{what}}\n\nSee Invoices at the customer, where it can be asked again.\n\n{{account_name}}",
    ),
    Stock(
        key="delayed_conflict",
        title="A delayed save was not done",
        variables={"title": "Acme: debit limit", "why": "Debit limit is 30.00 now, it was 25.00 when you saved."},
        subject="Not saved: {{title}}",
        text="Hello {{name}},\n\nyour delayed save was not done: {{title}}.\n\n{{why}}",
    ),
)
STOCK: Final[Mapping[str, Stock]] = {message.key: message for message in MESSAGES}
PLAIN: Final = "plain"
"""The key of a message whose subject and text are given as they are."""

OF_OPERATORS: Final = frozenset(
    {"account_low_balance", "confirm_account_email", "confirm_user_email", "report", "books_alarm", "vat_number"}
    | {"delayed_conflict"}
)
"""Messages to people of the operator: no portal domain has words of its own for them."""
