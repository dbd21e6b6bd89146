"""One column of a grid, declared once: from it come the page's cell, the copied text, the CSV and the XLSX.

    Column("name", "Customer", link=lambda row: f"/customers/{row.id}/")
    Column("started_at", "Start (UTC)", kind=Kind.INSTANT, sort="started_at")
    Column("duration", "Duration", value=lambda row: row.duration_ms // 1000, kind=Kind.DURATION, unit="s")
    Column("cost", "Amount", value="cost_micros", kind=Kind.MONEY, currency="currency")     # currency of each row
    Column("status", "Status", kind=Kind.BADGE, tone={"active": "green", "inactive": "gray"})

`value` and `currency` are an attribute path ("customer.name", also into dicts) or a function of the row; `value` is the
column's name when not given. What each kind expects: TEXT, LINK and BADGE anything with a text; NUMBER and COUNT int or
Decimal; MONEY int micros; PRICE int nanos; DURATION int seconds; INSTANT an aware datetime, shown in UTC; MENU what may
be done with the row, as pairs of words and an address, never exported. None is an empty cell. `sort` names what the
source orders by (a queryset's field path); a column without it cannot be sorted.
`unit` goes into the title ("Duration, s"). Every amount carries its ISO code: in the title when `unit` names the one
currency of the column, otherwise in each cell; `places` is how many decimals it shows at least. To add a kind: a
member of Kind and its line in `plain`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from html import escape
from typing import Any

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from tollgate.core.money import format_micros, format_nanos, minor_digits, padded
from tollgate.ui.templatetags.ui import icon
from tollgate.ui.words import AsIs, figure, told

MENU_TITLE = "What to do with this row"
Row = Any
Reader = str | Callable[[Row], Any]


class Kind(StrEnum):
    """What a column's values are; decides alignment, exactness and whether a sum makes sense."""

    TEXT = "text"
    LINK = "link"
    BADGE = "badge"
    INSTANT = "instant"
    NUMBER = "number"
    COUNT = "count"
    DURATION = "duration"
    MONEY = "money"
    PRICE = "price"
    MENU = "menu"


POINTED = frozenset({Kind.MONEY, Kind.PRICE})
NUMERIC = frozenset({Kind.NUMBER, Kind.COUNT, Kind.DURATION, Kind.MONEY, Kind.PRICE})
ADDING = NUMERIC - {Kind.PRICE, Kind.NUMBER}  # adding prices or ratios says nothing


