"""Indexes of those that lack nothing, by which a list finds the customers that lack something."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0032_invoice_logos")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("email_verified_at__isnull", False)),
                fields=["customer"],
                name="contact_email_verified",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("mobile_verified_at__isnull", False)),
                fields=["customer"],
                name="contact_mobile_verified",
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True), ("status", "active")),
                fields=["id"],
                name="customer_active",
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(
                    ("deleted_at__isnull", True),
                    ("status", "active"),
                    models.Q(("email_verification", True), ("mobile_verification", True), _connector="OR"),
                ),
                fields=["id"],
                include=("email_verification", "mobile_verification"),
                name="customer_verifying",
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                condition=models.Q(("enabled", True), ("sends_calls", True)),
                fields=["customer"],
                name="endpoint_sending",
            ),
        ),
        migrations.AddIndex(
            model_name="ingressroute",
            index=models.Index(
                condition=models.Q(("enabled", True)), fields=["customer"], name="ingress_route_enabled"
            ),
        ),
    ]
