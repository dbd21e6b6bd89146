"""Claims about doing acts by the API: whole, once, and refused with every bad field named."""

import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.bank import collecting
from tests.api.caller import Api, fields_of
from tests.panel.cast import Cast, assemble
from tollgate.actions.acts import Actor, acting
from tollgate.api.repeats import KEPT
from tollgate.api.schema import fit, served, shape
from tollgate.core import sepa
from tollgate.core.areas import OWN_ACTS
from tollgate.store.models import Account, ApiAnswer, Audit, BankLine, BankRun, Customer, Entry, Tag, Task

pytestmark = pytest.mark.django_db
CENT = 10_000
BODIES = (
    b"", b"{", b"[]", b"null", b'"text"', b"7", b"\xff\xfe", b'{"a": NaN}', b'{"a": 1.5}', b'{"a": 1e400}',
    b'{"customer_id": ' + b"9" * 5000 + b"}", b'{"customer_id": 9223372036854775808}', b'{"customer_id": -1}',
    b'{"customer_id": true, "amount_micros": 1}', b'{"customer_id": 1, "amount_micros": 1, "note": "\\u0000"}',
    b'{"\\ud800": 1}', b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"a":' * 900 + b"1" + b"}" * 900,
)  # fmt: skip


def test_an_act_makes_changes_and_tells_the_record(cast: Cast, ann: Api) -> None:
    made = ann.act("create_customer", account_id=cast.account.pk, name="Delta", currency="EUR")
    assert made.status_code == 201
    record = made.json()["result"]
    assert made["Location"] == f"/api/v1/customers/{record['id']}"
    assert record == ann.get(f"customers/{record['id']}").json(), "an act tells a record as a GET does"
    user = ann.act("create_sip_user", customer_id=record["id"], username="delta", password="long enough secret")
    assert "ha1" not in user.json()["result"]
    assert ann.act("delete_customer", customer_id=record["id"], confirmation="Delta").status_code in (200, 422)


def test_what_goes_on_as_a_job_is_accepted_with_the_way_to_it(cast: Cast, ann: Api) -> None:
    of = {"account_id": cast.account.pk}
    span = {"from_at": "2024-01-01T00:00:00Z", "until_at": "2024-01-02T00:00:00Z"}
    begun = {
        "start_package_run": of,
        "start_recalculation": {**of, **span, "kind": "rerate", "reason": "a wrong card"},
        "start_bulk_edit": {**of, "noun": "customer", "record_ids": [cast.acme.pk], "changes": {"channels": 3}},
    }
    for act, arguments in begun.items():
        answer = ann.act(act, {"Idempotency-Key": act}, **arguments)
        task = Task.objects.latest("pk")
        assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/tasks/{task.pk}"), act
        again = ann.act(act, {"Idempotency-Key": act}, **arguments)
        assert (again.status_code, again["Location"]) == (202, answer["Location"])
        assert ann.get(f"tasks/{task.pk}").json()["state"] == "waiting"
    assert Task.objects.count() == len(begun)
    canceled = ann.act("cancel_task", task_id=task.pk)
    assert (canceled.status_code, canceled.json()["result"]["state"]) == (200, "canceled")
    assert "outcome" in ann.get(f"task-rows?task_id={task.pk}").json()["data"][0]


def test_a_file_for_the_bank_is_a_job_and_the_same_one_for_who_asks_again(cast: Cast, ann: Api) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        collecting(cast.account)
    on = str(sepa.soonest(datetime.now(UTC).date()))
    wanted = {"account_id": cast.account.pk, "execute_on": on, "invoice_ids": [2, 1]}
    first = ann.act("make_debit_run", **wanted)
    task = Task.objects.latest("pk")
    assert (first.status_code, first["Location"]) == (202, f"/api/v1/tasks/{task.pk}")
    again = ann.act("make_debit_run", **{**wanted, "invoice_ids": [1, 2]})
    assert (again.status_code, again["Location"]) == (202, first["Location"])
    assert ("execute_on", "invalid") in fields_of(ann.act("make_debit_run", **{**wanted, "execute_on": "2026-12-26"}))


def test_a_file_for_the_bank_is_confirmed_by_a_job(cast: Cast, ann: Api) -> None:
    run = BankRun.objects.get()
    BankLine.objects.update(state="waiting")
    first, again = (ann.act("confirm_bank_run", bank_run_id=run.pk) for _ in range(2))
    task = Task.objects.latest("pk")
    for answer in (first, again):
        assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/tasks/{task.pk}")
    assert ann.get(f"tasks/{task.pk}").json()["total_count"] == run.lines.count()


