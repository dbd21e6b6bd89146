"""Claims about tokens: which of them hold, and how scopes narrow what their owner may."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from tests.api.caller import Api
from tests.panel.cast import Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.tokens import hashed, revoke_api_token
from tollgate.actions.users import update_user
from tollgate.api.nouns import NOUNS
from tollgate.store.models import ApiToken, Audit, Customer

SINCE = {"since": "2020-01-01T00:00:00Z"}
pytestmark = pytest.mark.django_db


def change(user_id: int, **fields: object) -> None:
    """A user with other fields, set by somebody who may."""
    with acting(Actor("setup", frozenset({"*"}))):
        update_user(user_id=user_id, **fields)  # type: ignore[arg-type]  # named by each test


def test_without_a_token_that_holds_nothing_is_answered(cast: Cast, ann: Api) -> None:
    def refused(api: Api) -> None:
        for answer in (api.get("customers"), api.act("top_up", customer_id=cast.acme.pk, amount_micros=5)):
            assert answer.status_code == 401
            assert answer["Content-Type"] == "application/problem+json"
            assert answer["WWW-Authenticate"].startswith("Bearer")

    for secret in ("", "tg_unknown", ann.secret[:-1], "é", hashed(ann.secret)):
        refused(Api(ann.token, secret))
    browser = logged_in(cast.ann)
    assert browser.get("/api/v1/customers").status_code == 401, "a session opens nothing here"
    basic = Client().get("/api/v1/customers", headers={"Authorization": f"Basic {ann.secret}"})
    assert basic.status_code == 401
    past = Api.of(cast.ann, expires_at=datetime.now(UTC) + timedelta(days=1))
    assert past.get("customers").status_code == 200
    ApiToken.objects.filter(pk=past.token.pk).update(expires_at=datetime.now(UTC))
    refused(past)
    of_contact = "tg_contact"
    ApiToken.objects.create(contact_id=cast.contact.pk, name="c", secret_hash=hashed(of_contact), scopes=["*"])
    assert Api(ann.token, of_contact).get("customers").status_code == 403, "it opens its own half: test_portal.py"


def test_a_token_ends_with_its_owner_and_at_once(cast: Cast) -> None:
    first, second, third = (Api.of(cast.bob) for _ in range(3))
    assert first.get("customers").status_code == 200
    with acting(Actor("bob", frozenset({"revoke_api_token"}), kind="user", id=cast.bob.pk)):
        revoke_api_token(token_id=first.token.pk)
    assert first.get("customers").status_code == 401
    change(cast.bob.pk, allowed_networks=["192.0.2.0/24"])
    assert second.get("customers").status_code == 403
    change(cast.bob.pk, allowed_networks=[], group_ids=[])
    assert second.get("customers").status_code == 403
    change(cast.bob.pk, is_active=False)
    assert third.get("customers").status_code == 401


def test_a_token_comes_from_its_own_addresses_alone(cast: Cast) -> None:
    api = Api.of(cast.ann, allowed_networks=["198.51.100.0/24"])
    assert api.get("customers").status_code == 403
    headers = {"Authorization": f"Bearer {api.secret}"}
    assert Client().get("/api/v1/customers", headers=headers, REMOTE_ADDR="198.51.100.9").status_code == 200


def test_scopes_narrow_what_the_owner_may_and_never_add(cast: Cast) -> None:
    narrow = Api.of(cast.ann, "top_up", "read:calls")
    assert narrow.act("top_up", customer_id=cast.acme.pk, amount_micros=10_000).status_code == 200
    assert narrow.act("create_tag", account_id=cast.account.pk, name="Gold").status_code == 403
    assert narrow.get("cdrs", SINCE).status_code == 200
    assert narrow.get("customers").status_code == 403
    told = narrow.get("cdrs", SINCE).json()["data"][0]
    assert "carrier_cost_micros" not in told, "what calls cost us is another area"
    assert narrow.get("cdrs", {**SINCE, "fields": "detail"}).status_code == 422
    reader = Api.of(cast.bob, "*", "top_up", "read:*")
    assert reader.act("top_up", customer_id=cast.acme.pk, amount_micros=5).status_code == 403
    for noun in NOUNS:
        assert reader.get(noun.name, SINCE if noun.ranged else {}).status_code == 200, noun.name
    delayed = Api.of(cast.ann, "delay_save")
    arguments = {"customer_id": cast.acme.pk, "channels": 3}
    due = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    asked = {"act": "update_customer", "arguments": arguments, "due_at": due}
    assert delayed.act("delay_save", **asked).status_code == 403, "a delayed act needs its own right"
    assert Api.of(cast.ann, "delay_save", "update_customer").act("delay_save", **asked).status_code == 200


def test_a_token_that_asks_too_often_waits_and_no_other_does(
    cast: Cast, ann: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_API_PER_MINUTE", "3")
    assert [ann.get("tags").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = ann.act("create_tag", account_id=cast.account.pk, name="Gold")
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert 1 <= int(refused["Retry-After"]) <= 20
    assert Api.of(cast.ann).get("tags").status_code == 200, "another token has its own bucket"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE api_pace SET at = at - interval '20 s' WHERE token_id = %s", [ann.token.pk])
    assert [ann.get("tags").status_code for _ in range(2)] == [200, 429], "it fills as time goes"


def test_a_token_remembers_its_last_use_once_a_minute_and_whose_program_it_was(cast: Cast, ann: Api) -> None:
    log = Audit.objects.filter(table_name="api_token")
    before = log.count()
    ann.get("customers", **{"User-Agent": "billing-sync/2.1"})
    first = ApiToken.objects.get(pk=ann.token.pk).last_used_at
    assert first is not None
    ann.get("customers", **{"User-Agent": "another/1.0"})
    token = ApiToken.objects.get(pk=ann.token.pk)
    assert (token.last_used_at, token.last_used_agent) == (first, "billing-sync/2.1")
    pages = logged_in(cast.ann).get("/me/"), logged_in(cast.bob).get(f"/users/{cast.ann.pk}/")
    for page in pages:
        assert "127.0.0.1, billing-sync/2.1" in " ".join(page.content.decode().split())
    ApiToken.objects.filter(pk=ann.token.pk).update(last_used_at=first - timedelta(minutes=1))
    ann.get("customers", **{"User-Agent": "another/1.0\0" + "9" * 5000})
    token = ApiToken.objects.get(pk=ann.token.pk)
    assert token.last_used_at is not None
    assert (token.last_used_at >= first, token.last_used_ip) == (True, "127.0.0.1")
    assert (token.last_used_agent[:12], len(token.last_used_agent)) == ("another/1.09", 300)
    assert log.count() == before, "that it is used is no change of it"


def test_an_act_is_audited_as_its_owners_with_the_reason(cast: Cast, ann: Api) -> None:
    answer = ann.post("acts/update_customer?reason=asked+by+mail", f'{{"customer_id": {cast.acme.pk}, "channels": 7}}')
    assert answer.status_code == 200
    row = Audit.objects.filter(table_name="customer", row_id=cast.acme.pk).latest("id")
    assert (row.actor, row.actor_kind, row.reason) == ("ann@demo.example", "user", "asked by mail")
    assert Customer.objects.get(pk=cast.acme.pk).channels == 7
