"""Access numbers, the PINs of calling cards and the wrong ones tried; endpoints that may present PINs."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script

AUDIT = (
    "CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON access_number "
    "FOR EACH ROW EXECUTE FUNCTION audit_row();"
    "CREATE TRIGGER next_version BEFORE UPDATE ON access_number FOR EACH ROW EXECUTE FUNCTION next_version();"
    "CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON pin FOR EACH ROW EXECUTE FUNCTION audit_row('mark');"
)


class Migration(migrations.Migration):
    dependencies = [("store", "0019_extensions")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("account", "pin_length", models.IntegerField(default=6)),
        migrations.AddField("endpoint", "presents_pins", models.BooleanField(default=False)),
        migrations.CreateModel(
            name="AccessNumber",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("number", models.CharField(max_length=15)),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("wrong_most", models.IntegerField(default=100)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="access_numbers", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "access_number",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "number"), name="access_number_once"),
                    models.CheckConstraint(
                        condition=models.Q(("number__regex", "^[0-9]{3,15}$")), name="access_number_digits"
                    ),
                    models.CheckConstraint(condition=models.Q(("wrong_most__gte", 5)), name="access_number_wrong_most"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Pin",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("mark", models.BigIntegerField(db_index=True)),
                ("set_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "access_number",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pins",
                        to="store.accessnumber",
                    ),
                ),
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pin", to="store.customer"
                    ),
                ),
            ],
            options={"db_table": "pin"},
        ),
        migrations.CreateModel(
            name="PinTry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("caller", models.TextField()),
                ("since_at", models.DateTimeField()),
                ("wrong_count", models.IntegerField()),
                ("full", models.BooleanField(default=False)),
                ("told", models.BooleanField(default=False)),
                (
                    "counted",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "access_number",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tries", to="store.accessnumber"
                    ),
                ),
            ],
            options={
                "db_table": "pin_try",
                "constraints": [
                    models.UniqueConstraint(fields=("access_number", "caller"), name="pin_try_once"),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("full", True), ("told", False)), fields=["id"], name="pin_try_untold"
                    ),
                ],
            },
        ),
        migrations.RunSQL(script("schema_pins"), migrations.RunSQL.noop),
        migrations.RunSQL(AUDIT, migrations.RunSQL.noop),
        migrations.RunSQL(script("ledger_charge"), migrations.RunSQL.noop),
    ]
