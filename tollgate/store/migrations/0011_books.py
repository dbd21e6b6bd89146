"""Files of carriers to reconcile with, disputes, lake and retention records."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from tollgate.store.sql import script

AUDITED = ("legal_hold", "journal_code", "recalculation")


def triggers() -> str:
    """The audit triggers of the new tables."""
    return "\n".join(
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION audit_row();"
        for table in AUDITED
    )


class Migration(migrations.Migration):
    dependencies = [("store", "0010_notices")]
    operations = [
        migrations.CreateModel(
            name="ArchivedCall",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("started_at", models.DateTimeField()),
                ("customer_id", models.BigIntegerField(null=True)),
                ("ingress_route_id", models.BigIntegerField(null=True)),
                ("destination", models.TextField()),
                ("billed_s", models.IntegerField()),
                ("cost_micros", models.BigIntegerField()),
            ],
            options={"db_table": "archived_call", "managed": False},
        ),
        migrations.AddField("account", "cdr_live_days", models.IntegerField(blank=True, null=True)),
        migrations.AddField("account", "cdr_archive_days", models.IntegerField(blank=True, null=True)),
        migrations.AddField("account", "message_retention_days", models.IntegerField(blank=True, null=True)),
        migrations.CreateModel(
            name="LakeFile",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("day_on", models.DateField()),
                ("version", models.IntegerField()),
                ("path", models.TextField()),
                ("rows_count", models.BigIntegerField()),
                ("bytes_count", models.BigIntegerField()),
                ("sums", models.JSONField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "written_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("replaced_at", models.DateTimeField(blank=True, null=True)),
                ("erased_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lake_files", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "lake_file",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("kind__in", ("call", "entry"))), name="lake_file_kind"),
                    models.UniqueConstraint(
                        fields=("account", "kind", "day_on", "version"), name="lake_file_version_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("replaced_at__isnull", True)),
                        fields=("account", "kind", "day_on"),
                        name="lake_file_current_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("reason", models.TextField()),
                ("placed_by", models.TextField()),
                (
                    "placed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("released_by", models.TextField(blank=True, default="")),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="legal_holds", to="store.customer"
                    ),
                ),
            ],
            options={
                "db_table": "legal_hold",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("released_at__isnull", True)), fields=("customer",), name="legal_hold_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            script("schema_lake"),
            migrations.RunSQL.noop,
            state_operations=[
                migrations.AddField(
                    "archivedcall",
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="archived_calls",
                        to="store.account",
                    ),
                )
            ],
        ),
        migrations.CreateModel(
            name="JournalCode",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("place", models.CharField(max_length=30)),
                ("code", models.CharField(max_length=20)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="journal_codes", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "journal_code",
                "constraints": [models.UniqueConstraint(fields=("account", "place"), name="journal_code_once")],
            },
        ),
        migrations.RemoveConstraint(model_name="task", name="task_kind"),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("upload", "edit", "delete", "restore", "recalculate", "take_back"))),
                name="task_kind",
            ),
        ),
        migrations.CreateModel(
            name="Recalculation",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("from_at", models.DateTimeField()),
                ("until_at", models.DateTimeField()),
                ("released_by", models.JSONField(blank=True, default=list)),
                ("least_s", models.IntegerField(blank=True, null=True)),
                ("new_s", models.IntegerField(blank=True, null=True)),
                ("reason", models.TextField()),
                ("author", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("taken_back_at", models.DateTimeField(blank=True, null=True)),
                ("taken_back_by", models.TextField(blank=True, default="")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="recalculations", to="store.account"
                    ),
                ),
                (
                    "carrier",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="store.carrier",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="store.customer",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="store.task",
                    ),
                ),
            ],
            options={
                "db_table": "recalculation",
                "indexes": [models.Index(fields=["account", "-id"], name="recalculation_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("rerate", "adjust_duration"))), name="recalculation_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "rerate"), ("least_s__isnull", True), ("new_s__isnull", True)),
                            models.Q(("kind", "adjust_duration"), ("least_s__gte", 0), ("new_s__gte", 0)),
                            _connector="OR",
                        ),
                        name="recalculation_durations",
                    ),
                ],
            },
        ),
        # Periods of the whole ledger; it costs an insert next to nothing, for entries come in the order of time.
        migrations.RunSQL(
            "CREATE INDEX entry_at ON entry USING brin (at) WITH (pages_per_range = 32, autosummarize = on)",
            "DROP INDEX entry_at",
        ),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
    ]
