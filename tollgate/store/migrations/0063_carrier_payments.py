"""What is paid to carriers; payments that contacts began are told apart; the words of payments may be said anew."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script

PROTECT = django.db.models.deletion.PROTECT


class Migration(migrations.Migration):
    dependencies = [("store", "0062_packages")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("payment", "by_contact", models.BooleanField(default=False, db_default=False)),
        migrations.CreateModel(
            name="CarrierPayment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("kind", models.TextField(default="payment")),
                ("currency", models.CharField(max_length=3)),
                ("amount_micros", models.BigIntegerField()),
                ("paid_on", models.DateField()),
                ("external_id", models.CharField(blank=True, max_length=200, null=True)),
                ("note", models.TextField(blank=True, default="")),
                ("created_by", models.TextField(blank=True, default="")),
                (
                    "account",
                    models.ForeignKey(on_delete=PROTECT, related_name="carrier_payments", to="store.account"),
                ),
                ("carrier", models.ForeignKey(on_delete=PROTECT, related_name="payments", to="store.carrier")),
                (
                    "reverses",
                    models.OneToOneField(
                        blank=True, null=True, on_delete=PROTECT, related_name="reversed_by", to="store.carrierpayment"
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=PROTECT, related_name="payments", to="store.carrierstatement"
                    ),
                ),
            ],
            options={"db_table": "carrier_payment"},
        ),
        migrations.AddConstraint(
            model_name="carrierpayment",
            constraint=models.CheckConstraint(
                condition=models.Q(kind__in=("payment", "refund", "reversal")), name="carrier_payment_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="carrierpayment",
            constraint=models.CheckConstraint(
                condition=models.Q(kind="payment", amount_micros__gt=0, reverses=None)
                | models.Q(kind="refund", amount_micros__lt=0, reverses=None)
                | models.Q(kind="reversal", reverses__isnull=False) & ~models.Q(amount_micros=0),
                name="carrier_payment_sign",
            ),
        ),
        migrations.AddConstraint(
            model_name="carrierpayment",
            constraint=models.UniqueConstraint(fields=["account", "external_id"], name="carrier_payment_external_once"),
        ),
        migrations.AddIndex(
            model_name="carrierpayment",
            index=models.Index(fields=["carrier", "-id"], name="carrier_payment_newest"),
        ),
        migrations.CreateModel(
            name="PaymentRow",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("received_at", models.DateTimeField()),
                ("status", models.TextField()),
                ("kind", models.TextField()),
                ("currency", models.CharField(max_length=3)),
                ("amount_micros", models.BigIntegerField()),
                ("public_note", models.TextField()),
            ],
            options={"db_table": "payment_row", "managed": False},
        ),
        migrations.RunSQL(script("schema_carrier_payments"), migrations.RunSQL.noop),
    ]
