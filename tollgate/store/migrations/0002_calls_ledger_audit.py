"""The hot tables, the ledger and the audit log: plain SQL, so that they read without Django."""

from django.db import migrations

from tollgate.store.sql import script

AUDITED = [
    "account",
    "customer",
    "contact",
    "endpoint",
    "card",
    "revision",
    "carrier",
    "gateway",
    "ingress_route",
    "route_option",
    "edge",
    "app_user",
    "user_group",
]
VERSIONED = [
    "account",
    "customer",
    "contact",
    "endpoint",
    "card",
    "carrier",
    "gateway",
    "ingress_route",
]
NOTED = {"edge": "OF name, kind, rpc_url, enabled, account_id"}  # that an edge was heard is no change
SECRETS = {"endpoint": "'ha1'", "app_user": "'password', 'last_login'"}


def triggers() -> str:
    """One audit trigger for each table that people edit, one version trigger for each with an optimistic lock."""
    audit = (
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE {NOTED.get(table, '')} OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_row({SECRETS.get(table, '')});"
        for table in AUDITED
    )
    version = (
        f"CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION next_version();"
        for table in VERSIONED
    )
    return "\n".join([*audit, *version])


class Migration(migrations.Migration):
    """Wallets, calls, CDRs, entries, audit."""

    dependencies = [("store", "0001_records")]
    operations = [
        migrations.RunSQL(script("schema_calls"), migrations.RunSQL.noop),
        migrations.RunSQL(script("ledger_wallets"), migrations.RunSQL.noop),
        migrations.RunSQL(script("schema_audit"), migrations.RunSQL.noop),
        migrations.RunSQL(triggers(), migrations.RunSQL.noop),
    ]
