"""A look at a reseller's prices that fails is counted."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0042_job_outcomes")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("resalelook", "tries_count", models.IntegerField(db_default=0)),
        migrations.AddField("resalelook", "tried_at", models.DateTimeField(null=True)),
    ]