def test_a_paused_account_is_refused_to_programs_too(cast: Cast, ann: Api) -> None:
    Account.objects.update(status="paused")
    of = {"account_id": cast.account.pk}
    for act, arguments in (("update_account", {"channels": 9}), ("enable_call_recording", {})):
        answer = ann.act(act, **of, **arguments)
        assert (answer.status_code, fields_of(answer)) == (422, {("status", "invalid")}), act
    assert ann.act("update_account", **of, status="active", channels=9).json()["result"]["channels"] == 9


def test_if_match_keeps_two_from_overwriting_each_other(cast: Cast, ann: Api) -> None:
    seen = ann.get(f"customers/{cast.acme.pk}")
    first = ann.act("update_customer", {"If-Match": seen["ETag"]}, customer_id=cast.acme.pk, channels=4)
    assert first.status_code == 200
    assert first["ETag"] != seen["ETag"]
    late = ann.act("update_customer", {"If-Match": seen["ETag"]}, customer_id=cast.acme.pk, channels=5)
    assert late.status_code == 409
    assert late.json()["current"]["channels"] == 4
    assert Customer.objects.get(pk=cast.acme.pk).channels == 4
    tag_id = Tag.objects.get().pk
    given = ann.act("update_customer", {"If-Match": first["ETag"]}, customer_id=cast.acme.pk, tag_ids=[tag_id])
    assert (given["ETag"] != first["ETag"], "tags_version" in given.json()["result"]) == (True, False)
    for act, lists in (("update_customer", {"tag_ids": []}), ("set_customer_taxes", {"taxes": []})):
        late = ann.act(act, {"If-Match": first["ETag"]}, customer_id=cast.acme.pk, **lists)
        assert (late.status_code, late.json()["current"]["tag_ids"]) == (409, [tag_id]), act
    for tag in ("nonsense", '"1", "2"'):
        assert fields_of(ann.act("update_customer", {"If-Match": tag}, customer_id=cast.acme.pk)) == {
            ("If-Match", "invalid")
        }


def test_what_is_too_early_is_told_apart_from_what_cannot_be(cast: Cast, ann: Api) -> None:
    method = {"account_id": cast.account.pk, "method": "per_channel"}
    assert ann.act("change_billing_method", **method).status_code == 200
    locked = ann.act("change_billing_method", **{**method, "method": "per_minute"})
    assert (locked.status_code, fields_of(locked)) == (409, {("method", "not_yet")})


def test_a_block_without_a_range_in_the_options_is_a_conflict_with_a_code_of_its_own(cast: Cast, ann: Api) -> None:
    asked = {"customer_id": cast.acme.pk}
    assert ann.act("assign_number_block", **asked).status_code == 201
    for name, code in ((None, "number_range_not_configured"), (10**12 - 1, "number_range_exhausted")):
        Account.objects.update(block_start=name)
        refused = ann.act("assign_number_block", **asked)
        assert (refused.status_code, fields_of(refused)) == (409, {("customer_id", code)})


def test_what_is_changed_elsewhere_is_refused_by_its_name_as_no_right_of_anybodys(cast: Cast, ann: Api) -> None:
    for field, value in {"currency": "USD", "email": "x@demo.example", "billing_method": "x", "city": "Oslo"}.items():
        refused = ann.act("update_account", account_id=cast.account.pk, **{field: value})
        assert (refused.status_code, fields_of(refused)) == (403, {(field, "not_editable")})
    later = {"act": "update_account", "arguments": {"account_id": cast.account.pk, "currency": "USD"}}
    refused = ann.act("delay_save", **later, due_at="2100-01-01T00:00:00Z")
    assert (refused.status_code, fields_of(refused)) == (403, {("arguments.currency", "not_editable")})
    both = ann.act("update_account", account_id=cast.account.pk, currency="USD", color="red")
    assert (both.status_code, fields_of(both)) == (422, {("currency", "not_editable"), ("color", "unknown")})
    assert Account.objects.get().currency == "EUR"


