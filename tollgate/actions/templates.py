"""Acts on templates: what the messages of an account, or to customers of one portal domain, say in place of those in
stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, act, refuse
from tollgate.actions.messages import wording
from tollgate.core.templates import problems
from tollgate.core.templates_html import misplaced, revealed
from tollgate.core.templates_stock import OF_OPERATORS, STOCK, Stock
from tollgate.core.templates_syntax import is_log, names, parse, shows
from tollgate.store.models import Account, PortalDomain, Template

WORDS_MOST = 50_000
NEEDED = ("link", "code")
"""Values without which a message is of no use to its reader."""


class TemplateFields(TypedDict, total=False):
    """The words of a message. A mail needs subject and text; without HTML it goes out as text alone."""

    subject: str
    text: str
    html: str
    sms: str


CHECKS: Mapping[str, checks.Check] = {
    "subject": checks.text(500),
    "text": checks.text(WORDS_MOST),
    "html": checks.text(WORDS_MOST),
    "sms": checks.text(1000),
}
LANGUAGE_CHECK = checks.matching(r"[a-z]{2,3}(-[A-Z]{2})?", "Give a language code such as en, lt or pt-BR.", most=10)


@act
def create_template(
    *, account_id: int, key: str, language: str = "en", domain_id: int | None = None, **fields: Unpack[TemplateFields]
) -> Template:
    """Gives a message words of the account's own in one language; what is not given is as in stock.

    With `domain_id` they are for the customers of that portal domain; what is not given is as the account says it.
    """
    stock = _stock(key)
    given: dict[str, Any] = {**fields, "language": language}
    values = checks.cleaned({**CHECKS, "language": LANGUAGE_CHECK}, given)
    account = records.find(Account, account_id)
    _check_domain(account, key, domain_id)
    before = wording(account.pk, key, values["language"]) if domain_id is not None else stock
    whole = {name: values.get(name, getattr(before, name)) for name in CHECKS}
    _check(stock, whole)
    row = {**whole, "language": values["language"], "account_id": account.pk, "key": key, "domain_id": domain_id}
    return records.create(Template, row)


@act
def update_template(*, template_id: int, version: int | None = None, **changes: Unpack[TemplateFields]) -> Template:
    """Changes the account's own words of a message. Messages that wait keep theirs."""
    values = checks.cleaned(CHECKS, changes)
    template = records.locked(Template, template_id, version)
    _check(_stock(template.key), {name: values.get(name, getattr(template, name)) for name in CHECKS})
    return records.change(template, values)


@act
def reset_template(*, template_id: int) -> None:
    """Takes own words away: from now on the message says what the account says, or what it says in stock."""
    records.locked(Template, template_id).delete()


def faults(stock: Stock, words: Mapping[str, str]) -> dict[str, list[str]]:
    """What is wrong with the words of a message, by field."""
    found = {name: problems(words[name], stock.examples) for name in CHECKS}
    for name in ("subject", "text", "sms"):
        if getattr(stock, name) and not words[name]:
            found[name] = ["This message needs it."]
    secrets = [needed for needed in NEEDED if needed in stock.variables]
    for name in CHECKS:
        if words[name] and secrets and not found[name] and (sentence := _misuse(name, words[name], secrets)):
            found[name] = [sentence]
    return {name: sentences for name, sentences in found.items() if sentences}


def _misuse(name: str, words: str, secrets: Sequence[str]) -> str:
    """What is wrong with how a field without other faults uses the values that only its reader may see."""
    template = parse(words)
    used, showing = set(names(template)), [shown for shown in shows(template) if revealed(shown.what, secrets)]
    if any(is_log(shown) for shown in showing):
        return "Keep it out of the log, which others read."
    if name == "subject":
        return "Keep it out of the subject, which the log shows to everybody who may read it." if showing else ""
    if missing := [needed for needed in secrets if needed not in used]:
        return f"Without {{{{{missing[0]}}}}} the message is of no use to its reader."
    return misplaced(words, secrets) if name == "html" else ""


def _check(stock: Stock, words: Mapping[str, str]) -> None:
    if errors := faults(stock, words):
        raise Invalid(errors)


def _check_domain(account: Account, key: str, domain_id: int | None) -> None:
    if domain_id is None:
        return
    if not PortalDomain.objects.filter(account=account, pk=domain_id).exists():
        raise refuse("domain_id", "Choose one of the portal domains.")
    if key in OF_OPERATORS:
        raise refuse("domain_id", "This message goes to your own people: no domain has words of its own for it.")


def _stock(key: str) -> Stock:
    if key not in STOCK:
        raise refuse("key", f"There is no message {key}: choose one of {', '.join(STOCK)}.")
    return STOCK[key]
