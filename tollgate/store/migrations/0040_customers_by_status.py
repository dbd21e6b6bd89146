"""A list of customers that stands in groups of their status walks an index, and adds its groups up from it."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0039_correction_notes")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddIndex(
            "customer",
            models.Index(
                fields=["account", "status", "id"],
                include=["currency"],
                condition=models.Q(deleted_at__isnull=True),
                name="customer_by_status",
            ),
        ),
    ]
