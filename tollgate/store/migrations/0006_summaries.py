"""Roll-ups of CDRs, their watermark, saved and mailed reports."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0005_money")]
    operations: ClassVar[list[Operation]] = []
