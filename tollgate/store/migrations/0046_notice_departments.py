"""Which of a customer's contacts get its notices, by their departments."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0045_loss_warnings")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField(
            model_name="customer",
            name="notification_departments",
            field=ArrayField(models.TextField(), blank=True, default=list),
        ),
    ]
