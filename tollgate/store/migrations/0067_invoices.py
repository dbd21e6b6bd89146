"""Charges know the account type that they are of, series the last date they gave, runs how far they have looked."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0066_customers")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("charge", "billing_type", models.TextField(blank=True, default="", db_default="")),
        migrations.RunSQL(script("schema_charge_types"), migrations.RunSQL.noop),
        migrations.AddField("seriescounter", "last_on", models.DateField(null=True)),
        migrations.RunSQL(script("schema_series_dates"), migrations.RunSQL.noop),
        migrations.AddField("billingprogress", "looked_until_at", models.DateTimeField(null=True)),
    ]
