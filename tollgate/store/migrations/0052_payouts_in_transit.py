"""Payouts are in transit until the bank has paid them; files for the bank are made by jobs and know when they were
fetched; documents are found by their number in small letters, as statements of banks name them.
"""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models.functions import Lower

from tollgate.store.sql import script

KINDS = (
    *("upload", "edit", "delete", "restore", "recalculate", "take_back", "call_file", "send", "correction_notes"),
    *("package_run", "bank_run"),
)

MAY_BE_FETCHED = "UPDATE bank_run SET fetched_at = created_at WHERE state = 'made'"
"""Of a file of before nobody knows whether it was fetched: the bank may have it."""


class Migration(migrations.Migration):
    dependencies = [("store", "0051_outcomes")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("payment", "leaving_micros", models.BigIntegerField(default=0, db_default=0)),
        migrations.AddField("bankrun", "fetched_at", models.DateTimeField(null=True, blank=True)),
        migrations.RemoveConstraint(model_name="task", name="task_kind"),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(condition=models.Q(kind__in=KINDS), name="task_kind"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(models.F("account"), Lower("number"), name="invoice_number_lower"),
        ),
        migrations.RunSQL(script("ledger_payouts"), migrations.RunSQL.noop),
        migrations.RunSQL(MAY_BE_FETCHED, migrations.RunSQL.noop),
    ]
