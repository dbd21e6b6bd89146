"""The account's packages keep their terms by day, recorded calls have an index, an acceptance names its user."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

RECORDED = """
CREATE INDEX cdr_recorded ON cdr (account_id, ended_at) INCLUDE (duration_ms)
WHERE strpos(detail::text, '"gate":"recorded"') > 0
"""
WHO_ACCEPTED = """
ALTER TABLE agreement_acceptance DISABLE TRIGGER agreement_acceptance_append_only;
UPDATE agreement_acceptance SET user_id = app_user.id FROM app_user
WHERE app_user.email = agreement_acceptance.by AND app_user.created_at <= agreement_acceptance.at;
ALTER TABLE agreement_acceptance ENABLE TRIGGER agreement_acceptance_append_only;
"""


class Migration(migrations.Migration):
    dependencies = [("store", "0034_resale_summaries")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="AccountPackageTerms",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("from_on", models.DateField()),
                ("unit", models.CharField(max_length=30)),
                ("basis", models.TextField()),
                ("price_nanos", models.BigIntegerField()),
                ("quantity", models.IntegerField()),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="terms", to="store.accountpackage"
                    ),
                ),
            ],
            options={
                "db_table": "account_package_terms",
                "constraints": [
                    models.UniqueConstraint(fields=("package", "from_on"), name="account_package_terms_once"),
                ],
            },
        ),
        migrations.AddField("agreementacceptance", "user_id", models.BigIntegerField(null=True)),
        migrations.RunSQL(WHO_ACCEPTED, migrations.RunSQL.noop),
        migrations.RunSQL(RECORDED, migrations.RunSQL.noop),
    ]
