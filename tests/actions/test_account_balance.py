"""Claims about the account's own balance: its users hear once that it is low, at an email that is proved."""

from __future__ import annotations

from django.db.models.functions import Now

from tests.actions.cast import ANN
from tests.actions.test_tasks import user
from tollgate.actions import records
from tollgate.actions.account_balance import look, notify_account_balance
from tollgate.actions.account_billing import top_up_account, wallet_of
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import acting
from tollgate.actions.customers import create_customer
from tollgate.actions.user_passwords import change_own_user_password
from tollgate.actions.users import create_user, create_user_group, update_user
from tollgate.store.models import Account, Message, User, Wallet

EURO = 1_000_000


def proved(email: str, *acts: str, reseller_id: int | None = None) -> User:
    """A user of a group that reads everything, whose email is proved."""
    found = user(email, *acts, reseller_id=reseller_id)
    User.objects.filter(pk=found.pk).update(email_verified_at=Now())
    found.refresh_from_db()
    return found


def told() -> list[str]:
    """Who was told of the balance, in order."""
    return list(
        Message.objects.filter(template="account_low_balance").order_by("pk").values_list("recipient", flat=True)
    )


def spend(account: Account, micros: int) -> None:
    """What the platform charges."""
    purse = Wallet.objects.filter(pk=wallet_of(account).pk)
    purse.update(balance_micros=purse.get().balance_micros - micros)


def test_users_with_a_proved_email_hear_once_of_a_low_balance_until_money_comes(account: Account) -> None:
    proved("ann@demo.example", "*")
    user("new@demo.example", "*")
    proved("gone@demo.example", "*")
    reseller = create_customer(account_id=account.pk, name="Over", currency="EUR", is_reseller=True)
    proved("seller@demo.example", "top_up", reseller_id=reseller.pk)
    with acting(ANN):
        update_user(user_id=User.objects.get(email="gone@demo.example").pk, is_active=False)
        nothing = create_user_group(name="calls", acts=[], areas=["calls"])
        bob = create_user(
            name="bob", email="bob@demo.example", password="correct horse battery", group_ids=[nothing.pk]
        )
    User.objects.filter(pk=bob.pk).update(email_verified_at=Now())
    at = records.now()
    top_up_account(account_id=account.pk, amount_micros=30 * EURO)
    assert look(at) == 0, "no threshold is no notice"
    update_account(account_id=account.pk, low_balance_micros=20 * EURO)
    assert look(at) == 0
    spend(account, 10 * EURO)
    assert look(at) == 0, "20.00 is not below 20.00"
    spend(account, EURO)
    assert [look(at), look(at)] == [1, 0]
    assert told() == ["ann@demo.example"]
    message = Message.objects.get(template="account_low_balance")
    assert "is 19.00 EUR, below the 20.00 EUR" in message.text
    top_up_account(account_id=account.pk, amount_micros=10 * EURO)
    assert look(at) == 1, "armed again"
    assert look(at) == 0
    spend(account, 10 * EURO)
    assert notify_account_balance() == 1
    assert told() == ["ann@demo.example"] * 2
    update_account(account_id=account.pk, low_balance_micros=25 * EURO)
    assert look(at) == 1, "another threshold is told of anew"
    update_account(account_id=account.pk, low_balance_micros=None)
    assert look(at) == 0
    assert len(told()) == 3


def test_a_notice_that_nobody_could_hear_waits_until_somebody_can(account: Account) -> None:
    new, at = user("new@demo.example", "*"), records.now()
    update_account(account_id=account.pk, low_balance_micros=20 * EURO)
    assert look(at) == 0
    account.refresh_from_db()
    assert account.low_balance_noticed_at is None, "nobody was told"
    User.objects.filter(pk=new.pk).update(email_verified_at=Now())
    assert [look(at), look(at)] == [1, 0]
    account.refresh_from_db()
    assert (told(), account.low_balance_noticed_at) == (["new@demo.example"], at)


def test_an_email_that_nobody_has_proved_gets_nothing_but_the_link_that_proves_it(account: Account) -> None:
    new, ann = user("new@demo.example", "*"), proved("ann@demo.example", "*")
    with acting(ANN):
        for found in (new, ann):
            update_user(user_id=found.pk, password="correct battery horse")
            change_own_user_password(
                user_id=found.pk, old_password="correct battery horse", password="staple correct battery"
            )
            update_user(user_id=found.pk, email=f"moved.{found.email}")
    kept = Message.objects.order_by("pk")
    assert list(kept.filter(recipient__endswith="new@demo.example").values_list("template", flat=True)) == [
        "set_password"
    ], "the link that proves the new email"
    assert list(kept.filter(recipient="ann@demo.example").values_list("template", flat=True)) == [
        "password_changed", "password_changed", "email_changed",
    ]  # fmt: skip
