"""Which records people bring in files, and the fields of each: names are the arguments of the act that makes one.

To let files carry another field, add its line; to let them bring another noun, its entry in `NOUNS`, and in
`actions.uploads` its act. What names another record (a reseller, tags) is text here and looked up there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tollgate.core.uploads import Field, Kind

CUSTOMER_SPELLINGS = ("customer", "company", "account", "account number", "customer number", "customer name", "client")


@dataclass(frozen=True, slots=True)
class Noun:
    """One kind of record: how one and many are called, and its fields in the order in which they are offered."""

    one: str
    many: str
    fields: tuple[Field, ...]


_CUSTOMER = (
    Field("name", "Name", required=True, unique=True, spellings=("customer", "customer name", "client")),
    Field("currency", "Currency", required=True, spellings=("ccy",)),
    Field("company", "Company", spellings=("legal name", "company name")),
    Field("number", "Account number", Kind.NUMBER_TEXT, unique=True, spellings=("customer number", "account")),
    Field("status", "Status", Kind.WORD),
    Field("status_reason", "Reason of the status"),
    Field("status_until", "Status until (UTC)", Kind.INSTANT),
    Field("channels", "Channels", Kind.WHOLE, spellings=("channel limit", "concurrent calls")),
    Field("cps_milli", "Flow speed", Kind.MILLI, spellings=("cps", "calls per second")),
    Field("max_duration_s", "Longest call, s", Kind.WHOLE, spellings=("max duration", "longest call")),
    Field("debit_limit_micros", "Debit limit", Kind.MONEY, spellings=("credit limit", "credit")),
    Field("daily_spend_limit_micros", "Daily spend limit", Kind.MONEY),
    Field("expires_at", "Expires at (UTC)", Kind.INSTANT, spellings=("expires", "expiry")),
    Field("valid_days", "Valid days", Kind.WHOLE),
    Field("reference", "Reference"),
    Field("accounting_id", "Accounting id", unique=True, spellings=("external id",)),
    Field("website", "Website", spellings=("url",)),
    Field("parent_id", "Reseller", spellings=("parent",)),
    Field("account_manager_id", "Account manager", spellings=("manager",)),
    Field("domain_id", "Portal domain", spellings=("domain",)),
    Field("localization_id", "Localization"),
    Field("tag_ids", "Tags", Kind.LIST, spellings=("tag",)),
    Field("portal_show", "Portal shows also", Kind.LIST),
    Field("portal_hide", "Portal hides", Kind.LIST),
    Field("pai_mode", "P-Asserted-Identity", Kind.WORD, spellings=("p asserted id", "pai")),
    Field("rtp_firewall", "RTP firewall", Kind.WORD),
    Field("attestation", "STIR/SHAKEN attestation", spellings=("stir shaken", "default attestation")),
    Field("first_reply_s", "First reply within, s", Kind.WHOLE, spellings=("first reply timeout",)),
    Field("pdd_s", "Ringing within, s", Kind.WHOLE, spellings=("pdd timeout",)),
    Field("ring_s", "Answer within, s", Kind.WHOLE, spellings=("ring timeout",)),
    Field("vars_toml", "Variables (TOML)", spellings=("vars", "variables")),
    Field("phone", "Phone", Kind.NUMBER_TEXT, spellings=("telephone",)),
    Field("zone", "Time zone", spellings=("timezone",)),
    Field("country", "Country", spellings=("country code",)),
    Field("address_line1", "Address", spellings=("street", "address 1")),
    Field("address_line2", "Address, second line", spellings=("address 2",)),
    Field("city", "City", spellings=("town",)),
    Field("state", "Province or state", spellings=("state", "province")),
    Field("postcode", "Postcode", spellings=("zip", "zip code", "postal code")),
    Field("is_reseller", "May own customers (reseller)", Kind.YES_NO),
    Field("approved_clis_only", "Approved CLIs only", Kind.YES_NO),
    Field("cli_selection", "Of several forced CLIs", Kind.WORD),
    Field("cli_pool", "CLI pool", Kind.WORD),
    Field("non_cli_card_id", "NON-CLI card", spellings=("non cli rate group",)),
    Field("email_verification", "Calls only after email verification", Kind.YES_NO, spellings=("verify email",)),
    Field("mobile_verification", "Calls only after mobile verification", Kind.YES_NO, spellings=("verify mobile",)),
    Field("recording", "Calls may be recorded", Kind.YES_NO, spellings=("allow recording",)),
    Field("recording_retention_days", "Recordings are kept, days", Kind.WHOLE),
    Field("loss_making_calls", "Loss-making calls", Kind.WORD, spellings=("loss-making calls are allowed",)),
    Field("local_calls", "Local calls stay local", Kind.YES_NO),
    Field("local_price_nanos", "Price of local calls a minute", Kind.PRICE, spellings=("local price",)),
    Field("local_increment_s", "Local calls are billed by, s", Kind.WHOLE),
    Field("hours", "Hours of calls", Kind.HOURS, spellings=("opening hours", "day time", "hours")),
    Field("hours_hang_up", "Calls end where the hours do", Kind.YES_NO),
    Field("ip_management", "Contacts may change IP addresses", Kind.YES_NO),
    Field("billing_type", "Billing type", Kind.WORD, spellings=("billing",)),
    Field("registration_id", "Registration id", spellings=("company number", "registration number")),
    Field("tax_number", "Tax number", spellings=("vat number", "vat id", "vat")),
    Field("tax_treatment", "Taxed", Kind.WORD),
    Field("tax_ids", "Taxes", Kind.LIST, spellings=("tax",)),
    Field("prices_include_tax", "Prices include tax", Kind.YES_NO),
    Field("invoice_schedule", "Invoice schedule", Kind.WORD),
    Field("billing_day", "Billing day", Kind.WHOLE),
    Field("billing_zone", "Billed by the days of", spellings=("billing zone",)),
    Field("payment_terms_days", "Payment terms, days", Kind.WHOLE, spellings=("payment terms",)),
    Field("overdue_grace_days", "Grace, days", Kind.WHOLE),
    Field("overdue_action", "When overdue", Kind.WORD),
    Field("invoice_grouping", "Lines of calls", Kind.WORD),
    Field("invoice_template_id", "Invoice template"),
    Field("generate_invoices", "Generate invoices", Kind.YES_NO),
    Field("zero_invoices", "Invoices without any charge", Kind.YES_NO),
    Field("email_invoices", "Email invoices", Kind.YES_NO),
    Field("daily_receipts", "A receipt for every day", Kind.YES_NO),
    Field("create_invoice_on_payment", "A receipt for each payment", Kind.YES_NO),
    Field("invoice_note", "Invoice note"),
    Field("language", "Language"),
    Field("minimum_payment_micros", "Minimum payment", Kind.MONEY),
    Field("topup_currencies", "Top-up currencies", Kind.LIST),
    Field("payment_gateways", "May pay by", Kind.LIST, spellings=("payment gateways",)),
    Field("paypal_email", "PayPal email", unique=True, spellings=("paypal",)),
    Field("low_balance_micros", "Low balance below", Kind.MONEY),
    Field("notification_emails", "Notification emails", Kind.LIST),
    Field("notification_departments", "Notices to departments", Kind.LIST),
    Field("notification_opt_outs", "Not told of", Kind.LIST),
    Field("note", "Note", spellings=("notes",)),
)
_OWNER = Field("customer_id", "Company", required=True, spellings=CUSTOMER_SPELLINGS)
_CONTACT = (
    _OWNER,
    Field("email", "Email", required=True, unique=True, spellings=("e mail", "mail", "email address")),
    Field("first_name", "First name", spellings=("given name", "name")),
    Field("last_name", "Last name", spellings=("surname", "family name")),
    Field("phone", "Phone", Kind.NUMBER_TEXT, spellings=("telephone",)),
    Field("mobile", "Mobile", Kind.NUMBER_TEXT, spellings=("cell", "mobile phone")),
    Field("kind", "Department", spellings=("role", "type")),
    Field("login_enabled", "May log in", Kind.YES_NO, spellings=("login",)),
    Field("allowed_networks", "Login only from", Kind.LIST, spellings=("ip whitelist", "allowed ips", "networks")),
    Field("password", "Password", secret=True),
    Field("invite", "Send a link to set a password", Kind.YES_NO, spellings=("invite", "invitation")),
    Field("marketing", "Marketing", Kind.YES_NO, spellings=("newsletter",)),
    Field("zone", "Time zone", spellings=("timezone",)),
    Field("language", "Language"),
    Field("public_notes", "Public notes", spellings=("notes",)),
    Field("private_notes", "Private notes"),
)
_IP_ENDPOINT = (
    _OWNER,
    Field("network", "IP address or network", required=True, spellings=("ip", "ip address", "address", "cidr")),
    Field("name", "Name", spellings=("label", "description")),
    Field("tech_prefix", "Tech prefix", Kind.NUMBER_TEXT, spellings=("prefix",)),
    Field("channels", "Channels", Kind.WHOLE),
    Field("cps_milli", "Flow speed", Kind.MILLI, spellings=("cps",)),
    Field("sends_calls", "Sends calls", Kind.YES_NO),
    Field("cli_authentication", "CLI authentication", Kind.YES_NO),
    Field("presents_pins", "Presents PINs", Kind.YES_NO),
    Field("extensions", "Extensions behind it", Kind.NUMBER_TEXT, spellings=("extensions",)),
    Field("delivery_host", "Calls to them go to", spellings=("host",)),
    Field("delivery_port", "Port", Kind.WHOLE),
    Field("delivery_transport", "Transport", Kind.WORD),
    Field("shared", "Customers besides its own may call them", Kind.YES_NO, spellings=("shared",)),
    Field("enabled", "Enabled", Kind.YES_NO, spellings=("active",)),
)
_SIP_USER = (
    _OWNER,
    Field("username", "Username", required=True, unique=True, spellings=("user", "sip user", "login", "extension")),
    Field("password", "Password", required=True, secret=True, spellings=("secret",)),
    Field("name", "Name", spellings=("label", "description")),
    Field("channels", "Channels", Kind.WHOLE),
    Field("cps_milli", "Flow speed", Kind.MILLI, spellings=("cps",)),
    Field("allowed_networks", "Only from", Kind.LIST, spellings=("ip whitelist", "allowed ips", "networks")),
    Field("shared", "Anybody may call it", Kind.YES_NO, spellings=("shared",)),
    Field("enabled", "Enabled", Kind.YES_NO, spellings=("active",)),
)
_VERIFIED_CLI = (
    _OWNER,
    Field("number", "Number", Kind.NUMBER_TEXT, required=True, spellings=("cli", "caller id", "phone", "ani")),
    Field("attestation", "Attestation", spellings=("stir shaken",)),
)
_CLI_RULE = (
    Field("customer_id", "Company", spellings=CUSTOMER_SPELLINGS),
    Field("cli", "CLI", spellings=("number", "match", "caller id")),
    Field("pai", "P-Asserted-ID", spellings=("paid", "p asserted identity")),
    Field("dialed", "Number dialed", spellings=("cld", "dialed number match", "dialed number")),
    Field("rewrite_cli", "CLI becomes", spellings=("rewrite cli", "replacement")),
    Field("rewrite_pai", "P-Asserted-ID becomes", spellings=("rewrite p asserted id", "rewrite paid")),
    Field("forced", "Forced", Kind.YES_NO),
    Field("position", "Order", Kind.WHOLE, spellings=("position",)),
    Field("weight", "Weight", Kind.WHOLE),
    Field("attestation", "Attestation", spellings=("stir shaken",)),
    Field("signature_required", "Signature required", Kind.YES_NO, spellings=("stir shaken required",)),
    Field("signature_replaced", "Signature replaced", Kind.YES_NO, spellings=("stir shaken replace",)),
    Field("notes", "Notes", spellings=("note",)),
)
_ALIAS = (
    Field("customer_id", "Company", spellings=CUSTOMER_SPELLINGS),
    Field("current", "Dialed", required=True, spellings=("current", "number", "cld", "alias", "number dialed")),
    Field("new", "Becomes", spellings=("new", "replacement", "target")),
    Field("position", "Order", Kind.WHOLE, spellings=("position",)),
    Field("enabled", "Enabled", Kind.YES_NO, spellings=("active",)),
    Field("notes", "Notes", spellings=("note",)),
)
_DID = (
    Field(
        "number", "Number", Kind.NUMBER_TEXT, required=True, unique=True, spellings=("did", "phone number", "telephone")
    ),
    Field("customer_id", "Company", spellings=CUSTOMER_SPELLINGS),
    Field("card_id", "Customer card", spellings=("card", "rate card")),
    Field("reseller_cards", "Cards of resellers", Kind.LIST),
    Field("carrier_id", "Carrier", spellings=("supplier", "vendor")),
    Field("carrier_card_id", "Carrier card"),
    Field("destinations", "Destinations", Kind.LINES, spellings=("destination",)),
    Field("order", "Order", Kind.WORD),
    Field("channels", "Channels", Kind.WHOLE),
    Field("cps_milli", "Flow speed", Kind.MILLI, spellings=("cps",)),
    Field("max_duration_s", "Longest call, s", Kind.WHOLE, spellings=("max duration", "longest call")),
    Field("recording", "Recording", Kind.WORD),
    Field("pai_mode", "P-Asserted-Identity", Kind.WORD, spellings=("p asserted id", "pai")),
    Field("public_note", "Public note", spellings=("notes", "note")),
    Field("private_note", "Private note"),
    Field("enabled", "Enabled", Kind.YES_NO, spellings=("active",)),
)
_PAYMENT = (
    _OWNER,
    Field("amount_micros", "Total", Kind.MONEY, required=True, spellings=("amount", "sum", "value", "paid")),
    Field("description", "Description", spellings=("note", "memo", "text")),
    Field(
        "external_id", "External id", unique=True, spellings=("reference", "transaction", "transaction id", "txn id")
    ),
    Field("status", "Status", spellings=("state",)),
    Field("received_at", "Received at (UTC)", Kind.INSTANT, spellings=("date", "received", "date time")),
)
_BANK_CREDIT = (
    Field("amount_micros", "Amount", Kind.MONEY, required=True, spellings=("total", "credit", "sum", "value")),
    Field("currency", "Currency", required=True, spellings=("ccy",)),
    Field(
        "external_id", "External id", required=True, unique=True, spellings=("bank reference", "transaction id", "id")
    ),
    Field("paid_for", "Paid for", spellings=("remittance information", "details", "purpose", "reference")),
    Field("customer_id", "Company", spellings=CUSTOMER_SPELLINGS),
    Field("payer", "Payer", spellings=("debtor", "name", "from")),
    Field("received_at", "Received at (UTC)", Kind.INSTANT, spellings=("booking date", "date", "booked")),
    Field("reversal", "Reversal", Kind.YES_NO, spellings=("reversed",)),
    Field("entered_as", "Entered as"),
    Field("end_to_end_id", "End to end"),
    Field("batch_id", "Batch", spellings=("payment information id", "message id")),
    Field("return_reason", "Return reason", spellings=("reason code",)),
    Field("statement_kind", "Statement", Kind.WORD),
    Field("own_account", "Own account"),
    Field("entry_ref", "Entry id"),
    Field("part_ref", "Part id"),
    Field("batch_micros", "Batch amount", Kind.MONEY),
    Field("paid_out", "Paid out", Kind.YES_NO),
)
NOUNS: Mapping[str, Noun] = {
    "customer": Noun("customer", "customers", _CUSTOMER),
    "contact": Noun("contact", "contacts", _CONTACT),
    "ip_endpoint": Noun("IP endpoint", "IP endpoints", _IP_ENDPOINT),
    "sip_user": Noun("SIP user", "SIP users", _SIP_USER),
    "verified_cli": Noun("verified CLI", "verified CLIs", _VERIFIED_CLI),
    "cli_rule": Noun("CLI rule", "CLI rules", _CLI_RULE),
    "alias": Noun("alias", "aliases", _ALIAS),
    "did": Noun("DID", "DIDs", _DID),
    "payment": Noun("payment", "payments", _PAYMENT),
    "bank_credit": Noun("credit of a bank statement", "credits of a bank statement", _BANK_CREDIT),
}
