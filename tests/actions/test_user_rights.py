"""Claims about rights: nobody gives what he lacks, links and passwords of users, tokens, and the log of logins."""

import re
from datetime import UTC, datetime

import pytest

from tests.actions.test_customers import PASSWORD, refused
from tollgate.actions.acts import ACTS, Actor, NotFound, NotPermitted, NotYet, OutOfDate, acting
from tollgate.actions.messages import body
from tollgate.actions.tokens import create_api_token, hashed, revoke_api_token
from tollgate.actions.user_emails import confirm_user_email, find_link, send_user_email_link
from tollgate.actions.user_passwords import change_own_user_password, forgotten, make_link, set_user_password_by_link
from tollgate.actions.users import (
    create_stock_groups,
    create_user,
    create_user_group,
    delete_user_group,
    end_user_sessions,
    revoke_user_token,
    update_user,
    update_user_group,
)
from tollgate.actions.wallets import top_up
from tollgate.core.areas import AREAS, area_of_acts, area_of_page, may_read
from tollgate.store.models import Account, ApiToken, Code, Message, User, UserGroup


def token_in(text: str) -> str:
    """The word in the address of a link."""
    found = re.search(r"/(?:set-password|confirm-login-email)/([^/]+)/", text)
    assert found is not None
    return found[1]


def clerk(*acts: str, areas: tuple[str, ...] = ("users",), user_id: int | None = None) -> Actor:
    """Somebody with a few rights."""
    return Actor("clerk", frozenset(acts), kind="user", id=user_id or 77, areas=frozenset(areas))


def test_nobody_gives_rights_he_lacks(account: Account) -> None:
    full = create_user_group(name="Administrators", acts=["*"], areas=["*"])
    some = create_user_group(name="Users only", acts=["update_user"], areas=["users"])
    ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[full.pk])
    ben = create_user(name="Ben", email="ben@demo.example", password=PASSWORD, group_ids=[some.pk])
    acts = ("update_user", "create_user", "create_user_group", "update_user_group", "end_user_sessions")
    with acting(clerk(*acts, user_id=ben.pk)):
        refused("group_ids", update_user, user_id=ben.pk, group_ids=[full.pk])
        refused("group_ids", create_user, name="C", email="c@demo.example", password=PASSWORD, group_ids=[full.pk])
        refused("user_id", update_user, user_id=ann.pk, password="taken over now")
        refused("user_id", end_user_sessions, user_id=ann.pk)
        refused("acts", update_user_group, group_id=some.pk, acts=["update_user", "top_up"])
        refused("acts", update_user_group, group_id=some.pk, areas=["users", "money"])
        refused("acts", update_user_group, group_id=full.pk, name="Mine")
        refused("acts", create_user_group, name="New", acts=["top_up"], areas=[])
        assert update_user(user_id=ben.pk, name="Benjamin").name == "Benjamin"
        assert create_user_group(name="Like mine", acts=["update_user"], areas=["users"]).pk


def test_a_resellers_user_does_only_acts_of_shared_areas(account: Account) -> None:
    with acting(Actor("rita", frozenset({"*"}), kind="user", id=5, reseller_id=9, reach=frozenset())):
        for act, arguments in (
            (create_user_group, {"name": "Mine", "acts": [], "areas": []}),
            (create_user, {"name": "Eve", "email": "e@demo.example", "password": PASSWORD}),
        ):
            with pytest.raises(NotPermitted):
                act(**arguments)  # type: ignore[operator]  # both are acts
    assert top_up.__name__ == "top_up"
    assert not UserGroup.objects.exists()


