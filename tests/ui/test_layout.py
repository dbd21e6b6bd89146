"""The frame of a page."""

from tollgate.ui.layout import Frame, Group, Item, active_items

GROUPS = (
    Group("", (Item("Dashboard", "/", "home"),)),
    Group("Selling", (Item("Customers", "/customers/", "building"), Item("Cards", "/customers/cards/", "credit-card"))),
)


def active(path: str) -> list[str]:
    return [item.title for group in active_items(GROUPS, path) for item in group.items if item.active]


def test_one_item_is_active_the_closest_one() -> None:
    assert active("/") == ["Dashboard"]
    assert active("/customers/17/") == ["Customers"]
    assert active("/customers/cards/3/") == ["Cards"]


def test_a_page_that_is_nowhere_in_the_navigation_lights_nothing() -> None:
    assert active("/account/") == []


def test_the_frame_gives_the_template_every_name_it_knows() -> None:
    context = Frame(
        navigation=GROUPS, user_name="Ann", user_email="ann@example.com", account_url="/account/", logout_url="/out/"
    ).context()
    assert context["navigation"] is GROUPS
    assert context["theme"] == "auto"
