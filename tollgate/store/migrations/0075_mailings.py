"""Below which balance of the account with the platform its users are told, and when they were."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    """Two columns that may be empty: no row is written."""

    dependencies: ClassVar = [("store", "0074_delay_edits")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("account", "low_balance_micros", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField("account", "low_balance_noticed_at", models.DateTimeField(blank=True, null=True)),
    ]
