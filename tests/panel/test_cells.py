"""Claims about what the cells of several lists share."""

import pytest
from django.urls import reverse, set_script_prefix

from tollgate.panel.cells import link, page_of

NAMES = ("panel:customer", "panel:contact", "panel:contact_password", "panel:endpoint")


@pytest.mark.parametrize("name", NAMES)
def test_a_record_s_page_is_where_its_address_says_also_below_a_path(name: str) -> None:
    try:
        for prefix in ("/", "/tollgate/", "/"):
            set_script_prefix(prefix)
            for record_id in (1, 17, 2**63 - 1):
                assert page_of(name, record_id) == reverse(name, args=[record_id]), prefix
    finally:
        set_script_prefix("/")


def test_a_row_without_such_a_record_has_no_link() -> None:
    shown = link("panel:customer", lambda row: row)
    assert (shown(None), shown(7)) == (None, reverse("panel:customer", args=[7]))
