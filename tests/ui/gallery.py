"""A small site that shows every piece of furniture, for the browser tests; it has no database.

`python -m tests.ui.gallery PORT` serves it on loopback under the same Content-Security-Policy as the real pages.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

from tollgate.ui.loading import BUILTINS, loaders

if __name__ == "__main__":
    settings.configure(
        SECRET_KEY="of the gallery only",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="__main__",
        STATIC_URL="/static/",
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.staticfiles", "django.contrib.messages", "csp", "tollgate.ui"],
        MESSAGE_STORAGE="django.contrib.messages.storage.cookie.CookieStorage",
        MIDDLEWARE=[
            "csp.middleware.CSPMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        CONTENT_SECURITY_POLICY={
            "DIRECTIVES": {"default-src": ["'self'"], "img-src": ["'self'", "data:"], "frame-ancestors": ["'none'"]}
        },
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [Path(__file__).parent / "templates"],
                "OPTIONS": {
                    "loaders": loaders("django.template.loaders.filesystem.Loader"),
                    "builtins": BUILTINS,
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.messages.context_processors.messages",
                        "__main__.frame",
                    ],
                },
            },
        ],
    )
    django.setup()

from django import forms
from django.contrib import messages
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path

from tollgate.ui.charts import LineChart, Series
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CountryField, CurrencyField, DurationField, MoneyField, NetworkField, ZoneField
from tollgate.ui.forms import Difference, HouseForm, render_form
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.hours import HoursField
from tollgate.ui.layout import Crumb, Frame, Group, Item, active_items
from tollgate.ui.sources import ListSource

NAVIGATION = (
    Group("", (Item("Dashboard", "/", "home"),)),
    Group("Selling", (Item("Customers", "/customer/", "building"), Item("Cards", "/cards/", "credit-card"))),
    Group("Buying", (Item("Carriers", "/empty/", "world"), Item("Gateways", "/gateways/", "server"))),
    Group("Traffic", (Item("Live calls", "/live/", "phone-call"), Item("CDRs", "/calls/", "list-details"))),
    Group("Money", (Item("Entries", "/entries/", "books"), Item("Payments", "/payments/", "wallet"))),
    Group("System", (Item("Users", "/users/", "users"), Item("Audit trail", "/audit/", "history"))),
)


def frame(request: HttpRequest) -> dict[str, object]:
    """What a face's context processor returns."""
    shown = Frame(
        navigation=active_items(NAVIGATION, request.path),
        user_name="Ann",
        user_email="ann@example.com",
        account_url="/account/",
        logout_url="/logout/",
        search_url="/search/",
        search_hint="Customers, numbers, Call-IDs",
        theme=request.COOKIES.get("stored", "auto"),
        theme_url="/theme/" if "stored" in request.COOKIES else "",
    )
    return shown.context() | {"help_url": "/help/"}


@dataclass(frozen=True, slots=True)
class Call:
    """One row of the grid."""

    id: int
    started_at: datetime
    customer: str
    cld: str
    duration_s: int
    price_nanos: int
    cost_micros: int
    currency: str
    profit_micros: int
    state: str


def calls() -> list[Call]:
    """250 calls of the cast, some in dollars, some at a loss, one with a name that a spreadsheet would run."""
    start = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
    names = ["Acme Telecom", "Baltic Voice", "=HYPERLINK(1)"]
    return [
        Call(
            id=1000 - i,
            started_at=start - timedelta(seconds=7 * i),
            customer=names[i % 7 % 3],
            cld=f"4989590{i * 7919 % 1000000:06d}",
            duration_s=i * 37 % 600,
            price_nanos=9_100_000,
            cost_micros=i * 37 % 600 * 151 + 1,
            currency="EUR" if i < 200 else "USD",
            profit_micros=(i % 5 - 1) * 12_340,
            state=["charged", "failed", "refused"][i % 11 % 3],
        )
        for i in range(250)
    ]


CALLS = Grid(
    name="calls",
    columns=(
        Column("started_at", "Start (UTC)", kind=Kind.INSTANT, sort="started_at"),
        Column("customer", "Customer", sort="customer", link=lambda call: "/customer/"),
        Column("cld", "CLD"),
        Column("duration_s", "Duration", kind=Kind.DURATION, unit="s", sort="duration_s"),
        Column("price", "Rate", value="price_nanos", kind=Kind.PRICE, unit="EUR/min", minor=True),
        Column(
            "cost", "Amount", value="cost_micros", kind=Kind.MONEY, currency="currency", sort="cost_micros", places=6
        ),
        Column("profit", "Profit", value="profit_micros", kind=Kind.MONEY, unit="EUR"),
        Column("state", "State", kind=Kind.BADGE, tone={"charged": "green", "failed": "gray", "refused": "yellow"}),
        Column("id", "Number", kind=Kind.COUNT, hidden=True),
    ),
    sort="-started_at",
    filters=(
        Filter(
            "state", "State", "state", choices=(("charged", "Charged"), ("failed", "Failed"), ("refused", "Refused"))
        ),
        Filter("since", "From (UTC)", "started_at", FilterKind.INSTANT),
    ),
    ticks=True,
)
CARRIERS = Grid(
    name="carriers",
    columns=(Column("name", "Carrier"),),
    sort="name",
    empty_text="No carriers yet: calls have nowhere to go.",
    empty_url="/carriers/new/",
    empty_action="Add a carrier",
)


