"""What carriers say they carried: how each writes, its statements with their files, what a comparison found, disputes.

A comparison (`actions.reconciliation_work`) writes lines and sums under the next `run` of its statement, and only then
makes that run the one that counts; what another run left is deleted. Lines keep both sides as they were compared.
"""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.carriers import Carrier
from tollgate.store.models.records import Record, not_negative, one_of

CLASSES = ("equal", "duration", "rate", "currency", "theirs", "ours", "doubled", "total")


class CarrierFormat(Record):
    """How a carrier writes its files, and how much a difference may be. `columns` has the header of each field."""

    carrier = models.OneToOneField(Carrier, on_delete=models.CASCADE, related_name="format")
    columns = models.JSONField(default=dict, blank=True)
    time_format = models.TextField(default="iso")
    zone = models.CharField(max_length=64, blank=True, default="")
    """Of the moments in files; empty is the zone of the statement."""
    time_of = models.TextField(default="answered")
    duration_unit = models.TextField(default="seconds")
    duration_of = models.TextField(default="talked")
    decimal_comma = models.BooleanField(default=False)
    strip = models.CharField(max_length=200, blank=True, default="")
    """Prefixes that the carrier puts before numbers, parted by `|`."""
    add = models.CharField(max_length=20, blank=True, default="")
    time_tolerance_s = models.IntegerField(default=60)
    duration_tolerance_s = models.IntegerField(default=1)
    cost_tolerance_micros = models.BigIntegerField(default=100)

    class Meta:
        db_table = "carrier_format"
        constraints = [
            one_of(
                "time_format", "iso", "day_first", "month_first", "compact", "unix_s", "unix_ms",
                name="carrier_format_time",
            ),
            one_of("time_of", "answered", "started", "ended", name="carrier_format_time_of"),
            one_of("duration_unit", "seconds", "minutes", "milliseconds", name="carrier_format_unit"),
            one_of("duration_of", "talked", "billed", name="carrier_format_duration_of"),
            not_negative(
                "time_tolerance_s", "duration_tolerance_s", "cost_tolerance_micros", name="carrier_format_tolerances"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Files of {self.carrier}"


class CarrierStatement(Record):
    """A carrier's invoice over some days, before tax. `until_on` is the first day after.

    `state` is that of the comparison; `figures` is what it found beside lines and sums. Once accepted, nothing of it
    changes: `accepted_micros` is what is taken on without a dispute.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="carrier_statements")
    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, related_name="statements")
    number = models.CharField(max_length=60)
    from_on = models.DateField()
    until_on = models.DateField()
    zone = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    total_micros = models.BigIntegerField()
    duration_s = models.BigIntegerField(null=True, blank=True)
    calls_count = models.BigIntegerField(null=True, blank=True)
    note = models.TextField(blank=True, default="")
    state = models.TextField(default="waiting")
    run = models.IntegerField(default=0)
    problem = models.TextField(blank=True, default="")
    figures = models.JSONField(default=dict, blank=True)
    compared_at = models.DateTimeField(null=True, blank=True)
    accepted_micros = models.BigIntegerField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.TextField(blank=True, default="")
    acceptance = models.IntegerField(default=0)
    """How often it was accepted: one that was taken back leaves its entries."""

    class Meta:
        db_table = "carrier_statement"
        constraints = [
            models.UniqueConstraint(fields=["carrier", "number"], name="carrier_statement_once"),
            one_of("state", "waiting", "compared", "failed", name="carrier_statement_state"),
            models.CheckConstraint(
                condition=models.Q(from_on__lt=models.F("until_on")), name="carrier_statement_period"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(state="waiting"), name="carrier_statement_waiting"),
        ]

    def __str__(self) -> str:
        return f"Statement {self.number}"


class CarrierFile(models.Model):
    """A file of a statement: of calls, or of totals. `settings` is how it was read, column by column; `errors` are the
    first rows that could not be read, as line, field and sentence."""

    id = models.BigAutoField(primary_key=True)
    statement = models.ForeignKey(CarrierStatement, on_delete=models.CASCADE, related_name="files")
    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, related_name="+")
    kind = models.TextField()
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    bytes_count = models.BigIntegerField()
    settings = models.JSONField()
    rows_count = models.IntegerField(null=True, blank=True)
    errors_count = models.IntegerField(default=0)
    errors = models.JSONField(default=list, blank=True)
    added_by = models.TextField()
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "carrier_file"
        constraints = [
            one_of("kind", "calls", "totals", name="carrier_file_kind"),
            models.UniqueConstraint(fields=["carrier", "sha256"], name="carrier_file_once"),
        ]

    def __str__(self) -> str:
        return self.name


class CarrierFileContent(models.Model):
    """What a file holds, compressed by gzip: apart, so that lists and the audit log leave it alone."""

    file = models.OneToOneField(CarrierFile, on_delete=models.CASCADE, primary_key=True, related_name="content")
    data = models.BinaryField()

    class Meta:
        db_table = "carrier_file_content"

    def __str__(self) -> str:
        return str(self.file_id)


class CarrierDispute(Record):
    """Lines of a statement that the carrier is asked to take back: `claimed_micros`, of which it agrees to some.

    What it does not agree to is taken on when the dispute is settled, by an entry of the carrier's wallet.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="carrier_disputes")
    statement = models.ForeignKey(CarrierStatement, on_delete=models.PROTECT, related_name="disputes")
    title = models.CharField(max_length=200)
    state = models.TextField(default="open")
    currency = models.CharField(max_length=3)
    lines_count = models.IntegerField(default=0)
    claimed_micros = models.BigIntegerField()
    agreed_micros = models.BigIntegerField(null=True, blank=True)
    author = models.TextField()
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settlement = models.IntegerField(default=0)
    """How often it was settled: one that was opened again leaves its entries."""

    class Meta:
        db_table = "carrier_dispute"
        constraints = [
            one_of("state", "open", "sent", "accepted", "partly", "rejected", "settled", name="carrier_dispute_state"),
        ]

    def __str__(self) -> str:
        return f"Dispute {self.pk}: {self.title}"


class CarrierDisputeNote(models.Model):
    """What was said or done about a dispute."""

    id = models.BigAutoField(primary_key=True)
    dispute = models.ForeignKey(CarrierDispute, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField(db_default=Now(), editable=False)
    author = models.TextField()
    text = models.TextField()

    class Meta:
        db_table = "carrier_dispute_note"

    def __str__(self) -> str:
        return self.text


class CarrierLine(models.Model):
    """One call as both sides tell it, or as the one does that knows it. `how` says what paired it.

    `difference_micros` is what the carrier charges more than we expected; null for two currencies, and `currency` is
    then the carrier's. The file and the statement see that their lines go with them.
    """

    id = models.BigAutoField(primary_key=True)
    statement = models.ForeignKey(CarrierStatement, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    run = models.IntegerField()
    kind = models.TextField()
    how = models.TextField()
    file = models.ForeignKey(CarrierFile, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+")
    line = models.IntegerField(null=True)
    call_id = models.BigIntegerField(null=True)
    started_at = models.DateTimeField()
    """By our record, else by the carrier's clock."""
    their_at = models.DateTimeField(null=True)
    number = models.TextField()
    destination = models.TextField()
    their_duration_ms = models.BigIntegerField(null=True)
    our_duration_ms = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3)
    their_micros = models.BigIntegerField(null=True)
    our_micros = models.BigIntegerField(null=True)
    difference_micros = models.BigIntegerField(null=True)
    explanation = models.TextField()
    dispute = models.ForeignKey(
        CarrierDispute, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="lines"
    )

    class Meta:
        db_table = "carrier_line"
        constraints = [one_of("kind", *CLASSES[:-1], name="carrier_line_kind")]
        indexes = [
            models.Index(fields=["statement", "run", "id"], name="carrier_line_run"),
            models.Index(fields=["statement", "run", "kind", "-difference_micros", "id"], name="carrier_line_of_kind"),
            models.Index(fields=["statement", "run", "-difference_micros", "id"], name="carrier_line_difference"),
            models.Index(
                fields=["call_id"], condition=models.Q(their_micros__isnull=False), name="carrier_line_billed"
            ),
            models.Index(fields=["dispute"], condition=models.Q(dispute__isnull=False), name="carrier_line_dispute"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class CarrierSum(models.Model):
    """Lines of a run added up by what they are, destination and currency; of a file of totals, its lines by ours."""

    id = models.BigAutoField(primary_key=True)
    statement = models.ForeignKey(CarrierStatement, on_delete=models.CASCADE, related_name="sums")
    run = models.IntegerField()
    kind = models.TextField()
    destination = models.TextField()
    day_on = models.DateField(null=True)
    currency = models.CharField(max_length=3)
    their_calls = models.BigIntegerField(null=True)
    our_calls = models.BigIntegerField()
    their_duration_s = models.BigIntegerField(null=True)
    our_duration_s = models.BigIntegerField()
    their_micros = models.BigIntegerField()
    our_micros = models.BigIntegerField()
    difference_micros = models.BigIntegerField()

    class Meta:
        db_table = "carrier_sum"
        constraints = [one_of("kind", *CLASSES, name="carrier_sum_kind")]
        indexes = [models.Index(fields=["statement", "run"], name="carrier_sum_run")]

    def __str__(self) -> str:
        return f"{self.kind} {self.destination}"
