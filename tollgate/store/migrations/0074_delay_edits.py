"""A delayed save has a version, so that two who change what it does, or its moment, are told of each other."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

TRIGGER = "CREATE TRIGGER next_version BEFORE UPDATE ON delayed_save FOR EACH ROW EXECUTE FUNCTION next_version();"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0073_log_search")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("delayedsave", "version", models.IntegerField(db_default=1, default=1, editable=False)),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER next_version ON delayed_save;"),
    ]
