"""A customer's loss-making calls are let through, told or refused; a reference may belong to one customer alone.

A tick that was put off until later goes on as its word.
"""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

WORDS = """
ALTER TABLE customer
ALTER COLUMN loss_making_calls TYPE text
USING CASE WHEN loss_making_calls THEN 'allow' ELSE 'refuse' END
"""
BACK = "ALTER TABLE customer ALTER COLUMN loss_making_calls TYPE boolean USING loss_making_calls <> 'refuse'"
PUT_OFF = """
UPDATE delayed_save SET {0} = jsonb_set(
  {0}, '{{loss_making_calls}}',
  CASE WHEN ({0} -> 'loss_making_calls')::boolean THEN '"allow"'::jsonb ELSE '"refuse"'::jsonb END
)
WHERE jsonb_typeof({0} -> 'loss_making_calls') = 'boolean'
"""
PUT_BACK = """
UPDATE delayed_save SET {0} = jsonb_set(
  {0}, '{{loss_making_calls}}', to_jsonb({0} ->> 'loss_making_calls' <> 'refuse')
)
WHERE jsonb_typeof({0} -> 'loss_making_calls') = 'string'
"""


class Migration(migrations.Migration):
    dependencies = [("store", "0044_sepa")]
    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL(
            WORDS,
            BACK,
            state_operations=[
                migrations.AlterField("customer", "loss_making_calls", models.TextField(default="allow")),
            ],
        ),
        *[
            migrations.RunSQL(PUT_OFF.format(column), PUT_BACK.format(column))
            for column in ("arguments", "before", "after")
        ],
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(loss_making_calls__in=("allow", "warn", "refuse")), name="customer_loss_making_calls"
            ),
        ),
        migrations.AddField("account", "unique_references", models.BooleanField(default=False)),
    ]
