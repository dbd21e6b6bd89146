"""The cast of the panel, seen through tokens. (Models are imported late.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.api.caller import Api
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
def ann(cast: Cast) -> Api:
    """Ann's token with all of her rights."""
    from tests.api.caller import Api

    return Api.of(cast.ann)


@pytest.fixture
def rita(cast: Cast) -> Api:
    """A token of Rita, who works for the reseller Baltic and may do and read everything of it."""
    from tests.api.caller import Api
    from tests.panel.cast import with_rita

    return Api.of(with_rita(cast)[0])
