"""Files of carriers to reconcile with, disputes, lake and retention records."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0010_notices")]
    operations: ClassVar[list[Operation]] = []
