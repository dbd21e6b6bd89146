"""How the portal's pages write moments: `{% load portal %}`.

{{ at|moment:visit.contact.zone }}         2026-11-21 13:00 Europe/Vilnius, in UTC without a zone
{{ at|clock_time:visit.contact.zone }}     the same where the title says the zone
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template

register = template.Library()


@register.filter
def moment(at: datetime | None, zone: str) -> str:
    """A moment by the contact's clock, to the minute."""
    return "" if at is None else f"{clock_time(at, zone)} {zone or 'UTC'}"


@register.filter
def clock_time(at: datetime, zone: str) -> str:
    """A moment by the contact's clock, without naming the zone."""
    return f"{at.astimezone(ZoneInfo(zone or 'UTC')):%Y-%m-%d %H:%M}"
