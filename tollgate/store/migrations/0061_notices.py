"""Money that came since a low balance was told is found by its entry; alerts repeat at an hour of the account's clock;
dunning begins anew for what is unpaid again."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0060_did_prices_version")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("customer", "low_balance_noticed_entry_id", models.BigIntegerField(null=True, blank=True)),
        migrations.RunSQL(
            "CREATE INDEX entry_gain ON entry (wallet_id, id) WHERE amount_micros > 0 AND kind <> 'call'",
            "DROP INDEX entry_gain",
        ),
        migrations.AddField("alert", "repeat_hour", models.IntegerField(default=8, db_default=8)),
        migrations.AddConstraint(
            "alert",
            models.CheckConstraint(
                condition=models.Q(repeat_hour__gte=0, repeat_hour__lte=23), name="alert_repeat_hour"
            ),
        ),
        migrations.AddField("dunningevent", "reopened_count", models.IntegerField(default=0, db_default=0)),
        migrations.RemoveConstraint("dunningevent", "dunning_event_once"),
        migrations.AddConstraint(
            "dunningevent",
            models.UniqueConstraint(fields=["invoice", "reopened_count", "key"], name="dunning_event_once"),
        ),
        migrations.RunSQL(  # by which entry these were told nobody knows: whoever has enough again is armed
            "UPDATE customer SET low_balance_noticed_micros = NULL WHERE low_balance_noticed_micros IS NOT NULL",
            migrations.RunSQL.noop,
        ),
    ]
