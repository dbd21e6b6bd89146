"""Mail and SMS to many are sent by tasks, and it is known how much room recordings take."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("store", "0024_payment_books")]
    operations: ClassVar[list[Operation]] = [
        migrations.RemoveConstraint(model_name="task", name="task_kind"),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        ("upload", "edit", "delete", "restore", "recalculate", "take_back", "call_file", "send"),
                    )
                ),
                name="task_kind",
            ),
        ),
        migrations.RemoveConstraint(model_name="taskrow", name="task_row_state"),
        migrations.AddConstraint(
            model_name="taskrow",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waiting", "sending", "done", "failed"))), name="task_row_state"
            ),
        ),
        migrations.AddIndex(
            model_name="taskrow",
            index=models.Index(condition=models.Q(("state", "sending")), fields=["task"], name="task_row_sending"),
        ),
        migrations.AddField(
            model_name="message",
            name="task_row",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="messages",
                to="store.taskrow",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(
                condition=models.Q(("task_row__isnull", False)), fields=("task_row",), name="message_once_in_a_mailing"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "sending"]), ("task_row__isnull", True)),
                fields=["next_at"],
                name="message_due_first",
            ),
        ),
        migrations.CreateModel(
            name="Recording",
            fields=[
                ("call_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("folder", models.CharField(max_length=40)),
                ("size_bytes", models.BigIntegerField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recordings",
                        to="store.customer",
                    ),
                ),
            ],
            options={
                "db_table": "recording",
                "indexes": [models.Index(fields=["folder"], name="recording_folder")],
            },
        ),
        migrations.CreateModel(
            name="RecordingSpace",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="recording_space",
                        serialize=False,
                        to="store.customer",
                    ),
                ),
                ("files_count", models.BigIntegerField()),
                ("size_bytes", models.BigIntegerField()),
            ],
            options={"db_table": "recording_space"},
        ),
    ]
