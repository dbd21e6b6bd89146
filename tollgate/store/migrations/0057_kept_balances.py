"""What each customer's wallet held at the end of each day that is over; notices of payments are forgotten in time."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0056_invoice_files")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("account", "payment_notice_days", models.IntegerField(null=True, blank=True)),
        migrations.RunSQL(script("schema_balances"), migrations.RunSQL.noop),
        migrations.RunSQL(script("schema_forgotten_notices"), migrations.RunSQL.noop),
    ]
