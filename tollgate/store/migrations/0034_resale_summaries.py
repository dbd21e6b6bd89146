"""What resellers are charged for the calls of their customers is summed up by hour, as their own calls are."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0033_lacking_customers")]
    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL(script("schema_resale"), migrations.RunSQL.noop),
    ]
