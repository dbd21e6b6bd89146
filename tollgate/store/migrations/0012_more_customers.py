"""Call-back verification, calling-card PINs, contacts' tokens."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0011_books")]
    operations: ClassVar[list[Operation]] = []
