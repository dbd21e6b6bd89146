"""The words of custom pages as HTML: Markdown in which HTML is text, links lead where they say and nothing is fetched.

What comes out has the elements of Markdown alone, with no attribute but `href` and `rel` of a link. To allow something
else, add its rule to `html_of`, and a claim about what it cannot do.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from django.utils.safestring import SafeString, mark_safe
from markdown_it.token import Token

from tollgate.panel.help_texts import MARKDOWN

SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
LOWEST: Final = 6
"""The last level of headings."""


def html_of(text: str) -> SafeString:
    """The page's HTML."""
    tokens = MARKDOWN.parse(text)
    for token in tokens:
        token.attrs = {}  # the Content-Security-Policy lets no style through
        if token.type in ("heading_open", "heading_close"):  # the first level is the page's own title
            token.tag = f"h{min(LOWEST, int(token.tag[1]) + 1)}"
        if token.type == "fence":
            token.info = ""
        if token.children:
            token.children = list(_safe(token.children))
    html = str(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}))
    return mark_safe(html)  # noqa: S308 - HTML in the text is escaped


def _safe(tokens: Sequence[Token]) -> Iterator[Token]:
    """Links to other places in words of their own, pictures as what they show: nothing is fetched from elsewhere."""
    leads = False
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrs.get("href", ""))
            leads = _is_address(address)
            token.attrs = {"href": address, "rel": "noreferrer"}
        elif token.type == "image":
            token = Token("text", "", 0, content=token.content)  # noqa: PLW2901 - the words stand for the picture
        if leads or token.type not in ("link_open", "link_close"):
            yield token


def _is_address(address: str) -> bool:
    """Whether a link may lead there: a page of ours, another site, mail or a telephone."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in SCHEMES or (not parts.scheme and not parts.netloc and address.startswith(("/", "#")))