@dataclass(frozen=True, slots=True)
class Column:
    """See the module's docstring. `export` gives another value for files; `hidden` columns wait to be chosen.

    `show` says how the page tells a number, which is copied, added and exported as such. `minor` columns are left out
    on phones until the user chooses columns. Neighbors of one `group` stand under a heading of that name. A ratio says
    by `over` and `under` which whole numbers it is made of, so that the average of chosen cells is weighted. A column
    that `says` has words of ours in its cells, as badges do, and not data; files carry them as they are written here.
    `hint` says what a number's cell tells when the pointer rests on it. One on the `right` holds numbers and words for
    some of them, such as "no limit". One that is `apart` holds amounts that together say nothing, such as what is open
    of invoices and of credit notes. One that `wraps` holds sentences, which are shown whole, on several lines if need
    be. `decimals` is how many a page shows in all of its cells (`aligned`).
    """

    name: str
    title: str
    value: Reader = ""
    kind: Kind = Kind.TEXT
    sort: str = ""
    unit: str = ""
    currency: Reader = ""
    places: int = 2
    link: Callable[[Row], str | None] | None = None
    tone: Mapping[str, str] | Callable[[Row], str] | None = None
    export: Callable[[Row], Any] | None = None
    show: Callable[[Any], str] | None = None
    group: str = ""
    over: Reader = ""
    under: Reader = ""
    hint: Callable[[Row], str] | None = None
    hidden: bool = False
    minor: bool = False
    says: bool = False
    right: bool = False
    apart: bool = False
    wraps: bool = False
    decimals: int = 0

    def __post_init__(self) -> None:
        assert self.kind is not Kind.MONEY or self.unit or self.currency, f"{self.name}: an amount needs its currency"

    @property
    def heading(self) -> str:
        """The title with its unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def shown_heading(self) -> str:
        """The title above cells: the unit is left out where they are told in words of their own."""
        title = str(told(self.title))
        return title if self.show or not self.unit else f"{title}, {told(self.unit)}"

    @property
    def classes(self) -> str:
        """CSS classes of its cells and its title."""
        return _classes(self.numeric or self.right, self.minor, self.wraps)

    @property
    def numeric(self) -> bool:
        """Whether cells are numbers: right-aligned, copied plain."""
        return self.kind in NUMERIC

    @property
    def adds(self) -> bool:
        """Whether a sum of its cells means something."""
        return self.kind in ADDING and not self.apart

    @property
    def weighted(self) -> bool:
        """Whether its cells are ratios that say what they are made of."""
        return bool(self.over)

    def read(self, row: Row) -> Any:
        """The row's value of this column."""
        return read(row, self.value or self.name)

    def read_currency(self, row: Row) -> str:
        """The ISO code of this row's amount; empty when the column has one currency."""
        return str(read(row, self.currency) or "") if self.currency else ""

    def aligned(self, rows: Iterable[Row]) -> "Column":
        """The column as these rows show it: all of them with as many decimals as the one that needs the most, so that
        the points stand below each other."""
        if self.kind not in POINTED or self.show:
            return self
        return replace(self, decimals=max(map(self._decimals, rows), default=0))

    def _decimals(self, row: Row) -> int:
        """How many this row needs: a price no less than its currency has, where the column says which that is."""
        text = plain(self.kind, self.read(row), self.places)
        code = self.read_currency(row) if self.kind is Kind.PRICE else ""
        return max(len(text.partition(".")[2]), minor_digits(code) if text and code else 0)

    def read_export(self, row: Row) -> Any:
        """The value that files carry."""
        return self.export(row) if self.export else self.read(row)

    def cell(self, row: Row) -> SafeString:
        """The finished <td>."""
        value = self.read(row)
        if self.kind is Kind.MENU:
            return _menu_cell(value)
        shown = plain(self.kind, value, self.places)
        said = (self.kind is Kind.BADGE or self.says) and not isinstance(value, AsIs)
        text = escape(str(told(shown)) if said else shown)
        if self.numeric:
            return self._number_cell(text, escape(self.read_currency(row)), value, self._more(row))
        if self.kind is Kind.BADGE and value is not None:
            text = f'<span class="badge tone-{escape(self._tone(row, str(value)))}">{text}</span>'
        address = self.link(row) if self.link else None
        if address:
            text = f'<a href="{escape(address)}">{text}</a>'
        css = f' class="{self.classes}"' if self.classes else ""
        return SafeString(f'<td tabindex="-1" aria-selected="false"{css}>{text}</td>')  # escaped above

    def _more(self, row: Row) -> str:
        """Its hint, and what a ratio is made of, for the average of chosen cells."""
        hint = f' title="{escape(self.hint(row))}"' if self.hint else ""
        if not self.over:
            return hint
        return f'{hint} data-over="{int(read(row, self.over))}" data-under="{int(read(row, self.under))}"'

    def _number_cell(self, text: str, code: str, value: Any, more: str) -> SafeString:
        below = " below-zero" if self.kind is Kind.MONEY and _negative(value) else ""
        unit = f' data-unit="{code}"' if code else ""
        plainly = figure(padded(text, self.decimals))
        words = escape(str(told(self.show(value)))) if self.show and value is not None else plainly
        shown = f'{words} <span class="unit">{code}</span>' if code and text else words
        facts = f'class="{self.classes}{below}" data-value="{text}"{unit}{more}'
        return SafeString(f'<td tabindex="-1" aria-selected="false" {facts}>{shown}</td>')  # its parts: by cell()

    def _tone(self, row: Row, value: str) -> str:
        if callable(self.tone):
            return self.tone(row)
        return (self.tone or {}).get(value.lower(), "gray")


@cache
def _classes(right: bool, minor: bool, wraps: bool) -> str:
    named = (("num", right), ("phone-hide", minor), ("wraps", wraps))
    return " ".join(name for name, given in named if given)


def read(row: Row, reader: Reader) -> Any:
    """What `reader` finds in the row: a function of it, or a path of attributes or keys. None ends a path."""
    if callable(reader):
        return reader(row)
    for step in reader.split("."):
        if row is None:
            return None
        row = row.get(step) if isinstance(row, Mapping) else getattr(row, step)
    return row


def plain(kind: Kind, value: Any, places: int = 2) -> str:
    """The exact text of a value, as shown, copied and exported; an amount has at least `places` decimals."""
    if value is None:
        return ""
    match kind:
        case Kind.MONEY:
            return format_micros(value, places)
        case Kind.PRICE:
            return format_nanos(value)
        case Kind.INSTANT:
            assert isinstance(value, datetime)
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        case Kind.NUMBER if isinstance(value, Decimal):
            return f"{value:f}"
        case _:
            return str(value)


def _menu_cell(items: Iterable[tuple[str, str]]) -> SafeString:
    """A button that opens the links."""
    links = "".join(
        f'<a class="dropdown-item" href="{escape(address)}">{conditional_escape(told(words))}</a>'
        for words, address in items
    )
    menu = f'{_menu_button(told(MENU_TITLE))}<div class="dropdown-menu dropdown-menu-end">{links}</div>'
    return SafeString(f'<td class="row-menu"><div class="dropdown">{menu}</div></td>')  # escaped above


@cache
def _menu_button(title: str) -> SafeString:
    """The same in every row. The table may cut off what hangs over its edges, so the menu floats above it."""
    return format_html(
        '<button class="btn btn-sm btn-icon btn-ghost-secondary" type="button" data-bs-toggle="dropdown"'
        ' data-bs-popper-config="{}" aria-expanded="false" aria-label="{}">{}</button>',
        '{"strategy": "fixed"}',
        title,
        icon("dots"),
    )


def _negative(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and value < 0
