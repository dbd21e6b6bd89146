"""Claims about saved views by the API: one's own, and of others' those that the panel would show."""

import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import PASSWORD, Cast, with_rita
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import SavedView, User

pytestmark = pytest.mark.django_db


def names(api: Api, **query: object) -> set[str]:
    """The names of the views that a program reads."""
    return {row["name"] for row in api.get("saved-views", query).json()["data"]}


def user_of(areas: list[str]) -> User:
    """A user who reads these areas and does nothing."""
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name=f"Reads {areas}", acts=[], areas=areas)
        return create_user(name="Cy", email="cy@demo.example", password=PASSWORD, group_ids=[group.pk])


def test_a_view_is_kept_read_changed_and_forgotten_and_stands_in_the_panel(cast: Cast, ann: Api) -> None:
    kept = ann.act("keep_view", grid="customers", name="Prepaid", query="f.billing=prepaid")
    row = kept.json()["result"]
    assert row == ann.get(f"saved-views/{row['id']}").json()
    assert (row["user_id"], row["shared"]) == (cast.ann.pk, False)
    assert "Prepaid" in logged_in(cast.ann).get("/customers/").content.decode()
    again = ann.act("keep_view", grid="customers", name="Prepaid", query="sort=name", shared=True).json()["result"]
    assert again == {**row, "query": "sort=name", "shared": True}
    assert ann.act("remember_view", grid="customers", columns=["name"], sort="-name").status_code == 200
    assert names(ann, grid="customers") == {"Prepaid", ""}
    assert ann.act("forget_view", view_id=row["id"]).status_code == 200
    assert ann.get(f"saved-views/{row['id']}").status_code == 404
    assert "Prepaid" not in logged_in(cast.ann).get("/customers/").content.decode()


def test_of_others_only_shared_views_of_lists_that_one_may_open_are_told(cast: Cast, ann: Api) -> None:
    for grid, shared in (("customers", True), ("customers", False), ("users", True)):
        ann.act("keep_view", grid=grid, name=f"{grid} {shared}", query="q=Acme", shared=shared)
    assert names(Api.of(cast.bob)) == {"customers True", "users True"}, "he reads everything"
    clerk = Api.of(user_of(["customers"]))
    assert names(clerk) == {"customers True"}
    (seen,) = clerk.get("saved-views").json()["data"]
    assert clerk.act("forget_view", view_id=seen["id"]).status_code == 404, "nobody changes a view of others"
    assert (
        clerk.act("keep_view", grid="customers", name="customers True", query="").json()["result"]["id"] != seen["id"]
    )


def test_of_a_list_that_there_is_not_nothing_is_kept(ann: Api) -> None:
    for act, more in (("keep_view", {"name": "Mine", "query": ""}), ("remember_view", {"columns": ["name"]})):
        answer = ann.act(act, grid="no_list", **more)
        assert (answer.status_code, fields_of(answer)) == (422, {("grid", "invalid")})
        assert "There is no such list." in answer.content.decode()
    assert not SavedView.objects.exists()


def test_a_resellers_users_have_views_of_their_own_house_alone(cast: Cast, ann: Api) -> None:
    ann.act("keep_view", grid="customers", name="Ours", query="q=Acme", shared=True)
    user, _ = with_rita(cast)
    rita = Api.of(user)
    kept = rita.act("keep_view", grid="customers", name="Theirs", query="q=Corso", shared=True)
    assert (kept.status_code, kept.json()["result"]["user_id"]) == (200, user.pk)
    assert (names(rita), names(ann)) == ({"Theirs"}, {"Ours"})
    ours = SavedView.objects.get(name="Ours")
    assert rita.get(f"saved-views/{ours.pk}").status_code == 404
    assert rita.act("forget_view", view_id=ours.pk).status_code == 404


def test_a_token_needs_the_scope_and_no_group(cast: Cast) -> None:
    clerk = user_of(["customers"])
    view = {"grid": "customers", "name": "Mine", "query": ""}
    assert Api.of(clerk, "read:customers").get("saved-views").status_code == 403
    assert Api.of(clerk, "read:views").get("saved-views").status_code == 200
    assert Api.of(clerk, "read:views").act("keep_view", **view).status_code == 403
    assert Api.of(clerk, "keep_view").act("keep_view", **view).status_code == 200
    form = logged_in(clerk).get("/me/tokens/new/").content.decode()
    assert all(f'value="{scope}"' in form for scope in ("read:views", "keep_view", "forget_view", "remember_view"))


def test_a_view_is_kept_at_once_or_not_at_all(cast: Cast, ann: Api) -> None:
    later = {"act": "keep_view", "arguments": {"grid": "tags", "name": "Later", "query": ""}}
    refused = ann.act("delay_save", **later, due_at="2100-01-01T00:00:00Z")
    assert (refused.status_code, fields_of(refused)) == (422, {("act", "invalid")})
