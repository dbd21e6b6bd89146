"""Languages of the pages: who chose which, and what the account says in its own words."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models.functions import MD5

TRIGGERS = """
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON own_text FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER next_version BEFORE UPDATE ON own_text FOR EACH ROW EXECUTE FUNCTION next_version();
"""


class Migration(migrations.Migration):
    dependencies = [("store", "0021_aliases")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("account", "language", models.CharField(blank=True, default="", max_length=10)),
        migrations.AddField("user", "language", models.CharField(blank=True, default="", max_length=10)),
        migrations.CreateModel(
            name="OwnText",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("language", models.CharField(max_length=10)),
                ("message", models.TextField()),
                ("text", models.TextField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="own_texts", to="store.account"
                    ),
                ),
            ],
            options={"db_table": "own_text"},
        ),
        migrations.CreateModel(
            name="TextChanges",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="text_changes",
                        serialize=False,
                        to="store.account",
                    ),
                ),
                ("count", models.BigIntegerField(default=0)),
            ],
            options={"db_table": "own_text_changes"},
        ),
        migrations.AddConstraint(
            "owntext", models.UniqueConstraint("account", "language", MD5("message"), name="own_text_once")
        ),
        migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop),
    ]
