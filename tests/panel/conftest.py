"""The cast in the database, and a browser's session for each of its users. (Models are imported late.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from tests.panel.cast import Cast


@pytest.fixture
def cast(db: None) -> Iterator[Cast]:
    """Everybody and everything. Passwords are hashed quickly: no test here is about their strength."""
    from django.test import override_settings

    from tests.kept_cast import kept
    from tests.panel.cast import assemble

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield kept(assemble)


@pytest.fixture
def ann(cast: Cast) -> Client:
    """Ann, who may do everything, logged in."""
    return logged_in(cast.ann)


@pytest.fixture
def bob(cast: Cast) -> Client:
    """Bob, who reads, logged in."""
    return logged_in(cast.bob)


def logged_in(user: object) -> Client:
    """A client with a session of this user."""
    from django.test import Client

    client = Client()
    client.force_login(user)  # type: ignore[arg-type]  # a user of ours
    return client
