"""Invoices, receipts, credit and debit notes: documents with lines and taxes. Immutable once issued (a trigger)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F
from django.db.models.functions import Lower, Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.charges import Charge
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record, WidePrice, not_negative, one_of
from tollgate.store.models.taxes import Tax

KINDS = ("invoice", "receipt", "credit_note", "debit_note")


class InvoiceSeries(Record):
    """How documents of one kind are numbered: a prefix (which may hold {year}), a width, the first number."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoice_series")
    kind = models.TextField()
    prefix = models.CharField(max_length=30, blank=True, default="")
    width = models.IntegerField(default=5)
    start = models.BigIntegerField(default=1)
    yearly = models.BooleanField(default=True)
    """Whether each year begins at `start` again."""

    class Meta:
        db_table = "invoice_series"
        constraints = [
            models.UniqueConstraint(fields=["account", "kind"], name="invoice_series_once"),
            one_of("kind", *KINDS, name="invoice_series_kind"),
            models.CheckConstraint(
                condition=models.Q(width__gte=1, width__lte=12, start__gte=1), name="invoice_series_digits"
            ),
        ]

    def __str__(self) -> str:
        return self.prefix


class SeriesCounter(models.Model):
    """The last number given in a series and year (0: a series that does not begin anew). Locked while one is given."""

    id = models.BigAutoField(primary_key=True)
    series = models.ForeignKey(InvoiceSeries, on_delete=models.PROTECT, related_name="counters")
    year = models.IntegerField(default=0)
    last = models.BigIntegerField()
    last_on = models.DateField(null=True)
    """The date of that number: none that follows is earlier."""

    class Meta:
        db_table = "series_counter"
        constraints = [models.UniqueConstraint(fields=["series", "year"], name="series_counter_once")]

    def __str__(self) -> str:
        return f"{self.series_id} {self.year}: {self.last}"


class Invoice(Record):
    """One document. What it says of issuer and customer is frozen at issue; the number is given then, under a lock.

    `exact_micros` is what the ledger charged, `net_micros` the rounded lines, `rounding_micros` their difference.
    `settled_micros` is the sum of its allocations: paid when it reaches the total.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoices")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    kind = models.TextField(default="invoice")
    state = models.TextField(default="draft")
    number = models.CharField(max_length=60, null=True, blank=True)
    number_seq = models.BigIntegerField(null=True, blank=True)
    number_year = models.IntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    zone = models.TextField(default="UTC")
    from_on = models.DateField(null=True, blank=True)
    until_on = models.DateField(null=True, blank=True)
    """The billed period in `zone`; `until_on` is the first day after it. `usage_*` are the same as instants."""
    usage_from_at = models.DateTimeField(null=True, blank=True)
    usage_until_at = models.DateTimeField(null=True, blank=True)
    invoice_on = models.DateField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    issued_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    exact_micros = models.BigIntegerField(default=0)
    net_micros = models.BigIntegerField(default=0)
    rounding_micros = models.BigIntegerField(default=0)
    tax_micros = models.BigIntegerField(default=0)
    total_micros = models.BigIntegerField(default=0)
    settled_micros = models.BigIntegerField(default=0)
    prices_include_tax = models.BooleanField(default=False)
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrections")
    payment = models.ForeignKey(
        "store.Payment", on_delete=models.PROTECT, null=True, blank=True, related_name="receipts"
    )
    recalculation = models.ForeignKey(
        "store.Recalculation", on_delete=models.PROTECT, null=True, blank=True, related_name="notes"
    )
    """Whose corrections of the corrected invoice's calls a note tells: the ledger has moved them before."""
    corrections_after_id = models.BigIntegerField(null=True, blank=True)
    corrections_until_id = models.BigIntegerField(null=True, blank=True)
    """Which entries of the recalculation these are: those after the first, up to the second."""
    run_key = models.CharField(max_length=200, null=True, blank=True)
    reason = models.TextField(blank=True, default="")
    """Why it was issued, as it is printed. Why it was voided is in `void_reason`."""
    void_reason = models.TextField(blank=True, default="", db_default="")
    note = models.TextField(blank=True, default="")
    reference = models.CharField(max_length=200, blank=True, default="")
    issuer = models.JSONField(default=dict, blank=True)
    buyer = models.JSONField(default=dict, blank=True)
    grouping = models.TextField(default="day")
    template = models.ForeignKey(
        "store.InvoiceTemplate", on_delete=models.PROTECT, null=True, blank=True, related_name="invoices"
    )
    created_by = models.TextField(blank=True, default="")

    class Meta:
        db_table = "invoice"
        constraints = [
            one_of("kind", *KINDS, name="invoice_kind"),
            one_of("state", "draft", "issued", "void", name="invoice_state"),
            one_of("grouping", "day", "destination", "route", "total", name="invoice_grouping"),
            models.UniqueConstraint(fields=["account", "number"], name="invoice_number_once"),
            models.UniqueConstraint(
                fields=["account", "kind", "number_year", "number_seq"], name="invoice_number_seq_once"
            ),
            models.UniqueConstraint(
                fields=["account", "run_key"], condition=~models.Q(state="void"), name="invoice_run_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft") | models.Q(number__isnull=False) | models.Q(state="void"),
                name="invoice_issued_number",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="invoice_newest"),
            models.Index(fields=["customer", "-id"], name="invoice_customer"),
            models.Index(F("account"), Lower("number"), name="invoice_number_lower"),
            models.Index(fields=["due_on"], condition=models.Q(state="issued"), name="invoice_due"),
            models.Index(fields=["due_on", "id"], name="invoice_by_due"),
            models.Index(fields=["invoice_on", "id"], name="invoice_by_date"),
        ]

    def __str__(self) -> str:
        return self.number or f"draft {self.pk}"

    @property
    def open_micros(self) -> int:
        """What is still to be paid of an issued document (a credit note's: still to be used), never below zero."""
        return max(0, abs(self.total_micros) - abs(self.settled_micros)) if self.state == "issued" else 0

    @property
    def payment_state(self) -> str:
        """`open`, `partly_paid` or `paid`; a document that is not issued has none."""
        if self.state != "issued":
            return ""
        if self.open_micros == 0:
            return "paid"
        return "partly_paid" if self.settled_micros else "open"


