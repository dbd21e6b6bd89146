"""What people see of a record and other tables keep is part of it: a change of that is a new version of the record."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


def _counter() -> "models.IntegerField[int, int]":
    return models.IntegerField(db_default=0, default=0, editable=False)


class Migration(migrations.Migration):
    dependencies = [("store", "0065_lists")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("customer", "tags_version", _counter()),
        migrations.AddField("customer", "taxes_version", _counter()),
        migrations.AddField("account", "codes_version", _counter()),
    ]
