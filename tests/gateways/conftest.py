"""Servers on this machine may be written to, and there is a certificate for them."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.gateways.sink import Certificate, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Self-made, for localhost and 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def inside_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an operator allows a mail server in the own rack."""
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8, ::1")


@pytest.fixture
def rebound(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that leads to this machine when it is first asked for, and from then on elsewhere."""
    real, asked = socket.getaddrinfo, list[str]()

    def answer(host: str, *more: Any, **options: Any) -> Any:
        if host != "rebound.example":
            return real(host, *more, **options)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.0.0.99", *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return "rebound.example"