class BillingProgress(models.Model):
    """How far the unattended run has come with a customer, so that the next one reads what is new alone.

    Each period of its schedule that ended by `until_at` (null: none) is on a document, or had nothing to bill; what
    ended since then and by `looked_until_at` came to less than the smallest coin, or no document had room for it.
    Entries of its wallet up to `entry_id` were looked at; ids of one wallet come in the order of their commits, because
    whoever posts holds the wallet. `waiting` are the beginnings of billed stretches to which something came since, or
    may have: they are looked at again until documents have billed all of it.
    """

    customer = models.OneToOneField(
        Customer, on_delete=models.PROTECT, primary_key=True, related_name="billing_progress"
    )
    until_at = models.DateTimeField(null=True)
    looked_until_at = models.DateTimeField(null=True)
    entry_id = models.BigIntegerField(default=0)
    waiting = ArrayField(models.DateTimeField(), default=list)

    class Meta:
        db_table = "billing_progress"

    def __str__(self) -> str:
        return f"customer {self.customer_id} until {self.until_at}"


class InvoiceLine(models.Model):
    """One line. `exact_micros` is what it is made of to the last unit, `net_micros` that rounded once to the currency.

    Lines of usage name their instants, so that a later run bills only the difference to what lines have billed.
    """

    id = models.BigAutoField(primary_key=True)
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.IntegerField()
    kind = models.TextField()
    description = models.CharField(max_length=300)
    from_on = models.DateField(null=True, blank=True)
    until_on = models.DateField(null=True, blank=True)
    usage_from_at = models.DateTimeField(null=True, blank=True)
    usage_until_at = models.DateTimeField(null=True, blank=True)
    quantity_milli = models.BigIntegerField(default=1000)
    unit = models.CharField(max_length=3, default="C62")
    """UN/ECE Recommendation 20: C62 one, MIN minute, SEC second."""
    unit_price_nanos = WidePrice()
    exact_micros = models.BigIntegerField()
    net_micros = models.BigIntegerField()
    calls_count = models.BigIntegerField(default=0)
    billed_s = models.BigIntegerField(default=0)
    destination = models.TextField(blank=True, default="")
    ingress_route_id = models.BigIntegerField(null=True, blank=True)
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, null=True, blank=True, related_name="lines")
    corrects_line = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrections"
    )
    """The line of the corrected document that this line of a credit note takes back, in part or whole."""
    posted = models.BooleanField(default=False)
    """Whether the ledger had charged it before the document was issued (calls, decremented packages)."""
    tax_ids = ArrayField(models.BigIntegerField(), null=True, blank=True)
    """Those of the customer's taxes that a person chose for this line; null is what falls due for the document."""
    tax_category = models.CharField(max_length=2, blank=True, default="")
    """Where none of the chosen is VAT: why, by the category of EN 16931, and the reason printed."""
    exemption_reason = models.TextField(blank=True, default="")
    tax_positions = ArrayField(models.SmallIntegerField(), null=True, blank=True)
    """The positions of the document's taxes that the line bears; null is all of them."""

    class Meta:
        db_table = "invoice_line"
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position"),
            one_of("kind", "usage", "correction", "charge", "manual", "payment", "credit", name="invoice_line_kind"),
        ]
        indexes = [models.Index(fields=["charge"], name="invoice_line_charge")]

    def __str__(self) -> str:
        return self.description


