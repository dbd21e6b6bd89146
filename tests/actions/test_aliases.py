"""Claims about the acts on aliases: whose an alias may be, what is refused, and what is told beside."""

import pytest

from tests.actions.cast import ANN, acme, demo_account
from tollgate.actions.acts import Actor, Invalid, NotFound, acting
from tollgate.actions.aliases import create_alias, delete_alias, update_alias
from tollgate.actions.customers import create_customer
from tollgate.core import aliases
from tollgate.store.models import Alias, Audit

pytestmark = pytest.mark.django_db


def test_an_alias_is_of_a_customer_or_of_all_checked_warned_of_and_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    with acting(ANN) as said:
        account = demo_account()
        own = acme(account)
        owner = {"account_id": account.pk, "customer_id": own.pk}
        shared = create_alias(account_id=account.pk, current="9001", new="9002")
        first = create_alias(**owner, current=" 9000 ", new="9001", notes="door")
        assert first.current == "9000"
        assert "9001 is an alias too, and only one is applied: calls go to 9001 itself." in said.warnings
        for wrong in ({"current": "9x"}, {"current": "^(9"}, {"new": ""}, {"position": -1}, {"new": "$1"}):
            with pytest.raises(Invalid):
                update_alias(alias_id=first.pk, **wrong)  # type: ignore[arg-type]
        assert update_alias(alias_id=first.pk, version=1, current="^9([0-9]+)$", new="44$1").version == 2
        create_alias(**owner, current="9001", new="1")
        assert any("^9([0-9]+)$ comes before it" in words for words in said.warnings)
        before = len(said.warnings)
        create_alias(**owner, current="9001", new="1", enabled=False)
        assert len(said.warnings) == before
        told = Audit.objects.filter(table_name="alias", row_id=first.pk).order_by("id")
        assert [(row.verb, row.customer_id) for row in told] == [("INSERT", own.pk), ("UPDATE", own.pk)]
        monkeypatch.setattr(aliases, "MOST_OWN_INSTRUCTIONS", 10)
        with pytest.raises(Invalid, match="together are too long"):
            create_alias(**owner, current="^8[0-9]+$", new="1")
        create_alias(account_id=account.pk, current="^8[0-9]+$", new="1")
        monkeypatch.setattr(aliases, "MOST_ALIASES", 3)
        with pytest.raises(Invalid, match="There are 3 aliases here"):
            create_alias(**owner, current="9004", new="1")
        delete_alias(alias_id=shared.pk)
        assert not Alias.objects.filter(pk=shared.pk).exists()


def test_a_resellers_user_has_aliases_of_its_own_customers_alone() -> None:
    with acting(ANN):
        account = demo_account()
        own = acme(account)
        other = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
        shared = create_alias(account_id=account.pk, current="1", new="2")
        foreign = create_alias(account_id=account.pk, customer_id=other.pk, current="1", new="2")
    with acting(Actor("rita", frozenset({"*"}), reach=frozenset({own.pk}))):
        create_alias(account_id=account.pk, customer_id=own.pk, current="1", new="2")
        with pytest.raises(Invalid, match="Choose a customer"):
            create_alias(account_id=account.pk, current="1", new="2")
        with pytest.raises(NotFound):
            create_alias(account_id=account.pk, customer_id=other.pk, current="1", new="2")
        for alias in (shared, foreign):
            with pytest.raises(NotFound):
                update_alias(alias_id=alias.pk, new="9")
            with pytest.raises(NotFound):
                delete_alias(alias_id=alias.pk)
