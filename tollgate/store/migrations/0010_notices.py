"""Alerts, dunning steps, webhooks and their deliveries."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0009_packages")]
    operations: ClassVar[list[Operation]] = []
