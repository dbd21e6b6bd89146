"""Claims about how much each page of the portal asks of the database."""

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.portal.cast import PortalCast, visiting
from tests.portal.test_isolation import WITHOUT_LOGIN, addresses

pytestmark = pytest.mark.django_db
COUNTS = Path(__file__).parent / "query_counts.json"


def test_every_page_keeps_its_number_of_queries(cast: PortalCast) -> None:
    """After a change that needs more queries, delete the file: the next run writes it anew, for review."""
    carla = visiting(cast.carla)
    carla.get("/portal/dashboard/")  # what is read once per process is read
    found = {}
    for name, address, _ in addresses(cast):
        if name in WITHOUT_LOGIN:
            continue
        with CaptureQueriesContext(connection) as queries:
            answer = carla.get(address)
        if answer.status_code == 200:
            found[name] = len(queries)
    assert len(found) > 20
    if not COUNTS.exists():
        COUNTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert found == json.loads(COUNTS.read_text(encoding="utf-8"))