def test_groups_and_users_saved_meanwhile_are_told(account: Account) -> None:
    group = create_user_group(name="Readers", acts=[], areas=["calls"])
    update_user_group(group_id=group.pk, version=group.version, areas=["calls", "money"])
    with pytest.raises(OutOfDate):
        update_user_group(group_id=group.pk, version=group.version, acts=["top_up"])
    full = create_stock_groups()["Administrators"]
    create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[full.pk])
    bob = create_user(name="Bob", email="bob@demo.example", password=PASSWORD)
    update_user(user_id=bob.pk, version=bob.version, group_ids=[group.pk])
    with pytest.raises(OutOfDate):
        update_user(user_id=bob.pk, version=bob.version, group_ids=[])
    refused("group_id", delete_user_group, group_id=group.pk)


def test_the_groups_in_stock_can_be_made_again_and_name_what_exists(account: Account) -> None:
    groups = create_stock_groups()
    assert set(groups) == {"Administrators", "Engineers", "Support", "Resellers"} == set(create_stock_groups())
    assert UserGroup.objects.count() == 4
    assert "*" not in groups["Engineers"].acts + groups["Support"].areas
    assert [name for name, group in groups.items() if group.second_factor] == ["Administrators"]
    for name, group in groups.items():
        if "delays" in group.areas:
            assert "delay_save" in group.acts, f"{name} reads a log that they could never fill"
    resellers = groups["Resellers"]
    assert resellers.areas == sorted(name for name, area in AREAS.items() if area.shared)
    for name in resellers.acts:
        assert AREAS[area_of_acts(ACTS[name].__module__)].shared, f"no reseller's user may do {name}"


def test_an_invitation_is_a_link_that_sets_the_password_once(account: Account) -> None:
    full = create_stock_groups()["Administrators"]
    create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[full.pk])
    bob = create_user(name="Bob", email="bob@demo.example")
    assert not bob.has_usable_password()
    message = Message.objects.get(recipient="bob@demo.example")
    assert message.secret
    token = re.search(r"/set-password/([^/]+)/", body(message).text)[1]  # type: ignore[index]  # the link is there
    assert not Code.objects.filter(secret_hash__contains=token).exists()
    refused("password", set_user_password_by_link, token=token, password="password")
    assert bob.email_verified_at is None
    set_by_link = set_user_password_by_link(token=token, password=PASSWORD)
    assert set_by_link.check_password(PASSWORD)
    assert set_by_link.email_verified_at is not None, "who read the mail has proved the email"
    refused("token", set_user_password_by_link, token=token, password=PASSWORD)


def test_another_email_ends_the_password_and_both_addresses_hear_of_it(account: Account) -> None:
    full = create_stock_groups()["Administrators"]
    ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[full.pk])
    User.objects.update(email_verified_at=datetime.now(UTC))
    both = {"email": "anna@demo.example", "password": "another secret"}
    assert "by the link" in refused("password", update_user, user_id=ann.pk, **both)
    moved = update_user(user_id=ann.pk, email="anna@demo.example")
    assert (moved.has_usable_password(), moved.email_verified_at) == (False, None)
    told = set(Message.objects.values_list("recipient", "template"))
    assert told == {("ann@demo.example", "email_changed"), ("anna@demo.example", "set_password")}


def test_a_password_is_kept_as_typed_and_its_change_ends_sessions(account: Account) -> None:
    full = create_stock_groups()["Administrators"]
    ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[full.pk])
    refused("password", update_user, user_id=ann.pk, password=" blank at the front")
    refused("old_password", change_own_user_password, user_id=ann.pk, old_password="no", password="another secret")
    User.objects.update(email_verified_at=datetime.now(UTC))
    changed = change_own_user_password(user_id=ann.pk, old_password=PASSWORD, password="another secret")
    assert changed.session_epoch == ann.session_epoch + 1
    assert changed.get_session_auth_hash() != ann.get_session_auth_hash()
    assert Message.objects.get().template == "password_changed"


def test_a_forgotten_password_sends_one_link_a_minute_to_those_who_exist(account: Account) -> None:
    full = create_stock_groups()["Administrators"]
    create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[full.pk])
    forgotten(email="ann@demo.example", ip="192.0.2.1")
    assert not Message.objects.exists(), "nobody has proved that this email is hers"
    User.objects.update(email_verified_at=datetime.now(UTC))
    for email in ("ANN@demo.example", "ann@demo.example", "nobody@demo.example"):
        forgotten(email=email, ip="192.0.2.1")
    assert Message.objects.count() == 1


