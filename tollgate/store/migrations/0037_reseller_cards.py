"""Cards of a reseller are named apart from those of the account and of other resellers."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0036_line_taxes")]
    operations: ClassVar[list[Operation]] = [
        migrations.RemoveConstraint(model_name="card", name="card_name_once"),
        migrations.AddConstraint(
            model_name="card",
            constraint=models.UniqueConstraint(
                condition=models.Q(reseller=None), fields=["account", "name"], name="card_name_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="card",
            constraint=models.UniqueConstraint(
                condition=models.Q(reseller__isnull=False), fields=["reseller", "name"], name="card_of_reseller_once"
            ),
        ),
    ]
