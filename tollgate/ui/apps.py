"""The Django app that owns the shared templates, template tags and static files; it has no tables."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """Registers `tollgate.ui`."""

    name = "tollgate.ui"
    label = "ui"
    verbose_name = "Furniture"
