"""Claims about vars: what is known is obeyed, what is not known is told, and mistakes are named by their line."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.hours import Hours, Window
from tollgate.core.vars import MOST_CHARACTERS, MOST_DEPTH, MOST_PERSIST_S, Vars, VarsInvalid, as_json, obeyed, parse

SECOND = timedelta(seconds=1)


def test_an_empty_text_says_nothing() -> None:
    assert parse("") == parse("# only words\n") == Vars()


def test_the_expression_for_headers_is_taken() -> None:
    assert parse('[headers]\nremove_regex = "^X-.*$"').removed_headers == "^X-.*$"
    assert parse('[headers]\nremove_regex = ""') == Vars()


def test_the_time_of_each_forced_number_is_taken() -> None:
    assert parse("[cli]\npersist = 600") == Vars(cli_persist_s=600)
    assert parse(f"[cli]\npersist = {MOST_PERSIST_S}").cli_persist_s == MOST_PERSIST_S


def test_a_schedule_is_hours_of_the_week_and_of_its_end_by_a_clock_that_is_never_changed() -> None:
    week = tuple(Window(day, 9 * 60, 21 * 60) for day in range(1, 6))
    assert parse('[schedule]\nweek = "9-21"\noffset = -4').schedule == Hours("Etc/GMT+4", week)
    weekend = (Window(6, 0, 24 * 60), Window(7, 0, 24 * 60))
    assert parse('schedule = { weekend = " 0 - 24 ", offset = 14 }').schedule == Hours("Etc/GMT-14", weekend)
    both = parse('[schedule]\nweek = "09-21"\nweekend = "0-24"').schedule
    assert both == Hours("Etc/GMT+0", week + weekend)
    assert parse("").schedule is None


@pytest.mark.parametrize("offset", range(-12, 15))
def test_the_offset_of_a_schedule_is_what_its_clock_is_ahead_of_utc(offset: int) -> None:
    hours = parse(f'[schedule]\nweek = "9-21"\noffset = {offset}').schedule
    assert hours is not None
    for month in (1, 7):  # no summer time
        nine = datetime(2026, month, 14, 9, tzinfo=UTC) - timedelta(hours=offset)
        shut = nine + timedelta(hours=12)
        told = [hours.allows(at) for at in (nine - SECOND, nine, shut - SECOND, shut)]
        assert told == [False, True, True, False]


def test_what_nothing_obeys_is_told() -> None:
    told = parse(
        'limit = 3\n[headers]\nremoved = "^X"\n[cli]\nsticky = 600\n[schedule]\nweek = "8-17"\nmonday = "8-17"'
    )
    assert (told.removed_headers, told.cli_persist_s) == ("", 0)
    assert [warning.partition(" ")[0] for warning in told.warnings] == [
        "limit", "headers.removed", "cli.sticky", "schedule.monday",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = = 2", 2, "Invalid value"),
        ("a = 1\nb = [", 2, "Invalid value"),
        ("a = 1\na = 2", 2, "overwrite"),
        ("\nheaders = 3", 2, "must be a table"),
        ("[headers]\n\nremove_regex = 3", 3, "must be a text"),
        ("[headers]\nremove_regex = 3.5", 2, "must be a text"),
        ('[headers]\nremove_regex = "("', 2, "is no expression"),
        ("cli = 600", 1, "must be a table"),
        ("[cli]\npersist = 0", 2, "whole seconds"),
        ("[cli]\n\npersist = true", 3, "whole seconds"),
        ("[cli]\npersist = 1.5", 2, "whole seconds"),
        ('[cli]\npersist = "600"', 2, "whole seconds"),
        ("# persist: 600 of [cli]\n[cli]\n# persist = 1\npersist = 0", 4, "whole seconds"),
        ("[other]\npersist = 1\npersisted = 1\n[cli]\npersist = 0", 5, "whole seconds"),
        ("other.persist = 1\ncli.persist = 0", 2, "whole seconds"),
        ("a = 1\ncli = { 'persist' = 0 }", 2, "whole seconds"),
        ('note = "cli"\n[[cli]]\npersist = 1', 2, "must be a table"),
        ('[schedule]\nweek = "9-25"', 2, "hours from 0 to 24"),
        ('[schedule]\nweek = "9-17"\nweekend = "21-9"', 3, "the second after the first"),
        ('[schedule]\n\nweek = "9:30-21"', 3, "hours from 0 to 24"),
        ("[schedule]\nweek = 9", 2, "hours from 0 to 24"),
        ("[schedule]\nweek = 9.21", 2, "hours from 0 to 24"),
        ("[schedule]\noffset = 2", 1, "week or weekend"),
        ("a = 1\nschedule = 3", 2, "must be a table"),
        ('[schedule]\nweek = "9-21"\noffset = 15', 3, "-12 to 14"),
        ('[schedule]\nweek = "9-21"\noffset = 5.5', 3, "-12 to 14"),
        ('[schedule]\nweek = "9-21"\noffset = true', 3, "-12 to 14"),
        (f"[cli]\npersist = {MOST_PERSIST_S + 1}", 2, "whole seconds"),
        ('[headers]\nremove_regex = "a{9}"', 2, "may have"),
        (f'[headers]\nremove_regex = "{"a" * 201}"', 2, "may have"),
        ('"head\\u0065rs" = 3', 1, "must be a table"),
        ("#" * (MOST_CHARACTERS + 1), 1, "at most"),
        ("a = " + "[" * 5000, 1, "nested too deeply"),
        ("a" + ".a" * MOST_DEPTH + " = 1", 1, "nested too deeply"),
        ("a" + ".a" * 4000 + " = 1", 1, "nested too deeply"),
        ("a = [{b = " + "[" * 19 + "]" * 19 + "}]\nb = 1", 1, "nested too deeply"),
        (f"a = {2**63}", 1, "64 bits"),
        ("a = [0x" + "f" * 9000 + "]", 1, "64 bits"),
        ("a = " + "9" * 9000, 1, "64 bits"),
        ('a = 1\nb = "\\u0000"', 2, "cannot be kept"),
        ('"\\u0000" = 1', 1, "cannot be kept"),
    ],
)
def test_a_mistake_is_named_by_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(VarsInvalid, match=words) as raised:
        parse(text)
    assert (raised.value.line, raised.value.sentence in str(raised.value)) == (line, True)


@pytest.mark.parametrize(
    ("wrong", "kept"),
    [
        ('[schedule]\nweek = "9-25"', Vars(removed_headers="^X", cli_persist_s=600)),
        ('[schedule]\nweek = "9-17"\noffset = 15', Vars(removed_headers="^X", cli_persist_s=600)),
        ("schedule = 3", Vars(removed_headers="^X", cli_persist_s=600)),
    ],
)
def test_what_is_wrong_is_without_effect_and_silences_nothing_else(wrong: str, kept: Vars) -> None:
    first = '[headers]\nremove_regex = "^X"\n[cli]\npersist = 600\n'
    text = f"{wrong}\n{first}" if wrong.startswith("schedule") else f"{first}{wrong}"
    found, problems = obeyed(text)
    assert found == kept
    assert [problem.line for problem in problems] == [text.splitlines().index(wrong.splitlines()[-1]) + 1]
    assert as_json(text)["cli"] == {"persist": 600}, "webhooks tell all of it"
    with pytest.raises(VarsInvalid):
        parse(text)


def test_each_part_is_read_by_itself() -> None:
    found, problems = obeyed('[headers]\nremove_regex = "("\n[cli]\npersist = 0\n[schedule]\nweek = "9-17"')
    assert (found.removed_headers, found.cli_persist_s, found.schedule is not None) == ("", 0, True)
    assert [problem.line for problem in problems] == [2, 4]
    assert obeyed("headers = 3")[0] == Vars()
    assert len(obeyed("a = = 1")[1]) == 1, "of what is no TOML nothing is obeyed"


def test_all_of_it_is_given_to_other_programs_without_a_float() -> None:
    text = 'rate = 0.10\nyes = true\nat = 2026-11-21T10:00:00Z\non = 2026-11-21\n[crm]\ntier = "gold"\nids = [1, [1e3]]'
    assert as_json(text) == {
        "rate": "0.10", "yes": True, "at": "2026-11-21T10:00:00+00:00", "on": "2026-11-21",
        "crm": {"tier": "gold", "ids": [1, ["1e3"]]},
    }  # fmt: skip
    assert parse("deep" + ".a" * (MOST_DEPTH - 1) + f" = {-(2**63)}").warnings
    with pytest.raises(VarsInvalid):
        as_json("a = = 1")


@given(st.text(max_size=60))
def test_any_text_is_obeyed_or_named(text: str) -> None:
    with suppress(VarsInvalid):
        parse(text)
        json.dumps(as_json(text), allow_nan=False)
