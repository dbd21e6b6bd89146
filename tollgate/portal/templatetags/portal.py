"""How the portal's pages write moments: `{% load portal %}`.

{{ at|moment:visit.contact.zone }}         2026-11-21 13:00 Europe/Vilnius, in UTC without a zone
{{ at|clock_time:visit.contact.zone }}     the same where the title says the zone
{{ seconds|clock }}                        2:03
"""

from datetime import datetime

from django import template

from tollgate.ui import packages
from tollgate.ui.templatetags.ui import clock_time

register = template.Library()
register.filter(clock_time)


@register.filter
def clock(duration_s: int | None) -> str:
    """Seconds as 1:02:03 or 2:03."""
    return "" if duration_s is None else packages.clock(duration_s)


@register.filter
def moment(at: datetime | None, zone: str) -> str:
    """A moment by the contact's clock, to the minute."""
    return "" if at is None else f"{clock_time(at, zone)} {zone or 'UTC'}"
