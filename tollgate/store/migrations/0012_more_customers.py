"""Which changes each charging process obeys; how often each API token may ask."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0011_books")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="ChargingProcess",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.TextField(unique=True)),
                ("change_id", models.BigIntegerField()),
                ("obeyed_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
            ],
            options={"db_table": "charging_process"},
        ),
        migrations.RunSQL(script("schema_api"), migrations.RunSQL.noop),
    ]
