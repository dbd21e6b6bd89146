"""Acts on invoice templates: how documents look, and the texts above and below their lines.

The texts are filled in, never run (core.templates); what they may say is `template_values` of core.invoice_document.
To add a field: the model, `CHECKS`, `core.invoice_document.Looks` and the `.typ` file that obeys it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, act, refuse
from tollgate.actions.invoice_documents import logo_digest
from tollgate.core.invoice_document import EXAMPLE, template_values
from tollgate.core.invoice_words import LANGUAGES
from tollgate.core.pictures import PictureRefused, read_picture
from tollgate.core.templates import problems
from tollgate.gateways.documents import NotPrinted, check_logo
from tollgate.store.models import Account, InvoiceLogo, InvoiceTemplate

TEXTS: Final = ("title", "header_text", "footer_text")


class InvoiceTemplateFields(TypedDict, total=False):
    """What may be set on an invoice template. `logo` is a PNG or SVG file as base64; None takes it away."""

    language: str
    color: str
    logo: str | None
    title: str
    header_text: str
    footer_text: str
    show_calls: bool
    show_duration: bool


class InvoiceTemplateChanges(InvoiceTemplateFields, total=False):
    """What may be changed on an invoice template."""

    name: str


def _logo(value: object) -> bytes | None:
    if value is None or value == "":
        return None
    try:
        data = base64.b64decode(value if isinstance(value, str) and value.isascii() else "!", validate=True)
        check_logo(data, read_picture(data))
    except binascii.Error:
        raise checks.Unfit("Give the file as base64.") from None
    except (PictureRefused, NotPrinted) as problem:
        raise checks.Unfit(str(problem)) from None
    return data


CHECKS: Final[Mapping[str, checks.Check]] = {
    "name": checks.text(100, required=True),
    "language": checks.one_of(tuple(LANGUAGES)),
    "color": checks.matching(r"(#[0-9a-fA-F]{6})?", "Give a color such as #1f6feb."),
    "logo": _logo,
    "title": checks.text(100),
    "header_text": checks.text(5000),
    "footer_text": checks.text(5000),
    "show_calls": checks.yes_no,
    "show_duration": checks.yes_no,
}


@act
def create_invoice_template(*, account_id: int, name: str, **fields: Unpack[InvoiceTemplateFields]) -> InvoiceTemplate:
    """Makes an invoice template, for customers to be given."""
    values = _values({**fields, "name": name})
    account = records.find(Account, account_id)
    return _with_logo_kept(records.create(InvoiceTemplate, {**values, "account_id": account.pk}))


@act
def update_invoice_template(
    *, template_id: int, version: int | None = None, **changes: Unpack[InvoiceTemplateChanges]
) -> InvoiceTemplate:
    """Changes an invoice template. Documents that are issued keep the words and the logo they were issued with."""
    values = _values(changes)
    return _with_logo_kept(records.change(records.locked(InvoiceTemplate, template_id, version), values))


@act
def delete_invoice_template(*, template_id: int, version: int | None = None) -> None:
    """Removes an invoice template that nothing was or is to be printed with."""
    template = records.locked(InvoiceTemplate, template_id, version)
    if template.customers.exists() or template.portal_domains.exists() or template.invoices.exists():
        raise refuse("template_id", "Customers, domains or documents use this template: give them another one first.")
    template.delete()


def _with_logo_kept(template: InvoiceTemplate) -> InvoiceTemplate:
    """Documents name the picture itself, so it stays when the template gets another."""
    if template.logo:
        picture = {"content": template.logo, "content_type": template.logo_type}
        which = {"account_id": template.account_id, "digest": logo_digest(template)}
        InvoiceLogo.objects.get_or_create(**which, defaults=picture)
    return template


def faults(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """What is wrong with the texts of a template, by field."""
    examples = template_values(EXAMPLE)
    found = {name: problems(texts[name], examples) for name in TEXTS if name in texts}
    return {name: sentences for name, sentences in found.items() if sentences}


def _values(given: Mapping[str, object]) -> dict[str, Any]:
    values = checks.cleaned(CHECKS, given)
    if errors := faults(values):
        raise Invalid(errors)
    if "logo" in values:
        values["logo_type"] = read_picture(values["logo"]) if values["logo"] else ""
    return values
