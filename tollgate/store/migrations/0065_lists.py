"""Long lists of customers, endpoints and routes have an index for each of their orders."""

from typing import ClassVar, Final

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

IN_SERVICE: Final = models.Q(deleted_at__isnull=True)
OF_CUSTOMERS: Final = (
    *("number", "company", "country", "reference", "accounting_id", "channels"),
    *("debit_limit_micros", "status_until", "expires_at"),
)
OF_OTHERS: Final = {
    ("endpoint", "endpoint"): ("name", "kind", "tech_prefix", "channels", "cps_milli", "enabled"),
    ("ingressroute", "ingress_route"): ("name", "tech_prefix", "strategy", "channels", "cps_milli", "enabled"),
}


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0064_entry_files")]
    operations: ClassVar[list[Operation]] = [
        migrations.AddIndex(
            "customer",
            models.Index(fields=["account", "name", "id"], include=["deleted_at"], name="customer_by_name"),
        ),
        *(
            migrations.AddIndex(
                "customer",
                models.Index(fields=["account", field, "id"], condition=IN_SERVICE, name=f"customer_by_{field}"),
            )
            for field in OF_CUSTOMERS
        ),
        *(
            migrations.AddIndex(model, models.Index(fields=[field, "id"], name=f"{table}_by_{field}"))
            for (model, table), fields in OF_OTHERS.items()
            for field in fields
        ),
    ]
