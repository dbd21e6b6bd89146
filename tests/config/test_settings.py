"""What the settings promise about security, seen from outside."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import Argon2PasswordHasher, identify_hasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client, override_settings

import tollgate.config
from tollgate.gateways.stolen_passwords import STOLEN, hash_of

User = get_user_model()
POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"


@pytest.fixture
def ann(db: None) -> Client:
    """A browser in which Ann has logged in through the page."""
    User.objects.create_user(email="ann@example.com", password="correct horse battery", name="Ann")
    client = Client(enforce_csrf_checks=False)
    answer = client.post("/account/login/", {"login": "ann@example.com", "password": "correct horse battery"})
    assert answer.status_code == 302
    return client


def test_health_is_told_without_a_login(client: Client, db: None) -> None:
    assert client.get("/healthz").content == b"ok\n"


def test_every_answer_carries_the_policy_without_exceptions(client: Client, db: None) -> None:
    policy = client.get("/account/login/").headers["Content-Security-Policy"]
    assert {rule.strip() for rule in policy.split(";")} >= {rule.strip() for rule in POLICY.split(";")}
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_page_may_not_be_framed_or_sniffed(client: Client, db: None) -> None:
    headers = client.get("/account/login/").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_form_without_its_token_is_refused(db: None) -> None:
    assert Client(enforce_csrf_checks=True).post("/account/login/", {}).status_code == 403


def test_passwords_are_hashed_by_argon2(db: None) -> None:
    user = User.objects.create_user(email="ann@example.com", password="correct horse battery", name="Ann")
    assert isinstance(identify_hasher(user.password), Argon2PasswordHasher)
    assert user.password.startswith("peppered$argon2id$")


def test_a_list_of_stolen_passwords_is_asked_wherever_one_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stolen, path = "correct horse battery", tmp_path / "stolen.txt"
    path.write_bytes(hash_of(stolen) + b":7\r\n")
    validate_password(stolen)
    monkeypatch.setenv("TOLLGATE_BREACHED_PASSWORDS", str(path))
    told = run_path(str(Path(tollgate.config.__file__).with_name("settings.py")))
    with override_settings(AUTH_PASSWORD_VALIDATORS=told["AUTH_PASSWORD_VALIDATORS"]):
        with pytest.raises(ValidationError, match=STOLEN):
            validate_password(stolen)
        validate_password("another horse battery")


def test_nobody_makes_a_user_of_their_own(client: Client, db: None) -> None:
    body = {"email": "eve@example.com", "password1": "correct horse battery", "password2": "correct horse battery"}
    client.post("/account/signup/", body)
    assert not User.objects.exists()


@pytest.mark.parametrize("page", ["password/reset/", "password/reset/done/", "password/reset/key/1-2/", "email/"])
def test_pages_that_would_send_mail_are_absent(ann: Client, page: str) -> None:
    assert ann.get(f"/account/{page}").status_code == 404
    assert ann.post(f"/account/{page}", {"email": "ann@example.com"}).status_code == 404


def test_the_admin_site_is_not_installed() -> None:
    assert not apps.is_installed("django.contrib.admin")


def test_session_cookies_are_out_of_reach_of_scripts_and_other_sites(ann: Client) -> None:
    cookie = ann.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_a_wrong_password_is_refused_and_repeated_guesses_are_stopped(client: Client, db: None) -> None:
    User.objects.create_user(email="ann@example.com", password="correct horse battery", name="Ann")
    guess = {"login": "ann@example.com", "password": "wrong"}
    for _ in range(5):
        assert client.post("/account/login/", guess).status_code == 200
    late = client.post("/account/login/", guess | {"password": "correct horse battery"})
    assert late.status_code != 302


def test_an_idle_user_is_logged_out_and_a_busy_one_stays(ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "IDLE_LOGOUT_MINUTES", 1)
    assert ann.get("/").status_code != 302
    session = ann.session
    session["active_at_s"] -= 20  # far enough from a minute for a slow machine
    session.save()
    assert ann.get("/").status_code != 302
    session = ann.session
    session["active_at_s"] -= 61
    session.save()
    assert ann.get("/").status_code == 302


def test_a_page_that_refreshes_itself_keeps_nobody_logged_in(ann: Client) -> None:
    ann.get("/")
    session = ann.session
    session["active_at_s"] = seen = session["active_at_s"] - 600
    session.save()
    ann.get("/", headers={"X-Tollgate-Poll": "1"})
    assert ann.session["active_at_s"] == seen
    ann.get("/")
    assert ann.session["active_at_s"] > seen
