"""The documentation as help: finds the pages in `docs/`, renders them, and says which explains a page of the panel.

A page is named by its path without the ending, such as "how-to/connect-a-customer". Only files that were found under
`docs/` are ever opened. To give a noun help of its own, add its module to `EXPLAINED_BY`.
"""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

import tollgate

DOCS: Final = Path(tollgate.__file__).parent.parent / "docs"
"""Beside the package, as in a checkout."""
START: Final = "index"
CUSTOMER, CARRIER, CALL = "connect-a-customer", "connect-a-carrier", "find-out-why-a-call-was-refused"
EXPLAINED_BY: Final[Mapping[str, str]] = {
    "customers": f"how-to/{CUSTOMER}",
    "customer_pages": f"how-to/{CUSTOMER}",
    "customer_traffic": "how-to/summaries-and-reports",
    "summaries": "how-to/summaries-and-reports",
    "breakout": "how-to/summaries-and-reports",
    "reports": "how-to/summaries-and-reports",
    "aliases": "how-to/aliases",
    "clis": "how-to/caller-numbers",
    "cli_rules": "how-to/caller-numbers",
    "contacts": "how-to/let-customers-in",
    "contact_logins": "how-to/let-customers-in",
    "departments": "how-to/let-customers-in",
    "localizations": f"how-to/{CUSTOMER}",
    "portal_domains": "how-to/white-label",
    "tags": f"how-to/{CUSTOMER}",
    "texts": "how-to/languages",
    "endpoints": "how-to/endpoints-and-extensions",
    "number_blocks": "how-to/endpoints-and-extensions",
    "conferences": "how-to/endpoints-and-extensions",
    "dids": "how-to/dids",
    "access_numbers": "how-to/calling-cards",
    "pins": "how-to/calling-cards",
    "routes": f"how-to/{CUSTOMER}",
    "customer_packages": "how-to/sell-packages",
    "package_runs": "how-to/sell-packages",
    "carriers": f"how-to/{CARRIER}",
    "gateways": f"how-to/{CARRIER}",
    "circuit_tests": "how-to/test-a-circuit",
    "reconciliations": "how-to/reconcile-a-carrier",
    "reconciliation_files": "how-to/reconcile-a-carrier",
    "carrier_lines": "how-to/reconcile-a-carrier",
    "carrier_payments": "how-to/reconcile-a-carrier",
    "carrier_disputes": "how-to/reconcile-a-carrier",
    "cards": "how-to/import-a-rate-card",
    "card_import": "reference/rate-card-files",
    "card_markup": "how-to/sell-through-resellers",
    "calls": f"how-to/{CALL}",
    "call_files": f"how-to/{CALL}",
    "call_pages": f"how-to/{CALL}",
    "edges": "how-to/connect-another-switch",
    "stir_certificates": "how-to/sign-calls",
    "audit": "how-to/save-later-and-look-back",
    "delays": "how-to/save-later-and-look-back",
    "tasks": "how-to/change-many-at-once",
    "uploads": "how-to/change-many-at-once",
    "bulk": "how-to/change-many-at-once",
    "deleted_records": "how-to/change-many-at-once",
    "legal_holds": "how-to/erase-a-person",
    "sign_in": "how-to/users-and-rights",
    "mail_settings": "how-to/mail-and-sms",
    "messages": "how-to/mail-and-sms",
    "alerts": "how-to/alerts-and-notices",
    "dunning": "how-to/alerts-and-notices",
    "statements": "how-to/keep-the-books",
    "recalculations": "how-to/keep-the-books",
    "accounting": "how-to/keep-the-books",
    "profit": "how-to/keep-the-books",
    "webhooks": "reference/webhooks",
    "mailings": "how-to/mail-and-sms",
    "templates": "how-to/mail-and-sms",
    "payments": "how-to/take-payments",
    "payment_gateways": "how-to/take-payments",
    "payment_log": "how-to/take-payments",
    "vouchers": "how-to/take-payments",
    "mandates": "how-to/collect-by-direct-debit",
    "bank_runs": "how-to/collect-by-direct-debit",
    "debits": "how-to/collect-by-direct-debit",
    "payouts": "how-to/collect-by-direct-debit",
    "users": "how-to/users-and-rights",
    "groups": "how-to/users-and-rights",
    "me": "how-to/users-and-rights",
    "account": "how-to/the-account",
    "account_packages": "how-to/the-account",
    "account_statement": "how-to/the-account",
    "account_agreement": "how-to/the-account",
    "options": "how-to/the-account",
    "custom_pages": "how-to/the-account",
    "invoices": "how-to/invoices",
    "invoice_pages": "how-to/invoices",
    "invoice_forms": "how-to/invoices",
    "invoice_templates": "how-to/invoices",
    "invoice_series": "how-to/invoices",
    "taxes": "how-to/invoices",
    "exchange_rates": "how-to/invoices",
}


