"""Claims about the testers of numbers: what the panel's pages tell, and nothing that somebody may not read."""

import json
from typing import Any

import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import Cast, with_rita
from tollgate.actions.acts import Actor, acting
from tollgate.actions.aliases import create_alias
from tollgate.actions.cli_rules import create_cli_rule
from tollgate.store.models import Alias, Audit, CliRule

pytestmark = pytest.mark.django_db
SETUP = Actor("setup", frozenset({"*"}))


def tried(api: Api, what: str, **body: object) -> Any:
    """The answer of a tester."""
    return api.post(f"try/{what}", json.dumps(body))


def test_rows_of_an_endpoint_are_tried_before_they_are_kept(cast: Cast, ann: Api) -> None:
    rows = [{"target": "cld", "current": "00", "new": ""}, {"target": "cli", "current": "^0(.*)$", "new": "370$1"}]
    told = tried(ann, "rewrites", rewrites=rows, try_cld="00370612", try_cli="0612").json()
    assert (told["cld"], told["cli"]) == ("370612", "370612")
    assert [(step["target"], step["row"]) for step in told["steps"]] == [("cld", 1), ("cli", 2)]
    wrong = tried(ann, "rewrites", rewrites=[{"target": "cld", "current": "(", "new": ""}])
    assert (wrong.status_code, fields_of(wrong)) == (422, {("rewrites", "invalid")})


def test_swaps_of_a_localization_are_tried(cast: Cast, ann: Api) -> None:
    told = tried(ann, "localization", originate_cld="00/*, 0/370", try_number="0612").json()
    assert (told["becomes"]["originate_cld"], told["becomes"]["terminate_cld"]) == ("370612", "0612")
    wrong = tried(ann, "localization", originate_cld="x", try_number="0612")
    assert fields_of(wrong) == {("originate_cld", "invalid")}


def test_an_alias_is_tried_among_the_others_kept_or_not(cast: Cast, ann: Api) -> None:
    with acting(SETUP):
        own = create_alias(account_id=cast.account.pk, customer_id=cast.acme.pk, current="9001", new="1")
        shared = create_alias(account_id=cast.account.pk, current="^33", new="44")
    acme = {"customer_id": cast.acme.pk}
    new = tried(ann, "alias", **acme, current="9002", new="2", try_dialed="9002").json()
    assert (new["becomes"], new["fits"], new["alias_id"]) == ("2", "this", None)
    other = tried(ann, "alias", **acme, current="9002", new="2", try_dialed="9001").json()
    assert (other["becomes"], other["fits"], other["alias_id"]) == ("1", "other", own.pk)
    of_all = tried(ann, "alias", alias_id=own.pk, try_dialed="336").json()
    assert (of_all["becomes"], of_all["fits"], of_all["alias_id"]) == ("446", "other", shared.pk)
    changed = tried(ann, "alias", alias_id=own.pk, new="7", try_dialed="9001").json()
    assert (changed["becomes"], changed["fits"]) == ("7", "this")
    assert tried(ann, "alias", alias_id=own.pk, enabled=False, try_dialed="9001").json()["fits"] == "none"
    assert fields_of(tried(ann, "alias", **acme, try_dialed="1")) == {("current", "invalid")}
    assert fields_of(tried(ann, "alias", **acme, alias_id=own.pk)) == {("customer_id", "invalid")}
    assert Alias.objects.get(pk=own.pk).new == "1", "nothing is changed"


def test_a_cli_rule_is_tried_by_what_decides_calls(cast: Cast, ann: Api) -> None:
    with acting(SETUP):
        kept = create_cli_rule(account_id=cast.account.pk, customer_id=cast.acme.pk, cli="^44", rewrite_cli="49")
    rule = {"customer_id": cast.acme.pk, "cli": "^370", "rewrite_cli": "371"}
    fits = tried(ann, "cli-rule", **rule, try_cli="370612").json()
    assert (fits["passes"], fits["cli"], fits["how"], fits["cli_rule_id"]) == (True, "371", "rule", None)
    other = tried(ann, "cli-rule", **rule, try_cli="442071").json()
    assert (other["cli"], other["cli_rule_id"]) == ("49", kept.pk)
    nobody = tried(ann, "cli-rule", cli="^370", try_cli="1").json()
    assert (nobody["passes"], nobody["cli"], bool(nobody["refusal"])) == (False, None, True)
    wrong = tried(ann, "cli-rule", cli="(", try_cli="1")
    assert (wrong.status_code, fields_of(wrong)) == (422, {("cli", "invalid")})
    both = tried(ann, "cli-rule", **rule, tag_id=1)
    assert fields_of(both) == {("tag_id", "invalid")}
    assert CliRule.objects.get(pk=kept.pk).rewrite_cli == "49"


def test_what_does_not_fit_is_named_and_what_is_not_there_is_missing(cast: Cast, ann: Api) -> None:
    odd = tried(ann, "alias", color="red", position="1", try_dialed="1" * 200)
    assert fields_of(odd) == {("color", "unknown"), ("position", "type")}
    assert fields_of(tried(ann, "alias", try_dialed="1" * 200)) == {("try_dialed", "invalid")}
    assert tried(ann, "weather").status_code == 404
    assert ann.get("try/alias").status_code == 405
    for body in ({"alias_id": 10**9}, {"customer_id": 10**9, "current": "1", "new": "2"}):
        assert tried(ann, "alias", **body).status_code == 404
    assert tried(ann, "cli-rule", tag_id=10**9).status_code == 404
    narrow = Api.of(cast.ann, "read:clis")
    assert tried(narrow, "cli-rule", cli="1").status_code == 200
    assert tried(narrow, "alias", current="1", new="2").status_code == 403


def test_a_resellers_user_tries_for_its_own_customers_and_is_not_told_what_is_the_operators(cast: Cast) -> None:
    user, corso = with_rita(cast)
    rita = Api.of(user)
    with acting(SETUP):
        shared = create_alias(account_id=cast.account.pk, current="^33", new="44")
        foreign = create_alias(account_id=cast.account.pk, customer_id=cast.acme.pk, current="9001", new="1")
        create_cli_rule(account_id=cast.account.pk, cli="^44", rewrite_cli="49")
    told = tried(rita, "alias", customer_id=corso.pk, current="9", new="1", try_dialed="336").json()
    assert (told["becomes"], told["alias_id"]) == ("446", None), "as its call would go"
    shown = tried(rita, "cli-rule", customer_id=corso.pk, cli="^370", try_cli="442071").json()
    assert (shown["cli"], shown["cli_rule_id"]) == ("49", None)
    for body in ({"alias_id": shared.pk}, {"alias_id": foreign.pk}, {"customer_id": cast.acme.pk, "current": "1"}):
        assert tried(rita, "alias", **body).status_code == 404
    assert fields_of(tried(rita, "alias", current="1", new="2")) == {("customer_id", "required")}
    assert tried(rita, "localization", try_number="1").status_code == 403, "localizations are the operator's"


def test_trying_leaves_no_trace(cast: Cast, ann: Api) -> None:
    before = Audit.objects.count()
    tried(ann, "alias", customer_id=cast.acme.pk, current="9002", new="2", try_dialed="9002")
    tried(ann, "cli-rule", customer_id=cast.acme.pk, cli="^370", try_cli="370612")
    assert Audit.objects.count() == before
