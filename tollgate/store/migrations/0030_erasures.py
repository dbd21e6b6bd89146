"""An erasure takes a person out of what the audit log keeps of delayed saves too."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0028_user_emails")]
    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL(script("schema_erasures"), migrations.RunSQL.noop),
    ]
