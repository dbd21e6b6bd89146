"""Calls that cost less to write: a batch's writes in one function, turns of wallets and calls, the detail as text."""

from django.db import migrations

from tollgate.store.models.calls import WrittenJson
from tollgate.store.sql import script


class Migration(migrations.Migration):
    """See decision 0011."""

    dependencies = [("store", "0003_customers_contacts_account")]
    operations = [
        migrations.RunSQL(
            script("schema_leaner_calls"),
            migrations.RunSQL.noop,
            state_operations=[migrations.AlterField("cdr", "detail", WrittenJson(null=True))],
        ),
        migrations.RunSQL(script("ledger_charge"), migrations.RunSQL.noop),
    ]
