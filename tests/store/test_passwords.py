"""Claims about passwords as they are kept: the database alone tells nothing of them, and older ones are not lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.test import Client

from tests.portal.cast import gather
from tollgate.actions.portal_access import Opened, Place, log_in
from tollgate.store.models import Contact, User

WORDS = "correct horse battery"


def test_without_the_key_outside_the_database_the_right_password_fits_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = make_password(WORDS)
    assert check_password(WORDS, kept)
    assert not check_password(WORDS, kept.replace("peppered$", "argon2$", 1)), "as Argon2 alone"
    monkeypatch.setenv("TOLLGATE_DATA_KEY", "that of another installation")
    assert not check_password(WORDS, kept)


@pytest.mark.django_db
def test_a_hash_made_before_the_pepper_is_accepted_and_replaced_at_the_next_login() -> None:
    ann = User.objects.create_user(email="ann@example.com", name="Ann")
    User.objects.update(password=make_password(WORDS, hasher="argon2"))
    for _ in range(2):
        browser = Client()
        assert browser.post("/account/login/", {"login": "ann@example.com", "password": WORDS}).status_code == 302
        assert browser.get("/me/").status_code == 200
        ann.refresh_from_db()
        assert ann.password.startswith("peppered$")

    carla = gather().carla
    Contact.objects.filter(pk=carla.pk).update(password=make_password(WORDS, hasher="argon2"))
    for _ in range(2):
        place = Place(carla.login_domain, "192.0.2.7")
        assert isinstance(log_in(email=carla.email, password=WORDS, place=place, at=datetime.now(UTC)), Opened)
        carla.refresh_from_db()
        assert carla.password.startswith("peppered$")
    assert not isinstance(log_in(email=carla.email, password="wrong", place=place, at=datetime.now(UTC)), Opened)