class InvoiceTax(models.Model):
    """One tax of a document: its base and amount, rounded once, with the words and rate in force at issue."""

    id = models.BigAutoField(primary_key=True)
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="taxes")
    tax = models.ForeignKey(Tax, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    position = models.IntegerField()
    name = models.CharField(max_length=100)
    label = models.CharField(max_length=30)
    category = models.CharField(max_length=2)
    rate_ppm = models.IntegerField()
    fixed_micros = models.BigIntegerField(default=0)
    compound = models.BooleanField(default=False)
    base_micros = models.BigIntegerField()
    amount_micros = models.BigIntegerField()
    exemption_reason = models.TextField(blank=True, default="")
    is_vat = models.BooleanField(null=True, default=None)
    """Null for documents from before this was kept: their label says it."""

    class Meta:
        db_table = "invoice_tax"
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="invoice_tax_position")]

    def __str__(self) -> str:
        return f"{self.name} {self.amount_micros}"


class InvoiceTemplate(Record):
    """How documents look: accent, logo, columns and texts of the printed page. The words are filled in, never run."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoice_templates")
    name = models.CharField(max_length=100)
    language = models.CharField(max_length=10, default="en")
    color = models.CharField(max_length=7, blank=True, default="")
    logo = models.BinaryField(null=True, blank=True)
    logo_type = models.CharField(max_length=20, blank=True, default="")
    title = models.CharField(max_length=100, blank=True, default="")
    header_text = models.TextField(blank=True, default="")
    footer_text = models.TextField(blank=True, default="")
    show_calls = models.BooleanField(default=True)
    show_duration = models.BooleanField(default=True)

    class Meta:
        db_table = "invoice_template"
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="invoice_template_name_once")]

    def __str__(self) -> str:
        return self.name


class InvoiceLogo(models.Model):
    """A picture that templates have or had, by its SHA-256: documents are printed with it for ever. Never changed."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoice_logos")
    digest = models.CharField(max_length=64)
    content = models.BinaryField()
    content_type = models.CharField(max_length=20)

    class Meta:
        db_table = "invoice_logo"
        constraints = [models.UniqueConstraint(fields=["account", "digest"], name="invoice_logo_once")]

    def __str__(self) -> str:
        return self.digest


class InvoiceFile(models.Model):
    """A file of an issued document, as it first went out; another when it is void. Never changed (a trigger)."""

    id = models.BigAutoField(primary_key=True)
    made_at = models.DateTimeField(db_default=Now())
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="files")
    form = models.CharField(max_length=10)
    """`pdf`, `factur_x`, `ubl`, or `mailed`: the PDF in a mail that could bear no e-invoice."""
    void = models.BooleanField()
    content = models.BinaryField()

    class Meta:
        db_table = "invoice_file"
        constraints = [models.UniqueConstraint(fields=["invoice", "form", "void"], name="invoice_file_once")]

    def __str__(self) -> str:
        return f"{self.invoice_id} {self.form}"


class Allocation(models.Model):
    """That part of a payment or of a credit note settles part of an invoice. Taken back by a row below zero."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="allocations")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="allocations")
    payment = models.ForeignKey(
        "store.Payment", on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    credit_note = models.ForeignKey(Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="credits")
    amount_micros = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.TextField(blank=True, default="")

    class Meta:
        db_table = "allocation"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(payment__isnull=False, credit_note__isnull=True)
                | models.Q(payment__isnull=True, credit_note__isnull=False),
                name="allocation_of_one",
            ),
        ]
        indexes = [models.Index(fields=["invoice"], name="allocation_invoice")]

    def __str__(self) -> str:
        return f"{self.amount_micros} to {self.invoice_id}"


class ExchangeRate(models.Model):
    """What one unit of `base` was worth in `quote` from a day on; each conversion stores the rate it used."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="exchange_rates")
    base = models.CharField(max_length=3)
    quote = models.CharField(max_length=3)
    on = models.DateField()
    rate_nanos = models.BigIntegerField()
    source = models.CharField(max_length=50, blank=True, default="")

    class Meta:
        db_table = "exchange_rate"
        constraints = [
            models.UniqueConstraint(fields=["account", "base", "quote", "on"], name="exchange_rate_once"),
            not_negative("rate_nanos", name="exchange_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.base}/{self.quote} {self.on}"
