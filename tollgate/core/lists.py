"""The lists of the panel by the area that opens them: who may see a view of a list that somebody else shares.

A new list of the panel gets its name here; one that stands in no area is only told to those who read everything.
"""

from collections.abc import Mapping
from typing import Final

LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "access_numbers": ("access_numbers",),
    "account": ("account_charges", "account_days", "custom_pages", "legal_holds", "portal_domains", "texts"),
    "alerts": ("alert_events", "alert_events_of", "alerts", "customer_alert_events", "customer_alerts", "tag_alerts"),
    "aliases": ("aliases", "customer_aliases", "shared_aliases"),
    "audit": ("audit",),
    "bank_files": ("bank_lines", "bank_runs", "debits", "mandates", "payouts"),
    "books": ("aged_debt", "journal", "profit_day", "profit_month", "statement", "statements"),
    "calls": ("cdrs", "live"),
    "cards": ("cards", "carrier_cards", "customer_cards", "given_cards", "revisions"),
    "carriers": ("carrier_payments", "carrier_payments_of", "carriers", "gateways"),
    "circuits": ("circuit_tests",),
    "clis": ("cli_proofs", "cli_rules", "clis", "customer_cli_rules", "customer_clis", "tag_cli_rules"),
    "contacts": ("contacts", "customer_contacts"),
    "customers": ("customers", "latest", "route_stats"),
    "delays": ("delays",),
    "dids": ("carrier_dids", "customer_dids", "dids"),
    "dunning": ("dunning_events", "dunning_steps"),
    "edges": ("edges",),
    "endpoints": ("conference_rooms", "customer_conference_rooms", "customer_endpoints", "endpoints"),
    "invoices": ("invoices", "parked"),
    "labels": ("departments", "departments-customers", "localizations", "tags"),
    "messages": ("messages", "templates"),
    "money": ("entries",),
    "number_blocks": ("number_blocks",),
    "packages": ("customer-packages", "did-packages", "package-holders", "packages"),
    "payment_gateways": ("payment_gateways", "payment_log"),
    "payments": ("payments",),
    "recalculations": ("correction_notes", "corrections", "recalculations"),
    "reconciliation": (
        "carrier_dispute_entries",
        "carrier_dispute_lines",
        "carrier_disputes",
        "carrier_lines",
        "carrier_statements",
        "carrier_statements_of",
        "carrier_sums",
        "carrier_totals",
    ),
    "reports": ("reports",),
    "routes": ("customer_routes", "routes", "routes_of_tags", "tag_routes"),
    "stir": ("stir_certificates",),
    "summaries": ("breakout", "missing", "summary"),
    "tasks": ("deleted_records", "task_rows", "tasks"),
    "taxes": ("exchange_rates", "invoice_series", "invoice_templates", "taxes"),
    "users": ("groups", "sign_in_providers", "users"),
    "vouchers": ("voucher_batches", "vouchers"),
    "webhooks": ("webhook_deliveries", "webhook_deliveries_of", "webhooks"),
}
