"""Large files of calls are made by tasks."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0022_languages")]
    operations: ClassVar[list[Operation]] = [
        migrations.RemoveConstraint(model_name="task", name="task_kind"),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("upload", "edit", "delete", "restore", "recalculate", "take_back", "call_file"))
                ),
                name="task_kind",
            ),
        ),
    ]
