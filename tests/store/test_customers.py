"""Claims about what lists find of customers by endpoints, routes, contacts and live calls, without reading all."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.db import connection

from tests.store.cast import customer, demo_account, wallet_of
from tollgate.store.models import Account, Call, Card, Contact, Customer, Endpoint, IngressRoute, Tag, Wallet
from tollgate.store.queries import finding, unready
from tollgate.store.queries.customers import by_live_channels, occupied, of_state
from tollgate.store.queries.unready import Unready, nearest, one_by_one

AT = datetime(2026, 11, 22, tzinfo=UTC)
ENDPOINTS = ("none", "disabled", "receives", "sends")
ROUTES = ("none", "disabled", "own", "of a tag", "disabled of a tag")
COUNTS = ((0, 0, 0, 0, 0, 0), (1, 0, 2, 0, 2, 3), (0, 3, 0, 0, 1, 0), (2, 2, 2, 2, 2, 2), (3, 2, 1, 1, 2, 0))
PROVEN = ("nothing", "email", "mobile")


@pytest.mark.django_db
def test_walking_by_live_channels_shows_every_customer_once_in_the_order_of_a_sort() -> None:
    account = demo_account()
    ids = [customer(account, name).pk for name in ("Acme", "Baltic", "Delta", "Echo", "Fjord", "Golf")]
    for counts, falling, limit in product(COUNTS, (True, False), (1, 2, 3, 4, 9)):
        live = dict(zip(ids, counts, strict=True))
        channels = {pk: count for pk, count in live.items() if count}
        seen: list[int] = []
        after = None
        while page := by_live_channels(Customer.objects.all(), channels, after=after, falling=falling, limit=limit):
            assert len(page) <= limit
            seen += page
            assert len(seen) <= len(ids), "nobody is shown twice"
            after = live[page[-1]], page[-1]
        assert seen == sorted(ids, key=lambda pk: (live[pk], pk), reverse=falling), (counts, falling, limit)


@pytest.mark.django_db
def test_who_occupies_channels_is_found_from_the_live_calls_and_resellers_occupy_those_below_them() -> None:
    account = demo_account()
    baltic = customer(account, "Baltic", is_reseller=True)
    fjord, acme = customer(account, "Fjord", parent=baltic), customer(account, "Acme")
    wallets = [wallet_of(owner) for owner in (fjord, baltic, account)]
    for number in (1, 2):
        _live(number, fjord, [wallet.pk for wallet in wallets])
    Wallet.objects.filter(pk__in=[wallet.pk for wallet in wallets]).update(channels=2)
    assert occupied(account) == {fjord.pk: 2, baltic.pk: 2}
    assert set(Customer.objects.filter(of_state("dialing"))) == {fjord}
    assert acme in Customer.objects.filter(of_state("active"))


@pytest.mark.django_db
@pytest.mark.parametrize("few", [finding.FEW, 3])
def test_who_lacks_something_to_call_is_found_at_once_or_one_by_one_alike(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = demo_account()
    card = Card.objects.create(account=account, kind="customer", name="Retail", currency="EUR")
    tags = {enabled: _routed_tag(account, card, enabled=enabled) for enabled in (True, False)}
    lacking = set()
    for endpoint, route in product(ENDPOINTS, ROUTES):
        made = _made(account, card, tags, endpoint, route)
        if endpoint != "sends" or route not in ("own", "of a tag"):
            lacking.add(made.pk)
    for asked, proven in product(PROVEN, PROVEN):
        fields = {"email_verification": asked == "email", "mobile_verification": asked == "mobile"}
        made = _made(account, card, tags, "sends", "own", **fields)
        verified = {f"{proven}_verified_at": AT} if proven != "nothing" else {}
        Contact.objects.create(customer=made, email=f"{made.pk}@acme.example", **verified)
        if asked not in ("nothing", proven):
            lacking.add(made.pk)
    _made(account, card, tags, "none", "none", status="inactive")
    _made(account, card, tags, "none", "none", deleted_at=AT)
    monkeypatch.setattr(finding, "FEW", few)
    assert set(Customer.objects.filter(of_state("unready")).values_list("pk", flat=True)) == lacking
    assert set(Customer.objects.filter(one_by_one()).values_list("pk", flat=True)) == lacking
    in_order = list(Customer.objects.order_by("-name", "pk").values_list("pk", flat=True))
    expected = [pk for pk in in_order if pk in lacking]
    for limit in (1, 3, len(lacking) + 1):
        assert nearest(Customer.objects.all(), lambda count: in_order[:count], limit) == expected[:limit]
    for most in (few, len(lacking) - 1, len(lacking)):
        monkeypatch.setattr(unready, "MANY", most)
        known = Unready()
        assert known.many is (most < len(lacking)), "one that lacks two things is one"
        assert set(Customer.objects.filter(known.meaning()).values_list("pk", flat=True)) == lacking
    monkeypatch.setattr(unready, "AHEAD", 1)
    ready = [pk for pk in in_order if pk not in lacking]
    assert nearest(Customer.objects.all(), lambda count: ready[:count], 2) is None, "too few are near"


def _routed_tag(account: Account, card: Card, *, enabled: bool) -> Tag:
    tag = Tag.objects.create(account=account, name=f"Routes {enabled}")
    IngressRoute.objects.create(tag=tag, name="Of a tag", card=card, enabled=enabled)
    return tag


def _made(account: Account, card: Card, tags: dict[bool, Tag], endpoint: str, route: str, **fields: object) -> Customer:
    made = customer(account, f"{endpoint}, {route}, {Customer.objects.count()}", **fields)
    if endpoint != "none":
        Endpoint.objects.create(
            account=account, customer=made, kind="sip_user", username=f"user{made.pk}", realm="x", ha1="0" * 32,
            enabled=endpoint != "disabled", sends_calls=endpoint != "receives",
        )  # fmt: skip
    if route in ("own", "disabled"):
        IngressRoute.objects.create(customer=made, name="Own", card=card, enabled=route == "own")
    elif route != "none":
        made.tags.add(tags[route == "of a tag"])
    return made


def _live(number: int, owner: Customer, wallet_ids: list[int]) -> None:
    Call.objects.create(
        id=number, account=owner.account, edge="kam1", edge_call_id=f"live{number}", customer=owner, cli="", cld="",
        number="", destination="", state="authorized", authorized_at=AT, granted_s=60,
        granted_until=AT + timedelta(seconds=60), max_s=60, extended_count=0, last_seen_at=AT, plan="{}",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("UPDATE call SET wallet_ids = %s WHERE id = %s", [wallet_ids, number])
