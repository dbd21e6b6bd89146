"""Taxes that new customers begin with, customers without any VAT, and charges and late fees that bear no tax.

Late fees that are there bear none from now on: they compensate for what came late and pay for no service.
"""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

TREATMENTS = ("auto", "taxed", "reverse_charge", "exempt", "no_vat")
LATE_FEES = """
UPDATE dunning_step SET tax_category = 'E', exemption_reason = 'Compensation for late payment, not subject to VAT'
WHERE action = 'late_fee'
"""


class Migration(migrations.Migration):
    dependencies = [("store", "0053_billing_progress")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("tax", "is_default", models.BooleanField(default=False, db_default=False)),
        migrations.RemoveConstraint(model_name="customer", name="customer_tax_treatment"),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(tax_treatment__in=TREATMENTS), name="customer_tax_treatment"
            ),
        ),
        *(
            migrations.AddField(
                model, "tax_category", models.CharField(blank=True, default="", db_default="", max_length=2)
            )
            for model in ("charge", "dunningstep")
        ),
        *(
            migrations.AddField(model, "exemption_reason", models.TextField(blank=True, default="", db_default=""))
            for model in ("charge", "dunningstep")
        ),
        migrations.RunSQL(LATE_FEES, migrations.RunSQL.noop),
    ]
