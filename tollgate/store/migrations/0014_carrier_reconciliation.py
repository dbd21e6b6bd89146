"""What a carrier says it carried, beside what we recorded."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

EDITED = ("carrier_format", "carrier_statement", "carrier_dispute")
HIDDEN = {"carrier_file": "'errors'"}  # many and long
AUDITED = (*EDITED, "carrier_file", "carrier_dispute_note")


def triggers() -> str:
    """The audit triggers of the new tables, and versions of those that people edit."""
    audits = [
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION "
        f"audit_row({HIDDEN.get(table, '')});"
        for table in AUDITED
    ]
    versions = [
        f"CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION next_version();"
        for table in EDITED
    ]
    return "\n".join([*audits, *versions])


class Migration(migrations.Migration):
    dependencies = [("store", "0013_cli_rules")]
    operations = [
        migrations.CreateModel(
            name="CarrierFile",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("name", models.CharField(max_length=200)),
                ("sha256", models.CharField(max_length=64)),
                ("bytes_count", models.BigIntegerField()),
                ("settings", models.JSONField()),
                ("rows_count", models.IntegerField(blank=True, null=True)),
                ("errors_count", models.IntegerField(default=0)),
                ("errors", models.JSONField(blank=True, default=list)),
                ("added_by", models.TextField()),
                (
                    "added_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "carrier",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="store.carrier"
                    ),
                ),
            ],
            options={
                "db_table": "carrier_file",
            },
        ),
        migrations.CreateModel(
            name="CarrierDispute",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("title", models.CharField(max_length=200)),
                ("state", models.TextField(default="open")),
                ("currency", models.CharField(max_length=3)),
                ("lines_count", models.IntegerField(default=0)),
                ("claimed_micros", models.BigIntegerField()),
                ("agreed_micros", models.BigIntegerField(blank=True, null=True)),
                ("author", models.TextField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("settlement", models.IntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="carrier_disputes", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "carrier_dispute",
            },
        ),
        migrations.CreateModel(
            name="CarrierDisputeNote",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("author", models.TextField()),
                ("text", models.TextField()),
                (
                    "dispute",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notes", to="store.carrierdispute"
                    ),
                ),
            ],
            options={
                "db_table": "carrier_dispute_note",
            },
        ),
        migrations.CreateModel(
            name="CarrierFileContent",
            fields=[
                (
                    "file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="content",
                        serialize=False,
                        to="store.carrierfile",
                    ),
                ),
                ("data", models.BinaryField()),
            ],
            options={
                "db_table": "carrier_file_content",
            },
        ),
        migrations.CreateModel(
            name="CarrierStatement",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("number", models.CharField(max_length=60)),
                ("from_on", models.DateField()),
                ("until_on", models.DateField()),
                ("zone", models.CharField(max_length=64)),
                ("currency", models.CharField(max_length=3)),
                ("total_micros", models.BigIntegerField()),
                ("duration_s", models.BigIntegerField(blank=True, null=True)),
                ("calls_count", models.BigIntegerField(blank=True, null=True)),
                ("note", models.TextField(blank=True, default="")),
                ("state", models.TextField(default="waiting")),
                ("run", models.IntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                ("figures", models.JSONField(blank=True, default=dict)),
                ("compared_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_micros", models.BigIntegerField(blank=True, null=True)),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_by", models.TextField(blank=True, default="")),
                ("acceptance", models.IntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="carrier_statements",
                        to="store.account",
                    ),
                ),
                (
                    "carrier",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="statements", to="store.carrier"
                    ),
                ),
            ],
            options={
                "db_table": "carrier_statement",
            },
        ),
        migrations.CreateModel(
            name="CarrierLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("run", models.IntegerField()),
                ("kind", models.TextField()),
                ("how", models.TextField()),
                ("line", models.IntegerField(null=True)),
                ("call_id", models.BigIntegerField(null=True)),
                ("started_at", models.DateTimeField()),
                ("their_at", models.DateTimeField(null=True)),
                ("number", models.TextField()),
                ("destination", models.TextField()),
                ("their_duration_ms", models.BigIntegerField(null=True)),
                ("our_duration_ms", models.BigIntegerField(null=True)),
                ("currency", models.CharField(max_length=3)),
                ("their_micros", models.BigIntegerField(null=True)),
                ("our_micros", models.BigIntegerField(null=True)),
                ("difference_micros", models.BigIntegerField(null=True)),
                ("explanation", models.TextField()),
                (
                    "dispute",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="lines",
                        to="store.carrierdispute",
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="store.carrierfile",
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="store.carrierstatement",
                    ),
                ),
            ],
            options={
                "db_table": "carrier_line",
            },
        ),
        migrations.AddField(
            model_name="carrierfile",
            name="statement",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="files", to="store.carrierstatement"
            ),
        ),
        migrations.AddField(
            model_name="carrierdispute",
            name="statement",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="store.carrierstatement"
            ),
        ),
        migrations.CreateModel(
            name="CarrierSum",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("run", models.IntegerField()),
                ("kind", models.TextField()),
                ("destination", models.TextField()),
                ("day_on", models.DateField(null=True)),
                ("currency", models.CharField(max_length=3)),
                ("their_calls", models.BigIntegerField(null=True)),
                ("our_calls", models.BigIntegerField()),
                ("their_duration_s", models.BigIntegerField(null=True)),
                ("our_duration_s", models.BigIntegerField()),
                ("their_micros", models.BigIntegerField()),
                ("our_micros", models.BigIntegerField()),
                ("difference_micros", models.BigIntegerField()),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sums", to="store.carrierstatement"
                    ),
                ),
            ],
            options={
                "db_table": "carrier_sum",
            },
        ),
        migrations.CreateModel(
            name="CarrierFormat",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("columns", models.JSONField(blank=True, default=dict)),
                ("time_format", models.TextField(default="iso")),
                ("zone", models.CharField(blank=True, default="", max_length=64)),
                ("time_of", models.TextField(default="answered")),
                ("duration_unit", models.TextField(default="seconds")),
                ("duration_of", models.TextField(default="talked")),
                ("decimal_comma", models.BooleanField(default=False)),
                ("strip", models.CharField(blank=True, default="", max_length=200)),
                ("add", models.CharField(blank=True, default="", max_length=20)),
                ("time_tolerance_s", models.IntegerField(default=60)),
                ("duration_tolerance_s", models.IntegerField(default=1)),
                ("cost_tolerance_micros", models.BigIntegerField(default=100)),
                (
                    "carrier",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="format", to="store.carrier"
                    ),
                ),
            ],
            options={
                "db_table": "carrier_format",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("time_format__in", ("iso", "day_first", "month_first", "compact", "unix_s", "unix_ms"))
                        ),
                        name="carrier_format_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("time_of__in", ("answered", "started", "ended"))),
                        name="carrier_format_time_of",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("duration_unit__in", ("seconds", "minutes", "milliseconds"))),
                        name="carrier_format_unit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("duration_of__in", ("talked", "billed"))), name="carrier_format_duration_of"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("time_tolerance_s__gte", 0),
                            ("duration_tolerance_s__gte", 0),
                            ("cost_tolerance_micros__gte", 0),
                        ),
                        name="carrier_format_tolerances",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="carrierstatement",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["id"], name="carrier_statement_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="carrierstatement",
            constraint=models.UniqueConstraint(fields=("carrier", "number"), name="carrier_statement_once"),
        ),
        migrations.AddConstraint(
            model_name="carrierstatement",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waiting", "compared", "failed"))), name="carrier_statement_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="carrierstatement",
            constraint=models.CheckConstraint(
                condition=models.Q(("from_on__lt", models.F("until_on"))), name="carrier_statement_period"
            ),
        ),
        migrations.AddIndex(
            model_name="carrierline",
            index=models.Index(fields=["statement", "run", "id"], name="carrier_line_run"),
        ),
        migrations.AddIndex(
            model_name="carrierline",
            index=models.Index(
                fields=["statement", "run", "kind", "-difference_micros", "id"], name="carrier_line_of_kind"
            ),
        ),
        migrations.AddIndex(
            model_name="carrierline",
            index=models.Index(fields=["statement", "run", "-difference_micros", "id"], name="carrier_line_difference"),
        ),
        migrations.AddIndex(
            model_name="carrierline",
            index=models.Index(
                condition=models.Q(("their_micros__isnull", False)), fields=["call_id"], name="carrier_line_billed"
            ),
        ),
        migrations.AddIndex(
            model_name="carrierline",
            index=models.Index(
                condition=models.Q(("dispute__isnull", False)), fields=["dispute"], name="carrier_line_dispute"
            ),
        ),
        migrations.AddConstraint(
            model_name="carrierline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("equal", "duration", "rate", "currency", "theirs", "ours", "doubled"))
                ),
                name="carrier_line_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="carrierfile",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("calls", "totals"))), name="carrier_file_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="carrierfile",
            constraint=models.UniqueConstraint(fields=("carrier", "sha256"), name="carrier_file_once"),
        ),
        migrations.AddConstraint(
            model_name="carrierdispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("open", "sent", "accepted", "partly", "rejected", "settled"))),
                name="carrier_dispute_state",
            ),
        ),
        migrations.AddIndex(
            model_name="carriersum",
            index=models.Index(fields=["statement", "run"], name="carrier_sum_run"),
        ),
        migrations.AddConstraint(
            model_name="carriersum",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("equal", "duration", "rate", "currency", "theirs", "ours", "doubled", "total"))
                ),
                name="carrier_sum_kind",
            ),
        ),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
    ]
