"""Packages of customers, their assignments and minutes."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from tollgate.store.sql import script

AUDITED = ("package", "customer_package", "bundle")
VERSIONED = ("package", "customer_package")


def triggers() -> str:
    """The audit and version triggers of the new tables."""
    audit = (
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION audit_row();"
        for table in AUDITED
    )
    version = (
        f"CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION next_version();"
        for table in VERSIONED
    )
    return "\n".join([*audit, *version])


class Migration(migrations.Migration):
    """Packages, who holds them, bundles of free minutes; whether inactive customers pay for packages."""

    dependencies = [("store", "0008_payment_gateways")]
    operations = [
        migrations.AddField(
            model_name="account",
            name="inactive_packages",
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name="Package",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=100)),
                ("description", models.TextField(blank=True, default="")),
                ("kind", models.TextField(default="standard")),
                ("currency", models.CharField(max_length=3)),
                ("cost_nanos", models.BigIntegerField(default=0)),
                ("retail_nanos", models.BigIntegerField(default=0)),
                ("setup_cost_nanos", models.BigIntegerField(default=0)),
                ("setup_retail_nanos", models.BigIntegerField(default=0)),
                ("frequency", models.TextField(default="monthly")),
                (
                    "match_days",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("prorate", models.BooleanField(default=True)),
                ("minimum_days", models.IntegerField(default=0)),
                ("minimum_spend", models.BooleanField(default=False)),
                ("minutes", models.IntegerField(default=0)),
                (
                    "prefixes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=18), blank=True, default=list, size=None
                    ),
                ),
                ("rollover", models.BooleanField(default=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="sold_packages", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "package",
            },
        ),
        migrations.CreateModel(
            name="CustomerPackage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("quantity", models.IntegerField(default=1)),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField(blank=True, null=True)),
                ("auto_decrement", models.BooleanField(default=True)),
                ("minutes", models.IntegerField(blank=True, null=True)),
                ("done_until_on", models.DateField(null=True)),
                ("next_on", models.DateField(null=True)),
                ("noticed_on", models.DateField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="packages", to="store.customer"
                    ),
                ),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="holders", to="store.package"
                    ),
                ),
            ],
            options={
                "db_table": "customer_package",
            },
        ),
        migrations.CreateModel(
            name="Bundle",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("from_on", models.DateField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                (
                    "prefixes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=18), blank=True, default=list, size=None
                    ),
                ),
                ("granted_s", models.BigIntegerField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bundles", to="store.account"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bundles", to="store.customer"
                    ),
                ),
                (
                    "customer_package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bundles", to="store.customerpackage"
                    ),
                ),
            ],
            options={
                "db_table": "bundle",
                "indexes": [models.Index(fields=["customer", "ends_at"], name="bundle_customer")],
                "constraints": [models.UniqueConstraint(fields=("customer_package", "from_on"), name="bundle_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="package_name_once"),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("standard", "free_minutes"))), name="package_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(("frequency__in", ("none", "daily", "weekly", "monthly"))), name="package_frequency"
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cost_nanos__gte", 0),
                    ("retail_nanos__gte", 0),
                    ("setup_cost_nanos__gte", 0),
                    ("setup_retail_nanos__gte", 0),
                    ("minimum_days__gte", 0),
                    ("minutes__gte", 0),
                ),
                name="package_amounts",
            ),
        ),
        migrations.AddIndex(
            model_name="customerpackage",
            index=models.Index(
                condition=models.Q(("next_on__isnull", False)), fields=["next_on"], name="customer_package_next"
            ),
        ),
        migrations.AddConstraint(
            model_name="customerpackage",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1)), name="customer_package_quantity"
            ),
        ),
        migrations.AddConstraint(
            model_name="customerpackage",
            constraint=models.CheckConstraint(
                condition=models.Q(("minutes", None), ("minutes__gte", 1), _connector="OR"),
                name="customer_package_minutes",
            ),
        ),
        migrations.RunSQL(script("schema_packages"), migrations.RunSQL.noop),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
    ]
