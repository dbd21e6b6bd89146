"""Notes tell what recalculations correct of issued invoices. Those of before stay with the next document."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0038_options")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("recalculation", "on_notes", models.BooleanField(default=False)),  # for those of before
        migrations.AlterField("recalculation", "on_notes", models.BooleanField(default=True)),
        migrations.AddField(
            "invoice",
            "recalculation",
            models.ForeignKey(
                null=True,
                blank=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="notes",
                to="store.recalculation",
            ),
        ),
        migrations.AddField("invoice", "corrections_after_id", models.BigIntegerField(null=True, blank=True)),
        migrations.AddField("invoice", "corrections_until_id", models.BigIntegerField(null=True, blank=True)),
        migrations.RemoveConstraint(model_name="task", name="task_kind"),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        (
                            "upload",
                            "edit",
                            "delete",
                            "restore",
                            "recalculate",
                            "take_back",
                            "call_file",
                            "send",
                            "correction_notes",
                        ),
                    )
                ),
                name="task_kind",
            ),
        ),
    ]