def test_an_email_is_proved_by_a_link_that_was_mailed_there(account: Account) -> None:
    full = create_stock_groups()["Administrators"]
    ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[full.pk])
    assert ann.email_verified_at is None, "whoever typed the password has read nothing there"
    assert set_user_password_by_link(token=token_in(make_link(ann)), password="x y z 1 2 3").email_verified_at is None
    send_user_email_link(user_id=ann.pk)
    with pytest.raises(NotYet):
        send_user_email_link(user_id=ann.pk)
    token = token_in(body(Message.objects.get(template="confirm_user_email")).text)
    refused("token", set_user_password_by_link, token=token, password=PASSWORD)
    assert find_link(token) is not None
    User.objects.filter(pk=ann.pk).update(email="anna@demo.example")
    refused("token", confirm_user_email, token=token)
    User.objects.filter(pk=ann.pk).update(email="ann@demo.example")
    assert confirm_user_email(token=token).email_verified_at is not None
    refused("token", confirm_user_email, token=token)
    refused("user_id", send_user_email_link, user_id=ann.pk)


def test_a_token_is_within_its_owners_rights_and_kept_as_a_hash(account: Account) -> None:
    bob = create_user(name="Bob", email="bob@demo.example", password=PASSWORD)
    acts = ("create_api_token", "revoke_api_token", "top_up")
    with acting(clerk(*acts, areas=("calls",), user_id=bob.pk)):
        refused("scopes", create_api_token, name="x", scopes=["create_user"])
        refused("scopes", create_api_token, name="x", scopes=["read:money"])
        refused("scopes", create_api_token, name="x", scopes=["fly"])
        refused("expires_at", create_api_token, name="x", scopes=["top_up"], expires_at="2020-01-01T00:00:00Z")
        made = create_api_token(name="billing", scopes=["top_up", "read:calls"])
        assert made.row.secret_hash == hashed(made.secret)
        assert made.secret.startswith(made.row.shown)
        revoke_api_token(token_id=made.row.pk)
    assert ApiToken.objects.get().revoked_at is not None
    assert User.objects.get().pk == bob.pk


def test_a_token_of_somebody_else_is_ended_by_who_may_do_no_less(account: Account) -> None:
    full = create_stock_groups()["Administrators"]
    ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[full.pk])
    bob = create_user(name="Bob", email="bob@demo.example", password=PASSWORD)
    made = {}
    for user in (ann, bob):
        with acting(Actor(user.email, frozenset({"*"}), kind="user", id=user.pk, areas=frozenset({"*"}))):
            made[user.pk] = create_api_token(name="x", scopes=["*"]).row
    with acting(Actor(bob.email, frozenset({"*"}), kind="user", id=bob.pk)), pytest.raises(NotFound):
        revoke_api_token(token_id=made[ann.pk].pk)
    with acting(clerk("revoke_user_token")):
        refused("user_id", revoke_user_token, user_id=ann.pk, token_id=made[ann.pk].pk)
        with pytest.raises(NotFound):
            revoke_user_token(user_id=bob.pk, token_id=made[ann.pk].pk)
        assert revoke_user_token(user_id=bob.pk, token_id=made[bob.pk].pk).revoked_at is not None
    assert ApiToken.objects.get(revoked_at=None).user_id == ann.pk


def test_areas_fail_closed() -> None:
    assert area_of_page("tollgate.panel.something_new") == ""
    assert not may_read("", frozenset({"customers"}))
    assert not may_read("carriers", frozenset({"*"}), reseller=True)
    assert may_read("customers", frozenset({"customers"}), reseller=True)
    assert not may_read("customers", frozenset())
    assert all(area.pages for area in AREAS.values())
