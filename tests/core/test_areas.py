"""Claims about areas: what a group opens, and what no reseller's user sees."""

from tollgate.core.areas import AREAS, EVERY_AREA, area_of_acts, area_of_page, may_read


def test_a_page_and_an_act_are_of_the_area_that_lists_their_module() -> None:
    for name, area in AREAS.items():
        assert {area_of_page(f"tollgate.panel.{page}") for page in area.pages} <= {name}
        assert {area_of_acts(f"tollgate.actions.{module}") for module in area.acts} <= {name}
    assert (area_of_page("tollgate.panel.unheard_of"), area_of_acts("tollgate.actions.unheard_of")) == ("", "")


def test_an_area_is_read_by_who_was_given_it_or_all() -> None:
    assert may_read("customers", frozenset({"customers"}))
    assert may_read("customers", frozenset({EVERY_AREA}))
    assert not may_read("customers", frozenset({"calls"}))
    assert may_read("", frozenset({EVERY_AREA})), "what no area lists opens to who may read everything"
    assert not may_read("", frozenset({""}))


def test_a_resellers_user_reads_in_shared_areas_alone() -> None:
    everything = frozenset({EVERY_AREA})
    for name, area in AREAS.items():
        assert may_read(name, everything, reseller=True) is area.shared, name
    assert not may_read("", everything, reseller=True)
