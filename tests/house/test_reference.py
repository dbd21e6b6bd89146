"""The reference says what the code does: tables that follow from code are compared with it, word for word.

A test that fails prints the table as it should stand in the page. To compare another page: a function that writes its
table from the code, and a test that finds it there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
import pytest

from tests.house.tree import ROOT, modules
from tollgate.charging.doors import DOORS
from tollgate.charging.service import Service
from tollgate.core.card_columns import SPELLINGS
from tollgate.core.money import format_micros, parse_micros, parse_nanos
from tollgate.core.rates import explain, rate_from_json
from tollgate.core.refusals import ANSWERS, VARIANTS, Answer, Key
from tollgate.core.webhooks import EVENTS
from tollgate.switches import plain

REFERENCE = ROOT / "docs" / "reference"
BODIES: dict[str, type[msgspec.Struct]] = {
    "POST /v1/authorize": plain.AuthorizeBody,
    "POST /v1/answered": plain.AnsweredBody,
    "POST /v1/ended": plain.EndedBody,
    "POST /v1/sync": plain.SyncBody,
    "POST /v1/simulate": plain.SimulateBody,
}


def page(name: str) -> str:
    """The text of a reference page."""
    return (REFERENCE / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level."""
    level = heading.partition(" ")[0]
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^{level} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{heading} is missing"
    return found[1]


def table(head: str, rows: Iterable[Iterable[object]]) -> str:
    """A table as it stands in a page."""
    lines = [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join([head, re.sub(r"[^|]+", "---", head), *lines])


def listed(text: str) -> list[str]:
    """The names in the first column of every table."""
    return [
        name for cell in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", cell)
    ]


def answer_cells(name: str, given: Answer) -> tuple[object, ...]:
    """One row of the table of answers."""
    after = "" if given.retry_after_s is None else f"{given.retry_after_s} s"
    return f"`{name}`", given.sip, given.reason, given.q850, after, "yes" if given.retry_elsewhere else ""


def test_the_page_of_refusals_holds_every_answer() -> None:
    head = "| key | SIP | reason | Q.850 | Retry-After | worth trying another carrier of yours |"
    answers = table(head, [answer_cells(key.value, given) for key, given in ANSWERS.items()])
    variants = table(head, [answer_cells(f"{key.value}: {words}", given) for (key, words), given in VARIANTS.items()])
    text = page("refusals.md")
    assert answers in text, answers
    assert variants in text, variants


def test_the_page_of_refusals_tells_the_cause_of_every_key_that_is_said() -> None:
    said = {
        name
        for module in modules()
        if module.name != "tollgate/core/refusals.py"
        for name in re.findall(r"\b(?:Refusal)?Key\.(\w+)", module.text)
        if name in Key.__members__
    }
    assert set(listed(section(page("refusals.md"), "## Why it is said"))) == said


def test_the_page_of_metrics_names_every_figure() -> None:
    text = Service("postgresql://nobody@127.0.0.1/none").metrics.text({}).decode()
    names = {name for name in re.findall(r"^# TYPE (\w+)", text, re.MULTILINE) if not name.endswith("_created")}
    assert set(listed(page("metrics.md"))) == names


def test_the_page_of_rate_card_files_holds_every_spelling() -> None:
    rows = [(f"`{field}`", ", ".join(spellings)) for field, spellings in SPELLINGS.items()]
    spellings = table("| field | headers that mean it |", rows)
    assert spellings in page("rate-card-files.md"), spellings


def test_the_page_of_the_charging_api_has_every_door() -> None:
    doors = {f"{method} {path}" for method, path in DOORS if not path.startswith("/v1/kamailio")}
    headings = set(re.findall(r"^### `(\w+ [^`]+)`$", page("charging-api.md"), re.MULTILINE))
    assert headings == doors | {"POST /v1/calls/{call}/hangup"}


@pytest.mark.parametrize("door", BODIES)
def test_the_page_of_the_charging_api_has_every_field(door: str) -> None:
    text = section(page("charging-api.md"), f"### `{door}`")
    body = BODIES[door]
    inherited = getattr(body.__mro__[1], "__struct_fields__", ())
    assert set(body.__struct_fields__) - set(inherited) <= set(listed(text))


ANSWERED_AT = datetime(2026, 11, 20, 17, 59, 30, tzinfo=UTC)
EXAMPLE = re.compile(r"```json\n(.*?)```\n\n\| talked \|.*?\n\|[-|]+\n(.*?)\n\n", re.DOTALL)
CALL = re.compile(r"^\| ([\d.]+) s \| (\d+) s \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE)


def examples() -> list[tuple[str, str, str, str, str]]:
    """Rate, seconds talked, seconds billed, exact cost and charge of every worked example."""
    return [(rate, *call) for rate, calls in EXAMPLE.findall(page("rates.md")) for call in CALL.findall(calls)]


def test_the_page_of_rates_has_worked_examples() -> None:
    assert len(examples()) >= 10


@pytest.mark.parametrize(("rate", "talked", "billed", "exact", "charged"), examples())
def test_a_worked_example_is_what_the_code_charges(
    rate: str, talked: str, billed: str, exact: str, charged: str
) -> None:
    data = json.loads(rate)
    rounding = {"precision": 4, "method": "up", "duration": "up"} | data.pop("rounding", {})
    explained = explain(rate_from_json(data | {"rounding": rounding}), ANSWERED_AT, parse_micros(talked) // 1000)
    assert (explained.billed_s, format_micros(explained.cost_micros)) == (int(billed), charged)
    assert explained.exact_nanos == parse_nanos(exact)


def test_the_page_of_webhooks_shows_every_event_with_its_body() -> None:
    shown = [
        f"### `{event}`\n\n{told}.\n\n```json\n{json.dumps(body, indent=2)}\n```\n"
        for event, (told, body) in EVENTS.items()
    ]
    text = section(page("webhooks.md"), "## Events")
    assert text.count("### `") == len(EVENTS)
    assert [part for part in shown if part not in text] == []
