"""The areas of the panel and the API: what a group may be let into.

A right to read is given by area, a right to change by act. A page belongs to the area that lists its module; one that
no area lists opens only to those who may read everything. To add an area, add its line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

EVERY_AREA = "*"
STAFF_FIELDS = frozenset(
    {"author", "author_id", "created_by", "approved_by", "verified_by", "decided_by", "user_name", "user_id"}
    | {"actor", "actor_id"}
)
"""Fields of records in shared areas that tell which user did something: a reseller's users are not told who of the
operator's staff it was."""
SHARED_TABLES = frozenset(
    {"customer", "customer_note", "customer_tag", "customer_tax", "contact", "endpoint", "extension", "conference_room"}
    | {"number_block", "pin", "alias", "verified_cli", "cli_rule", "cli_proof", "payment", "auto_top_up"}
)
"""Tables of the records in shared areas: of these alone the audit log and the delay log tell a reseller's users, and
not of packages, alerts or documents of its customers, which are the operator's, nor of cards, routes and DIDs, where a
change by the operator tells of carriers."""

OWN_AREA = "views"
OWN_ACTS = frozenset({"remember_view", "keep_view", "forget_view"})
"""Saved views: every user reads and keeps his own, whatever the groups give; a token does so by these scopes."""


@dataclass(frozen=True, slots=True)
class Area:
    """One area: its title, the page modules that belong to it, the act modules whose rights stand beside it.

    `shared` areas may be opened by a reseller's users, who see in them what belongs to their own customers.
    """

    title: str
    pages: tuple[str, ...]
    acts: tuple[str, ...] = ()
    shared: bool = False