def test_every_bad_field_is_named(cast: Cast, ann: Api) -> None:
    wrong = ann.act("create_customer", account_id="1", currency="EUR", color="red", tag_ids=[1, "2"])
    assert wrong.status_code == 422
    assert fields_of(wrong) == {
        ("account_id", "type"), ("name", "required"), ("color", "unknown"), ("tag_ids.1", "type"),
    }  # fmt: skip
    assert fields_of(ann.act("update_customer", customer_id=cast.acme.pk, channels=-1)) == {("channels", "invalid")}
    wrong = {"act": "create_tag", "arguments": {"account_id": "1", "color": "blue"}, "due_at": "2100-01-01T00:00:00Z"}
    assert fields_of(ann.act("delay_save", **wrong)) == {
        ("arguments.account_id", "type"), ("arguments.name", "required"),
    }  # fmt: skip
    assert fields_of(ann.act("delay_save", **{**wrong, "act": "create_account"})) == {("act", "invalid")}
    assert ann.act("update_customer", customer_id=10**15, channels=1).status_code == 404
    assert ann.act("no_such_act").status_code == 404
    assert ann.act("revoke_api_token", token_id=1).status_code == 404, "tokens do not make or end tokens"
    assert ann.act("create_account", name="Second", currency="EUR").status_code == 404, "no group gives it"


def test_what_is_no_request_is_refused_and_breaks_nothing(cast: Cast, ann: Api) -> None:
    for body in BODIES:
        answer = ann.post("acts/top_up", body)
        assert answer.status_code in ((400, 404, 422) if body else (415,)), body[:50]
        assert answer["Content-Type"] == "application/problem+json"
    assert ann.post("acts/top_up", "a=1", content_type="application/x-www-form-urlencoded").status_code == 415
    assert ann.post("acts/top_up", b'{"a": "' + b"x" * 3_000_000 + b'"}').status_code == 413
    assert ann.get("acts/top_up").status_code == 405
    assert ann.get("acts/top_up")["Allow"] == "POST"
    assert ann.post("customers", "{}").status_code == 405
    for address in ("nothing", "customers/1/2", "", "acts/"):
        assert ann.get(address).status_code == 404


def some(kind: Any) -> st.SearchStrategy[Any]:
    """JSON of about the right kind: what a type lets through must be refused by the act in words."""
    texts = st.sampled_from(
        ["", "x", "EUR", "active", "198.51.100.0/24", "2030-01-01T00:00:00Z", "é" * 300, "-1", "{}"]
    )
    wholes = st.sampled_from([0, 1, -1, 7, 2**31, 2**63 - 1, -(2**63) + 1])
    flat = st.one_of(texts, wholes, st.booleans(), st.none())
    nested = st.one_of(
        flat, st.lists(flat, max_size=2), st.dictionaries(st.sampled_from(["prefix", "price_nanos", "x"]), flat)
    )
    tries = st.one_of(nested, st.lists(nested, max_size=2))

    known = {int: wholes, str: texts, bool: st.booleans()}
    return known[kind] if kind in known else tries.filter(lambda value: not misfits(kind, value))


def test_no_arguments_that_fit_an_acts_types_break_it(cast: Cast, ann: Api) -> None:
    names = sorted(served())

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(names))
        arguments = {
            key: data.draw(some(one.kind), label=key)
            for key, one in shape(name).arguments.items()
            if one.required or data.draw(st.booleans())
        }
        with transaction.atomic():
            answer = ann.act(name, **arguments)
            transaction.set_rollback(True)
        assert answer.status_code in (200, 201, 202, 403, 404, 409, 422), (name, arguments)

    attempt()


def test_a_repeat_is_answered_as_the_first_time_and_done_once(cast: Cast, ann: Api) -> None:
    def top_up(amount: int, key: str = "k-1") -> Any:
        return ann.act("top_up", {"Idempotency-Key": key}, customer_id=cast.acme.pk, amount_micros=amount * CENT)

    before = Entry.objects.count()
    first, again = top_up(5), top_up(5)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Entry.objects.count() == before + 1
    assert top_up(6).status_code == 409, "the same key for something else"
    assert (
        Api.of(cast.ann)
        .act("top_up", {"Idempotency-Key": "k-1"}, customer_id=cast.acme.pk, amount_micros=5 * CENT)
        .json()
        == first.json()
    ), "the key is the owner's, whatever token"
    assert b"amount" not in bytes(ApiAnswer.objects.get().body), "what is kept is sealed"
    ApiAnswer.objects.update(created_at=ApiAnswer.objects.get().created_at - KEPT)
    assert "Idempotent-Replayed" not in top_up(5)
    assert Entry.objects.count() == before + 2
    assert top_up(5, "x" * 201).status_code == 422


