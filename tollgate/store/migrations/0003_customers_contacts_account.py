"""Customers with all their fields, contacts who log in, the account's own page, mail, delayed saves, tasks, tokens."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import tollgate.store.models.networks
from tollgate.store.sql import script

AUDITED = {
    "customer_note": "",
    "customer_tag": "",
    "verified_cli": "",
    "tag": "",
    "localization": "",
    "portal_domain": "'logo'",
    "number_block": "",
    "account_package": "",
    "account_terms": "",
    "agreement_acceptance": "",
    "change_request": "",
    "mail_settings": "'password_sealed'",
    "sms_settings": "'key_sealed'",
    "template": "",
    "delayed_save": "'arguments'",
    "api_token": "'secret_hash', 'last_used_at'",
    "saved_view": "",
    "app_user_group": "",
}
VERSIONED = [
    "tag",
    "localization",
    "portal_domain",
    "account_package",
    "mail_settings",
    "sms_settings",
    "template",
    "edge",
    "app_user",
    "user_group",
]
NOTED = {
    "contact": "'password', 'totp_secret', 'recovery_hashes', 'login_domain'",
    "app_user": "'password', 'last_login', 'session_epoch'",
}
QUIET = {  # that a token was used or an edge was heard is no change
    "api_token": "OF name, scopes, allowed_networks, expires_at, revoked_at",
    "edge": "OF name, kind, rpc_url, enabled",
    "app_user": "OF name, email, password, is_active, zone, reseller_id, allowed_networks, groups_version",
}


def triggers() -> str:
    """The audit and version triggers of the new tables, and those of contacts and users with all their secrets."""
    audit = (
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE {QUIET.get(table, '')} OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({secrets});"
        for table, secrets in AUDITED.items()
    )
    anew = (
        f"DROP TRIGGER audit ON {table}; CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({secrets});"
        for table, secrets in NOTED.items()
    )
    version = (
        f"CREATE TRIGGER next_version BEFORE UPDATE {QUIET.get(table, '')} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION next_version();"
        for table in VERSIONED
    )
    return "\n".join([*audit, *anew, *version])


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0002_calls_ledger_audit"),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE contact SET kind = CASE WHEN lower(kind) IN ('billing', 'technical', 'sales', 'legal', 'noc')"
            " THEN lower(kind) ELSE 'general' END",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name="edge",
            name="version",
            field=models.IntegerField(default=1, editable=False),
        ),
        migrations.AddConstraint(
            model_name="edge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("rpc_url", ""), _negated=True),
                fields=("account", "rpc_url"),
                name="edge_rpc_url_once",
            ),
        ),
        migrations.AddField(
            model_name="ingressroute",
            name="options_version",
            field=models.IntegerField(default=1, editable=False),
        ),
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("audit_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hash", models.BinaryField()),
                ("sealed_at", models.DateTimeField()),
            ],
            options={
                "db_table": "audit_seal",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="AccountCharge",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("on", models.DateField()),
                ("what", models.TextField()),
                ("used", models.BigIntegerField()),
                ("unit", models.CharField(max_length=30)),
                ("price_nanos", models.BigIntegerField()),
                ("amount_micros", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("entry_id", models.BigIntegerField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "db_table": "account_charge",
            },
        ),
        migrations.CreateModel(
            name="AccountPackage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("kind", models.TextField()),
                ("name", models.CharField(max_length=100)),
                ("description", models.TextField(blank=True, default="")),
                ("unit", models.CharField(max_length=30)),
                ("basis", models.TextField(default="unit_day")),
                ("price_nanos", models.BigIntegerField(default=0)),
                ("quantity", models.IntegerField(default=1)),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField(blank=True, null=True)),
            ],
            options={
                "db_table": "account_package",
            },
        ),
        migrations.CreateModel(
            name="Agreement",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField()),
                ("title", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "published_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "db_table": "agreement",
            },
        ),
        migrations.CreateModel(
            name="AgreementAcceptance",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("by", models.TextField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("sha256", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "agreement_acceptance",
            },
        ),
        migrations.CreateModel(
            name="ApiAnswer",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("owner", models.CharField(max_length=80)),
                ("key", models.CharField(max_length=200)),
                ("request_hash", models.CharField(max_length=64)),
                ("status", models.IntegerField()),
                ("body", models.BinaryField()),
                ("content_type", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "db_table": "api_answer",
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("contact_id", models.BigIntegerField(blank=True, null=True)),
                ("name", models.CharField(max_length=100)),
                ("shown", models.CharField(max_length=12)),
                ("secret_hash", models.CharField(max_length=64, unique=True)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "allowed_networks",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=tollgate.store.models.networks.NetworkField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "api_token",
            },
        ),
        migrations.CreateModel(
            name="ChangeRequest",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField(default="address")),
                ("proposed", models.JSONField()),
                ("message", models.TextField(blank=True, default="")),
                ("state", models.TextField(default="open")),
                ("asked_by", models.TextField()),
                (
                    "asked_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("decided_by", models.TextField(blank=True, default="")),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "change_request",
            },
        ),
        migrations.CreateModel(
            name="Code",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("user_id", models.BigIntegerField(blank=True, null=True)),
                ("purpose", models.TextField()),
                ("target", models.TextField(blank=True, default="")),
                ("secret_hash", models.CharField(max_length=64)),
                ("tries_count", models.IntegerField(default=0)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("created_by", models.TextField(blank=True, default="")),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "code",
            },
        ),
        migrations.CreateModel(
            name="ContactSession",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key_hash", models.CharField(max_length=64, unique=True)),
                ("user_id", models.BigIntegerField(blank=True, null=True)),
                ("user_name", models.TextField(blank=True, default="")),
                ("user_epoch", models.IntegerField(blank=True, null=True)),
                ("read_only", models.BooleanField(default=False)),
                ("totp_step", models.BigIntegerField(blank=True, null=True)),
                ("ip", models.GenericIPAddressField()),
                ("agent", models.TextField(blank=True, default="")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "contact_session",
            },
        ),
        migrations.CreateModel(
            name="LoginDelay",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=300, unique=True)),
                ("failures_count", models.IntegerField(default=0)),
                ("failed_at", models.DateTimeField()),
                ("until_at", models.DateTimeField()),
            ],
            options={
                "db_table": "login_delay",
            },
        ),
        migrations.CreateModel(
            name="CustomerNote",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("author", models.TextField()),
                ("text", models.TextField()),
            ],
            options={
                "db_table": "customer_note",
            },
        ),
        migrations.CreateModel(
            name="DelayedSave",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("act", models.TextField()),
                ("arguments", models.JSONField()),
                ("table_name", models.TextField()),
                ("row_id", models.BigIntegerField()),
                ("title", models.TextField()),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
                ("due_at", models.DateTimeField()),
                ("author_id", models.BigIntegerField()),
                ("author", models.TextField()),
                ("reason", models.TextField(blank=True, default="")),
                ("state", models.TextField(default="pending")),
                ("result", models.TextField(blank=True, default="")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="delayed_saves",
                        to="store.customer",
                    ),
                ),
            ],
            options={
                "db_table": "delayed_save",
            },
        ),
        migrations.CreateModel(
            name="Localization",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=100)),
                ("originate_cli_in", models.TextField(blank=True, default="")),
                ("originate_cli_out", models.TextField(blank=True, default="")),
                ("originate_cld", models.TextField(blank=True, default="")),
                ("terminate_cli_in", models.TextField(blank=True, default="")),
                ("terminate_cli_out", models.TextField(blank=True, default="")),
                ("terminate_cld", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "localization",
            },
        ),
        migrations.CreateModel(
            name="MailSettings",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("from_address", models.EmailField(max_length=254)),
                ("from_name", models.CharField(blank=True, default="", max_length=100)),
                ("host", models.CharField(max_length=253)),
                ("port", models.IntegerField(default=25)),
                ("mode", models.TextField(default="auto")),
                ("username", models.CharField(blank=True, default="", max_length=200)),
                ("password_sealed", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "mail_settings",
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField(default="email")),
                ("template", models.CharField(blank=True, default="", max_length=50)),
                ("domain_id", models.BigIntegerField(blank=True, null=True)),
                ("recipient", models.TextField()),
                ("subject", models.TextField(blank=True, default="")),
                ("text", models.TextField(blank=True, default="")),
                ("html", models.TextField(blank=True, default="")),
                ("secret", models.BooleanField(default=False)),
                ("attachments", models.JSONField(blank=True, default=list)),
                ("marketing", models.BooleanField(default=False)),
                ("state", models.TextField(default="queued")),
                ("tries_count", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("error", models.TextField(blank=True, default="")),
                ("dialogue", models.TextField(blank=True, default="")),
                ("provider_id", models.TextField(blank=True, default="")),
                ("created_by", models.TextField(blank=True, default="")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "message",
            },
        ),
        migrations.CreateModel(
            name="NumberBlock",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "db_table": "number_block",
            },
        ),
        migrations.CreateModel(
            name="PortalDomain",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("host", models.CharField(max_length=253, unique=True)),
                ("brand", models.CharField(max_length=100)),
                ("color", models.CharField(blank=True, default="", max_length=7)),
                ("logo", models.BinaryField(blank=True, null=True)),
                ("logo_type", models.CharField(blank=True, default="", max_length=20)),
                (
                    "sections",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, default=list, size=None
                    ),
                ),
                ("support_url", models.URLField(blank=True, default="")),
                ("support_phone", models.CharField(blank=True, default="", max_length=20)),
                ("support_email", models.EmailField(blank=True, default="", max_length=254)),
                ("welcome_text", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "portal_domain",
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("grid", models.CharField(max_length=50)),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("query", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "saved_view",
            },
        ),
        migrations.CreateModel(
            name="SmsSettings",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("provider", models.TextField(default="log")),
                ("sms_from", models.CharField(blank=True, default="", max_length=16)),
                ("url", models.URLField(blank=True, default="")),
                ("key_sealed", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "sms_settings",
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=50)),
                ("color", models.CharField(blank=True, default="", max_length=20)),
            ],
            options={
                "db_table": "tag",
            },
        ),
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("key", models.CharField(max_length=50)),
                ("language", models.CharField(default="en", max_length=10)),
                ("subject", models.TextField(blank=True, default="")),
                ("text", models.TextField(blank=True, default="")),
                ("html", models.TextField(blank=True, default="")),
                ("sms", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "template",
            },
        ),
        migrations.CreateModel(
            name="VerifiedCli",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=20)),
                ("method", models.TextField()),
                ("attestation", models.CharField(max_length=1)),
                (
                    "verified_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("verified_by", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "verified_cli",
            },
        ),
        migrations.AddField(
            model_name="account",
            name="address_confirmed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="address_confirmed_by",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="address_line1",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="account",
            name="address_line2",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="account",
            name="audit_comment",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="account",
            name="billing_method",
            field=models.TextField(default="per_minute"),
        ),
        migrations.AddField(
            model_name="account",
            name="billing_locked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="block_size",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="block_start",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="channel_day_price_nanos",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="account",
            name="city",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="account",
            name="country",
            field=models.CharField(blank=True, default="", max_length=2),
        ),
        migrations.AddField(
            model_name="account",
            name="frn",
            field=models.CharField(blank=True, default="", max_length=50),
        ),
        migrations.AddField(
            model_name="account",
            name="idle_logout_min",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="inactive_portal",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="account",
            name="minute_price_nanos",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="account",
            name="mobile",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="account",
            name="mobile_verified_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="number_digits_count",
            field=models.IntegerField(default=10),
        ),
        migrations.AddField(
            model_name="account",
            name="ocn",
            field=models.CharField(blank=True, default="", max_length=4),
        ),
        migrations.AddField(
            model_name="account",
            name="origination_addresses",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="pending_email",
            field=models.EmailField(blank=True, default="", max_length=254),
        ),
        migrations.AddField(
            model_name="account",
            name="phone",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="account",
            name="phone_verified_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="portal_text",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="postcode",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="account",
            name="profit_assurance_default",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="account",
            name="recording_retention_days",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="registration_id",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="account",
            name="sip_rewrites",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="account",
            name="state",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="account",
            name="support_email",
            field=models.EmailField(blank=True, default="", max_length=254),
        ),
        migrations.AddField(
            model_name="account",
            name="support_phone",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="account",
            name="support_url",
            field=models.URLField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="termination_addresses",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="valid_from_creation",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="account",
            name="vat_id",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="carrier",
            name="pai_mode",
            field=models.TextField(default="default"),
        ),
        migrations.AddField(
            model_name="contact",
            name="allowed_networks",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=tollgate.store.models.networks.NetworkField(), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="email_verified_how",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="contact",
            name="language",
            field=models.CharField(blank=True, default="", max_length=10),
        ),
        migrations.AddField(
            model_name="contact",
            name="login_domain",
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="contact",
            name="login_enabled",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="contact",
            name="marketing",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="contact",
            name="mobile_verified_how",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="contact",
            name="password",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="contact",
            name="password_must_change",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="contact",
            name="recovery_hashes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="theme",
            field=models.TextField(default="auto"),
        ),
        migrations.AddField(
            model_name="contact",
            name="totp_secret",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="contact",
            name="zone",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="customer",
            name="account_manager",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="managed_customers",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="accounting_id",
            field=models.CharField(blank=True, max_length=100, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="address_line1",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="customer",
            name="address_line2",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="customer",
            name="approved_clis_only",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="customer",
            name="attestation",
            field=models.CharField(default="C", max_length=1),
        ),
        migrations.AddField(
            model_name="customer",
            name="city",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="customer",
            name="country",
            field=models.CharField(blank=True, default="", max_length=2),
        ),
        migrations.AddField(
            model_name="customer",
            name="first_reply_s",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="ip_management",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="customer",
            name="local_calls",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="local_increment_s",
            field=models.IntegerField(default=60),
        ),
        migrations.AddField(
            model_name="customer",
            name="local_price_nanos",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="customer",
            name="loss_making_calls",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="noticed_end_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="pai_mode",
            field=models.TextField(default="default"),
        ),
        migrations.AddField(
            model_name="customer",
            name="pdd_s",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="phone",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="customer",
            name="portal_hide",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="portal_show",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="postcode",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="customer",
            name="recording_retention_days",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="ring_s",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="rtp_firewall",
            field=models.TextField(default="locked"),
        ),
        migrations.AddField(
            model_name="customer",
            name="state",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="customer",
            name="status_reason",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="customer",
            name="status_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="vars_toml",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="customer",
            name="website",
            field=models.URLField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="customer",
            name="zone",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="cli_authentication",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="shared",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="rewrites",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="user",
            name="allowed_networks",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=tollgate.store.models.networks.NetworkField(), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="version",
            field=models.IntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="user",
            name="groups_version",
            field=models.IntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="usergroup",
            name="version",
            field=models.IntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="user",
            name="password_must_change",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="user",
            name="reseller_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="session_epoch",
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name="usergroup",
            name="areas",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, default=list, size=None
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("billing_method__in", ("per_channel", "per_minute"))), name="account_billing_method"
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.UniqueConstraint(
                models.F("login_domain"), django.db.models.functions.text.Lower("email"), name="contact_email_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("general", "billing", "technical", "sales", "legal", "noc"))),
                name="contact_kind",
            ),
        ),
        migrations.AddField(
            model_name="accountcharge",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="charges", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="accountpackage",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="packages", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="accountcharge",
            name="package",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="charges",
                to="store.accountpackage",
            ),
        ),
        migrations.AddField(
            model_name="agreement",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="agreements", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="agreementacceptance",
            name="agreement",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="acceptances", to="store.agreement"
            ),
        ),
        migrations.AddConstraint(
            model_name="apianswer",
            constraint=models.UniqueConstraint(fields=("owner", "key"), name="api_answer_once"),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="api_tokens",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="change_requests", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="code",
            name="contact",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="codes",
                to="store.contact",
            ),
        ),
        migrations.AddField(
            model_name="contactsession",
            name="contact",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="sessions", to="store.contact"
            ),
        ),
        migrations.AddField(
            model_name="customernote",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="notes", to="store.customer"
            ),
        ),
        migrations.AddField(
            model_name="delayedsave",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="delayed_saves", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="localization",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="localizations", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="localization",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="customers",
                to="store.localization",
            ),
        ),
        migrations.AddField(
            model_name="mailsettings",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="mail_settings", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="messages", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="contact",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="messages",
                to="store.contact",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="customer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="messages",
                to="store.customer",
            ),
        ),
        migrations.AddField(
            model_name="numberblock",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="number_blocks", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="numberblock",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="number_blocks", to="store.customer"
            ),
        ),
        migrations.AddField(
            model_name="portaldomain",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="portal_domains", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="mailsettings",
            name="domain",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="mail_settings",
                to="store.portaldomain",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="domain",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="customers",
                to="store.portaldomain",
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="saved_views", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="smssettings",
            name="account",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="sms_settings", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="tag",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="tags", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="tags",
            field=models.ManyToManyField(blank=True, db_table="customer_tag", related_name="customers", to="store.tag"),
        ),
        migrations.AlterField(
            model_name="ingressroute",
            name="customer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="ingress_routes",
                to="store.customer",
            ),
        ),
        migrations.AddField(
            model_name="ingressroute",
            name="tag",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ingress_routes",
                to="store.tag",
            ),
        ),
        migrations.AddConstraint(
            model_name="ingressroute",
            constraint=models.CheckConstraint(
                condition=models.Q(("customer__isnull", False), ("tag__isnull", False), _connector="XOR"),
                name="ingress_route_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(fields=("account", "accounting_id"), name="customer_accounting_id_once"),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("pai_mode__in", ("default", "remove", "if_available", "required"))),
                name="customer_pai_mode",
            ),
        ),
        migrations.AddConstraint(
            model_name="carrier",
            constraint=models.CheckConstraint(
                condition=models.Q(("pai_mode__in", ("default", "remove", "if_available", "required"))),
                name="carrier_pai_mode",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("rtp_firewall__in", ("locked", "unlocked"))), name="customer_rtp_firewall"
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("attestation__in", ("A", "B", "C"))), name="customer_attestation"
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("local_increment_s__gte", 1), ("local_price_nanos__gte", 0)),
                name="customer_local_price",
            ),
        ),
        migrations.AddField(
            model_name="template",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="templates", to="store.account"
            ),
        ),
        migrations.AddField(
            model_name="verifiedcli",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="verified_clis", to="store.customer"
            ),
        ),
        migrations.AddConstraint(
            model_name="accountpackage",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("recording", "other"))), name="account_package_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="accountpackage",
            constraint=models.CheckConstraint(
                condition=models.Q(("basis__in", ("unit_day", "minute"))), name="account_package_basis"
            ),
        ),
        migrations.AddConstraint(
            model_name="accountpackage",
            constraint=models.CheckConstraint(
                condition=models.Q(("price_nanos__gte", 0), ("quantity__gte", 0)), name="account_package_amounts"
            ),
        ),
        migrations.AddConstraint(
            model_name="accountcharge",
            constraint=models.UniqueConstraint(
                fields=("account", "on", "package"), name="account_charge_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="agreement",
            constraint=models.UniqueConstraint(fields=("account", "number"), name="agreement_number_once"),
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("user__isnull", False), ("contact_id__isnull", False), _connector="XOR"),
                name="api_token_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="changerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("open", "approved", "rejected"))), name="change_request_state"
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["last_name", "id"], name="contact_by_name"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["email", "id"], name="contact_by_email"),
        ),
        migrations.AddIndex(
            model_name="code",
            index=models.Index(fields=["secret_hash"], name="code_secret"),
        ),
        migrations.AddIndex(
            model_name="delayedsave",
            index=models.Index(condition=models.Q(("state", "pending")), fields=["due_at"], name="delayed_save_due"),
        ),
        migrations.AddIndex(
            model_name="delayedsave",
            index=models.Index(fields=["table_name", "row_id"], name="delayed_save_record"),
        ),
        migrations.AddConstraint(
            model_name="delayedsave",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("pending", "done", "conflict", "refused", "canceled"))),
                name="delayed_save_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="localization",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="localization_name_once"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "sending"])), fields=["next_at"], name="message_due"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["account", "-id"], name="message_newest"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", ("email", "sms"))), name="message_kind"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("queued", "sending", "sent", "failed", "canceled"))),
                name="message_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="numberblock",
            constraint=models.CheckConstraint(
                condition=models.Q(("first__gte", 0), ("last__gte", models.F("first")), ("last__lt", 1000000000000)),
                name="number_block_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="mailsettings",
            constraint=models.UniqueConstraint(
                fields=("account", "domain"), name="mail_settings_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="mailsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ("auto", "none", "starttls", "tls"))), name="mail_settings_mode"
            ),
        ),
        migrations.AddConstraint(
            model_name="mailsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("port__gte", 1), ("port__lte", 65535)), name="mail_settings_port"
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(fields=("user", "grid", "name"), name="saved_view_once"),
        ),
        migrations.AddConstraint(
            model_name="smssettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("provider__in", ("log", "http"))), name="sms_settings_provider"
            ),
        ),
        migrations.AddConstraint(
            model_name="tag",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="tag_name_once"),
        ),
        migrations.AddConstraint(
            model_name="template",
            constraint=models.UniqueConstraint(fields=("account", "key", "language"), name="template_once"),
        ),
        migrations.AddConstraint(
            model_name="verifiedcli",
            constraint=models.UniqueConstraint(fields=("customer", "number"), name="verified_cli_once"),
        ),
        migrations.AddConstraint(
            model_name="verifiedcli",
            constraint=models.CheckConstraint(
                condition=models.Q(("method__in", ("operator", "call_back"))), name="verified_cli_method"
            ),
        ),
        migrations.AddConstraint(
            model_name="verifiedcli",
            constraint=models.CheckConstraint(
                condition=models.Q(("attestation__in", ("A", "B", "C"))), name="verified_cli_attestation"
            ),
        ),
        migrations.CreateModel(
            name="AccountTerms",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("from_on", models.DateField()),
                ("billing_method", models.TextField()),
                ("minute_price_nanos", models.BigIntegerField()),
                ("channel_day_price_nanos", models.BigIntegerField()),
                ("channels", models.IntegerField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="terms", to="store.account"
                    ),
                ),
            ],
            options={
                "db_table": "account_terms",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "from_on"), name="account_terms_once"),
                ],
            },
        ),
        migrations.RunSQL(script("schema_customers"), migrations.RunSQL.noop),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name="customer",
            name="notes",
        ),
    ]
