"""Claims about who may open and press what, walking every address of the panel."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from tests.panel.cast import CHARGED_ID, LIVE_ID, Cast
from tests.panel.conftest import logged_in
from tollgate.panel.urls import urlpatterns

pytestmark = pytest.mark.django_db
POST_ONLY = {
    "customer_delete", "endpoint_delete", "contact_delete", "contact_verify_email", "contact_verify_mobile",
    "route_delete", "gateway_delete", "theme", "customer_restore", "card_delete",
}  # fmt: skip
OWN = {"me", "theme", "help", "help_page", "help_picture"}  # everybody's, whatever the groups
NOT_HERE = {"call_recording", "card_check"}  # they need a file: test_cards.py, test_calls.py
REFRESHED = {"cdrs"}  # leads to its last day


def addresses(cast: Cast) -> Iterator[tuple[str, str]]:
    """Every address with records of the cast in it."""
    known = {
        "customer_id": cast.acme.pk, "contact_id": cast.contact.pk, "endpoint_id": cast.ip_endpoint.pk,
        "route_id": cast.route.pk, "carrier_id": cast.cirrus.pk, "gateway_id": cast.gateway.pk,
        "card_id": cast.customer_card.pk, "call_id": LIVE_ID, "user_id": cast.ann.pk, "group_id": cast.group.pk,
        "edge_id": cast.edge.pk, "page": "how-to/connect-a-customer", "name": "call.png",
    }  # fmt: skip
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        name = str(pattern.name)
        if name not in NOT_HERE:
            wanted = pattern.pattern.converters
            yield name, reverse(f"panel:{name}", kwargs={key: known[key] for key in wanted})


def test_nobody_is_sent_to_the_login(cast: Cast) -> None:
    for name, address in addresses(cast):
        for answer in (Client().get(address), Client().post(address)):
            assert answer.status_code == 302, name
            assert answer["Location"].startswith("/account/login/"), name


def test_every_page_opens_for_ann(cast: Cast, ann: Client) -> None:
    for name, address in addresses(cast):
        if name not in POST_ONLY:
            answer = ann.get(address, follow=name in REFRESHED)
            assert answer.status_code == 200, (name, answer.content[:500])
    assert ann.get(reverse("panel:call", args=[CHARGED_ID])).status_code == 200
    assert ann.get(reverse("panel:endpoint", args=[cast.sip_user.pk])).status_code == 200


def test_bob_reads_and_changes_nothing(cast: Cast, bob: Client) -> None:
    reading = {"customers", "customer", "dashboard", "card", "call", "live_calls", "audit", "customer_edit", "route"}
    seen = set()
    for name, address in addresses(cast):
        if name not in POST_ONLY and bob.get(address, follow=name in REFRESHED).status_code == 200:
            seen.add(name)
        if name not in OWN and _writes(name):
            assert bob.post(address).status_code == 403, name
    assert reading <= seen
    assert not {name for name in seen if "new" in name or "import" in name or name == "customer_top_up"}


def test_a_reader_sees_no_button_that_writes(cast: Cast, bob: Client) -> None:
    for address in ("/customers/", f"/customers/{cast.acme.pk}/", f"/carriers/{cast.cirrus.pk}/", "/users/", "/live/"):
        page = bob.get(address).content.decode()
        for words in ("Add a", "Top up", "Import prices", "End call", "Delete this"):
            assert words not in page, (address, words)
    assert "Save" not in bob.get(f"/customers/{cast.acme.pk}/edit/").content.decode()


def test_a_user_without_a_group_sees_nothing(cast: Cast) -> None:
    nils = logged_in(cast.nils)
    for name, address in addresses(cast):
        if name not in OWN:
            assert nils.get(address).status_code == 403, name
    assert nils.get("/me/").status_code == 200


def test_a_post_without_its_token_is_refused(cast: Cast) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.ann)
    assert strict.post(f"/customers/{cast.acme.pk}/top-up/", {"amount_micros": "5"}).status_code == 403


def test_every_page_carries_the_policy_without_exceptions(ann: Client) -> None:
    policy = ann.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    page = ann.get("/customers/").content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert "onclick" not in page


def _writes(name: str) -> bool:
    """Whether a POST to the page changes something."""
    endings = (
        "_new",
        "_edit",
        "_delete",
        "_restore",
        "_end",
        "_import",
        "_password",
        "_top_up",
        "_adjust",
        "_email",
        "_mobile",
    )
    forms = {"contact", "endpoint", "route", "gateway", "user", "group", "edge", "account"}
    return name.endswith(endings) or name in forms or "_new_" in name
