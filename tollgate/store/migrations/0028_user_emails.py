"""It is known of the email of each user whether somebody has proved that it is read."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

WHO_WORKED_BEFORE = """
UPDATE app_user SET email_verified_at = last_login WHERE last_login IS NOT NULL
"""
"""They keep what they had: without this nobody who forgot the password would be sent a link."""


class Migration(migrations.Migration):
    dependencies = [("store", "0025_mailings")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("user", "email_verified_at", models.DateTimeField(null=True, blank=True)),
        migrations.RunSQL(WHO_WORKED_BEFORE, migrations.RunSQL.noop),
    ]
