"""Packages of customers, their assignments and minutes."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0008_payment_gateways")]
    operations: ClassVar[list[Operation]] = []
