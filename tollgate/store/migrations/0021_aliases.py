"""Aliases: dialed numbers that become other numbers, of a customer or of all; proved numbers that are proved again."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

TRIGGERS = """
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON alias FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER next_version BEFORE UPDATE ON alias FOR EACH ROW EXECUTE FUNCTION next_version();
"""


class Migration(migrations.Migration):
    dependencies = [("store", "0020_access_numbers")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="Alias",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("position", models.IntegerField(default=100)),
                ("current", models.CharField(max_length=200)),
                ("new", models.CharField(blank=True, default="", max_length=60)),
                ("enabled", models.BooleanField(default=True)),
                ("notes", models.TextField(blank=True, default="")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="aliases", to="store.account"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="aliases",
                        to="store.customer",
                    ),
                ),
            ],
            options={
                "db_table": "alias",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("position__gte", 0)), name="alias_position")
                ],
            },
        ),
        migrations.AddField(
            model_name="account",
            name="verification_valid_days",
            field=models.IntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("verification_valid_days__gte", 0)), name="account_verification_valid"
            ),
        ),
        migrations.AddField(
            model_name="verifiedcli",
            name="reminded_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunSQL(TRIGGERS, "DROP TABLE IF EXISTS alias;"),
    ]
