"""The forms of endpoints: networks typed one per line, rewrites as a table of rows, and what both kinds have.

The page's own manners (rows added and removed, the picker of free numbers) are in static/panel/endpoints.js.
"""

from typing import Any

from django import forms

from tollgate.actions.endpoints import MOST_AT_ONCE, REALM
from tollgate.core import rewrites
from tollgate.panel.fields import ChannelsField, CpsField
from tollgate.ui.fields import NetworkField
from tollgate.ui.forms import HouseForm

TARGETS = (("cld", "Number dialed (CLD)"), ("cli", "Caller's number (CLI)"))


class NetworksField(forms.CharField):
    """Addresses and networks, one per line."""

    def __init__(self, *, most: int = 1000, rows: int = 3, **options: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows, "spellcheck": "false"}), **options)
        self.most = most

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]  # CharField promises a str
        """The list; an error names the line."""
        single, found = NetworkField(required=False), []
        for number, line in enumerate(str(value or "").splitlines(), start=1):
            try:
                network = single.clean(line)
            except forms.ValidationError as error:
                raise forms.ValidationError(f"Line {number}: {error.messages[0]}") from None
            if network:
                found.append(network)
        if len(found) > self.most:
            raise forms.ValidationError(f"At most {self.most} at once.")
        return found

    def prepare_value(self, value: Any) -> Any:
        """The lines of a list from the program."""
        return "\n".join(str(network) for network in value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other networks are named, however they are written."""
        try:
            return self.to_python(data) != [
                str(network).removesuffix("/32").removesuffix("/128") for network in initial or ()
            ]
        except forms.ValidationError:
            return True


class RewritesWidget(forms.Widget):
    """A table: which number, how it looks now, what takes its place. The last row is empty."""

    template_name = "panel/rewrites.html"
    use_fieldset = True

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The rows and an empty one."""
        rows = [*(value or ()), {"target": "cld", "current": "", "new": ""}]
        return {**super().get_context(name, value, attrs), "rows": rows, "targets": TARGETS}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, str]]:
        """The rows in which something is written."""
        columns = [data.getlist(f"{name}-{column}") if hasattr(data, "getlist") else [] for column in rewrites.COLUMNS]
        rows = [
            dict(zip(rewrites.COLUMNS, map(str.strip, cells), strict=True)) for cells in zip(*columns, strict=False)
        ]
        return [row for row in rows if row["current"] or row["new"]]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """No row at all is an answer."""
        return False

    def id_for_label(self, id_: str) -> str:
        """A fieldset's legend points at no single control."""
        return ""


