"""Direct debits and transfers by files for the bank: mandates, files, their lines, and what statements told."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

HIDDEN = {"mandate": "'iban_sealed'", "bank_run": "'content_sealed'", "bank_line": "'iban_sealed'"}
FROZEN = """
CREATE FUNCTION freeze_bank_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE may_change text[] := '{state,sent_at,canceled_at,version}';
BEGIN
  IF TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
    RAISE EXCEPTION 'a file for the bank is never changed' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER bank_run_frozen BEFORE UPDATE OR DELETE ON bank_run FOR EACH ROW EXECUTE FUNCTION freeze_bank_run();
"""


def triggers() -> str:
    """The audit and version triggers of the new tables; a file stays as it was made."""
    audit = [
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({secrets});"
        for table, secrets in HIDDEN.items()
    ]
    version = [
        f"CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION next_version();"
        for table in HIDDEN
    ]
    return "\n".join([*audit, *version, FROZEN])


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0043_look_tries"),
    ]

    operations: ClassVar[list[Operation]] = [
        migrations.AddField(
            model_name="account",
            name="sepa_bic",
            field=models.CharField(blank=True, db_default="", default="", max_length=11),
        ),
        migrations.AddField(
            model_name="account",
            name="sepa_creditor_id",
            field=models.CharField(blank=True, db_default="", default="", max_length=35),
        ),
        migrations.AddField(
            model_name="account",
            name="sepa_iban",
            field=models.CharField(blank=True, db_default="", default="", max_length=34),
        ),
        migrations.AddField(
            model_name="account",
            name="sepa_name",
            field=models.CharField(blank=True, db_default="", default="", max_length=70),
        ),
        migrations.CreateModel(
            name="BankRun",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("kind", models.TextField()),
                ("state", models.TextField(default="made")),
                ("message_id", models.CharField(max_length=35)),
                ("execute_on", models.DateField()),
                ("lines_count", models.IntegerField()),
                ("total_micros", models.BigIntegerField()),
                ("content_sealed", models.TextField()),
                ("digest", models.CharField(max_length=64)),
                ("created_by", models.TextField(blank=True, default="")),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("canceled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bank_runs", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "bank_run",
            },
        ),
        migrations.CreateModel(
            name="BankTelling",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(blank=True, default="", max_length=10)),
                ("own_account", models.CharField(blank=True, default="", max_length=50)),
                ("external_id", models.CharField(blank=True, default="", max_length=200)),
                ("entry_ref", models.CharField(blank=True, default="", max_length=200)),
                ("part_ref", models.CharField(blank=True, default="", max_length=200)),
                ("end_to_end_id", models.CharField(blank=True, default="", max_length=200)),
                ("booked_on", models.DateField(blank=True, null=True)),
                ("batch_micros", models.BigIntegerField(blank=True, null=True)),
                ("whole", models.BooleanField(default=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="bank_tellings", to="store.account"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="bank_tellings", to="store.payment"
                    ),
                ),
            ],
            options={
                "db_table": "bank_telling",
            },
        ),
        migrations.CreateModel(
            name="Mandate",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("reference", models.CharField(max_length=35)),
                ("scheme", models.TextField(default="CORE")),
                ("one_off", models.BooleanField(default=False)),
                ("final", models.BooleanField(default=False)),
                ("signed_on", models.DateField()),
                ("holder", models.CharField(max_length=70)),
                ("iban_sealed", models.TextField()),
                ("iban_shown", models.CharField(max_length=40)),
                ("bic", models.CharField(blank=True, default="", max_length=11)),
                ("notice_days", models.IntegerField(default=14)),
                ("collects", models.BooleanField(default=True)),
                ("status", models.TextField(default="active")),
                ("ended_on", models.DateField(blank=True, null=True)),
                ("note", models.TextField(blank=True, default="")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="mandates", to="store.account"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="mandates", to="store.customer"
                    ),
                ),
            ],
            options={
                "db_table": "mandate",
            },
        ),
        migrations.CreateModel(
            name="BankLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("state", models.TextField(default="waiting")),
                ("batch_id", models.CharField(blank=True, default="", max_length=35)),
                ("end_to_end_id", models.CharField(max_length=35)),
                ("sequence", models.CharField(blank=True, default="", max_length=4)),
                ("amount_micros", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("holder", models.CharField(max_length=70)),
                ("iban_sealed", models.TextField()),
                ("iban_shown", models.CharField(max_length=40)),
                ("bic", models.CharField(blank=True, default="", max_length=11)),
                ("words", models.CharField(max_length=140)),
                ("told_as", models.CharField(blank=True, default="", max_length=200)),
                ("told_on", models.DateField(blank=True, null=True)),
                ("returned_on", models.DateField(blank=True, null=True)),
                ("return_code", models.CharField(blank=True, default="", max_length=4)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bank_lines", to="store.account"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bank_lines", to="store.customer"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_lines",
                        to="store.invoice",
                    ),
                ),
                (
                    "payment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bank_line", to="store.payment"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="store.bankrun",
                    ),
                ),
                (
                    "mandate",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="store.mandate",
                    ),
                ),
            ],
            options={
                "db_table": "bank_line",
            },
        ),
        migrations.AddConstraint(
            model_name="bankrun",
            constraint=models.UniqueConstraint(fields=("account", "message_id"), name="bank_run_message_once"),
        ),
        migrations.AddConstraint(
            model_name="bankrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("debit", "transfer"))), name="bank_run_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="bankrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("made", "sent", "canceled"))), name="bank_run_state"
            ),
        ),
        migrations.AddIndex(
            model_name="banktelling",
            index=models.Index(fields=["account", "booked_on"], name="bank_telling_day"),
        ),
        migrations.AddIndex(
            model_name="banktelling",
            index=models.Index(fields=["payment"], name="bank_telling_payment"),
        ),
        migrations.AddConstraint(
            model_name="mandate",
            constraint=models.UniqueConstraint(fields=("account", "reference"), name="mandate_reference_once"),
        ),
        migrations.AddConstraint(
            model_name="mandate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "active")), fields=("customer",), name="mandate_active_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="mandate",
            constraint=models.CheckConstraint(
                condition=models.Q(("scheme__in", ("CORE", "B2B"))), name="mandate_scheme"
            ),
        ),
        migrations.AddConstraint(
            model_name="mandate",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("active", "ended"))), name="mandate_status"
            ),
        ),
        migrations.AddConstraint(
            model_name="mandate",
            constraint=models.CheckConstraint(
                condition=models.Q(("notice_days__gte", 1), ("notice_days__lte", 14)), name="mandate_notice_days"
            ),
        ),
        migrations.AddIndex(
            model_name="bankline",
            index=models.Index(fields=["account", "end_to_end_id"], name="bank_line_end_to_end"),
        ),
        migrations.AddIndex(
            model_name="bankline",
            index=models.Index(fields=["account", "batch_id"], name="bank_line_batch"),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waiting", "settled", "returned", "rejected", "canceled"))),
                name="bank_line_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "waiting")), fields=("invoice",), name="bank_line_invoice_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.UniqueConstraint(fields=("run", "end_to_end_id"), name="bank_line_once_in_run"),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.CheckConstraint(condition=models.Q(("amount_micros__gt", 0)), name="bank_line_amount"),
        ),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
    ]
