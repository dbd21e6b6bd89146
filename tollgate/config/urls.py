"""The addresses of all pages. A new face adds one `include` here."""

from __future__ import annotations

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path

from tollgate.config import sign_in
from tollgate.config.second_factor import AddPasskey, SetUpApp
from tollgate.panel.payment_notices import payment_notice
from tollgate.panel.sms_receipts import sms_receipt
from tollgate.panel.unsubscribe import unsubscribe


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers and reaches the database; for supervisors and load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


def absent(request: HttpRequest) -> HttpResponse:
    """404 for pages of allauth that the panel has its own for: passwords, and addresses of logins."""
    raise Http404("There is no such page.")


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    re_path(r"^account/(?:password|email|confirm-email)/", absent),
    path("account/", include("allauth.account.urls")),
    path("account/2fa/totp/activate/", SetUpApp.as_view(), name="mfa_activate_totp"),
    path("account/2fa/webauthn/add/", AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
    path("payments/notices/<str:token>/", payment_notice, name="payment_notice"),
    path("sms/receipts/<str:token>/", sms_receipt, name="sms_receipt"),
    path("api/v1/", include("tollgate.api.urls")),
    path("portal/", include("tollgate.portal.urls")),
    *sign_in.urlpatterns,
    path("", include("tollgate.panel.urls")),
]
