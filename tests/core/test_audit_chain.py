"""Claims about the chain over the audit log: any change of what was sealed breaks it, at the place of the change."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.audit_chain import START, Broken, Link, Whole, examine, left_of, link

ROWS = st.lists(st.text(max_size=20), min_size=1, max_size=8)


def sealed(rows: list[str]) -> list[Link]:
    """A log with every row sealed."""
    head, links = START, []
    for number, row in enumerate(rows, start=1):
        head = link(head, row)
        links.append(Link(number * 10, row, head))
    return links


@given(ROWS, st.integers(0, 3))
def test_an_untouched_log_holds_and_the_rows_not_sealed_yet_are_no_fault(rows: list[str], fresh: int) -> None:
    links = sealed(rows)
    later = [Link(1000 + number, "new", None) for number in range(fresh)]
    assert examine([*links, *later]) == Whole(len(rows), links[-1].seal or b"")


@given(ROWS, st.data())
def test_a_row_altered_taken_out_or_put_in_is_found_where_it_is(rows: list[str], data: st.DataObject) -> None:
    links = sealed(rows)
    place = data.draw(st.integers(0, len(links) - 1))
    at = links[place].audit_id
    altered = [*links[:place], replace(links[place], row=rows[place] + "!"), *links[place + 1 :]]
    assert examine(altered) == Broken(at, "was altered")
    without = [*links[:place], replace(links[place], row=None), *links[place + 1 :]]
    assert examine(without) == Broken(at, "was taken out")
    behind = [*links[:place], Link(at - 5, "slipped in", None), *links[place:]]
    assert examine(behind) == Broken(at - 5, "was put behind the seal")


@given(ROWS, st.data())
def test_taking_out_a_row_together_with_its_seal_breaks_the_next(rows: list[str], data: st.DataObject) -> None:
    links = sealed(rows)
    place = data.draw(st.integers(0, len(links) - 1))
    rest = [*links[:place], *links[place + 1 :]]
    if place < len(links) - 1:
        assert examine(rest) == Broken(links[place + 1].audit_id, "was altered")
    else:
        assert examine(rest) != examine(links), "the head that was noted elsewhere tells it"


def event(audit_id: int, left: dict[str, str], *, verb: str = "ERASE") -> str:
    """The text of an event that names what is left of rows."""
    return json.dumps([audit_id, 0, "ann", "erase", "", "contact", 1, verb, None, {"left": left}])


@given(ROWS, st.data())
def test_an_erased_row_holds_only_by_a_later_sealed_event_that_names_what_is_left(
    rows: list[str], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    at, event_id = (place + 1) * 10, (len(rows) + 1) * 10
    named = {str(at): left_of(rows[place] + "less")}
    altered = Broken(at, "was altered")

    def found(names: dict[str, str], left: str, *, verb: str = "ERASE") -> Whole | Broken:
        links = sealed([*rows, event(event_id, names, verb=verb)])
        return examine([*links[:place], replace(links[place], row=left), *links[place + 1 :]])

    whole = found(named, rows[place] + "less")
    assert isinstance(whole, Whole)
    assert (whole.sealed_count, whole.erased_count, whole.unsealed_count) == (len(rows) + 1, 1, 0)
    assert found(named, rows[place] + "another") == altered
    assert found({}, rows[place] + "less") == altered
    assert found(named, rows[place] + "less", verb="UPDATE") == altered
    links = sealed([*rows, event(event_id, {})])
    forged = replace(links[-1], row=event(event_id, named))
    cut = replace(links[place], row=rows[place] + "less")
    assert examine([*links[:place], cut, *links[place + 1 : -1], forged]) == altered, "an event is trusted as sealed"
    early = sealed([event(10, {"20": left_of("less")}), "row"])
    assert examine([early[0], replace(early[1], row="less")]) == Broken(20, "was altered"), "nothing is erased ahead"
    waiting = Link(event_id, event(event_id, named), None)
    assert examine([*links[:place], cut, *links[place + 1 : -1], waiting]) == Whole(
        len(rows), links[-2].seal or b"", 1, 1
    )