class CustomerForm(HouseForm):
    """A form with every field."""

    tabs = [
        ("Basic", ["name", "currency", "zone", "country", "card", "debit_limit_micros", "channels", "recording"]),
        ("Address", ["email", "network"]),
        ("Limits", ["max_duration_s", "notes"]),
        ("Day/Time restrict", ["hours"]),
    ]
    widths = {"name": 6, "currency": 3, "zone": 3, "notes": 12}
    units = {"channels": "calls"}
    versioned = True

    name = forms.CharField(max_length=80, label="Customer name")
    currency = CurrencyField()
    zone = ZoneField(label="Time zone")
    country = CountryField(required=False)
    card = forms.ChoiceField(label="Rate card", choices=[("1", "Wholesale A-Z"), ("2", "Retail")])
    debit_limit_micros = MoneyField(label="Debit limit", least=0, help_text="How far below zero the balance may go.")
    channels = forms.IntegerField(min_value=0, label="Channels")
    recording = forms.BooleanField(required=False, label="Record calls")
    email = forms.EmailField(label="Contact email")
    network = NetworkField(label="Address or network")
    max_duration_s = DurationField(label="Longest call")
    notes = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    hours = HoursField(required=False, zone="Europe/Vilnius", label="When calls are allowed")


CUSTOMER = {
    "name": "Acme",
    "currency": "EUR",
    "zone": "Europe/Vilnius",
    "country": "LT",
    "card": "1",
    "debit_limit_micros": 1_284_517_200,
    "channels": 300,
    "email": "noc@acme.example",
    "network": "192.0.2.0/24",
    "max_duration_s": 3600,
    "version": 7,
    "hours": {
        "zone": "Europe/Vilnius",
        "windows": [{"weekday": day, "from": "08:00", "until": "19:30"} for day in range(1, 6)],
        "holidays": ["2026-12-25"],
    },
}


def dashboard(request: HttpRequest) -> HttpResponse:
    """Figures and a chart."""
    messages.success(request, "Customer Acme saved.")
    messages.error(request, "The gateway Cirrus 2 does not answer.")
    times = [1_795_132_800 + 300 * i for i in range(288)]
    ingress = [150 + abs(144 - i) * -1 + 144 + i * 7919 % 23 for i in range(288)]
    answered = [value // 2 if not 100 < i < 110 else None for i, value in enumerate(ingress)]
    chart = LineChart(
        name="live",
        title="Live calls, 24 h",
        unit="calls",
        times=times,
        series=(Series("Ingress", ingress), Series("Answered", answered)),
    )
    return render(request, "gallery/dashboard.html", {"title": "Dashboard", "chart": chart})


def customer(request: HttpRequest) -> HttpResponse:
    """The form; a name of "conflict" behaves as if somebody else had saved first."""
    form = CustomerForm(request.POST or None, initial=CUSTOMER)
    form.set_unit("debit_limit_micros", "EUR")
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["name"] == "conflict" and form.cleaned_data["version"] == 7:
            form.show_conflict(8, [Difference("Debit limit", "10.00 EUR", "20.00 EUR")])
        else:
            return redirect("/")
    crumbs = (Crumb("Selling"), Crumb("Customers", "/customers/"))
    return render_form(request, form, title="Acme", breadcrumbs=crumbs, back_url="/", can_stay=True)


def cdrs(request: HttpRequest) -> HttpResponseBase:
    """The grid."""
    source = ListSource(items=calls(), search=lambda call: f"{call.customer} {call.cld}")
    return respond(request, CALLS, source, title="CDRs", breadcrumbs=(Crumb("Traffic"),))


def carriers(request: HttpRequest) -> HttpResponseBase:
    """An empty grid."""
    return respond(request, CARRIERS, ListSource(items=[]), title="Carriers")


def login(request: HttpRequest) -> HttpResponse:
    """A page without navigation."""
    return render(request, "gallery/login.html", {"title": "Log in"})


def theme(request: HttpRequest) -> HttpResponse:
    """Stores a user's choice of theme; a cookie stands for the user's row."""
    answer = HttpResponse(status=204)
    answer.set_cookie("stored", request.POST["theme"])
    return answer


def live(request: HttpRequest) -> HttpResponse:
    """A form sent by htmx: an odd number is refused with 422, and its words must appear in the page."""
    if request.method == "POST":
        return HttpResponse("<p>That is odd.</p>", status=422)
    return render(request, "gallery/live.html", {"title": "Live calls"})


urlpatterns = [
    path("", dashboard),
    path("customer/", customer),
    path("calls/", cdrs),
    path("empty/", carriers),
    path("login/", login),
    path("live/", live),
    path("theme/", theme),
]


class Quiet(WSGIRequestHandler):
    """No line per request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
        """Says nothing."""


def main(port: int) -> None:
    """Serves until killed; prints the port once it listens."""
    with make_server("127.0.0.1", port, StaticFilesHandler(WSGIHandler()), handler_class=Quiet) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
