"""Rows of jobs know the version that their author saw, and what their act has told; runs of packages are jobs.

Who might run the packages of everybody still may.
"""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

RUNS = """
UPDATE user_group SET acts = acts || '{start_package_run}'
WHERE 'run_packages' = ANY (acts) AND NOT 'start_package_run' = ANY (acts)
"""


class Migration(migrations.Migration):
    dependencies = [("store", "0041_resale_looks")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("taskrow", "version", models.IntegerField(null=True, blank=True)),
        migrations.AddField("taskrow", "outcome", models.JSONField(null=True, blank=True)),
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
                            "package_run",
                        ),
                    )
                ),
                name="task_kind",
            ),
        ),
        migrations.RunSQL(RUNS, migrations.RunSQL.noop),
    ]
