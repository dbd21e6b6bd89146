"""What a person booked by hand before its notice came; of archived calls what their corrections are summed by."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0014_carrier_reconciliation")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField(
            model_name="payment",
            name="noticed_as",
            field=models.CharField(blank=True, max_length=200, null=True),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(
                fields=("account", "gateway", "noticed_as"), name="payment_noticed_once"
            ),
        ),
        # the table of archived calls is made by hand: only its model changes here
        migrations.AddField("archivedcall", "carrier_id", models.BigIntegerField(null=True)),
        migrations.AddField("archivedcall", "prefix", models.TextField(default="")),
        migrations.AddField("archivedcall", "currency", models.CharField(max_length=3, null=True)),
        migrations.AddField("archivedcall", "carrier_currency", models.CharField(max_length=3, null=True)),
        migrations.AddField("archivedcall", "profit_known", models.BooleanField(default=False)),
        migrations.AddField("archivedcall", "seller_wallet_id", models.BigIntegerField(null=True)),
        migrations.RunSQL(script("schema_corrections"), migrations.RunSQL.noop),
    ]
