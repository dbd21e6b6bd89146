"""Packages that bring a feature of the platform, packages of DIDs, and periods of a minimum spend that were charged."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0061_notices")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("package", "feature", models.TextField(blank=True, default="", db_default="")),
        migrations.AddConstraint(
            "package",
            models.CheckConstraint(condition=models.Q(("feature__in", ("", "recording"))), name="package_feature"),
        ),
        migrations.AddField(
            "customerpackage",
            "did",
            models.ForeignKey(
                null=True,
                blank=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="packages",
                to="store.did",
            ),
        ),
        migrations.AddField(
            "customerpackage", "did_number", models.CharField(max_length=20, blank=True, default="", db_default="")
        ),
        migrations.CreateModel(
            name="SpendPeriod",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("from_on", models.DateField()),
                ("until_on", models.DateField()),
                ("from_at", models.DateTimeField()),
                ("until_at", models.DateTimeField()),
                ("least_micros", models.BigIntegerField()),
                ("used_micros", models.BigIntegerField()),
                ("charged_micros", models.BigIntegerField()),
                ("entry_id", models.BigIntegerField()),
                (
                    "customer_package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spend_periods",
                        to="store.customerpackage",
                    ),
                ),
            ],
            options={
                "db_table": "spend_period",
                "indexes": [models.Index(fields=["customer_package", "-entry_id"], name="spend_period_looked")],
                "constraints": [
                    models.UniqueConstraint(fields=("customer_package", "from_on"), name="spend_period_once")
                ],
            },
        ),
        migrations.RunSQL(script("schema_package_features"), migrations.RunSQL.noop),
    ]
