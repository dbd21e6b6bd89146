"""The cast of the portal in the database. (Models are imported late.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.portal.cast import PortalCast


@pytest.fixture
def cast(db: None) -> Iterator[PortalCast]:
    """Everybody. Passwords are hashed quickly: that Argon2 does it otherwise is claimed in tests/config."""
    from django.test import override_settings

    from tests.kept_cast import kept
    from tests.portal.cast import gather

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield kept(gather)
