"""The logos of documents are kept by what they are, so that an issued document stays as it was printed."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

KEPT = """
INSERT INTO invoice_logo (account_id, digest, content, content_type)
SELECT DISTINCT ON (account_id, encode(sha256(logo), 'hex')) account_id, encode(sha256(logo), 'hex'), logo, logo_type
FROM invoice_template WHERE logo IS NOT NULL AND logo <> ''::bytea
"""
NEVER_CHANGED = """
CREATE TRIGGER invoice_logo_append_only BEFORE UPDATE OR DELETE ON invoice_logo
FOR EACH ROW EXECUTE FUNCTION refuse_change()
"""


class Migration(migrations.Migration):
    dependencies = [("store", "0031_tax_is_vat")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="InvoiceLogo",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64)),
                ("content", models.BinaryField()),
                ("content_type", models.CharField(max_length=20)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="invoice_logos", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "invoice_logo",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "digest"), name="invoice_logo_once"),
                ],
            },
        ),
        migrations.RunSQL(KEPT, migrations.RunSQL.noop),
        migrations.RunSQL(NEVER_CHANGED, migrations.RunSQL.noop),
    ]
