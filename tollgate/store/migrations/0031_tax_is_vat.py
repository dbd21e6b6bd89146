"""A tax says whether it is VAT, which falls away where the customer owes it; levies stay."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0030_erasures")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField(
            model_name="tax",
            name="is_vat",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
