"""CLI pools of customers, and the card of calls from numbers that are not in them."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

MODES = (
    "disabled", "did_or_random", "cli_or_random", "non_cli_unless_did", "non_cli_unless_cli", "non_cli_unless_either",
    "refuse_unless_did", "refuse_unless_cli", "refuse_unless_either",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("store", "0068_audit")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("customer", "cli_pool", models.TextField(default="disabled")),
        migrations.AddField(
            "customer",
            "non_cli_card",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="customers_by_cli",
                to="store.card",
            ),
        ),
        migrations.AddConstraint(
            "customer",
            models.CheckConstraint(condition=models.Q(("cli_pool__in", MODES)), name="customer_cli_pool"),
        ),
    ]
