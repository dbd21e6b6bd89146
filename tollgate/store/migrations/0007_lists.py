"""Jobs that people start, row by row; views that are shared; an index by which lists find what contains a text."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from tollgate.store.sql import script


class Migration(migrations.Migration):
    dependencies = [("store", "0006_summaries")]

    operations = [
        migrations.AddField(
            model_name="savedview",
            name="shared",
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("noun", models.TextField()),
                ("act", models.TextField()),
                ("title", models.TextField()),
                ("arguments", models.JSONField(default=dict)),
                ("headers", models.JSONField(default=list)),
                ("mapping", models.JSONField(default=dict)),
                ("dry", models.BooleanField(default=False)),
                ("state", models.TextField(default="waiting")),
                ("result", models.TextField(blank=True, default="")),
                ("author_id", models.BigIntegerField()),
                ("author", models.TextField()),
                ("reason", models.TextField(blank=True, default="")),
                ("total_count", models.IntegerField(default=0)),
                ("done_count", models.IntegerField(default=0)),
                ("failed_count", models.IntegerField(default=0)),
                ("attempt_count", models.IntegerField(default=1)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tasks", to="store.account"
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="followers",
                        to="store.task",
                    ),
                ),
            ],
            options={
                "db_table": "task",
            },
        ),
        migrations.CreateModel(
            name="TaskRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField()),
                ("record_id", models.BigIntegerField(blank=True, null=True)),
                ("title", models.TextField(blank=True, default="")),
                ("cells", models.JSONField(blank=True, null=True)),
                ("state", models.TextField(default="waiting")),
                ("errors", models.JSONField(default=list)),
                ("attempt_count", models.IntegerField(default=0)),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rows", to="store.task"
                    ),
                ),
            ],
            options={
                "db_table": "task_row",
            },
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("state__in", ("waiting", "active"))), fields=["id"], name="task_open"
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["author_id"], name="task_author"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("upload", "edit", "delete", "restore"))), name="task_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waiting", "active", "completed", "failed", "canceled"))),
                name="task_state",
            ),
        ),
        migrations.AddIndex(
            model_name="taskrow",
            index=models.Index(fields=["task", "state", "number"], name="task_row_next"),
        ),
        migrations.AddConstraint(
            model_name="taskrow",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waiting", "done", "failed"))), name="task_row_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="taskrow",
            constraint=models.UniqueConstraint(fields=("task", "number"), name="task_row_once"),
        ),
        migrations.RunSQL(script("schema_search"), migrations.RunSQL.noop),
    ]
