"""One registry of extensions over SIP users, IP endpoints and conference rooms."""

from collections.abc import Callable
from typing import Any, ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tollgate.store.sql import script


def _belongs(to: str, name: str, *, on_delete: Callable[..., None], null: bool = False) -> "models.ForeignKey[Any]":
    return models.ForeignKey(null=null, on_delete=on_delete, related_name=name, to=f"store.{to}")


CASCADE, PROTECT = django.db.models.deletion.CASCADE, django.db.models.deletion.PROTECT


class Migration(migrations.Migration):
    dependencies = [("store", "0018_bulk")]
    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="ConferenceRoom",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("name", models.CharField(max_length=200)),
                ("extension", models.BigIntegerField()),
                ("host", models.CharField(max_length=255)),
                ("port", models.IntegerField(default=5060)),
                ("transport", models.TextField(default="udp")),
                ("channels", models.IntegerField(default=0)),
                ("shared", models.BooleanField(default=False)),
                ("enabled", models.BooleanField(default=True)),
                ("account", _belongs("account", "conference_rooms", on_delete=PROTECT)),
                ("customer", _belongs("customer", "conference_rooms", on_delete=CASCADE)),
            ],
            options={
                "db_table": "conference_room",
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "name"), name="conference_room_name_once"),
                    models.CheckConstraint(
                        condition=models.Q(("transport__in", ("udp", "tcp", "tls"))), name="conference_room_transport"
                    ),
                    models.CheckConstraint(condition=models.Q(("channels__gte", 0)), name="conference_room_limits"),
                    models.CheckConstraint(
                        condition=models.Q(("port__gte", 1), ("port__lte", 65535)), name="conference_room_port"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("extension__gte", 0), ("extension__lt", 10**12)),
                        name="conference_room_extension",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Extension",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("account", _belongs("account", "extensions", on_delete=CASCADE)),
                ("customer", _belongs("customer", "extensions", on_delete=CASCADE)),
                ("endpoint", _belongs("endpoint", "numbers", on_delete=CASCADE, null=True)),
                ("conference_room", _belongs("conferenceroom", "numbers", on_delete=CASCADE, null=True)),
            ],
            options={
                "db_table": "extension",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("first__gte", 0), ("last__gte", models.F("first")), ("last__lt", 10**12)),
                        name="extension_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("conference_room__isnull", True), ("endpoint__isnull", False)),
                            models.Q(("conference_room__isnull", False), ("endpoint__isnull", True)),
                            _connector="OR",
                        ),
                        name="extension_owner",
                    ),
                ],
            },
        ),
        migrations.AddField("endpoint", "sends_calls", models.BooleanField(default=True)),
        migrations.AddField("endpoint", "extensions", models.TextField(blank=True, default="")),
        migrations.AddField("endpoint", "delivery_host", models.CharField(blank=True, default="", max_length=255)),
        migrations.AddField("endpoint", "delivery_port", models.IntegerField(default=5060)),
        migrations.AddField("endpoint", "delivery_transport", models.TextField(default="udp")),
        migrations.AddConstraint(
            "endpoint",
            models.CheckConstraint(
                condition=models.Q(("delivery_transport__in", ("udp", "tcp", "tls"))),
                name="endpoint_delivery_transport",
            ),
        ),
        migrations.AddConstraint(
            "endpoint",
            models.CheckConstraint(
                condition=models.Q(("delivery_port__gte", 1), ("delivery_port__lte", 65535)),
                name="endpoint_delivery_port",
            ),
        ),
        migrations.AddConstraint(
            "endpoint",
            models.CheckConstraint(
                condition=models.Q(("kind", "ip"), ("extensions", ""), _connector="OR"), name="endpoint_extensions"
            ),
        ),
        migrations.RunSQL(script("schema_extensions"), migrations.RunSQL.noop),
    ]
