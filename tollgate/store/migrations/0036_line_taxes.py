"""A line that a person added may bear taxes of its own in place of its document's."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0035_account_days")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("invoiceline", "tax_ids", ArrayField(models.BigIntegerField(), blank=True, null=True)),
        migrations.AddField("invoiceline", "tax_category", models.CharField(blank=True, default="", max_length=2)),
        migrations.AddField("invoiceline", "exemption_reason", models.TextField(blank=True, default="")),
        migrations.AddField(
            "invoiceline", "tax_positions", ArrayField(models.SmallIntegerField(), blank=True, null=True)
        ),
    ]
