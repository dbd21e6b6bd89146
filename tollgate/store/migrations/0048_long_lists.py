"""Indexes by which long lists leave out the few customers that are deleted, are walked in order, and searched."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

SEARCHED = {
    "ingress_route": "name",
    "payment": "external_id, payer, public_note",
    "invoice": "number, reference",
}


class Migration(migrations.Migration):
    dependencies = [("store", "0047_token_use")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(fields=["id"], condition=models.Q(deleted_at__isnull=False), name="customer_deleted"),
        ),
        migrations.AddIndex(model_name="contact", index=models.Index(fields=["kind", "id"], name="contact_by_kind")),
        migrations.AddIndex(
            model_name="contact", index=models.Index(fields=["mobile", "id"], name="contact_by_mobile")
        ),
        migrations.AddIndex(
            model_name="payment", index=models.Index(fields=["received_at", "id"], name="payment_by_receipt")
        ),
        migrations.AddIndex(model_name="invoice", index=models.Index(fields=["due_on", "id"], name="invoice_by_due")),
        migrations.AddIndex(
            model_name="invoice", index=models.Index(fields=["invoice_on", "id"], name="invoice_by_date")
        ),
        *(
            migrations.RunSQL(
                f"CREATE INDEX {table}_search ON {table} USING gin (search_grams(search_words({columns})))",
                f"DROP INDEX {table}_search",
            )
            for table, columns in SEARCHED.items()
        ),
    ]
