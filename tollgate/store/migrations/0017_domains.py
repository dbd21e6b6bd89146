"""What a portal domain decides: how it looks, what new customers of it begin with, its own words of messages."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

AUDIT = (
    "CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON portal_domain_card "
    "FOR EACH ROW EXECUTE FUNCTION audit_row();"
)

PACKAGES = (
    "UPDATE portal_domain SET sections = array_append(sections, 'packages') "
    "WHERE 'invoices' = ANY(sections) AND NOT 'packages' = ANY(sections);"
)
"""The section is new: whoever sees what is billed sees what it is billed for."""


def _color(name: str) -> Operation:
    return migrations.AddField("portaldomain", name, models.CharField(blank=True, default="", max_length=7))


def _address(name: str) -> Operation:
    return migrations.AddField("portaldomain", name, models.URLField(blank=True, default=""))


class Migration(migrations.Migration):
    dependencies = [("store", "0016_sign_in")]
    operations: ClassVar[list[Operation]] = [
        _color("color_dark"),
        _color("sidebar_color"),
        _color("background"),
        _color("background_dark"),
        migrations.AddField("portaldomain", "custom_css", models.TextField(blank=True, default="")),
        migrations.AddField("portaldomain", "footer_text", models.CharField(blank=True, default="", max_length=500)),
        _address("terms_url"),
        _address("privacy_url"),
        _address("imprint_url"),
        migrations.AddField(
            "portaldomain",
            "currencies",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=3), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            "portaldomain",
            "template_customer",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="template_of_domains",
                to="store.customer",
            ),
        ),
        migrations.AddField(
            "portaldomain",
            "cards",
            models.ManyToManyField(
                blank=True, db_table="portal_domain_card", related_name="default_of_domains", to="store.card"
            ),
        ),
        migrations.AddField("portaldomain", "cards_version", models.IntegerField(default=1, editable=False)),
        migrations.AddField(
            "portaldomain",
            "invoice_template",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="portal_domains",
                to="store.invoicetemplate",
            ),
        ),
        migrations.AddField(
            "template",
            "domain",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="templates",
                to="store.portaldomain",
            ),
        ),
        migrations.RemoveConstraint("template", "template_once"),
        migrations.AddConstraint(
            "template",
            models.UniqueConstraint(
                fields=("account", "domain", "key", "language"), name="template_once", nulls_distinct=False
            ),
        ),
        migrations.RunSQL(AUDIT, migrations.RunSQL.noop),
        migrations.RunSQL(PACKAGES, migrations.RunSQL.noop),
    ]
