"""Every address of the panel. A new noun adds its module to `NOUNS`."""

from tollgate.panel import (
    account,
    audit,
    call_pages,
    calls,
    card_import,
    cards,
    carriers,
    contacts,
    customer_pages,
    customers,
    dashboard,
    edges,
    endpoints,
    entries,
    gateways,
    groups,
    me,
    routes,
    search,
    users,
)

app_name = "panel"
NOUNS = (
    dashboard,
    customers,
    customer_pages,
    contacts,
    endpoints,
    routes,
    carriers,
    gateways,
    cards,
    card_import,
    calls,
    call_pages,
    entries,
    account,
    users,
    groups,
    edges,
    audit,
    search,
    me,
)
urlpatterns = [pattern for noun in NOUNS for pattern in noun.urlpatterns]
