"""The cards by which resellers pay for a DID are part of it as people see it: a change of theirs is a new version."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0059_bank_confirmations")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("did", "prices_version", models.IntegerField(db_default=0, default=0, editable=False)),
    ]
