"""A tax of a document says whether it is VAT, where that was told by its label alone."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0069_cli_pool")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("invoicetax", "is_vat", models.BooleanField(default=None, null=True)),
    ]
