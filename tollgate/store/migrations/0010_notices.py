"""Alerts, dunning steps, webhooks and their deliveries."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

AUDITED = {
    "webhook": "'secret_sealed'",
    "alert": "",
    "customer_hold": "",
    "dunning_step": "",
    "dunning_event": "",
}
VERSIONED = ("webhook", "alert", "dunning_step")


def triggers() -> str:
    """The audit and version triggers of the new tables."""
    audit = (
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({secrets});"
        for table, secrets in AUDITED.items()
    )
    version = (
        f"CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION next_version();"
        for table in VERSIONED
    )
    return "\n".join([*audit, *version])


class Migration(migrations.Migration):
    dependencies = [("store", "0009_packages")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="low_balance_noticed_micros",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("title", models.CharField(max_length=100)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "recipients",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, default=list, size=None
                    ),
                ),
                ("area", models.TextField(default="balance")),
                ("operator", models.TextField(default="<")),
                ("threshold_micros", models.BigIntegerField(default=0)),
                ("reset_micros", models.BigIntegerField(blank=True, null=True)),
                ("sample_min", models.IntegerField(default=5)),
                ("penalty_s", models.IntegerField(default=0)),
                ("repeat_min", models.IntegerField(default=0)),
                ("level", models.TextField(default="warning")),
                ("template", models.CharField(default="alert", max_length=50)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="alerts", to="store.account"
                    ),
                ),
                (
                    "carrier",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="store.carrier",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="store.customer",
                    ),
                ),
                (
                    "tag",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="store.tag",
                    ),
                ),
            ],
            options={
                "db_table": "alert",
            },
        ),
        migrations.CreateModel(
            name="AlertEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("value_micros", models.BigIntegerField(blank=True, null=True)),
                ("words", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField()),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="store.alert"
                    ),
                ),
                (
                    "carrier",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="store.carrier",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="store.customer",
                    ),
                ),
            ],
            options={
                "db_table": "alert_event",
            },
        ),
        migrations.CreateModel(
            name="AlertState",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("fired_at", models.DateTimeField(blank=True, null=True)),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                ("seen_id", models.BigIntegerField(default=0)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="states", to="store.alert"
                    ),
                ),
                (
                    "carrier",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="store.carrier",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="store.customer",
                    ),
                ),
            ],
            options={
                "db_table": "alert_state",
            },
        ),
        migrations.CreateModel(
            name="CustomerHold",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("cause", models.TextField()),
                ("status", models.TextField()),
                ("reason", models.TextField(blank=True, default="")),
                ("from_at", models.DateTimeField()),
                ("until_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("outcome", models.TextField(blank=True, default="")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="holds", to="store.account"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="holds", to="store.customer"
                    ),
                ),
            ],
            options={
                "db_table": "customer_hold",
            },
        ),
        migrations.CreateModel(
            name="DunningStep",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("title", models.CharField(max_length=100)),
                ("days", models.IntegerField()),
                ("action", models.TextField(default="remind")),
                ("fee_ppm", models.IntegerField(default=0)),
                ("fee_micros", models.BigIntegerField(default=0)),
                ("currency", models.CharField(blank=True, default="", max_length=3)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="dunning_steps", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "dunning_step",
            },
        ),
        migrations.CreateModel(
            name="DunningEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.TextField()),
                ("action", models.TextField()),
                ("words", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="dunning_events", to="store.account"
                    ),
                ),
                (
                    "charge",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="store.charge",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="dunning_events", to="store.customer"
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="dunning_events", to="store.invoice"
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="events",
                        to="store.dunningstep",
                    ),
                ),
            ],
            options={
                "db_table": "dunning_event",
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("title", models.CharField(max_length=100)),
                ("url", models.CharField(max_length=500)),
                ("secret_sealed", models.TextField()),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, default=list, size=None
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="webhooks", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "webhook",
            },
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("event", models.TextField()),
                ("ref", models.TextField()),
                ("body", models.JSONField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="webhook_events", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "webhook_event",
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("ref", models.TextField()),
                ("state", models.TextField(default="queued")),
                ("tries_count", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("replayed_by", models.TextField(blank=True, default="")),
                ("request", models.TextField(blank=True, default="")),
                ("status_code", models.IntegerField(blank=True, null=True)),
                ("answer", models.TextField(blank=True, default="")),
                ("error", models.TextField(blank=True, default="")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="store.webhook"
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="store.webhookevent"
                    ),
                ),
            ],
            options={
                "db_table": "webhook_delivery",
            },
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(fields=("account", "title"), name="alert_title_once"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("area__in", ("balance", "asr", "acd", "pdd", "cps", "channels", "failovers", "change"))
                ),
                name="alert_area",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("operator__in", ("<", "<=", "=", ">=", ">", "always"))), name="alert_operator"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("level__in", ("none", "warning", "error"))), name="alert_level"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("sample_min__gte", 0), ("penalty_s__gte", 0), ("repeat_min__gte", 0)),
                name="alert_times",
            ),
        ),
        migrations.AddIndex(
            model_name="alertevent",
            index=models.Index(fields=["alert", "-id"], name="alert_event_newest"),
        ),
        migrations.AddConstraint(
            model_name="alertevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("fired", "repeated", "cleared", "tested"))), name="alert_event_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="alertstate",
            constraint=models.UniqueConstraint(
                fields=("alert", "customer", "carrier"), name="alert_state_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="customerhold",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("inactive", "penalty"))), name="customer_hold_status"
            ),
        ),
        migrations.AddConstraint(
            model_name="customerhold",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("customer", "cause"), name="customer_hold_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="dunningstep",
            constraint=models.UniqueConstraint(fields=("account", "title"), name="dunning_step_title_once"),
        ),
        migrations.AddConstraint(
            model_name="dunningstep",
            constraint=models.CheckConstraint(
                condition=models.Q(("action__in", ("remind", "late_fee", "restrict", "penalty"))),
                name="dunning_step_action",
            ),
        ),
        migrations.AddConstraint(
            model_name="dunningstep",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee_ppm__gte", 0), ("fee_micros__gte", 0)), name="dunning_step_fee"
            ),
        ),
        migrations.AddIndex(
            model_name="dunningevent",
            index=models.Index(fields=["account", "-id"], name="dunning_event_newest"),
        ),
        migrations.AddConstraint(
            model_name="dunningevent",
            constraint=models.UniqueConstraint(fields=("invoice", "key"), name="dunning_event_once"),
        ),
        migrations.AddConstraint(
            model_name="webhook",
            constraint=models.UniqueConstraint(fields=("account", "title"), name="webhook_title_once"),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(fields=["at"], name="webhook_event_old"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "sending"])),
                fields=["next_at"],
                name="webhook_delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "sending"])),
                fields=["webhook", "ref", "id"],
                name="webhook_delivery_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("queued", "sending", "delivered", "failed"))),
                name="webhook_delivery_state",
            ),
        ),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
    ]