def value_of(kind: Any) -> Any:
    """A value that the kind takes."""
    values = ("x", 1, True, "2100-01-01T00:00:00Z", [], {})
    return next(value for value in values if not misfits(kind, value))


def misfits(kind: Any, value: Any) -> list[Any]:
    """What is wrong with a value."""
    errors: list[Any] = []
    fit(kind, value, "x", errors)
    return errors


@pytest.mark.django_db(transaction=True)
def test_repeats_at_the_same_moment_act_once() -> None:
    cast = assemble()
    ann = Api.of(cast.ann)
    start = threading.Barrier(4)
    answers: list[Any] = []

    def repeat() -> None:
        try:
            api = Api(ann.token, ann.secret)
            start.wait()
            answers.append(api.act("create_tag", {"Idempotency-Key": "once"}, account_id=cast.account.pk, name="Gold"))
        finally:
            connection.close()

    threads = [threading.Thread(target=repeat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.content for answer in answers}) == 1
    assert Tag.objects.filter(name="Gold").count() == 1


def test_a_resellers_token_changes_nothing_of_others(cast: Cast, rita: Api) -> None:
    foreign = {
        "customer_id": cast.acme.pk, "contact_id": cast.contact.pk, "endpoint_id": cast.ip_endpoint.pk,
        "route_id": cast.route.pk, "carrier_id": cast.cirrus.pk, "gateway_id": cast.gateway.pk,
        "card_id": cast.customer_card.pk, "call_id": 7001, "user_id": cast.ann.pk, "group_id": cast.group.pk,
        "account_id": cast.account.pk, "parent_id": cast.acme.pk, "contact_ids": [cast.contact.pk],
        "customer_ids": [cast.acme.pk], "amount_micros": 5, "name": "Taken", "currency": "EUR",
        "email": "taken@acme.example", "number": "+37061234568", "confirmation": "Acme", "network": "198.51.100.77",
        "username": "taken", "password": "long enough secret",
    }  # fmt: skip
    before = Audit.objects.latest("id").pk
    answers = []
    for name in served().keys() - OWN_ACTS:
        arguments = {
            key: foreign.get(key, value_of(one.kind))
            for key, one in shape(name).arguments.items()
            if one.required or key in ("name", "parent_id")
        }
        answer = rita.act(name, **arguments)
        assert answer.status_code in (403, 404, 422), (name, json.loads(answer.content))
        answers.append(answer.status_code)
    assert answers.count(422) < len(answers) / 5, "nearly all are refused for whose it is"
    delayed = {"act": "create_tag", "arguments": {"account_id": cast.account.pk, "name": "T"}}
    assert rita.act("delay_save", **delayed, due_at="2100-01-01T00:00:00Z").status_code == 403
    assert not Audit.objects.filter(pk__gt=before, actor="rita@baltic.example").exists()
    own = rita.act("create_customer", account_id=cast.account.pk, name="Duna", currency="EUR", parent_id=cast.baltic.pk)
    assert own.status_code == 201, own.content


def test_what_waits_is_changed_by_its_version_and_every_bad_field_is_named(cast: Cast, ann: Api) -> None:
    due, arguments = "2100-01-01T00:00:00Z", {"customer_id": cast.acme.pk, "channels": 7}
    made = ann.act("delay_save", act="update_customer", arguments=arguments, due_at=due).json()["result"]
    of = {"delayed_save_id": made["id"]}
    wrong = ann.act("update_delayed_save", **of, arguments={"channels": "7", "colour": "blue"})
    assert fields_of(wrong) == {("arguments.channels", "type"), ("arguments.colour", "unknown")}
    done = ann.act("update_delayed_save", {"If-Match": '"1"'}, **of, arguments={"channels": 9})
    assert (done.status_code, done["ETag"], done.json()["result"]["after"]) == (200, '"2"', {"channels": 9})
    late = ann.act("update_delayed_save", {"If-Match": '"1"'}, **of, arguments={"channels": 11})
    assert (late.status_code, late.json()["current"]["after"]) == (409, {"channels": 9})
    assert ann.act("update_delayed_save", **of, due_at="2100-01-02T00:00:00Z").json()["result"]["version"] == 3
    assert ann.act("update_delayed_save", delayed_save_id=0, arguments={"colour": 1}).status_code in (404, 422)
