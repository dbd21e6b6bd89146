"""How users prove who they are: second factors that are needed and sealed, providers to log in by."""

import hashlib
import hmac
from hashlib import sha1
from typing import Any

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from tollgate.store.secrets import key_for, seal

AUDITED = {"sign_in_provider": "'secret_sealed'", "sign_in_group": "", "sign_in_link": "'subject'"}
OF_USERS = "'password', 'last_login', 'session_epoch', 'recovery_hashes'"
CODES_COUNT, CODE_DIGITS = 10, 8


def triggers() -> str:
    """The audit and version triggers of the new tables, and that of users with all their secrets."""
    audit = (
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({secrets});"
        for table, secrets in AUDITED.items()
    )
    version = "BEFORE UPDATE ON sign_in_provider FOR EACH ROW EXECUTE FUNCTION next_version();"
    anew = f"AFTER INSERT OR UPDATE OR DELETE ON app_user FOR EACH ROW EXECUTE FUNCTION audit_row({OF_USERS});"
    of_users = f"DROP TRIGGER audit ON app_user; CREATE TRIGGER audit {anew}"
    return "\n".join([*audit, f"CREATE TRIGGER next_version {version}", of_users])


def seal_factors(apps: Any, schema_editor: Any) -> None:
    """Seals the seeds of authenticator apps, and keeps recovery codes by their hashes alone."""
    known = apps.get_model("mfa", "Authenticator").objects
    for app in known.filter(type="totp"):
        app.data = {**app.data, "secret": seal(app.data["secret"])}
        app.save(update_fields=["data"])
    users = apps.get_model("store", "User").objects
    for kept in known.filter(type="recovery_codes"):
        users.filter(pk=kept.user_id).update(recovery_hashes=[_hashed(kept.user_id, code) for code in _left(kept.data)])
    known.filter(type="recovery_codes").delete()


def _left(data: dict[str, Any]) -> list[str]:
    """The codes that a seed stood for until now, without those used up."""
    stream, codes = hmac.new(data["seed"].encode("ascii"), digestmod=sha1), []
    for place in range(CODES_COUNT):
        stream.update(f"{place:3},".encode())
        value = int.from_bytes(stream.digest()[: CODE_DIGITS // 2], "big") % 10**CODE_DIGITS
        codes.append(str(value).zfill(CODE_DIGITS))
    return [code for place, code in enumerate(codes) if not data["used_mask"] & (1 << place)]


def _hashed(user_id: int, code: str) -> str:
    """As actions.user_factors does it."""
    return hmac.new(key_for("recovery codes"), f"{user_id}:{code}".encode(), hashlib.sha256).hexdigest()


class Migration(migrations.Migration):
    dependencies = [("store", "0015_corrections"), ("mfa", "0003_authenticator_type_uniq")]
    operations = [
        migrations.AddField("account", "second_factor", models.BooleanField(default=False)),
        migrations.AddField("account", "second_factor_days", models.IntegerField(default=7)),
        migrations.AddField("usergroup", "second_factor", models.BooleanField(default=False)),
        migrations.AddField("user", "factor_asked_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "user",
            "recovery_hashes",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, default=list, size=None
            ),
        ),
        migrations.CreateModel(
            name="SignInProvider",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("title", models.CharField(max_length=50)),
                ("enabled", models.BooleanField(default=True)),
                ("serves", models.TextField(default="users")),
                ("issuer", models.CharField(max_length=500)),
                ("client_id", models.CharField(max_length=200)),
                ("secret_sealed", models.TextField(blank=True, default="")),
                ("scopes", models.CharField(default="openid email profile", max_length=200)),
                ("groups_claim", models.CharField(default="groups", max_length=100)),
                ("creates_users", models.BooleanField(default=False)),
                ("trusts_emails", models.BooleanField(default=False)),
                ("groups_version", models.IntegerField(default=1, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_in_providers",
                        to="store.account",
                    ),
                ),
                (
                    "domain",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_in_providers",
                        to="store.portaldomain",
                    ),
                ),
            ],
            options={
                "db_table": "sign_in_provider",
                "constraints": [
                    models.UniqueConstraint(fields=["account", "title"], name="sign_in_provider_title_once"),
                    models.CheckConstraint(
                        condition=models.Q(("serves__in", ("users", "contacts"))), name="sign_in_provider_serves"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SignInGroup",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("claim", models.CharField(max_length=200)),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sign_in_groups", to="store.usergroup"
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="groups", to="store.signinprovider"
                    ),
                ),
            ],
            options={
                "db_table": "sign_in_group",
                "constraints": [
                    models.UniqueConstraint(fields=["provider", "claim", "group"], name="sign_in_group_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="SignInLink",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("subject", models.CharField(max_length=255)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sign_in_links",
                        to="store.contact",
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="links", to="store.signinprovider"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sign_in_links",
                        to="store.user",
                    ),
                ),
            ],
            options={
                "db_table": "sign_in_link",
                "constraints": [
                    models.UniqueConstraint(fields=["provider", "subject"], name="sign_in_link_once"),
                    models.CheckConstraint(
                        condition=models.Q(("user__isnull", False), ("contact__isnull", False), _connector="XOR"),
                        name="sign_in_link_of_one",
                    ),
                ],
            },
        ),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
        migrations.RunPython(seal_factors, migrations.RunPython.noop),
    ]
