"""Logs are searched and sorted by indexes. They may be long: each index is built while others write, anew if that was
broken off, and not again if it stands.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script

SORTED: Final = {
    ("message", "message"): ("recipient", "state", "sent_at"),
    ("task", "task"): ("kind", "author", "created_at", "started_at", "ended_at"),
    ("delayedsave", "delayed_save"): ("due_at", "author", "state", "created_at", "finished_at"),
}
OF_AUDIT: Final = ("actor", "act", "table_name", "verb")
VALUES: Final = "jsonb_path_query_array({}, '$.*')::text"
SEARCHED: Final = {
    "message": "recipient, subject",
    "task": "title, author, result, reason",
    "delayed_save": f"title, author, result, reason, {VALUES.format('after')}",
    "audit": "actor, reason, replace(act, '_', ' '), host(ip), table_name || ' ' || row_id, verb,"
    f" {VALUES.format('before')}, {VALUES.format('after')}",
}


BROKEN_OFF: Final = "SELECT true FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid"


def _built(name: str, on: str) -> migrations.RunPython:
    """One that was broken off is there and good for nothing."""

    def build(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
        del apps
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(BROKEN_OFF, [name])
            if cursor.fetchone():
                cursor.execute(f"DROP INDEX CONCURRENTLY {name}")
            cursor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {on}")

    return migrations.RunPython(build, migrations.RunPython.noop)


def _operations() -> Iterator[Operation]:
    yield migrations.RunSQL(script("schema_log_search"), migrations.RunSQL.noop)
    for (model, table), fields in SORTED.items():
        for field in fields:
            name = f"{table}_by_{field}"
            known = migrations.AddIndex(model, models.Index(fields=[field, "id"], name=name))
            yield migrations.SeparateDatabaseAndState([_built(name, f"{table} ({field}, id)")], [known])
    for field in OF_AUDIT:
        yield _built(f"audit_by_{field}", f"audit ({field}, id)")
    yield migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS audit_actor", migrations.RunSQL.noop)
    for table, words in SEARCHED.items():
        yield _built(f"{table}_search", f"{table} USING gin (search_grams(search_words({words})))")
    yield migrations.RunSQL(f"ANALYZE {', '.join(SEARCHED)}", migrations.RunSQL.noop)


class Migration(migrations.Migration):
    atomic = False
    dependencies: ClassVar = [("store", "0072_deleted_records")]
    operations: ClassVar[list[Operation]] = [*_operations()]
