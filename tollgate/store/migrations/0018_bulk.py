"""Summaries are made faster, and piece by piece where one transaction wrote much."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0017_domains")]
    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL(
            script("schema_bulk"),
            migrations.RunSQL.noop,
            state_operations=[
                migrations.AddField(
                    model_name="summaryprogress",
                    name="within_at",
                    field=models.DateTimeField(null=True),
                ),
            ],
        ),
        migrations.RunSQL(script("ledger_charge"), migrations.RunSQL.noop),
    ]
