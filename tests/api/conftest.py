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
    from tests.panel.cast import PASSWORD
    from tollgate.actions.acts import Actor, acting
    from tollgate.actions.customers import create_customer
    from tollgate.actions.users import create_user, create_user_group

    with acting(Actor("setup", frozenset({"*"}))):
        create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
        group = create_user_group(name="Resellers", acts=["*"], areas=["*"])
        user = create_user(
            name="Rita",
            email="rita@baltic.example",
            password=PASSWORD,
            group_ids=[group.pk],
            reseller_id=cast.baltic.pk,
        )
    return Api.of(user)
