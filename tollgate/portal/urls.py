"""Every address of the portal. A new noun adds its module to `NOUNS`."""

from tollgate.portal import (
    brand,
    calls,
    clis,
    contacts,
    dashboard,
    details,
    endpoints,
    entrance,
    invoices,
    payments,
    security,
    statements,
    tokens,
)

app_name = "portal"
NOUNS = (
    entrance,
    dashboard,
    calls,
    invoices,
    statements,
    payments,
    contacts,
    endpoints,
    clis,
    details,
    security,
    tokens,
    brand,
)
urlpatterns = [pattern for noun in NOUNS for pattern in noun.urlpatterns]
