"""The Django application of the portal: templates, assets and tags; it has no tables."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers the room's templates, assets and tags."""

    name = "tollgate.portal"
    label = "portal"
