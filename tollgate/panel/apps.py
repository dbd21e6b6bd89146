"""The panel as a Django app: templates only, no tables."""

from django.apps import AppConfig


class PanelConfig(AppConfig):
    """Registers the templates of the panel, and those of the login pages before allauth's own."""

    name = "tollgate.panel"
    label = "panel"
