"""Departments that an operator adds. What a contact may be in is asked of their table, no longer fixed by a check."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script

BUILT_IN = ("general", "billing", "technical", "sales", "legal", "noc")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0070_tax_kinds")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="Department",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("key", models.CharField(max_length=40)),
                ("name", models.CharField(max_length=50)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="departments", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "department",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "key"), name="department_key_once"),
                    models.UniqueConstraint(
                        models.F("account"),
                        django.db.models.functions.text.Lower("name"),
                        name="department_name_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("key__regex", "^[a-z][a-z0-9_]{0,39}$"), models.Q(("key__in", BUILT_IN), _negated=True)
                        ),
                        name="department_key",
                    ),
                ],
            },
        ),
        migrations.RunSQL(script("schema_departments"), migrations.RunSQL.noop),
        migrations.RemoveConstraint("contact", "contact_kind"),
    ]
