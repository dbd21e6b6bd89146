"""The addresses below /api/v1. Acts and nouns need none of their own: both are found by name."""

from django.urls import path, re_path

from tollgate.api.acts import do_act
from tollgate.api.books import read_book
from tollgate.api.document import missing, openapi
from tollgate.api.files import read_file
from tollgate.api.portal import balance, do_own, list_own, read_own, ways_to_pay
from tollgate.api.reads import list_rows, read_row
from tollgate.api.summaries import list_summaries
from tollgate.api.trials import try_out

app_name = "api"
urlpatterns = [
    path("openapi.json", openapi, name="openapi"),
    path("acts/<str:act>", do_act, name="act"),
    path("portal/balance", balance, name="own_balance"),
    path("portal/ways-to-pay", ways_to_pay, name="own_ways_to_pay"),
    path("portal/acts/<str:act>", do_own, name="own_act"),
    path("portal/<slug:noun>", list_own, name="own_list"),
    path("portal/<slug:noun>/<int:row_id>", read_own, name="own_row"),
    path("summaries", list_summaries, name="summaries"),
    path("try/<str:what>", try_out, name="try"),
    path("books/<str:name>", read_book, name="book"),
    path("<slug:noun>", list_rows, name="list"),
    path("<slug:noun>/<int:row_id>", read_row, name="row"),
    path("<slug:noun>/<int:row_id>/<str:name>", read_file, name="file"),
    re_path(r"", missing, name="missing"),
]
