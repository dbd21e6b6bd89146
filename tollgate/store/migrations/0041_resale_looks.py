"""What was found where a reseller sells for less than it pays, kept for its pages."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0040_customers_by_status")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="ResaleLook",
            fields=[
                (
                    "reseller",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="resale_look",
                        serialize=False,
                        to="store.customer",
                    ),
                ),
                ("looked_at", models.DateTimeField(null=True)),
                (
                    "revision_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("found", models.JSONField(default=list)),
            ],
            options={"db_table": "resale_look"},
        ),
    ]
