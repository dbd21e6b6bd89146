"""DIDs, the direction of cards, and the networks that carriers call from."""

from typing import Any, ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import tollgate.store.models.networks
from tollgate.store.sql import script


def _belongs(to: str, name: str, *, null: bool = False) -> "models.ForeignKey[Any]":
    protect = django.db.models.deletion.PROTECT
    return models.ForeignKey(null=null, blank=null, on_delete=protect, related_name=name, to=f"store.{to}")


def _one_of(field: str, *values: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q((f"{field}__in", values)), name=name)


class Migration(migrations.Migration):
    dependencies = [("store", "0057_kept_balances")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddField("card", "direction", models.TextField(default="termination")),
        migrations.AddConstraint("card", _one_of("direction", "termination", "origination", name="card_direction")),
        migrations.AddField(
            "carrier",
            "networks",
            django.contrib.postgres.fields.ArrayField(
                base_field=tollgate.store.models.networks.NetworkField(), blank=True, default=list, size=None
            ),
        ),
        migrations.CreateModel(
            name="Did",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("number", models.CharField(max_length=20)),
                ("destinations", models.TextField(blank=True, default="")),
                ("order", models.TextField(default="serial")),
                ("channels", models.IntegerField(default=0)),
                ("cps_milli", models.IntegerField(default=0)),
                ("max_duration_s", models.IntegerField(blank=True, null=True)),
                ("recording", models.TextField(default="inherit")),
                ("pai_mode", models.TextField(default="default")),
                ("public_note", models.TextField(blank=True, default="")),
                ("private_note", models.TextField(blank=True, default="")),
                ("enabled", models.BooleanField(default=True)),
                ("account", _belongs("account", "dids")),
                ("customer", _belongs("customer", "dids", null=True)),
                ("card", _belongs("card", "dids", null=True)),
                ("carrier", _belongs("carrier", "dids", null=True)),
                ("carrier_card", _belongs("card", "dids_of_carrier", null=True)),
            ],
            options={
                "db_table": "did",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "number"), name="did_number_once"),
                    models.CheckConstraint(
                        condition=models.Q(("number__regex", "^[1-9][0-9]{2,19}$")), name="did_number"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("card__isnull", False), ("customer__isnull", False)),
                            models.Q(("card__isnull", True), ("customer__isnull", True), ("destinations", "")),
                            _connector="OR",
                        ),
                        name="did_customer",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("carrier__isnull", False), ("carrier_card__isnull", True), _connector="OR"),
                        name="did_carrier",
                    ),
                    _one_of("order", "serial", "random", name="did_order"),
                    _one_of("recording", "inherit", "off", "on", name="did_recording"),
                    _one_of("pai_mode", "default", "remove", name="did_pai_mode"),
                    models.CheckConstraint(
                        condition=models.Q(("channels__gte", 0), ("cps_milli__gte", 0)), name="did_limits"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("max_duration_s__isnull", True), ("max_duration_s__gte", 1), _connector="OR"
                        ),
                        name="did_duration",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DidPrice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "did",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="prices", to="store.did"
                    ),
                ),
                ("reseller", _belongs("customer", "did_prices")),
                ("card", _belongs("card", "did_prices")),
            ],
            options={
                "db_table": "did_price",
                "constraints": [models.UniqueConstraint(fields=("did", "reseller"), name="did_price_once")],
            },
        ),
        migrations.RunSQL(script("schema_dids"), migrations.RunSQL.noop),
    ]
