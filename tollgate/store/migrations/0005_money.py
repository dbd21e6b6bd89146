"""Invoices, taxes, payments and charges: what turns calls and packages into documents and money."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import tollgate.store.models.records
from tollgate.store.sql import script

AUDITED = (
    "tax",
    "customer_tax",
    "vat_check",
    "invoice_series",
    "invoice",
    "invoice_template",
    "allocation",
    "exchange_rate",
    "payment",
    "charge",
)
VERSIONED = ("tax", "invoice_series", "invoice", "invoice_template", "payment")
HIDDEN = {"invoice_template": "'logo'"}


def triggers() -> str:
    """The audit and version triggers of the new tables."""
    audit = (
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({HIDDEN.get(table, '')});"
        for table in AUDITED
    )
    version = (
        f"CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION next_version();"
        for table in VERSIONED
    )
    return "\n".join([*audit, *version])


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0004_leaner_calls"),
    ]

    operations = [
        migrations.CreateModel(
            name="Allocation",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("amount_micros", models.BigIntegerField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("by", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "allocation",
            },
        ),
        migrations.CreateModel(
            name="Charge",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("key", models.CharField(max_length=200)),
                ("description", models.CharField(max_length=300)),
                ("from_on", models.DateField()),
                ("until_on", models.DateField()),
                ("quantity_milli", models.BigIntegerField(default=1000)),
                ("unit_price_nanos", tollgate.store.models.records.WidePrice()),
                ("amount_micros", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("detail", models.JSONField(blank=True, default=dict)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("entry_id", models.BigIntegerField(blank=True, null=True)),
            ],
            options={
                "db_table": "charge",
            },
        ),
        migrations.CreateModel(
            name="CustomerTax",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("priority", models.IntegerField(blank=True, null=True)),
            ],
            options={
                "db_table": "customer_tax",
            },
        ),
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("base", models.CharField(max_length=3)),
                ("quote", models.CharField(max_length=3)),
                ("on", models.DateField()),
                ("rate_nanos", models.BigIntegerField()),
                ("source", models.CharField(blank=True, default="", max_length=50)),
            ],
            options={
                "db_table": "exchange_rate",
            },
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("kind", models.TextField(default="invoice")),
                ("state", models.TextField(default="draft")),
                ("number", models.CharField(blank=True, max_length=60, null=True)),
                ("number_seq", models.BigIntegerField(blank=True, null=True)),
                ("number_year", models.IntegerField(blank=True, null=True)),
                ("currency", models.CharField(max_length=3)),
                ("zone", models.TextField(default="UTC")),
                ("from_on", models.DateField(blank=True, null=True)),
                ("until_on", models.DateField(blank=True, null=True)),
                ("usage_from_at", models.DateTimeField(blank=True, null=True)),
                ("usage_until_at", models.DateTimeField(blank=True, null=True)),
                ("invoice_on", models.DateField(blank=True, null=True)),
                ("due_on", models.DateField(blank=True, null=True)),
                ("issued_at", models.DateTimeField(blank=True, null=True)),
                ("voided_at", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("exact_micros", models.BigIntegerField(default=0)),
                ("net_micros", models.BigIntegerField(default=0)),
                ("rounding_micros", models.BigIntegerField(default=0)),
                ("tax_micros", models.BigIntegerField(default=0)),
                ("total_micros", models.BigIntegerField(default=0)),
                ("settled_micros", models.BigIntegerField(default=0)),
                ("prices_include_tax", models.BooleanField(default=False)),
                ("run_key", models.CharField(blank=True, max_length=200, null=True)),
                ("reason", models.TextField(blank=True, default="")),
                ("note", models.TextField(blank=True, default="")),
                ("reference", models.CharField(blank=True, default="", max_length=200)),
                ("issuer", models.JSONField(blank=True, default=dict)),
                ("buyer", models.JSONField(blank=True, default=dict)),
                ("grouping", models.TextField(default="day")),
                ("created_by", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "invoice",
            },
        ),
        migrations.CreateModel(
            name="InvoiceLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("position", models.IntegerField()),
                ("kind", models.TextField()),
                ("description", models.CharField(max_length=300)),
                ("from_on", models.DateField(blank=True, null=True)),
                ("until_on", models.DateField(blank=True, null=True)),
                ("usage_from_at", models.DateTimeField(blank=True, null=True)),
                ("usage_until_at", models.DateTimeField(blank=True, null=True)),
                ("quantity_milli", models.BigIntegerField(default=1000)),
                ("unit", models.CharField(default="C62", max_length=3)),
                ("unit_price_nanos", tollgate.store.models.records.WidePrice()),
                ("exact_micros", models.BigIntegerField()),
                ("net_micros", models.BigIntegerField()),
                ("calls_count", models.BigIntegerField(default=0)),
                ("billed_s", models.BigIntegerField(default=0)),
                ("destination", models.TextField(blank=True, default="")),
                ("ingress_route_id", models.BigIntegerField(blank=True, null=True)),
                ("posted", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "invoice_line",
            },
        ),
        migrations.CreateModel(
            name="InvoiceSeries",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("kind", models.TextField()),
                ("prefix", models.CharField(blank=True, default="", max_length=30)),
                ("width", models.IntegerField(default=5)),
                ("start", models.BigIntegerField(default=1)),
                ("yearly", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "invoice_series",
            },
        ),
        migrations.CreateModel(
            name="InvoiceTax",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("position", models.IntegerField()),
                ("name", models.CharField(max_length=100)),
                ("label", models.CharField(max_length=30)),
                ("category", models.CharField(max_length=2)),
                ("rate_ppm", models.IntegerField()),
                ("fixed_micros", models.BigIntegerField(default=0)),
                ("compound", models.BooleanField(default=False)),
                ("base_micros", models.BigIntegerField()),
                ("amount_micros", models.BigIntegerField()),
                ("exemption_reason", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "invoice_tax",
            },
        ),
        migrations.CreateModel(
            name="InvoiceTemplate",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=100)),
                ("language", models.CharField(default="en", max_length=10)),
                ("color", models.CharField(blank=True, default="", max_length=7)),
                ("logo", models.BinaryField(blank=True, null=True)),
                ("logo_type", models.CharField(blank=True, default="", max_length=20)),
                ("title", models.CharField(blank=True, default="", max_length=100)),
                ("header_text", models.TextField(blank=True, default="")),
                ("footer_text", models.TextField(blank=True, default="")),
                ("show_calls", models.BooleanField(default=True)),
                ("show_duration", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "invoice_template",
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("gateway", models.CharField(default="manual", max_length=30)),
                ("kind", models.TextField(default="payment")),
                ("status", models.TextField(default="completed")),
                ("currency", models.CharField(max_length=3)),
                ("amount_micros", models.BigIntegerField()),
                ("fee_micros", models.BigIntegerField(default=0)),
                ("surcharge_micros", models.BigIntegerField(default=0)),
                ("tax_micros", models.BigIntegerField(default=0)),
                ("received_micros", models.BigIntegerField(blank=True, null=True)),
                ("received_currency", models.CharField(blank=True, default="", max_length=3)),
                ("exchange_rate_nanos", models.BigIntegerField(blank=True, null=True)),
                ("external_id", models.CharField(blank=True, max_length=200, null=True)),
                ("public_note", models.TextField(blank=True, default="")),
                ("private_note", models.TextField(blank=True, default="")),
                ("payer", models.CharField(blank=True, default="", max_length=200)),
                ("email_confirmation", models.BooleanField(default=False)),
                ("allocated_micros", models.BigIntegerField(default=0)),
                ("created_by", models.TextField(blank=True, default="")),
                ("approved_by", models.TextField(blank=True, default="")),
                ("received_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("entry_id", models.BigIntegerField(blank=True, null=True)),
            ],
            options={
                "db_table": "payment",
            },
        ),
        migrations.CreateModel(
            name="SeriesCounter",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("year", models.IntegerField(default=0)),
                ("last", models.BigIntegerField()),
            ],
            options={
                "db_table": "series_counter",
            },
        ),
        migrations.CreateModel(
            name="Tax",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=100)),
                ("label", models.CharField(default="VAT", max_length=30)),
                ("category", models.CharField(default="S", max_length=2)),
                ("rate_ppm", models.IntegerField(default=0)),
                ("fixed_micros", models.BigIntegerField(default=0)),
                ("compound", models.BooleanField(default=False)),
                ("priority", models.IntegerField(default=10)),
                ("country", models.CharField(blank=True, default="", max_length=2)),
                ("exemption_reason", models.TextField(blank=True, default="")),
                ("valid_from_on", models.DateField(blank=True, null=True)),
                ("valid_until_on", models.DateField(blank=True, null=True)),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "tax",
            },
        ),
        migrations.CreateModel(
            name="VatCheck",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=20)),
                ("state", models.TextField(default="queued")),
                ("provider", models.CharField(blank=True, default="", max_length=30)),
                ("name", models.TextField(blank=True, default="")),
                ("address", models.TextField(blank=True, default="")),
                ("consultation", models.TextField(blank=True, default="")),
                ("answer", models.TextField(blank=True, default="")),
                ("tries_count", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "asked_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "vat_check",
            },
        ),
        migrations.RemoveConstraint(
            model_name="account",
            name="account_limits",
        ),
        migrations.AddField(
            model_name="account",
            name="invoice_footer",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="invoice_grouping",
            field=models.TextField(default="day"),
        ),
        migrations.AddField(
            model_name="account",
            name="invoice_lag_h",
            field=models.IntegerField(default=24),
        ),
        migrations.AddField(
            model_name="account",
            name="package_notice_days",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="payment_description",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="account",
            name="payment_details",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="two_person_payments",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="customer",
            name="billing_day",
            field=models.IntegerField(default=1),
        ),
        migrations.AddField(
            model_name="customer",
            name="billing_type",
            field=models.TextField(default="prepaid"),
        ),
        migrations.AddField(
            model_name="customer",
            name="billing_zone",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="customer",
            name="create_invoice_on_payment",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="customer",
            name="daily_receipts",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="customer",
            name="email_invoices",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="generate_invoices",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="invoice_grouping",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="customer",
            name="invoice_note",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="customer",
            name="invoice_schedule",
            field=models.TextField(default="none"),
        ),
        migrations.AddField(
            model_name="customer",
            name="language",
            field=models.CharField(blank=True, default="", max_length=10),
        ),
        migrations.AddField(
            model_name="customer",
            name="low_balance_micros",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="low_balance_noticed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="minimum_payment_micros",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="customer",
            name="notification_emails",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.EmailField(max_length=254), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="notification_opt_outs",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="overdue_action",
            field=models.TextField(default="remind"),
        ),
        migrations.AddField(
            model_name="customer",
            name="overdue_grace_days",
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name="customer",
            name="parked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="parked_reason",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="customer",
            name="payment_gateways",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="payment_terms_days",
            field=models.IntegerField(default=14),
        ),
        migrations.AddField(
            model_name="customer",
            name="paypal_email",
            field=models.EmailField(blank=True, default="", max_length=254),
        ),
        migrations.AddField(
            model_name="customer",
            name="prices_include_tax",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="customer",
            name="registration_id",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="customer",
            name="tax_number",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="customer",
            name="tax_treatment",
            field=models.TextField(default="auto"),
        ),
        migrations.AddField(
            model_name="customer",
            name="topup_currencies",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=3), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="zero_invoices",
            field=models.BooleanField(default=False),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("invoice_grouping__in", ("day", "destination", "route", "total"))),
                name="account_invoice_grouping",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("channels__gte", 0), ("cps_milli__gte", 0), ("slice_s__gte", 0), ("invoice_lag_h__gte", 0)
                ),
                name="account_limits",
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="allocations", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="charge",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="customer_charges", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="charge",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="charges", to="store.customer"
            ),
        ),
        migrations.AddField(
            model_name="customertax",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="customer_taxes", to="store.customer"
            ),
        ),
        migrations.AddField(
            model_name="exchangerate",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="exchange_rates", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="invoices", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="corrects",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="store.invoice",
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="invoices", to="store.customer"
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="credit_note",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credits",
                to="store.invoice",
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="invoice",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="allocations", to="store.invoice"
            ),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="corrects_line",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="store.invoiceline",
            ),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="charge",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="store.charge",
            ),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="invoice",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="store.invoice"
            ),
        ),
        migrations.AddField(
            model_name="invoiceseries",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="invoice_series", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="invoicetax",
            name="invoice",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="taxes", to="store.invoice"
            ),
        ),
        migrations.AddField(
            model_name="invoicetemplate",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="invoice_templates", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="template",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="invoices",
                to="store.invoicetemplate",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="invoice_template",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="customers",
                to="store.invoicetemplate",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("billing_type__in", ("prepaid", "postpaid"))), name="customer_billing_type"
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_treatment__in", ("auto", "taxed", "reverse_charge", "exempt"))),
                name="customer_tax_treatment",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("invoice_schedule__in", ("none", "daily", "weekly", "monthly"))),
                name="customer_invoice_schedule",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("overdue_action__in", ("none", "remind", "restrict", "penalty"))),
                name="customer_overdue_action",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("invoice_grouping__in", ("", "day", "destination", "route", "total"))),
                name="customer_invoice_grouping",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("billing_day__gte", 1), ("billing_day__lte", 31)), name="customer_billing_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("payment_terms_days__gte", 0), ("overdue_grace_days__gte", 0), ("minimum_payment_micros__gte", 0)
                ),
                name="customer_billing_amounts",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("paypal_email", ""), _negated=True),
                fields=("account", "paypal_email"),
                name="customer_paypal_email_once",
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="payments", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="customer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payments",
                to="store.customer",
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="reverses",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reversals",
                to="store.payment",
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="payment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="receipts",
                to="store.payment",
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="payment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="store.payment",
            ),
        ),
        migrations.AddField(
            model_name="seriescounter",
            name="series",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="counters", to="store.invoiceseries"
            ),
        ),
        migrations.AddField(
            model_name="tax",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="taxes", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="invoicetax",
            name="tax",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="store.tax"
            ),
        ),
        migrations.AddField(
            model_name="customertax",
            name="tax",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="customer_taxes", to="store.tax"
            ),
        ),
        migrations.AddField(
            model_name="vatcheck",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="vat_checks", to="store.customer"
            ),
        ),
        migrations.AddIndex(
            model_name="charge",
            index=models.Index(fields=["customer", "from_on"], name="charge_customer"),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="charge_once"),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("package", "setup", "minimum_spend", "fee", "late_fee", "manual"))),
                name="charge_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.UniqueConstraint(fields=("account", "base", "quote", "on"), name="exchange_rate_once"),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate_nanos__gte", 0)), name="exchange_rate_positive"
            ),
        ),
        migrations.AddIndex(
            model_name="invoiceline",
            index=models.Index(fields=["charge"], name="invoice_line_charge"),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.UniqueConstraint(fields=("invoice", "position"), name="invoice_line_position"),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("usage", "correction", "charge", "manual", "payment", "credit"))),
                name="invoice_line_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceseries",
            constraint=models.UniqueConstraint(fields=("account", "kind"), name="invoice_series_once"),
        ),
        migrations.AddConstraint(
            model_name="invoiceseries",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("invoice", "receipt", "credit_note", "debit_note"))),
                name="invoice_series_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceseries",
            constraint=models.CheckConstraint(
                condition=models.Q(("start__gte", 1), ("width__gte", 1), ("width__lte", 12)),
                name="invoice_series_digits",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoicetemplate",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="invoice_template_name_once"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["account", "-id"], name="payment_newest"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["customer", "-id"], name="payment_customer"),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("payment", "refund", "reversal", "bonus"))), name="payment_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("pending", "completed", "canceled"))), name="payment_status"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee_micros__gte", 0), ("surcharge_micros__gte", 0), ("tax_micros__gte", 0)),
                name="payment_fees",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(
                fields=("account", "gateway", "external_id"), name="payment_external_once"
            ),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["account", "-id"], name="invoice_newest"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["customer", "-id"], name="invoice_customer"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(condition=models.Q(("state", "issued")), fields=["due_on"], name="invoice_due"),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("invoice", "receipt", "credit_note", "debit_note"))),
                name="invoice_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("draft", "issued", "void"))), name="invoice_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("grouping__in", ("day", "destination", "route", "total"))), name="invoice_grouping"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(fields=("account", "number"), name="invoice_number_once"),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                fields=("account", "kind", "number_year", "number_seq"), name="invoice_number_seq_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "void"), _negated=True),
                fields=("account", "run_key"),
                name="invoice_run_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "draft"), ("number__isnull", False), ("state", "void"), _connector="OR"),
                name="invoice_issued_number",
            ),
        ),
        migrations.AddIndex(
            model_name="allocation",
            index=models.Index(fields=["invoice"], name="allocation_invoice"),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("credit_note__isnull", True), ("payment__isnull", False)),
                    models.Q(("credit_note__isnull", False), ("payment__isnull", True)),
                    _connector="OR",
                ),
                name="allocation_of_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="seriescounter",
            constraint=models.UniqueConstraint(fields=("series", "year"), name="series_counter_once"),
        ),
        migrations.AddConstraint(
            model_name="tax",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="tax_name_once"),
        ),
        migrations.AddConstraint(
            model_name="tax",
            constraint=models.CheckConstraint(
                condition=models.Q(("category__in", ("S", "Z", "E", "AE", "K", "G", "O", "L", "M"))),
                name="tax_category",
            ),
        ),
        migrations.AddConstraint(
            model_name="tax",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate_ppm__gte", 0), ("fixed_micros__gte", 0)), name="tax_amounts"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoicetax",
            constraint=models.UniqueConstraint(fields=("invoice", "position"), name="invoice_tax_position"),
        ),
        migrations.AddConstraint(
            model_name="customertax",
            constraint=models.UniqueConstraint(fields=("customer", "tax"), name="customer_tax_once"),
        ),
        migrations.AddConstraint(
            model_name="vatcheck",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("queued", "valid", "invalid", "unavailable"))), name="vat_check_state"
            ),
        ),
        migrations.RunSQL(script("schema_money"), migrations.RunSQL.noop),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
    ]