AREAS: Mapping[str, Area] = {
    "dashboard": Area("Dashboard", ("dashboard",)),
    "customers": Area(
        "Customers",
        ("customers", "customer_pages", "customer_traffic"),
        ("customers", "customer_notes", "customer_status", "customer_successor"),
        shared=True,
    ),
    "contacts": Area(
        "Contacts",
        ("contacts", "contact_logins"),
        (
            "contacts",
            "contact_tokens",
            "erasures",
            "portal_access",
            "portal_codes",
            "portal_factors",
            "portal_passwords",
        ),
        shared=True,
    ),
    "endpoints": Area(
        "Endpoints and conference rooms",
        ("endpoints", "conferences"),
        ("endpoints", "own_addresses", "conferences"),
        shared=True,
    ),
    "access_numbers": Area("Access numbers", ("access_numbers",), ("access_numbers",)),
    "pins": Area("PINs of customers", ("pins",), ("pins",), shared=True),
    "number_blocks": Area("Number blocks", ("number_blocks",), ("number_blocks",), shared=True),
    "routes": Area("Ingress routes", ("routes",), ("routes",), shared=True),
    "dids": Area("DIDs", ("dids",), ("dids",), shared=True),
    "clis": Area(
        "Verified CLIs and CLI rules", ("clis", "cli_rules"), ("clis", "cli_rules", "cli_proofs"), shared=True
    ),
    "aliases": Area("Aliases", ("aliases",), ("aliases",), shared=True),
    "labels": Area(
        "Tags, departments and localizations",
        ("tags", "departments", "localizations"),
        ("tags", "departments", "localizations"),
    ),
    "cards": Area(
        "Cards",
        ("cards", "card_import", "card_markup"),
        ("cards", "revisions", "card_markups", "card_losses"),
        shared=True,
    ),
    "carriers": Area(
        "Carriers and gateways", ("carriers", "gateways", "carrier_payments"), ("carriers", "carrier_payments")
    ),
    "circuits": Area("Circuit tests", ("circuit_tests",), ("circuit_tests",)),
    "reconciliation": Area(
        "Reconciliation with carriers",
        ("reconciliations", "reconciliation_files", "carrier_lines", "carrier_disputes"),
        ("carrier_statements", "carrier_disputes", "reconciliation_work"),
    ),
    "calls": Area("Calls", ("calls", "call_files"), ("calls", "call_files"), shared=True),
    "call_details": Area("Call details, prices bought and recordings", ("call_pages",)),
    "payments": Area(
        "Payments",
        ("payments",),
        ("payments", "payment_words", "bank_credits", "allocations", "own_payments", "payment_methods"),
        shared=True,
    ),
    "bank_files": Area(
        "Mandates and files for the bank",
        ("mandates", "bank_runs", "debits", "payouts"),
        ("mandates", "bank_files", "bank_runs", "bank_confirmations", "payouts"),
    ),
    "vouchers": Area("Vouchers", ("vouchers",), ("vouchers",)),
    "payment_gateways": Area(
        "Payment gateways and their log",
        ("payment_gateways", "payment_log"),
        ("payment_gateways", "payment_settling", "payment_events"),
    ),
    "summaries": Area("Summaries and breakout", ("summaries", "breakout"), shared=True),
    "reports": Area("Saved reports", ("reports",), ("reports", "summaries")),
    "money": Area("Entries", ("entries",), ("wallets",), shared=True),
    "invoices": Area(
        "Invoices, credit and debit notes",
        ("invoices", "invoice_pages", "invoice_forms", "invoice_line_forms"),
        ("invoices", "invoice_issue", "invoice_notes", "invoice_runs", "invoice_documents", "charges"),
    ),
    "books": Area(
        "Statements, aged debt, accounting",
        ("statements", "accounting", "profit"),
        ("accounting", "examinations"),
    ),
    "recalculations": Area("Recalculations", ("recalculations",), ("recalculations", "correction_notes")),
    "taxes": Area(
        "Taxes, exchange rates, numbering, invoice templates",
        ("taxes", "vat_checks", "exchange_rates", "invoice_series", "invoice_templates"),
        ("taxes", "exchange_rates", "vat_checks", "invoice_series", "invoice_templates"),
    ),
    "dunning": Area("Dunning", ("dunning",), ("dunning", "holds", "low_balances")),
    "alerts": Area("Alerts", ("alerts",), ("alerts", "alert_watch")),
    "webhooks": Area("Webhooks", ("webhooks",), ("webhooks",)),
    "packages": Area("Packages", ("customer_packages", "package_runs"), ("customer_packages", "package_runs")),
    "messages": Area(
        "Messages and templates",
        ("messages", "templates", "mailings"),
        ("messages", "templates", "mailings", "deliveries"),
    ),
    "account": Area(
        "Account and options",
        (
            "account",
            "account_packages",
            "account_statement",
            "account_agreement",
            "options",
            "texts",
            "mail_settings",
            "portal_domains",
            "legal_holds",
            "custom_pages",
        ),
        (
            "accounts",
            "account_identity",
            "account_balance",
            "account_billing",
            "packages",
            "agreements",
            "options",
            "texts",
            "mail_settings",
            "portal_domains",
            "retention",
            "custom_pages",
        ),
    ),
    "users": Area(
        "Users, groups and their logins",
        ("users", "groups", "sign_in"),
        ("users", "user_passwords", "user_emails", "user_factors", "sign_in"),
    ),
    "edges": Area("Edges", ("edges",), ("edges",)),
    "stir": Area("STIR/SHAKEN certificates", ("stir_certificates",), ("stir_certificates",)),
    "delays": Area("Delay log", ("delays",), ("delays",), shared=True),
    "tasks": Area(
        "Jobs, uploads and bulk edits",
        ("tasks", "uploads", "bulk", "deleted_records"),
        ("tasks", "uploads", "bulk"),
        shared=True,
    ),
    "audit": Area("Audit log", ("audit",), (), shared=True),
}
NOT_GIVEN = frozenset(
    {
        "start_checkout", "tell_bank_transfer", "cancel_bank_transfer",  # contacts'
        "book_gateway_event", "store_payment_method", "start_auto_top_up",  # what gateways say; the worker's
        "charge_account_days", "end_customer_blocks", "notify_expiring_customers",  # the timetable's
        "notify_package_renewals", "run_customer_invoices",
        "rebuild_summaries", "mail_due_reports", "tell_of_books", "lapse_verified_clis",  # the timetable's as well
        "look_at_resale",
        "notify_low_balances", "end_customer_holds", "watch_alerts", "dun_invoice",  # and the ticks'
        "notify_account_balance",
        "begin_comparison",
        "tell_wrong_pins",
        "keep_comparison",
        "confirm_account_email", "set_password_by_link", "set_user_password_by_link", "choose_marketing",  # by a link
        "confirm_user_email",  # by a link as well
        "admit_user", "admit_contact",  # by what a provider says of them
        "change_own_user_password", "make_user_recovery_codes", "use_user_recovery_code",  # one's own
        "create_account", "create_stock_groups",  # the installation's
        "create_own_ip_endpoint", "update_own_ip_endpoint", "delete_own_endpoint", "send_contact_code",  # contacts'
        "start_cli_proof", "type_cli_code",  # contacts'
    }
)  # fmt: skip
"""Acts of the areas that no group gives: whoever may do them may so by what they are."""

_BY_PAGE = {page: name for name, area in AREAS.items() for page in area.pages}
_BY_ACTS = {module: name for name, area in AREAS.items() for module in area.acts}


def area_of_page(module: str) -> str:
    """The area of a page's module, such as `tollgate.panel.customers`; "" for one that no area lists."""
    return _BY_PAGE.get(module.rpartition(".")[2], "")


def area_of_acts(module: str) -> str:
    """The area of an act's module; "" for one that no area lists."""
    return _BY_ACTS.get(module.rpartition(".")[2], "")


def may_read(area: str, given: frozenset[str], *, reseller: bool = False) -> bool:
    """Whether somebody with these areas may read in `area`; a reseller's user only in shared ones."""
    if reseller and area != OWN_AREA and (area not in AREAS or not AREAS[area].shared):
        return False
    return EVERY_AREA in given or (area != "" and area in given)
