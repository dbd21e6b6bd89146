"""Roll-ups of CDRs, their watermark, saved and mailed reports."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

from tollgate.store.sql import script

SAVED_REPORT_TRIGGERS = """
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON saved_report FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER next_version BEFORE UPDATE ON saved_report FOR EACH ROW EXECUTE FUNCTION next_version();
"""


class Migration(migrations.Migration):
    """The first roll-up is done by the workers, day by day."""

    dependencies = [("store", "0005_money")]
    operations = [
        migrations.RunSQL(
            script("schema_summaries"),
            migrations.RunSQL.noop,
            state_operations=[
                migrations.CreateModel(
                    name="SummaryProgress",
                    fields=[
                        ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                        ("reached", models.BigIntegerField()),
                        ("shift", models.BigIntegerField()),
                        ("rolled_at", models.DateTimeField()),
                    ],
                    options={"db_table": "summary_progress", "managed": False},
                ),
            ],
        ),
        migrations.CreateModel(
            name="SavedReport",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=100)),
                ("dimensions", ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ("measures", ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ("filters", models.JSONField(blank=True, default=dict)),
                ("period", models.TextField(default="yesterday")),
                ("frequency", models.TextField(default="never")),
                (
                    "recipients",
                    ArrayField(base_field=models.EmailField(max_length=254), blank=True, default=list, size=None),
                ),
                ("file_format", models.TextField(default="csv")),
                ("next_at", models.DateTimeField(blank=True, null=True)),
                ("mailed_at", models.DateTimeField(blank=True, null=True)),
                ("created_by", models.TextField(blank=True, default="")),
                ("author_id", models.BigIntegerField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="saved_reports", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "saved_report",
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_at__isnull", False)), fields=["next_at"], name="saved_report_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "name"), name="saved_report_name_once"),
                    models.CheckConstraint(
                        condition=models.Q(("frequency__in", ("never", "daily", "weekly", "monthly"))),
                        name="saved_report_frequency",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("file_format__in", ("csv", "xlsx"))), name="saved_report_format"
                    ),
                ],
            },
        ),
        migrations.RunSQL(SAVED_REPORT_TRIGGERS, migrations.RunSQL.noop),
    ]
