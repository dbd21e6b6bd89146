"""The account: the operator's own company. Everything else belongs to exactly one account."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.records import Record, not_negative, one_of


class Account(Record):
    """The operator's own company, with the limits that hold for all its calls together."""

    name = models.TextField()
    company = models.TextField(blank=True, default="")
    email = models.EmailField(blank=True, default="")
    currency = models.CharField(max_length=3)
    zone = models.TextField(default="UTC")
    status = models.TextField(default="active")
    channels = models.IntegerField(default=0)
    cps_milli = models.IntegerField(default=0)
    slice_s = models.IntegerField(default=60)
    validity_s = models.IntegerField(default=30)
    challenge_unknown = models.BooleanField(default=True)
    recording = models.BooleanField(default=False)
    registration_id = models.CharField(max_length=100, blank=True, default="")
    ocn = models.CharField(max_length=4, blank=True, default="")
    frn = models.CharField(max_length=50, blank=True, default="")
    vat_id = models.CharField(max_length=20, blank=True, default="")
    pending_email = models.EmailField(blank=True, default="")
    address_line1 = models.CharField(max_length=200, blank=True, default="")
    address_line2 = models.CharField(max_length=200, blank=True, default="")
    city = models.CharField(max_length=100, blank=True, default="")
    state = models.CharField(max_length=100, blank=True, default="")
    postcode = models.CharField(max_length=20, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    address_confirmed_at = models.DateTimeField(null=True, blank=True)
    address_confirmed_by = models.TextField(blank=True, default="")
    phone = models.CharField(max_length=20, blank=True, default="")
    phone_verified_at = models.DateTimeField(null=True, blank=True)
    mobile = models.CharField(max_length=20, blank=True, default="")
    mobile_verified_at = models.DateTimeField(null=True, blank=True)
    billing_method = models.TextField(default="per_minute")
    billing_locked_at = models.DateTimeField(null=True, blank=True)
    minute_price_nanos = models.BigIntegerField(default=0)
    channel_day_price_nanos = models.BigIntegerField(default=0)
    number_digits_count = models.IntegerField(default=10)
    block_start = models.BigIntegerField(null=True, blank=True)
    block_size = models.IntegerField(null=True, blank=True)
    pin_length = models.IntegerField(default=6)
    audit_comment = models.BooleanField(default=False)
    profit_assurance_default = models.BooleanField(default=True)
    valid_from_creation = models.BooleanField(default=False)
    unique_references = models.BooleanField(default=False)
    termination_addresses = models.TextField(blank=True, default="")
    origination_addresses = models.TextField(blank=True, default="")
    portal_text = models.TextField(blank=True, default="")
    support_url = models.URLField(blank=True, default="")
    support_phone = models.CharField(max_length=20, blank=True, default="")
    support_email = models.EmailField(blank=True, default="")
    idle_logout_min = models.IntegerField(null=True, blank=True)
    auth_failure_count = models.IntegerField(default=10)
    """So many wrong passwords of one SIP user from one address, and the edge turns this pair away; 0 is any number."""
    second_factor = models.BooleanField(default=False)
    """Whether every user needs a second factor; else those in a group that says so."""
    second_factor_days = models.IntegerField(default=7)
    """So long who needs one may still work without; then nothing opens but the way to set one up."""
    inactive_portal = models.BooleanField(default=False)
    inactive_packages = models.BooleanField(default=False)
    """Whether inactive customers are charged for their packages all the same."""
    sip_rewrites = models.JSONField(default=list, blank=True)
    low_balance_micros = models.BigIntegerField(null=True, blank=True)
    """Of its balance with the platform: below it users are told, once until it is there again. Null tells nobody."""
    low_balance_noticed_at = models.DateTimeField(null=True, blank=True)
    recording_retention_days = models.IntegerField(null=True, blank=True)
    payment_details = models.TextField(blank=True, default="")
    payment_description = models.CharField(max_length=100, blank=True, default="")
    sepa_creditor_id = models.CharField(max_length=35, blank=True, default="", db_default="")
    """Who we are to payers of direct debits (AT-02 of the SEPA rulebooks); none: nothing is collected."""
    sepa_name = models.CharField(max_length=70, blank=True, default="", db_default="")
    sepa_iban = models.CharField(max_length=34, blank=True, default="", db_default="")
    sepa_bic = models.CharField(max_length=11, blank=True, default="", db_default="")
    package_notice_days = models.IntegerField(null=True, blank=True)
    invoice_grouping = models.TextField(default="day")
    invoice_lag_h = models.IntegerField(default=24)
    invoice_footer = models.TextField(blank=True, default="")
    two_person_payments = models.BooleanField(default=False)
    cdr_live_days = models.IntegerField(null=True, blank=True)
    """So long CDRs stay in the database; then only the lake has them. Null is for ever, as for the next two."""
    cdr_archive_days = models.IntegerField(null=True, blank=True)
    message_retention_days = models.IntegerField(null=True, blank=True)
    payment_notice_days = models.IntegerField(null=True, blank=True)
    """So long notices of gateways are kept as they came; null is 400 days."""
    verification_user = models.ForeignKey(
        "store.Endpoint", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    """The SIP user that calls numbers which contacts want verified, by its customer's routes and at its cost."""
    verification_cli = models.CharField(max_length=20, blank=True, default="")
    verification_denied = models.TextField(blank=True, default="")
    """Prefixes never called or written to for it, one per line."""
    verification_daily_count = models.IntegerField(default=200)
    """So many calls and SMS a UTC day, of all customers."""
    verification_capped_price_nanos = models.BigIntegerField(default=500_000_000)
    """What a minute of such a call may cost the SIP user's customer, in the account's currency."""
    verification_approval = models.BooleanField(default=False)
    """Whether a user approves what a contact has proved before calls may show it."""
    verification_valid_days = models.IntegerField(default=0)
    """So long calls may show what a contact has proved, until it is proved again; 0 is for ever."""
    circuit_user = models.ForeignKey(
        "store.Endpoint", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    """The SIP user that makes circuit tests, by its customer's routes and at its cost."""
    smart_lists = models.BooleanField(default=False)
    """Whether lists load their next page by themselves as their end comes into view."""
    language = models.CharField(max_length=10, blank=True, default="")
    """Of the pages, for who has chosen none; empty is as the browser asks."""
    codes_version = models.IntegerField(default=0, db_default=0, editable=False)
    """Grows with its journal codes, which are in another table."""

    class Meta:
        db_table = "account"
        constraints = [
            one_of("status", "active", "paused", name="account_status"),
            one_of("billing_method", "per_channel", "per_minute", name="account_billing_method"),
            one_of("invoice_grouping", "day", "destination", "route", "total", name="account_invoice_grouping"),
            not_negative("channels", "cps_milli", "slice_s", "invoice_lag_h", name="account_limits"),
            models.CheckConstraint(condition=models.Q(validity_s__gte=5), name="account_validity"),
            not_negative("verification_daily_count", "verification_capped_price_nanos", name="account_verification"),
            not_negative("verification_valid_days", name="account_verification_valid"),
            not_negative("auth_failure_count", name="account_auth_failure"),
        ]

    def __str__(self) -> str:
        return self.name


class AccountTerms(models.Model):
    """How the account is charged from a UTC day on, until the next row: method, prices, channels reserved."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="terms")
    from_on = models.DateField()
    billing_method = models.TextField()
    minute_price_nanos = models.BigIntegerField()
    channel_day_price_nanos = models.BigIntegerField()
    channels = models.IntegerField()

    class Meta:
        db_table = "account_terms"
        constraints = [models.UniqueConstraint(fields=["account", "from_on"], name="account_terms_once")]

    def __str__(self) -> str:
        return f"{self.from_on} {self.billing_method}"


class AccountPackage(Record):
    """An add-on of the platform that the account holds: priced per unit and day, or per minute used."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="packages")
    kind = models.TextField()
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, default="")
    unit = models.CharField(max_length=30)
    basis = models.TextField(default="unit_day")
    price_nanos = models.BigIntegerField(default=0)
    quantity = models.IntegerField(default=1)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    class Meta:
        db_table = "account_package"
        constraints = [
            one_of("kind", "recording", "other", name="account_package_kind"),
            one_of("basis", "unit_day", "minute", name="account_package_basis"),
            not_negative("price_nanos", "quantity", name="account_package_amounts"),
        ]

    def __str__(self) -> str:
        return self.name


class AccountPackageTerms(models.Model):
    """How a package is charged from a UTC day on, until the next row. Without rows it never changed."""

    id = models.BigAutoField(primary_key=True)
    package = models.ForeignKey(AccountPackage, on_delete=models.PROTECT, related_name="terms")
    from_on = models.DateField()
    unit = models.CharField(max_length=30)
    basis = models.TextField()
    price_nanos = models.BigIntegerField()
    quantity = models.IntegerField()

    class Meta:
        db_table = "account_package_terms"
        constraints = [models.UniqueConstraint(fields=["package", "from_on"], name="account_package_terms_once")]

    def __str__(self) -> str:
        return f"{self.from_on} {self.quantity} {self.unit}"


class AccountCharge(models.Model):
    """What the platform charged the account for one UTC day: once for the billing method, once per package."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="charges")
    on = models.DateField()
    package = models.ForeignKey(AccountPackage, on_delete=models.PROTECT, null=True, blank=True, related_name="charges")
    what = models.TextField()
    used = models.BigIntegerField()
    unit = models.CharField(max_length=30)
    price_nanos = models.BigIntegerField()
    amount_micros = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    entry_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "account_charge"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "on", "package"], nulls_distinct=False, name="account_charge_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.on} {self.what}"


class Agreement(models.Model):
    """One version of the service agreement; immutable once published."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="agreements")
    number = models.IntegerField()
    title = models.CharField(max_length=200)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    published_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "agreement"
        constraints = [models.UniqueConstraint(fields=["account", "number"], name="agreement_number_once")]

    def __str__(self) -> str:
        return f"{self.title} {self.number}"


class AgreementAcceptance(models.Model):
    """Who accepted which version of the agreement, when, from where, and the hash of what was read."""

    id = models.BigAutoField(primary_key=True)
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="acceptances")
    by = models.TextField()
    user_id = models.BigIntegerField(null=True)
    """The user who goes by that email then; somebody else may get it later."""
    at = models.DateTimeField(db_default=Now(), editable=False)
    ip = models.GenericIPAddressField(null=True)
    sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "agreement_acceptance"

    def __str__(self) -> str:
        return f"{self.by} {self.at}"


class ChangeRequest(models.Model):
    """A change somebody asked for and another decides: the account's address."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="change_requests")
    kind = models.TextField(default="address")
    proposed = models.JSONField()
    message = models.TextField(blank=True, default="")
    state = models.TextField(default="open")
    asked_by = models.TextField()
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    decided_by = models.TextField(blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "change_request"
        constraints = [one_of("state", "open", "approved", "rejected", name="change_request_state")]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"
