"""Audited rows tell whose record they are where another record says so; publishing an agreement is audited."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0067_invoices")]
    operations: ClassVar[list[Operation]] = [migrations.RunSQL(script("schema_audit_whose"))]
