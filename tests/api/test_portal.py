"""Claims about the tokens of contacts: their own customer, what the portal shows them, for as long as it does."""

import json
from typing import Any

import pytest
from django.test import Client

from tests.api.caller import Api, fields_of
from tests.panel.conftest import logged_in
from tests.portal.cast import PortalCast, gather, visiting
from tollgate.actions.acts import Actor, NotFound, acting
from tollgate.actions.charges import charge_customer
from tollgate.actions.contact_tokens import create_contact_token
from tollgate.actions.messages import body
from tollgate.actions.portal_passwords import set_contact_password
from tollgate.api.noun_rows import all_fields
from tollgate.api.portal import ACTS, NOUNS
from tollgate.store.models import ApiToken, Contact, Customer, Endpoint, Message

pytestmark = pytest.mark.django_db
SINCE = {"since": "2020-01-01T00:00:00Z"}
OF_ACME = ("Acme", "acme", "Carla", "198.51.100.7", "37061234567", "442079460001")


@pytest.fixture
def people(db: None, settings: Any) -> PortalCast:
    """Carla of Acme and Dan of Baltic, whose passwords are hashed quickly."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return gather()


def token_of(contact: Contact, *scopes: str, **more: str) -> Api:
    """A token that the contact makes in the portal."""
    page = visiting(contact).post("/portal/tokens/new/", {"name": "books", "scopes": list(scopes) or ["*"], **more})
    text = page.content.decode()
    assert page.status_code == 200, text
    secret = text.partition('<code class="text-break">')[2].partition("<")[0]
    return Api(ApiToken.objects.latest("id"), secret)


def test_a_token_tells_what_the_portal_does_and_of_nobody_else(people: PortalCast) -> None:
    with acting(Actor("ann", frozenset({"*"}))):
        charge_customer(customer_id=people.panel.acme.pk, description="Router", unit_price_nanos=5 * 10**9)
    carla, dan = token_of(people.carla), token_of(people.dan)
    assert carla.token.scopes == ["*"]
    assert carla.token.secret_hash not in carla.secret
    for name, shown in NOUNS.items():
        query = SINCE if shown.noun.ranged else {}
        mine, others = carla.get(f"portal/{name}", query), dan.get(f"portal/{name}", query)
        assert mine.status_code == others.status_code == 200, (name, mine.content)
        rows = mine.json()["data"]
        assert rows, name
        assert set(rows[0]) == set(all_fields(shown.noun))
        assert carla.get(f"portal/{name}/{rows[0]['id']}").json() == rows[0]
        assert dan.get(f"portal/{name}/{rows[0]['id']}").status_code == 404, name
        text = others.content.decode()
        assert not [words for words in OF_ACME if words in text], name
        for hidden in ("carrier", "profit", "private", "Cirrus", "ha1", "password", "secret"):
            assert hidden not in mine.content.decode(), (name, hidden)
    assert fields_of(carla.get("portal/calls")) == {("since", "required")}
    assert carla.get("portal/balance").json()["balance_micros"] == 25_000_000
    assert carla.get("portal/invoices", {"standing": "overdue"}).json()["data"] == []


def test_each_token_opens_its_own_half_of_the_api(people: PortalCast) -> None:
    carla, ann = token_of(people.carla), Api.of(people.panel.ann)
    for api, address in ((carla, "customers"), (carla, "cdrs"), (ann, "portal/balance"), (ann, "portal/calls")):
        assert api.get(address).status_code == 403, address
    assert carla.act("top_up", customer_id=people.panel.acme.pk, amount_micros=5).status_code == 403
    for refused in ("update_customer", "change_own_password", "create_contact_token", "start_checkout"):
        assert carla.post(f"portal/acts/{refused}", "{}").status_code == 404, refused
    assert Client().get("/api/v1/portal/balance").status_code == 401


def test_sections_whitelist_status_and_revocation_count_at_once(people: PortalCast) -> None:
    calls, whole = token_of(people.carla, "calls"), token_of(people.carla, days="30")
    assert calls.token.expires_at is None
    assert whole.token.expires_at is not None
    assert calls.get("portal/calls", SINCE).status_code == 200
    assert calls.get("portal/invoices").status_code == 403
    assert calls.post("portal/acts/redeem_voucher", '{"code": "x"}').status_code == 403
    Customer.objects.filter(pk=people.panel.acme.pk).update(portal_hide=["invoices"])
    assert whole.get("portal/invoices").status_code == 403, "what the portal hides, its tokens hide"
    Contact.objects.filter(pk=people.carla.pk).update(allowed_networks=["192.0.2.0/24"])
    assert whole.get("portal/balance").status_code == 403, "from the contact's own addresses alone"
    Contact.objects.filter(pk=people.carla.pk).update(allowed_networks=[])
    assert whole.get("portal/balance").status_code == 200
    ann = logged_in(people.panel.ann)
    page = ann.get(f"/contacts/{people.carla.pk}/sessions/").content.decode()
    assert calls.token.shown in page
    assert calls.secret not in page
    ann.post(f"/contacts/{people.dan.pk}/tokens/{calls.token.pk}/revoke/")
    assert calls.get("portal/calls", SINCE).status_code == 200, "not by the page of another contact"
    ann.post(f"/contacts/{people.carla.pk}/tokens/{calls.token.pk}/revoke/")
    assert calls.get("portal/calls", SINCE).status_code == 401
    assert visiting(people.dan).post(f"/portal/tokens/{whole.token.pk}/revoke/").status_code == 404
    assert visiting(people.carla).post(f"/portal/tokens/{whole.token.pk}/revoke/").status_code == 302
    assert whole.get("portal/balance").status_code == 401
    carla, last = token_of(people.carla), token_of(people.dan)
    with acting(Actor("ann", frozenset({"*"}))):
        set_contact_password(contact_id=people.carla.pk, password="another horse battery")
    assert [api.get("portal/balance").status_code for api in (carla, last)] == [401, 200], "a new password ends them"
    Contact.objects.filter(pk=people.dan.pk).update(login_enabled=False)
    assert last.get("portal/balance").status_code == 403


def test_acts_take_what_a_page_would_and_reach_the_own_customer_alone(people: PortalCast) -> None:
    Customer.objects.update(ip_management=True)
    carla, dan = token_of(people.carla), token_of(people.dan)

    def act(api: Api, act_name: str, /, **given: Any) -> Any:
        return api.post(f"portal/acts/{act_name}", json.dumps(given), {"Idempotency-Key": f"{act_name}-{given}"})

    made = act(carla, "create_own_ip_endpoint", network="203.0.113.50", name="books")
    assert (made.status_code, set(made.json()["result"])) == (201, {"id", "version"})
    assert act(carla, "create_own_ip_endpoint", network="203.0.113.50", name="books").json() == made.json()
    assert Endpoint.objects.get(name="books").customer_id == people.panel.acme.pk
    endpoint_id = made.json()["result"]["id"]
    assert act(dan, "update_own_ip_endpoint", endpoint_id=endpoint_id, name="mine").status_code == 404
    assert act(dan, "update_contact", contact_id=people.carla.pk, first_name="Eve").status_code == 404
    other = act(carla, "update_contact", contact_id=people.carla.pk, allowed_networks=[], email="x@x.example")
    assert fields_of(other) == {("allowed_networks", "unknown"), ("email", "unknown")}
    assert act(carla, "create_contact", customer_id=people.panel.baltic.pk, email="e@a.example").status_code == 422
    added = act(carla, "create_contact", first_name="Eve", email="eve@acme.example")
    assert added.status_code == 201, added.content
    assert Contact.objects.get(email="eve@acme.example").customer_id == people.panel.acme.pk
    section = token_of(people.carla, "contacts")
    assert act(section, "update_contact", contact_id=people.carla.pk, first_name="Carla").status_code == 200
    assert act(section, "create_contact", first_name="Max", email="max@acme.example").status_code == 403, "needs *"
    assert act(carla, "delete_own_endpoint", endpoint_id=endpoint_id).status_code == 200
    assert set(ACTS) == {
        *("create_contact", "update_contact", "create_own_ip_endpoint", "update_own_ip_endpoint"),
        *("delete_own_endpoint", "redeem_voucher", "start_cli_proof", "type_cli_code"),
    }


def test_a_number_is_verified_by_a_program_of_the_contact(people: PortalCast) -> None:
    Customer.objects.update(approved_clis_only=True)
    carla, dan, other = token_of(people.carla), token_of(people.dan), token_of(people.carla, "contacts")
    given = {"number": "+442079460123", "way": "sms"}

    def act(api: Api, act_name: str, /, **given: object) -> Any:
        return api.post(f"portal/acts/{act_name}", json.dumps(given))

    assert act(other, "start_cli_proof", **given).status_code == 403, "it needs the section clis"
    assert act(carla, "start_cli_proof", **given, contact_id=people.dan.pk).status_code == 422
    made = act(carla, "start_cli_proof", **given)
    assert made.status_code == 200, made.content
    proof_id = made.json()["result"]["id"]
    assert carla.get(f"portal/cli-proofs/{proof_id}").json()["state"] == "told"
    assert dan.get(f"portal/cli-proofs/{proof_id}").status_code == 404
    code = body(Message.objects.latest("id")).text[:6]
    assert act(dan, "type_cli_code", cli_proof_id=proof_id, code=code).status_code == 404
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    answers = [act(carla, "type_cli_code", cli_proof_id=proof_id, code=one).json()["result"] for one in (wrong, code)]
    assert answers == [False, True]
    assert "442079460123" in carla.get("portal/verified-clis").content.decode()


def test_a_user_who_looks_in_makes_no_tokens(people: PortalCast) -> None:
    ann, looking = logged_in(people.panel.ann), Client()
    page = f"/contacts/{people.carla.pk}/portal/"
    looking.get(ann.post(page)["Location"].removeprefix("http://testserver"))
    assert looking.get("/portal/tokens/new/").status_code == 403
    assert looking.post("/portal/tokens/new/", {"name": "x", "scopes": ["*"]}).status_code == 403
    with acting(Actor("ann", frozenset({"*"}), kind="user", id=people.panel.ann.pk)), pytest.raises(NotFound):
        create_contact_token(contact_id=people.carla.pk, name="x", scopes=["*"])
    assert not ApiToken.objects.filter(contact_id=people.carla.pk).exists()
