"""Gateways, raw events, vouchers, automatic top-ups."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0007_lists")]
    operations: ClassVar[list[Operation]] = []
