"""Options of the account: wrong passwords at the edge, circuit tests, lists that load on, custom pages."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

BEGUN = """
CREATE TRIGGER audit AFTER INSERT OR DELETE ON circuit_test FOR EACH ROW EXECUTE FUNCTION audit_row();
"""
"""What a test has heard is in the test itself, and comes many times a second."""
PAGES = """
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON custom_page FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER next_version BEFORE UPDATE ON custom_page FOR EACH ROW EXECUTE FUNCTION next_version();
"""
NOBODY = django.db.models.deletion.SET_NULL


class Migration(migrations.Migration):
    dependencies = [("store", "0037_reseller_cards")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("account", "auth_failure_count", models.IntegerField(default=10)),
        migrations.AddField("account", "smart_lists", models.BooleanField(default=False)),
        migrations.AddField(
            "account",
            "circuit_user",
            models.ForeignKey(blank=True, null=True, on_delete=NOBODY, related_name="+", to="store.endpoint"),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("auth_failure_count__gte", 0)), name="account_auth_failure"
            ),
        ),
        migrations.CreateModel(
            name="CircuitTest",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("gateway_ids", models.JSONField(blank=True, default=list)),
                ("way", models.TextField(blank=True, default="")),
                ("number", models.CharField(max_length=20)),
                ("cli", models.CharField(blank=True, default="", max_length=20)),
                ("talk_s", models.IntegerField(default=10)),
                ("state", models.TextField(default="queued")),
                ("words", models.TextField(blank=True, default="")),
                ("call_id", models.TextField(blank=True, default="")),
                ("steps", models.JSONField(blank=True, default=list)),
                ("sip", models.IntegerField(blank=True, null=True)),
                ("pdd_ms", models.IntegerField(blank=True, null=True)),
                ("ring_ms", models.IntegerField(blank=True, null=True)),
                ("talk_ms", models.IntegerField(blank=True, null=True)),
                ("codec", models.TextField(blank=True, default="")),
                ("asked_by", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("called_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="circuit_tests", to="store.account"
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(blank=True, null=True, on_delete=NOBODY, related_name="+", to="store.endpoint"),
                ),
            ],
            options={
                "db_table": "circuit_test",
                "indexes": [
                    models.Index(fields=["account", "asked_by", "-created_at"], name="circuit_test_pace"),
                    models.Index(fields=["called_at"], name="circuit_test_called"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("queued", "calling", "done", "failed"))),
                        name="circuit_test_state",
                    ),
                    models.CheckConstraint(condition=models.Q(("talk_s__gte", 0)), name="circuit_test_talk"),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["queued", "calling"])),
                        fields=("account", "asked_by"),
                        name="circuit_test_one_at_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomPage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=60)),
                ("content", models.TextField(blank=True, default="")),
                ("position", models.IntegerField(default=100)),
                ("everybody", models.BooleanField(default=True)),
                ("group_ids", ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, size=None)),
                ("resellers", models.BooleanField(default=False)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="custom_pages", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "custom_page",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "name"), name="custom_page_name_once"),
                    models.CheckConstraint(condition=models.Q(("position__gte", 0)), name="custom_page_position"),
                ],
            },
        ),
        migrations.RunSQL(BEGUN, migrations.RunSQL.noop),
        migrations.RunSQL(PAGES, migrations.RunSQL.noop),
    ]