class RewritesField(forms.Field):
    """Rewrites of an endpoint, in their order."""

    def __init__(self) -> None:
        words = (
            "Of each number the first row that fits is applied. Current is a prefix, or an expression that starts "
            "with ^; New takes the place of what fits, $1 is what its first group matched"
        )
        super().__init__(required=False, label="Rewrites", help_text=words, widget=RewritesWidget())

    def clean(self, value: Any) -> list[dict[str, str]]:
        """The rows as they are stored; an error names the row and the column."""
        try:
            return rewrites.to_json(rewrites.parse(value or []))
        except rewrites.RewriteInvalid as problem:
            raise forms.ValidationError(str(problem)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the rows differ."""
        return list(initial or ()) != list(data or ())


class DirectionField(forms.ChoiceField):
    """Whether calls come from an address; a form without it means they do."""

    def __init__(self) -> None:
        super().__init__(
            choices=(("sends", "Sends calls to us"), ("receives", "Only receives calls from us")),
            required=False,
            initial=True,
            label="Direction",
            help_text="With extensions behind it calls also go to it",
        )

    def clean(self, value: Any) -> bool:
        """What the act takes."""
        return bool(super().clean(value) != "receives")

    def prepare_value(self, value: Any) -> Any:
        """The choice of a stored value."""
        return {True: "sends", False: "receives"}.get(value, value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the other direction is chosen."""
        return bool((data != "receives") != initial)


class EndpointForm(HouseForm):
    """What both kinds have."""

    widths = {"enabled": 12, "rewrites": 12}
    name = forms.CharField(max_length=200, required=False, help_text="Such as Vilnius office")
    channels = ChannelsField(help_text="Calls from it and to it. 0 = no limit")
    cps_milli = CpsField(label="New calls per second", help_text="From it and to it. 0 = no limit")
    rewrites = RewritesField()
    enabled = forms.BooleanField(required=False, initial=True)


class IpForm(EndpointForm):
    """How calls from an address are told apart and limited."""

    tabs = (
        (
            "Calls from it",
            (
                "network",
                "name",
                "tech_prefix",
                "sends_calls",
                "channels",
                "cps_milli",
                "cli_authentication",
                "presents_pins",
                "enabled",
                "rewrites",
            ),
        ),
        (
            "Extensions behind it",
            ("extensions", "delivery_host", "delivery_port", "delivery_transport", "shared"),
        ),
    )
    widths = {
        **EndpointForm.widths,
        "cli_authentication": 12,
        "presents_pins": 12,
        "extensions": 12,
        "delivery_host": 6,
        "delivery_port": 3,
        "delivery_transport": 3,
        "shared": 12,
    }
    tech_prefix = forms.CharField(
        max_length=20, required=False, help_text="Dialed in front of the number; tells customers on one address apart"
    )
    cli_authentication = forms.BooleanField(
        required=False,
        label="CLI authentication: the address is shared, and a call is the customer's whose verified CLI it shows",
    )

    sends_calls = DirectionField()
    presents_pins = forms.BooleanField(
        required=False,
        label="May present PINs: a server for calling cards, whose calls belong to the holder of the PIN they bring",
    )
    extensions = forms.CharField(
        max_length=2000,
        required=False,
        help_text="Of a PBX at this address, such as 2000-2049, 2060. Local calls ring it",
    )
    delivery_host = forms.CharField(
        max_length=255,
        required=False,
        label="Calls to them go to",
        help_text="An IP address or a host name. Empty: the endpoint's own address",
    )
    delivery_port = forms.IntegerField(
        min_value=1, max_value=65_535, required=False, label="Port", help_text="Empty: 5060, and 5061 by TLS"
    )
    delivery_transport = forms.TypedChoiceField(
        choices=(("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS")), required=False, empty_value="udp", label="Transport"
    )
    shared = forms.BooleanField(required=False, label="Customers besides its own may call them as local calls")

    def __init__(self, *arguments: Any, numbers_url: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["extensions"].widget.attrs |= {"data-numbers": numbers_url, "data-many": "", "data-width": "12"}


class NewIpForm(IpForm):
    """One or many addresses, each an endpoint of its own."""

    network = NetworksField(
        label="IP addresses or networks",
        most=MOST_AT_ONCE,
        help_text="One per line, such as 192.0.2.10 or 2001:db8::/48; each becomes an endpoint",
    )


class ChangedIpForm(IpForm):
    """One address with the version that was opened."""

    versioned = True
    network = NetworkField(label="IP address or network", help_text="Such as 192.0.2.10 or 2001:db8::/48")


class SipUserForm(EndpointForm):
    """A user name with the networks it may call from."""

    field_order = (
        "username", "password", "realm", "name", "channels", "cps_milli", "allowed_networks", "enabled", "shared",
        "rewrites",
    )  # fmt: skip
    widths = {**EndpointForm.widths, "allowed_networks": 8, "shared": 12}
    shared = forms.BooleanField(required=False, label="Customers besides its own may call it as a local call")
    allowed_networks = NetworksField(
        required=False, label="Allowed networks", help_text="One per line; others are refused. Empty = any"
    )


class PasswordForm(HouseForm):
    """A new password: written once, never shown again."""

    widths = {"password": 6, "realm": 6}
    password = forms.CharField(
        max_length=128,
        help_text="At least 10 characters. Shown here and never again, kept as a hash only: copy it now",
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-generate": "", "spellcheck": "false"}),
    )
    realm = forms.CharField(max_length=200, initial=REALM, help_text="What the SIP edge challenges with")


class NewSipUserForm(SipUserForm, PasswordForm):
    """A SIP user with its first password. `numbers_url` tells the numbers of the customer's blocks."""

    username = forms.CharField(max_length=64, label="User name")

    def __init__(self, *arguments: Any, numbers_url: str, free: int | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if free is not None:
            field = self.fields["username"]
            field.help_text = "A free number of the customer's blocks"
            field.initial = str(free)
            field.widget.attrs |= {"data-numbers": numbers_url, "data-width": "12", "inputmode": "numeric"}


class ChangedSipUserForm(SipUserForm):
    """With the version that was opened."""

    versioned = True
