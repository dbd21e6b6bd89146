"""Every address of the portal. A new noun adds its module to `NOUNS`."""

from tollgate.portal import (
    brand,
    calls,
    clis,
    contacts,
    dashboard,
    details,
    dids,
    endpoints,
    entrance,
    invoices,
    packages,
    payments,
    security,
    sign_in,
    statements,
    tokens,
    traffic,
)

app_name = "portal"
NOUNS = (
    entrance,
    sign_in,
    dashboard,
    calls,
    traffic,
    invoices,
    statements,
    payments,
    packages,
    contacts,
    endpoints,
    dids,
    clis,
    details,
    security,
    tokens,
    brand,
)
urlpatterns = [pattern for noun in NOUNS for pattern in noun.urlpatterns]
