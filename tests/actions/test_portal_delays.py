"""Claims about guessing passwords: many guesses at one moment are worth no more than one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from tests.actions.cast import ANN, acme, demo_account
from tollgate.actions.acts import acting
from tollgate.actions.contacts import create_contact
from tollgate.actions.portal_access import WRONG, Place, Refused, log_in
from tollgate.store.models import Audit, LoginDelay

AT = datetime(2026, 11, 21, tzinfo=UTC)
GUESSES_COUNT = 12


def guess(number: int, at: datetime = AT) -> str:
    """What one guess of several at the same moment is answered."""
    try:
        place = Place(domain_id=0, ip=f"192.0.2.{number}")
        answer = log_in(email="carla@acme.example", password=f"guess {number}", place=place, at=at)
        assert isinstance(answer, Refused)
        return answer.why
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_guesses_at_one_moment_wait_for_each_other() -> None:
    with acting(ANN):
        create_contact(customer_id=acme(demo_account()).pk, email="carla@acme.example", first_name="Carla")
    assert guess(0, AT - timedelta(hours=1)) == WRONG
    with ThreadPoolExecutor(GUESSES_COUNT) as threads:
        answers = sorted(threads.map(guess, range(GUESSES_COUNT)))
    assert answers == [WRONG, *["Too many attempts: try again in 2 s."] * (GUESSES_COUNT - 1)]
    assert LoginDelay.objects.get(key="email:0:carla@acme.example").failures_count == 2
    assert Audit.objects.filter(verb="LOGIN_FAILED").count() == 2
