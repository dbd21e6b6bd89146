"""All lines of a file for the bank are confirmed by a job."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

KINDS = (
    *("upload", "edit", "delete", "restore", "recalculate", "take_back", "call_file", "send", "correction_notes"),
    *("package_run", "bank_run", "bank_confirmation"),
)


class Migration(migrations.Migration):
    dependencies = [("store", "0058_dids")]
    operations: ClassVar[list[Operation]] = [
        migrations.RemoveConstraint(model_name="task", name="task_kind"),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(condition=models.Q(kind__in=KINDS), name="task_kind"),
        ),
    ]
