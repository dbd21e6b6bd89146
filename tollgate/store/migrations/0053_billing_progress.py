"""How far each customer is billed, so that a run reads what is new alone; why a document was voided, beside why it was
issued.
"""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script

REASONS = """
CREATE OR REPLACE FUNCTION freeze_invoice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
UPDATE invoice
SET void_reason = reason, reason = COALESCE((
  SELECT audit.before ->> 'reason'
  FROM audit
  WHERE audit.table_name = 'invoice' AND audit.row_id = invoice.id AND audit.verb = 'UPDATE'
    AND audit.after ->> 'state' = 'void' AND audit.before ? 'reason'
  ORDER BY audit.id DESC
  LIMIT 1
), reason)
WHERE state = 'void';
"""
"""What a document was issued for is in the log, where its void had put another reason in the place. The function that
guards documents gets its own words back after this."""


class Migration(migrations.Migration):
    dependencies = [("store", "0052_payouts_in_transit")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("invoice", "void_reason", models.TextField(blank=True, default="", db_default="")),
        migrations.RunSQL(REASONS, migrations.RunSQL.noop),
        migrations.RunSQL(script("schema_frozen_reasons"), migrations.RunSQL.noop),
        migrations.CreateModel(
            name="BillingProgress",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="billing_progress",
                        serialize=False,
                        to="store.customer",
                    ),
                ),
                ("until_at", models.DateTimeField(null=True)),
                ("entry_id", models.BigIntegerField(default=0)),
                (
                    "waiting",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateTimeField(), default=list, size=None
                    ),
                ),
            ],
            options={"db_table": "billing_progress"},
        ),
    ]
