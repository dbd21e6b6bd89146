"""What reached the account of each payment, fees that gateways tell later, and the books as they are posted to."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0023_call_files")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("payment", "reached_micros", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField("checkout", "fee_open", models.BooleanField(default=False, db_default=False)),
        migrations.RunSQL(script("schema_payment_books"), migrations.RunSQL.noop),
    ]
