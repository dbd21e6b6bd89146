"""What attempts came to by hour, with PDD and the reasons of refusals, and how many calls a customer had at once."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0050_delayed_jobs")]
    operations: ClassVar[list[Operation]] = [migrations.RunSQL(script("schema_outcomes"), migrations.RunSQL.noop)]
