"""Gateways, raw events, vouchers, automatic top-ups."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from tollgate.store.sql import script

AUDITED = {
    "payment_gateway": "'secrets_sealed', 'token'",
    "voucher_batch": "'codes_sealed'",
    "auto_top_up": "'method_sealed'",
}
VERSIONED = ("payment_gateway", "voucher_batch", "auto_top_up")


def triggers() -> str:
    """The audit and version triggers of the new tables. Of vouchers only what becomes of them is audited."""
    audit = (
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({secrets});"
        for table, secrets in AUDITED.items()
    )
    version = (
        f"CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION next_version();"
        for table in VERSIONED
    )
    of_vouchers = "CREATE TRIGGER audit AFTER UPDATE ON voucher FOR EACH ROW EXECUTE FUNCTION audit_row('code_hash');"
    return "\n".join([*audit, *version, of_vouchers])


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0007_lists"),
    ]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="refunded_micros",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="portaldomain",
            name="payment_gateways",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, null=True, size=None
            ),
        ),
        migrations.CreateModel(
            name="PaymentGateway",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=30)),
                ("title", models.CharField(max_length=100)),
                ("provider", models.CharField(max_length=30)),
                ("enabled", models.BooleanField(default=True)),
                ("mode", models.TextField(default="test")),
                (
                    "currencies",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=3), default=list, size=None
                    ),
                ),
                ("deduct_fees", models.BooleanField(default=True)),
                ("surcharge_micros", models.BigIntegerField(default=0)),
                ("surcharge_ppm", models.IntegerField(default=0)),
                ("settings", models.JSONField(blank=True, default=dict)),
                ("secrets_sealed", models.TextField(blank=True, default="")),
                ("token", models.CharField(max_length=64, unique=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payment_gateways", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "payment_gateway",
            },
        ),
        migrations.CreateModel(
            name="PaymentEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("headers", models.JSONField(default=dict)),
                ("body", models.TextField()),
                ("state", models.TextField(default="queued")),
                ("note", models.TextField(blank=True, default="")),
                ("tries_count", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payment_events", to="store.account"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payment_events",
                        to="store.customer",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="store.payment",
                    ),
                ),
                (
                    "gateway",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="store.paymentgateway"
                    ),
                ),
            ],
            options={
                "db_table": "payment_event",
            },
        ),
        migrations.CreateModel(
            name="Checkout",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("reference", models.CharField(max_length=64, unique=True)),
                ("session", models.CharField(blank=True, default="", max_length=300)),
                ("url", models.TextField(blank=True, default="")),
                ("keep_method", models.BooleanField(default=False)),
                ("automatic", models.BooleanField(default=False)),
                ("asked_count", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.TextField(blank=True, default="")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="store.contact",
                    ),
                ),
                (
                    "payment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="checkout", to="store.payment"
                    ),
                ),
                (
                    "gateway",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="checkouts", to="store.paymentgateway"
                    ),
                ),
            ],
            options={
                "db_table": "checkout",
            },
        ),
        migrations.CreateModel(
            name="AutoTopUp",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("method_sealed", models.TextField()),
                ("method_label", models.CharField(max_length=100)),
                ("enabled", models.BooleanField(default=False)),
                ("threshold_micros", models.BigIntegerField(default=0)),
                ("amount_micros", models.BigIntegerField(default=0)),
                ("daily_cap_micros", models.BigIntegerField(default=0)),
                ("next_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("failures_count", models.IntegerField(default=0)),
                ("note", models.TextField(blank=True, default="")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="auto_top_ups", to="store.account"
                    ),
                ),
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="auto_top_up", to="store.customer"
                    ),
                ),
                (
                    "gateway",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="auto_top_ups",
                        to="store.paymentgateway",
                    ),
                ),
            ],
            options={
                "db_table": "auto_top_up",
            },
        ),
        migrations.CreateModel(
            name="VoucherAttempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="voucher_attempts",
                        to="store.customer",
                    ),
                ),
            ],
            options={
                "db_table": "voucher_attempt",
            },
        ),
        migrations.CreateModel(
            name="VoucherBatch",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=100)),
                ("currency", models.CharField(max_length=3)),
                ("count", models.IntegerField()),
                ("multiplier_milli", models.IntegerField(default=1000)),
                ("addition_micros", models.BigIntegerField(default=0)),
                ("minimum_micros", models.BigIntegerField(default=0)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("enabled", models.BooleanField(default=True)),
                ("codes_sealed", models.TextField(blank=True, default="")),
                ("exported_at", models.DateTimeField(blank=True, null=True)),
                ("exported_by", models.TextField(blank=True, default="")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="voucher_batches", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "voucher_batch",
            },
        ),
        migrations.CreateModel(
            name="Voucher",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("serial", models.IntegerField()),
                ("code_hash", models.CharField(max_length=64, unique=True)),
                ("state", models.TextField(default="available")),
                ("entered_at", models.DateTimeField(blank=True, null=True)),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="vouchers",
                        to="store.customer",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="vouchers",
                        to="store.payment",
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="vouchers", to="store.voucherbatch"
                    ),
                ),
            ],
            options={
                "db_table": "voucher",
            },
        ),
        migrations.AddConstraint(
            model_name="paymentgateway",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="payment_gateway_name_once"),
        ),
        migrations.AddConstraint(
            model_name="paymentgateway",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ("test", "live"))), name="payment_gateway_mode"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentgateway",
            constraint=models.CheckConstraint(
                condition=models.Q(("surcharge_micros__gte", 0), ("surcharge_ppm__gte", 0)),
                name="payment_gateway_surcharge",
            ),
        ),
        migrations.AddIndex(
            model_name="paymentevent",
            index=models.Index(fields=["account", "-id"], name="payment_event_newest"),
        ),
        migrations.AddIndex(
            model_name="paymentevent",
            index=models.Index(condition=models.Q(("state", "queued")), fields=["next_at"], name="payment_event_due"),
        ),
        migrations.AddConstraint(
            model_name="paymentevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("queued", "done", "ignored", "refused", "failed"))),
                name="payment_event_state",
            ),
        ),
        migrations.AddIndex(
            model_name="checkout",
            index=models.Index(condition=models.Q(("next_at__isnull", False)), fields=["next_at"], name="checkout_due"),
        ),
        migrations.AddIndex(
            model_name="checkout",
            index=models.Index(fields=["gateway", "session"], name="checkout_session"),
        ),
        migrations.AddConstraint(
            model_name="autotopup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("threshold_micros__gte", 0), ("amount_micros__gte", 0), ("daily_cap_micros__gte", 0)
                ),
                name="auto_top_up_amounts",
            ),
        ),
        migrations.AddIndex(
            model_name="voucherattempt",
            index=models.Index(fields=["customer", "-at"], name="voucher_attempt_newest"),
        ),
        migrations.AddConstraint(
            model_name="voucherbatch",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="voucher_batch_name_once"),
        ),
        migrations.AddConstraint(
            model_name="voucherbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("addition_micros__gte", 0), ("minimum_micros__gte", 0)),
                name="voucher_batch_amounts",
            ),
        ),
        migrations.AddConstraint(
            model_name="voucherbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("multiplier_milli__gte", 1000), ("multiplier_milli__lte", 3000)),
                name="voucher_batch_factor",
            ),
        ),
        migrations.AddIndex(
            model_name="voucher",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["customer"], name="voucher_waiting"),
        ),
        migrations.AddConstraint(
            model_name="voucher",
            constraint=models.UniqueConstraint(fields=("batch", "serial"), name="voucher_serial_once"),
        ),
        migrations.AddConstraint(
            model_name="voucher",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("available", "waiting", "used", "disabled"))), name="voucher_state"
            ),
        ),
        migrations.RunSQL(script("schema_payments"), migrations.RunSQL.noop),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
    ]
