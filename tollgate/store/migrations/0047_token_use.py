"""From where, and by which program, a token was used last. That is no change of it, and stands in no row of the log."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


def trigger(secrets: str) -> str:
    """The audit trigger of tokens, anew."""
    return (
        "DROP TRIGGER audit ON api_token; CREATE TRIGGER audit "
        "AFTER INSERT OR UPDATE OF name, scopes, allowed_networks, expires_at, revoked_at OR DELETE ON api_token "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({secrets});"
    )


BEFORE = "'secret_hash', 'last_used_at'"


class Migration(migrations.Migration):
    dependencies = [("store", "0046_notice_departments")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField(
            model_name="apitoken",
            name="last_used_ip",
            field=models.GenericIPAddressField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_agent",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.RunSQL(trigger(f"{BEFORE}, 'last_used_ip', 'last_used_agent'"), trigger(BEFORE)),
    ]
