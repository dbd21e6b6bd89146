"""The frame of a page: navigation, breadcrumbs, the user's menu.

A face (panel, portal) has one context processor that returns `Frame(...).context()`; a view adds `title`,
`breadcrumbs` and `help_url` and extends `ui/base.html`, filling these blocks:

    actions    buttons at the right of the title; the primary one last, class `btn btn-primary`
    badges     status badges beside the title
    content    the page
    scripts    further `<script src defer>` of this page

`ui/bare.html` is the frame without navigation: login, password reset, errors. It has `title` and `content`.
Flash messages come from django.contrib.messages; a message of level ERROR is red and stays.

Icons are named after `ui/static/ui/icons.svg`: `{% load ui %}{% icon "phone" %}`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Item:
    """One link of the navigation."""

    title: str
    url: str
    icon: str
    active: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A titled group of links; the page's own item carries `active`."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way to this page; without url it is plain text."""

    title: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds every page of one face for one user.

    `theme` is the user's stored choice (auto, light, dark); `theme_url`, when given, receives a POST `theme=` whenever
    the user picks another one; without it the choice lives in the browser only.
    """

    navigation: Sequence[Group]
    user_name: str
    user_email: str
    account_url: str
    logout_url: str
    home_url: str = "/"
    brand: str = "Tollgate"
    search_url: str = ""
    search_hint: str = "Search"
    theme: str = "auto"
    theme_url: str = ""

    def context(self) -> dict[str, object]:
        """The names that `ui/base.html` reads."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def active_items(groups: Sequence[Group], path: str) -> tuple[Group, ...]:
    """The groups with the item whose url is the longest beginning of `path` marked active."""
    urls = [item.url for group in groups for item in group.items if _covers(item.url, path)]
    best = max(urls, key=len, default=None)
    return tuple(
        Group(group.title, tuple(Item(i.title, i.url, i.icon, i.url == best) for i in group.items)) for group in groups
    )


def _covers(url: str, path: str) -> bool:
    return path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))
