"""Which caller numbers a customer may show, how they are proved, and hours that end calls."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

AUDITED = {"cli_rule": "", "cli_proof": "'code_hash', 'code_sealed'"}


def triggers() -> str:
    """The audit triggers of the new tables, and the version of a rule."""
    audit = (
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({secrets});"
        for table, secrets in AUDITED.items()
    )
    version = "CREATE TRIGGER next_version BEFORE UPDATE ON cli_rule FOR EACH ROW EXECUTE FUNCTION next_version();"
    return "\n".join([*audit, version])


class Migration(migrations.Migration):
    dependencies = [("store", "0012_more_customers")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="CliProof",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=20)),
                ("way", models.TextField()),
                ("state", models.TextField(default="queued")),
                ("words", models.TextField(blank=True, default="")),
                ("code_hash", models.TextField()),
                ("code_sealed", models.TextField(blank=True, default="")),
                ("tries_count", models.IntegerField(default=0)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("expires_at", models.DateTimeField()),
                ("called_at", models.DateTimeField(blank=True, null=True)),
                ("call_id", models.TextField(blank=True, default="")),
                ("message_id", models.BigIntegerField(blank=True, null=True)),
                ("decided_by", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "cli_proof",
            },
        ),
        migrations.CreateModel(
            name="CliRule",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("position", models.IntegerField(default=100)),
                ("cli", models.CharField(blank=True, default="", max_length=200)),
                ("pai", models.CharField(blank=True, default="", max_length=200)),
                ("dialed", models.CharField(blank=True, default="", max_length=200)),
                ("rewrite_cli", models.CharField(blank=True, default="", max_length=100)),
                ("rewrite_pai", models.CharField(blank=True, default="", max_length=100)),
                ("forced", models.BooleanField(default=False)),
                ("weight", models.IntegerField(default=100)),
                ("attestation", models.CharField(blank=True, default="", max_length=1)),
                ("notes", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "cli_rule",
            },
        ),
        migrations.RemoveConstraint(
            model_name="verifiedcli",
            name="verified_cli_method",
        ),
        migrations.AddField(
            model_name="account",
            name="verification_approval",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="account",
            name="verification_cli",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="account",
            name="verification_denied",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="verification_daily_count",
            field=models.IntegerField(default=200),
        ),
        migrations.AddField(
            model_name="account",
            name="verification_capped_price_nanos",
            field=models.BigIntegerField(default=500000000),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("verification_daily_count__gte", 0), ("verification_capped_price_nanos__gte", 0)),
                name="account_verification",
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="verification_user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="store.endpoint",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="cli_selection",
            field=models.TextField(default="first"),
        ),
        migrations.AddField(
            model_name="customer",
            name="hours_hang_up",
            field=models.BooleanField(default=False),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("cli_selection__in", ("first", "random", "weighted", "round_robin"))),
                name="customer_cli_selection",
            ),
        ),
        migrations.AddConstraint(
            model_name="verifiedcli",
            constraint=models.CheckConstraint(
                condition=models.Q(("method__in", ("operator", "call_back", "sms"))), name="verified_cli_method"
            ),
        ),
        migrations.AddField(
            model_name="cliproof",
            name="contact",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="cli_proofs",
                to="store.contact",
            ),
        ),
        migrations.AddField(
            model_name="cliproof",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="cli_proofs", to="store.customer"
            ),
        ),
        migrations.AddField(
            model_name="clirule",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="cli_rules", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="clirule",
            name="customer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="cli_rules",
                to="store.customer",
            ),
        ),
        migrations.AddField(
            model_name="clirule",
            name="tag",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cli_rules",
                to="store.tag",
            ),
        ),
        migrations.AddIndex(
            model_name="cliproof",
            index=models.Index(fields=["customer", "-created_at"], name="cli_proof_pace"),
        ),
        migrations.AddIndex(
            model_name="cliproof",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "calling", "told"])), fields=["id"], name="cli_proof_due"
            ),
        ),
        migrations.AddIndex(
            model_name="cliproof",
            index=models.Index(fields=["called_at"], name="cli_proof_called"),
        ),
        migrations.AddConstraint(
            model_name="cliproof",
            constraint=models.CheckConstraint(condition=models.Q(("way__in", ("call", "sms"))), name="cli_proof_way"),
        ),
        migrations.AddConstraint(
            model_name="cliproof",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ("queued", "calling", "told", "failed", "waiting", "verified", "rejected"))
                ),
                name="cli_proof_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="clirule",
            constraint=models.CheckConstraint(
                condition=models.Q(("customer__isnull", True), ("tag__isnull", True), _connector="OR"),
                name="cli_rule_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="clirule",
            constraint=models.CheckConstraint(
                condition=models.Q(("attestation__in", ("", "A", "B", "C"))), name="cli_rule_attestation"
            ),
        ),
        migrations.AddConstraint(
            model_name="clirule",
            constraint=models.CheckConstraint(
                condition=models.Q(("position__gte", 0), ("weight__gte", 0)), name="cli_rule_numbers"
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="delivery",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="message",
            name="delivery_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(("delivery__in", ("", "delivered", "undelivered"))), name="message_delivery"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(condition=models.Q(("kind", "sms")), fields=["provider_id"], name="message_provider"),
        ),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
    ]
