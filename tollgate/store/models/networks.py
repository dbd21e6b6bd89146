"""A column for an IP network (PostgreSQL cidr), read as an ipaddress object."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

Network = IPv4Network | IPv6Network

if TYPE_CHECKING:
    Column = models.Field[Any, Any]
else:  # Django's own class takes no type parameters at run time
    Column = models.Field


class NetworkField(Column):
    """An address or network. Accepts text such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32."""

    description = "IP address or network"

    def db_type(self, connection: object) -> str:
        """The column's type."""
        return "cidr"

    def from_db_value(self, value: object, expression: object, connection: object) -> Network | None:
        """Database to Python: psycopg gives networks, arrays give text."""
        return ip_network(str(value)) if value is not None else None

    def to_python(self, value: object) -> Network | None:
        """Text to a network; says what is wrong with text that is none."""
        if value is None or value == "":
            return None
        try:
            return ip_network(str(value).strip())
        except ValueError as error:
            raise ValidationError(f"{value} is not an IP address or network: {error}") from error

    def get_prep_value(self, value: object) -> str | None:
        """Python to database."""
        network = self.to_python(value)
        return str(network) if network is not None else None
