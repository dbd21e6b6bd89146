"""Jobs that people start, uploads, undo of bulk acts, named views."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0006_summaries")]
    operations: ClassVar[list[Operation]] = []
