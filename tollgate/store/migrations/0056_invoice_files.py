"""Files of issued documents are kept as they first went out."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models.functions import Now

NEVER_CHANGED = """
CREATE TRIGGER invoice_file_append_only BEFORE UPDATE OR DELETE ON invoice_file
FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE invoice_file ALTER COLUMN content SET STORAGE EXTERNAL
"""


class Migration(migrations.Migration):
    dependencies = [("store", "0054_vat_said")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="InvoiceFile",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("made_at", models.DateTimeField(db_default=Now())),
                ("form", models.CharField(max_length=10)),
                ("void", models.BooleanField()),
                ("content", models.BinaryField()),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="files", to="store.invoice"
                    ),
                ),
            ],
            options={
                "db_table": "invoice_file",
                "constraints": [
                    models.UniqueConstraint(fields=("invoice", "form", "void"), name="invoice_file_once"),
                ],
            },
        ),
        migrations.RunSQL(NEVER_CHANGED, migrations.RunSQL.noop),
    ]
