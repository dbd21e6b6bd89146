"""Jobs and their rows may wait for a time; kept views of the customers name the reseller in place of its id."""

import re
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

PARAMETER = "f.reseller"
ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def name_resellers(apps: Any, _: Any) -> None:
    """The filter was a choice from a list once, and the view kept the id of what was chosen. Later it was a part of a
    name: digits that some name has were typed, and stay. The first account is the one whose customers users see."""
    account = apps.get_model("store", "Account").objects.order_by("pk").first()
    resellers = apps.get_model("store", "Customer").objects.filter(account=account, is_reseller=True)
    for view in apps.get_model("store", "SavedView").objects.filter(grid="customers", query__contains=PARAMETER):
        parts = parse_qsl(view.query, keep_blank_values=True)
        told = dict(parts).get(PARAMETER, "")
        if not ID.fullmatch(told) or resellers.filter(name__contains=told).exists():
            continue
        if named := resellers.filter(pk=told).first():
            view.query = urlencode([(name, named.number if name == PARAMETER else text) for name, text in parts])
            view.save(update_fields=["query"])


class Migration(migrations.Migration):
    dependencies = [("store", "0049_stir_certificates")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("task", "due_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField("taskrow", "due_at", models.DateTimeField(null=True, blank=True)),
        migrations.RunPython(name_resellers, migrations.RunPython.noop),
    ]
