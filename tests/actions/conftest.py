"""Acts are done by Ann unless a test says otherwise. (Models are imported late: Django is set up after this file.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.gateways.payments.desk import Desk
    from tollgate.actions.acts import Done
    from tollgate.store.models import Account


@pytest.fixture
def done(db: None) -> Iterator[Done]:
    """Ann acts; gives what the acts warned of. Passwords are hashed quickly: Argon2 is claimed in tests/config."""
    from django.test import override_settings

    from tests.actions.cast import ANN
    from tollgate.actions.acts import acting

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]), acting(ANN) as said:
        yield said


@pytest.fixture
def account(done: Done) -> Account:
    """An account in EUR."""
    from tests.actions.cast import demo_account

    return demo_account()


@pytest.fixture(scope="module")
def house() -> Iterator[Desk]:
    """The payment services' stand-in, as far as we know them."""
    from tests.gateways.payments.desk import desk

    with desk() as found:
        yield found


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in is on this machine, where no service may be otherwise."""
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8")
