"""What a request tells of whoever sent it, for every face."""

from ipaddress import IPv6Address, ip_address
from typing import Final

from django.conf import settings
from django.http import HttpRequest

NOWHERE: Final = "0.0.0.0"  # noqa: S104 - what no list of addresses holds


def client_ip(request: HttpRequest) -> str:
    """Where the request comes from. Behind a proxy of ours (`TOLLGATE_BEHIND_PROXY`), what that proxy saw.

    IPv4 written as IPv6 is IPv4. `NOWHERE` stands for a socket that tells no address.
    """
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_PROXY else ""
    for told in (forwarded.rsplit(",", 1)[-1].strip(), str(request.META.get("REMOTE_ADDR", ""))):
        try:
            address = ip_address(told)
        except ValueError:
            continue
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return str(mapped or address)
    return NOWHERE
