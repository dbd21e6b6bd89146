"""What is deleted is kept for a while, to be restored. Who may delete a kind of record may restore it too."""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

CASCADE, SET_NULL = django.db.models.deletion.CASCADE, django.db.models.deletion.SET_NULL
RESTORES = """
UPDATE user_group SET acts = user_group.acts || added.acts
FROM (
  SELECT mine.id, array_agg(DISTINCT restoring ORDER BY restoring) AS acts
  FROM user_group AS mine
  CROSS JOIN unnest(mine.acts) AS deleting
  CROSS JOIN regexp_replace(replace(deleting, 'contacts', 'contact'), '^(delete|remove)_', 'restore_') AS restoring
  WHERE deleting IN (
      'delete_contact', 'delete_contacts', 'delete_endpoint', 'delete_ingress_route', 'delete_alias', 'delete_cli_rule',
      'remove_verified_cli', 'delete_did', 'delete_conference_room', 'delete_number_block', 'delete_gateway',
      'delete_access_number', 'delete_alert', 'delete_tag', 'delete_tax', 'delete_localization', 'delete_webhook',
      'delete_custom_page', 'delete_report')
    AND NOT restoring = ANY (mine.acts)
  GROUP BY mine.id
) AS added
WHERE user_group.id = added.id
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0071_departments")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="DeletedRecord",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("table_name", models.TextField()),
                ("record_id", models.BigIntegerField()),
                ("title", models.TextField(blank=True, default="")),
                ("author", models.TextField()),
                ("operated", models.BooleanField(default=True)),
                (
                    "deleted_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("sealed", models.TextField()),
                (
                    "account",
                    models.ForeignKey(on_delete=CASCADE, related_name="deleted_records", to="store.account"),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=CASCADE, related_name="deleted_records", to="store.customer"
                    ),
                ),
                (
                    "reseller",
                    models.ForeignKey(blank=True, null=True, on_delete=SET_NULL, related_name="+", to="store.customer"),
                ),
            ],
            options={
                "db_table": "deleted_record",
                "indexes": [models.Index(fields=["deleted_at"], name="deleted_record_at")],
                "constraints": [
                    models.UniqueConstraint(fields=("table_name", "record_id"), name="deleted_record_once")
                ],
            },
        ),
        migrations.RunSQL(RESTORES, migrations.RunSQL.noop),
    ]
