"""SEPA: mandates of customers, the files for the bank with their lines, and what the bank's statements told of money.

IBANs are sealed (store.secrets); people read them masked. How a line moves money is in `actions.bank_lines`.
"""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.invoices import Invoice
from tollgate.store.models.payments import Payment
from tollgate.store.models.records import Record, one_of


class Mandate(Record):
    """That a customer lets us collect from its bank account. Whether it is used up or expired, its lines tell."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="mandates")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="mandates")
    reference = models.CharField(max_length=35)
    scheme = models.TextField(default="CORE")
    one_off = models.BooleanField(default=False)
    final = models.BooleanField(default=False)
    """Whether the next collection is the last one (sequence FNAL)."""
    signed_on = models.DateField()
    holder = models.CharField(max_length=70)
    iban_sealed = models.TextField()
    iban_shown = models.CharField(max_length=40)
    bic = models.CharField(max_length=11, blank=True, default="")
    notice_days = models.IntegerField(default=14)
    """So long before it a collection is announced; fewer than 14 where the customer has agreed."""
    collects = models.BooleanField(default=True)
    """Whether invoices of the customer are collected by it."""
    status = models.TextField(default="active")
    ended_on = models.DateField(null=True, blank=True)
    note = models.TextField(blank=True, default="")
    """Where the signed document is."""

    class Meta:
        db_table = "mandate"
        constraints = [
            models.UniqueConstraint(fields=["account", "reference"], name="mandate_reference_once"),
            models.UniqueConstraint(
                fields=["customer"], condition=models.Q(status="active"), name="mandate_active_once"
            ),
            one_of("scheme", "CORE", "B2B", name="mandate_scheme"),
            one_of("status", "active", "ended", name="mandate_status"),
            models.CheckConstraint(
                condition=models.Q(notice_days__gte=1, notice_days__lte=14), name="mandate_notice_days"
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class BankRun(Record):
    """One file for the bank: direct debits (pain.008) or transfers (pain.001). Its bytes never change."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="bank_runs")
    kind = models.TextField()
    state = models.TextField(default="made")
    message_id = models.CharField(max_length=35)
    execute_on = models.DateField()
    """When the bank is asked to collect, or to pay."""
    lines_count = models.IntegerField()
    total_micros = models.BigIntegerField()
    content_sealed = models.TextField()
    digest = models.CharField(max_length=64)
    """The SHA-256 of the file."""
    fetched_at = models.DateTimeField(null=True, blank=True)
    """When it was first fetched: since then the bank may have it."""
    created_by = models.TextField(blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "bank_run"
        constraints = [
            models.UniqueConstraint(fields=["account", "message_id"], name="bank_run_message_once"),
            one_of("kind", "debit", "transfer", name="bank_run_kind"),
            one_of("state", "made", "sent", "canceled", name="bank_run_state"),
        ]

    def __str__(self) -> str:
        return self.message_id


class BankLine(Record):
    """One collection of an invoice, or one transfer to a customer, with its payment. A transfer waits without a run.

    `waiting`: the payment is pending. `settled`: its money has moved. `returned`: it came back after that; `rejected`:
    it never moved. `canceled`: it was never sent.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="bank_lines")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="bank_lines")
    run = models.ForeignKey(BankRun, on_delete=models.PROTECT, null=True, blank=True, related_name="lines")
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="bank_line")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="bank_lines")
    mandate = models.ForeignKey(Mandate, on_delete=models.PROTECT, null=True, blank=True, related_name="lines")
    state = models.TextField(default="waiting")
    batch_id = models.CharField(max_length=35, blank=True, default="")
    """Of the part of the file that it stands in (PmtInfId): the bank books a part as one sum, or line by line."""
    end_to_end_id = models.CharField(max_length=35)
    sequence = models.CharField(max_length=4, blank=True, default="")
    amount_micros = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    holder = models.CharField(max_length=70)
    iban_sealed = models.TextField()
    iban_shown = models.CharField(max_length=40)
    bic = models.CharField(max_length=11, blank=True, default="")
    words = models.CharField(max_length=140)
    told_as = models.CharField(max_length=200, blank=True, default="")
    """The bank's id of the credit, of a transfer of the debit, that settled it."""
    told_on = models.DateField(null=True, blank=True)
    returned_on = models.DateField(null=True, blank=True)
    return_code = models.CharField(max_length=4, blank=True, default="")

    class Meta:
        db_table = "bank_line"
        constraints = [
            one_of("state", "waiting", "settled", "returned", "rejected", "canceled", name="bank_line_state"),
            models.UniqueConstraint(
                fields=["invoice"], condition=models.Q(state="waiting"), name="bank_line_invoice_once"
            ),
            models.UniqueConstraint(fields=["run", "end_to_end_id"], name="bank_line_once_in_run"),
            models.CheckConstraint(condition=models.Q(amount_micros__gt=0), name="bank_line_amount"),
        ]
        indexes = [
            models.Index(fields=["account", "end_to_end_id"], name="bank_line_end_to_end"),
            models.Index(fields=["account", "batch_id"], name="bank_line_batch"),
        ]

    def __str__(self) -> str:
        return self.end_to_end_id


class BankTelling(models.Model):
    """What one statement told of a payment: by it another statement that tells of the same money is found.

    `kind` is the kind of file (camt.053, camt.054), `external_id` the id of the row, `entry_ref` and `part_ref` the
    bank's own ids of the entry and of the payment in it.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="bank_tellings")
    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="bank_tellings")
    kind = models.CharField(max_length=10, blank=True, default="")
    own_account = models.CharField(max_length=50, blank=True, default="")
    external_id = models.CharField(max_length=200, blank=True, default="")
    entry_ref = models.CharField(max_length=200, blank=True, default="")
    part_ref = models.CharField(max_length=200, blank=True, default="")
    end_to_end_id = models.CharField(max_length=200, blank=True, default="")
    booked_on = models.DateField(null=True, blank=True)
    batch_micros = models.BigIntegerField(null=True, blank=True)
    """What the entry came to, where it was a batch of several payments."""
    whole = models.BooleanField(default=False)
    """Whether the batch was entered as one."""
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "bank_telling"
        indexes = [
            models.Index(fields=["account", "booked_on"], name="bank_telling_day"),
            models.Index(fields=["payment"], name="bank_telling_payment"),
        ]

    def __str__(self) -> str:
        return self.part_ref or self.entry_ref or self.end_to_end_id
