"""Claims about reading by the API: pages, filters, fields, and what a reseller's token never sees."""

import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import CHARGED_ID, LIVE_ID, REFUSED_ID, Cast
from tollgate.actions import records
from tollgate.api.nouns import NOUNS, all_fields
from tollgate.store.models import CDR, Entry, Message, NumberBlock, Tag

pytestmark = pytest.mark.django_db
FOREIGN = ("Acme", "Cirrus", "Carla", "carla@", "acme-carla", "198.51.100.7", "Retail", "World", "ann@demo")


def foreign_ids(cast: Cast) -> dict[str, int]:
    """A record of each noun that is none of the reseller Baltic's customers'."""
    return {
        "customers": cast.acme.pk, "contacts": cast.contact.pk, "endpoints": cast.ip_endpoint.pk,
        "number-blocks": NumberBlock.objects.get().pk, "ingress-routes": cast.route.pk, "carriers": cast.cirrus.pk,
        "gateways": cast.gateway.pk, "cards": cast.customer_card.pk, "cdrs": CHARGED_ID, "calls": LIVE_ID,
        "entries": Entry.objects.earliest("id").pk, "tags": Tag.objects.get().pk,
        "messages": Message.objects.earliest("id").pk, "users": cast.ann.pk,
    }  # fmt: skip


def test_every_noun_is_listed_and_read_with_the_same_fields(cast: Cast, ann: Api) -> None:
    for noun in NOUNS:
        listed = ann.get(noun.name)
        assert listed.status_code == 200, noun.name
        row = next(row for row in listed.json()["data"] if row["id"] == foreign_ids(cast)[noun.name])
        read = ann.get(f"{noun.name}/{row['id']}")
        assert read.json() == row
        assert set(row) == set(all_fields(noun))
        assert read.headers.get("ETag") == (f'"{row["version"]}"' if "version" in row else None)


def test_no_secret_is_a_field(cast: Cast, ann: Api) -> None:
    told = {name for noun in NOUNS for name in all_fields(noun)}
    assert not told & records.SECRETS
    assert not {name for name in told if name.endswith(("_hash", "_sealed", "_hashes"))}
    secret = Message.objects.earliest("id")
    Message.objects.filter(pk=secret.pk).update(secret=True, text="https://link/of-one")
    assert "of-one" not in ann.get("messages").content.decode()
    assert "of-one" not in ann.act("retry_message", message_id=secret.pk).content.decode()
    Message.objects.filter(pk=secret.pk).update(secret=False)
    assert "of-one" in ann.get(f"messages/{secret.pk}").json()["body"]


def test_a_cursor_walks_every_record_once(cast: Cast, ann: Api) -> None:
    ann.act("top_up", customer_id=cast.acme.pk, amount_micros=5)
    for noun, model in (("cdrs", CDR), ("entries", Entry)):
        ids, cursor = [], ""
        while cursor is not None:
            page = ann.get(noun, {"limit": 1, "cursor": cursor, "fields": "id"}).json()
            assert all(set(row) == {"id"} for row in page["data"])
            ids += [row["id"] for row in page["data"]]
            cursor = page["next"]
        assert len(ids) == len(set(ids)) == model.objects.count() > 1  # type: ignore[attr-defined]  # both have them
    cursor = ann.get("cdrs", {"limit": 1}).json()["next"]
    for bad in (f"{cursor}x", "nonsense"):
        assert fields_of(ann.get("cdrs", {"cursor": bad})) == {("cursor", "invalid")}
    assert fields_of(ann.get("entries", {"cursor": cursor})) == {("cursor", "invalid")}, "of another list"


def test_filters_and_bounds_find_and_unknown_ones_are_refused(cast: Cast, ann: Api) -> None:
    def ids(noun: str, **query: object) -> list[int]:
        return [row["id"] for row in ann.get(noun, query).json()["data"]]

    assert ids("customers", name="Acme") == [cast.acme.pk]
    assert ids("customers", is_reseller="true") == [cast.baltic.pk]
    assert ids("cdrs", state="refused", customer_id=cast.acme.pk) == [REFUSED_ID]
    moment = ann.get(f"cdrs/{REFUSED_ID}").json()["started_at"]
    assert moment.endswith("Z")
    assert ids("cdrs", since=moment) == [REFUSED_ID]
    assert ids("cdrs", before=moment) == [CHARGED_ID]
    assert ids("entries", wallet_kind="customer", owner_id=cast.baltic.pk) == []
    bad = {"color": "red", "is_reseller": "perhaps", "parent_id": "9" * 30, "name": "\0", "limit": "0", "fields": "ha1"}
    assert {name for name, _ in fields_of(ann.get("customers", bad))} == set(bad)
    assert fields_of(ann.get("cdrs", {"since": "yesterday"})) == {("since", "invalid")}
    assert ann.get(f"customers/{10**30}").status_code == 404
    customer = ann.get(f"customers/{cast.acme.pk}").json()
    assert (customer["balance_micros"], customer["currency"]) == (25_000_000, "EUR")


def test_a_resellers_token_reads_nothing_of_others(cast: Cast, rita: Api) -> None:
    opened = set()
    for noun in NOUNS:
        listed = rita.get(noun.name)
        assert listed.status_code == (200 if noun.customer else 403), noun.name
        assert not [words for words in FOREIGN if words in listed.content.decode()], noun.name
        one = rita.get(f"{noun.name}/{foreign_ids(cast)[noun.name]}")
        assert one.status_code == (404 if noun.customer else 403), noun.name
        opened |= {noun.name} if listed.status_code == 200 else set()
    assert opened == {"customers", "contacts", "endpoints", "number-blocks", "cdrs", "calls", "entries"}
    assert [row["name"] for row in rita.get("customers").json()["data"]] == ["Corso"]
    assert rita.get("cdrs", {"fields": "profit_micros"}).status_code == 422
