"""Reads templates of ours ready for every language (`ui.template_text`); those of other packages stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.template.base import Origin
from django.template.loaders import app_directories

from tollgate.ui.template_text import rewritten

PACKAGE: Final = Path(__file__).parent.parent
BUILTINS: Final = ["tollgate.ui.templatetags.said"]


def loaders(*before: str) -> list[Any]:
    """For the options of an engine: ours after those, and each template is read once."""
    return [("django.template.loaders.cached.Loader", [*before, "tollgate.ui.loading.Loader"])]


class Loader(app_directories.Loader):
    """Finds templates in the folders of the applications."""

    def get_contents(self, origin: Origin) -> str:
        """The source, with what it says between tags that say it."""
        source = super().get_contents(origin)
        assert isinstance(source, str)
        return rewritten(source) if Path(str(origin.name)).is_relative_to(PACKAGE) else source
