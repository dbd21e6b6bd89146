"""Claims about the acts on CLI rules: whose a rule may be, what is refused, and what is told beside."""

import pytest

from tests.actions.cast import ANN, acme, demo_account
from tollgate.actions.acts import Actor, Invalid, NotFound, acting
from tollgate.actions.cli_rules import create_cli_rule, delete_cli_rule, rules_of, update_cli_rule
from tollgate.actions.customers import create_customer
from tollgate.actions.tags import create_tag, delete_tag
from tollgate.core import cli_rules

pytestmark = pytest.mark.django_db


def test_a_rule_has_one_owner_and_is_asked_in_the_order_of_owners() -> None:
    with acting(ANN) as said:
        account = demo_account()
        tag = create_tag(account_id=account.pk, name="Resold")
        own = acme(account, tag_ids=[tag.pk])
        everybody = create_cli_rule(account_id=account.pk, cli="^3")
        tagged = create_cli_rule(account_id=account.pk, tag_id=tag.pk, cli="^2")
        later = create_cli_rule(account_id=account.pk, customer_id=own.pk, cli="^12", position=200)
        first = create_cli_rule(account_id=account.pk, customer_id=own.pk, cli="^11")
        assert rules_of(own) == [first, later, tagged, everybody]
        assert any("Approved CLIs only" in words for words in said.warnings)
        with pytest.raises(Invalid, match="one owner"):
            create_cli_rule(account_id=account.pk, customer_id=own.pk, tag_id=tag.pk, cli="1")
        with pytest.raises(Invalid, match="not closed"):
            update_cli_rule(cli_rule_id=first.pk, cli="^(1")
        with pytest.raises(Invalid, match="names one number"):
            update_cli_rule(cli_rule_id=first.pk, forced=True)
        assert update_cli_rule(cli_rule_id=first.pk, cli="^0([1-9]+)$", rewrite_cli=r"44\1").version == 2
        assert any("leaves the digit 0 out" in words for words in said.warnings)
        own.tags.clear()
        with pytest.raises(Invalid, match="CLI rules belong"):
            delete_tag(tag_id=tag.pk)
        delete_cli_rule(cli_rule_id=tagged.pk)
        delete_tag(tag_id=tag.pk)


def test_a_resellers_user_has_rules_of_its_own_customers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with acting(ANN):
        account = demo_account()
        own = acme(account)
        other = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
        everybody = create_cli_rule(account_id=account.pk, cli="^3")
        foreign = create_cli_rule(account_id=account.pk, customer_id=other.pk, cli="^3")
    with acting(Actor("rita", frozenset({"*"}), reach=frozenset({own.pk}))):
        create_cli_rule(account_id=account.pk, customer_id=own.pk, cli="^1[0-9]")
        with pytest.raises(Invalid, match="Choose a customer"):
            create_cli_rule(account_id=account.pk, cli="^1")
        with pytest.raises(NotFound):
            create_cli_rule(account_id=account.pk, customer_id=other.pk, cli="^1")
        for rule in (everybody, foreign):
            with pytest.raises(NotFound):
                update_cli_rule(cli_rule_id=rule.pk, cli="^9")
        monkeypatch.setattr(cli_rules, "MOST_INSTRUCTIONS", 12)
        with pytest.raises(Invalid, match="together are too long"):
            create_cli_rule(account_id=account.pk, customer_id=own.pk, cli="^2[0-9]")
