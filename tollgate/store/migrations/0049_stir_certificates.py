"""Certificates that calls are signed with, and which of them a CLI rule uses, and how."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

TRIGGERS = (
    "CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON stir_certificate "
    "FOR EACH ROW EXECUTE FUNCTION audit_row('key_sealed');"
    "CREATE TRIGGER next_version BEFORE UPDATE ON stir_certificate FOR EACH ROW EXECUTE FUNCTION next_version();"
)


class Migration(migrations.Migration):
    dependencies = [("store", "0048_long_lists")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="StirCertificate",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=100)),
                ("chain", models.TextField()),
                ("key_sealed", models.TextField()),
                ("url", models.CharField(max_length=200)),
                ("is_default", models.BooleanField(default=False)),
                ("enabled", models.BooleanField(default=True)),
                ("subject", models.TextField()),
                ("issuer", models.TextField()),
                ("codes", models.TextField(blank=True, default="")),
                ("starts_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stir_certificates",
                        to="store.account",
                    ),
                ),
            ],
            options={
                "db_table": "stir_certificate",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "name"), name="stir_certificate_name_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("account",),
                        name="stir_certificate_default_once",
                    ),
                ],
            },
        ),
        migrations.AddField(
            "clirule",
            "certificate",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cli_rules",
                to="store.stircertificate",
            ),
        ),
        migrations.AddField("clirule", "signature_required", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("clirule", "signature_replaced", models.BooleanField(db_default=False, default=False)),
        migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop),
    ]
