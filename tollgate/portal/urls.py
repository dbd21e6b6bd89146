"""Every address of the portal. A new noun adds its module to `NOUNS`."""

from tollgate.portal import brand, calls, clis, contacts, dashboard, details, endpoints, entrance, security

app_name = "portal"
NOUNS = (entrance, dashboard, calls, contacts, endpoints, clis, details, security, brand)
urlpatterns = [pattern for noun in NOUNS for pattern in noun.urlpatterns]