@dataclass(frozen=True, slots=True)
class HelpPage:
    """One page, ready to be shown."""

    title: str
    body: SafeString


@cache
def pages() -> dict[str, Path]:
    """Every page of the documentation by its name, found once per process."""
    return {path.relative_to(DOCS).with_suffix("").as_posix(): path for path in DOCS.rglob("*.md")}


@cache
def pictures() -> dict[str, Path]:
    """Every picture of the documentation by its file's name."""
    return {path.name: path for path in (DOCS / "pictures").glob("*.png")}


def page_for(module: str) -> str:
    """The page that explains what a module of the panel shows; empty where there is no documentation."""
    wanted = EXPLAINED_BY.get(module.rpartition(".")[2], START)
    return next((name for name in (wanted, START) if name in pages()), "")


def read_page(name: str) -> HelpPage | None:
    """A page by its name, its links leading to other help pages; None when there is none."""
    path = pages().get(name)
    if path is None:
        return None
    tokens = MARKDOWN.parse(path.read_text(encoding="utf-8"))
    title, tokens = _split_title(tokens, name)
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", slug(tokens[place + 1].content))
        elif token.type in ("th_open", "td_open"):
            token.attrs.pop("style", None)  # the Content-Security-Policy lets no style through
        elif token.children:
            token.children = _linked(token.children, name)
    html = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
    return HelpPage(title, mark_safe(html))  # noqa: S308 - rendered with HTML disabled


def slug(words: str) -> str:
    """The anchor of a heading, as code hosts make it: "SIP edge" is #sip-edge."""
    return re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    # Wide tables scroll by themselves instead of widening the page.
    parser.add_render_rule("table_open", lambda *_: '<div class="table-scroll"><table class="plain-table">')
    parser.add_render_rule("table_close", lambda *_: "</table></div>")
    return parser


MARKDOWN: Final = _parser()


def _split_title(tokens: list[Token], name: str) -> tuple[str, list[Token]]:
    """The first heading, which the frame shows, and the rest."""
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        return tokens[1].content.replace("`", ""), tokens[3:]
    return name, tokens


def _linked(tokens: Sequence[Token], name: str) -> list[Token]:
    """The tokens with every link and picture leading to what the panel serves; links to other files become words."""
    kept: list[Token] = []
    dropped = False
    for token in tokens:
        if token.type == "link_open":
            address = _address(str(token.attrGet("href") or ""), name)
            dropped = not address
            token.attrSet("href", address)
        elif token.type == "image":
            picture = posixpath.basename(str(token.attrGet("src") or ""))
            token.attrSet("src", reverse("panel:help_picture", args=[picture]))
        if not (dropped and token.type in ("link_open", "link_close")):
            kept.append(token)
        if token.type == "link_close":
            dropped = False
    return kept


def _address(target: str, name: str) -> str:
    """Where a link of a page leads within the panel: another site's as it is, empty when it leads nowhere here."""
    parts = urlsplit(target)
    if parts.scheme or not parts.path:
        return target
    place = posixpath.normpath(posixpath.join(posixpath.dirname(name), parts.path))
    wanted = place.removesuffix(".md")
    if not place.endswith(".md") or wanted not in pages():
        return ""
    return reverse("panel:help_page", args=[wanted]) + (f"#{parts.fragment}" if parts.fragment else "")
