"""Claims about conditions on calls: what they are written as, what each means, and what cannot be asked."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.test_lake import AT, SPAN
from tollgate.core.call_search import (
    ALONE,
    DEPTH_MOST,
    ENDED_BY_US,
    FIELDS,
    NONE,
    RELEASE_WORDS,
    TEXT_MOST,
    WAYS,
    WORDS,
    Of,
    Rule,
    Rules,
    RulesInvalid,
    asked,
    lake_group,
    read_rules,
    release_reason,
    rules_of,
    write_rules,
)
from tollgate.core.lake import COMPARED, EVERYTHING, RATIOS, TABLES, Condition, Engine, Group, Search, Span, day_begins
from tollgate.core.lake import search_statement as statement_of
from tollgate.core.lake_text import decimal_text, file_statement, instant_text, whole_text, word_text

EITHER = Condition("state", "eq", "failed"), Condition("state", "eq", "refused")
VALUES = {Of.YES: "yes", Of.AMOUNT: "-0.5", Of.SECONDS: "61.25", Of.PERCENT: "12.5", Of.WHOLE: "486"}


def nobody(_kind: str, _way: str, _texts: Sequence[str]) -> list[int]:
    """Finds no record."""
    return []


def told(kind: str, way: str, texts: Sequence[str]) -> list[int]:
    """Finds two."""
    assert kind in {"customer", "reseller", "tag", "carrier", "gateway", "route", "note"}
    assert way in {"is", "has", "begins"}
    assert texts
    return [3, 5]


def value_of(name: str, way: str) -> str:
    """Something that the field takes."""
    field = FIELDS[name]
    value = field.choices[0][0] if field.choices else VALUES.get(field.of, "Acme")
    if way in ALONE:
        return ""
    return f"{value} .. {value}" if way == "between" else value


RULES = st.sampled_from([(name, way) for name, field in FIELDS.items() for way in WAYS[field.of]]).map(
    lambda pair: Rule(*pair, value_of(*pair))
)
GROUPS = st.recursive(
    st.builds(Rules, st.lists(RULES, min_size=1, max_size=3).map(tuple), st.booleans()),
    lambda inner: st.builds(Rules, st.lists(inner, min_size=1, max_size=2).map(tuple), st.booleans()),
    max_leaves=3,
)


@settings(deadline=None)  # the first folds every letter
@given(GROUPS)
def test_what_is_written_is_read_again_and_can_be_asked_of_every_engine(rules: Rules) -> None:
    def depth(group: Rules) -> int:
        return 1 + max((depth(part) for part in group.parts if isinstance(part, Rules)), default=0)

    text = write_rules(rules)
    if depth(rules) > DEPTH_MOST or len(text) > TEXT_MOST:
        with pytest.raises(RulesInvalid):
            read_rules(text)
        return
    assert read_rules(text) == rules
    assert all(FIELDS[rule.field].title in rules.words() for rule in rules_of(rules))
    for engine in Engine:
        assert statement_of(Search("call", ("id",), lake_group(rules, told)), SPAN, engine).text


def test_every_field_has_its_column_and_every_way_its_words() -> None:
    for field in FIELDS.values():
        assert field.column in {**TABLES["call"], **COMPARED["call"], **RATIOS["call"]}
        assert set(WAYS[field.of]) <= set(WORDS)


@pytest.mark.parametrize(
    ("rule", "meaning"),
    [
        (Rule("cld", "begins", "44"), Condition("cld", "begins", "44")),
        (Rule("call_id", "is", "aB"), Condition("edge_call_id", "eq", "aB")),
        (Rule("call_id", "is_not", "aB"), Condition("edge_call_id", "ne", "aB")),
        (Rule("refusal", "empty"), Condition("refusal", "empty", 1)),
        (Rule("refusal", "filled"), Condition("refusal", "empty", 0)),
        (Rule("answered", "is", "no"), Condition("answered_us", "empty", 1)),
        (Rule("answered", "is", "yes"), Condition("answered_us", "empty", 0)),
        (Rule("duration", "least", "1.5"), Condition("duration_ms", "ge", 1_500)),
        (Rule("cost", "more", "1,000.5"), Condition("cost_micros", "gt", 1_000_500_000)),
        (Rule("cost", "more", "1,000,000"), Condition("cost_micros", "gt", 10**12)),
        (Rule("margin", "less", "12.5 %"), Condition("margin_ppm", "lt", 125_000)),
        (Rule("sip", "one_of", "486, 487"), Condition("sip", "in", (486, 487))),
        (Rule("sip", "between", "400 .. 499"), Group((Condition("sip", "ge", 400), Condition("sip", "le", 499)))),
        (Rule("customer", "is", "Acme"), Condition("customer_id", "in", (3, 5))),
        (Rule("customer", "has_not", "Acme"), Condition("customer_id", "not_in", (3, 5))),
        (Rule("state", "one_of", "failed,refused"), Group((EITHER[0], EITHER[1]), any=True)),
        (Rule("cli", "one_of", "1"), Group((Condition("cli", "is", "1"),), any=True)),
    ],
)  # fmt: skip
def test_a_condition_means_what_it_says(rule: Rule, meaning: object) -> None:
    assert asked(rule, told) == meaning


def test_names_that_nobody_has_find_nothing_and_leave_out_nobody() -> None:
    assert asked(Rule("customer", "is", "Nobody"), nobody) == NONE
    assert asked(Rule("customer", "is_not", "Nobody"), nobody) == EVERYTHING
    assert lake_group(Rules((), any=True), nobody) == EVERYTHING


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[", "Write conditions"),
        ("[" * 1500, "Write conditions"),
        ('"all"', "begins with"),
        ("[]", "begins with"),
        ('["all", ["none"]]', "is a field"),
        ('["all", "cld"]', "is a field"),
        ('["all", ["cld", "begins", 44]]', "is a field"),
        ('["all", ["password", "is", "x"]]', "no field password"),
        ('["all", ["cld", "less", "4"]]', "CLD: it cannot"),
        ('["all", ["cld", "like", "4"]]', "whether it like"),
        ('["all", ["margin", "is", "4"]]', "Margin: it cannot"),
        ('["all", ["cld", "is", " "]]', "write what"),
        ('["all", ["cld", "is", "\\u0000"]]', "at most 200"),
        ('["all", ["cld", "is", "\\ud800"]]', "is none"),
        (json.dumps(["all", ["cld", "is", "4" * 201]]), "at most 200"),
        ('["all", ["state", "is", "gone"]]', "gone is not one"),
        ('["all", ["state", "one_of", "failed,gone"]]', "gone is not one"),
        ('["all", ["answered", "is", "maybe"]]', "maybe is not one"),
        (json.dumps(["all", *[["cld", "filled"]] * 31]), "At most 30"),
        ('["all", ["all", ["all", ["all", ["all"]]]]]', "4 deep"),
        ("x" * 2001, "At most 2,000"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(text: str, word: str) -> None:
    with pytest.raises(RulesInvalid, match=word):
        read_rules(text)


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (Rule("cost", "more", "much"), "Charge: "),
        (Rule("cost", "more", "0,05"), "with a point"),
        (Rule("cost", "more", "1,500"), "nothing between thousands"),
        (Rule("sip", "is", "4.5"), "so many decimals"),
        (Rule("duration", "is", "0.0005"), "so many decimals"),
        (Rule("sip", "is", "9" * 13), "too large|more than|at most|most"),
        (Rule("margin", "less", "200000"), "too large"),
        (Rule("sip", "between", "4"), r"10 \.\. 20"),
        (Rule("sip", "one_of", ","), "one value at least"),
    ],
)
def test_a_value_that_cannot_be_names_its_field(rule: Rule, word: str) -> None:
    with pytest.raises(RulesInvalid, match=word):
        asked(rule, told)


@pytest.mark.parametrize("engine", Engine)
def test_a_file_is_asked_for_in_the_order_of_its_question(engine: Engine) -> None:
    texts = [
        decimal_text("called.cost_micros", engine, digits=6, places=2),
        decimal_text("called.price_nanos", engine, digits=9),
        whole_text("called.q850", engine),
        word_text("customer.name"),
        instant_text("called.started_us", engine),
    ]
    names = {"customer": "customer_id"}
    for oldest_first, order in ((True, "ASC"), (False, "DESC")):
        question = Search("call", ("id",), limit=1, oldest_first=oldest_first)
        text = file_statement(question, Span(7, day_begins(AT.date()), AT), engine, texts, names).text
        assert text.endswith(f"{order}, called.id {order}")
        assert "LEFT JOIN (SELECT id, name FROM customer) AS customer ON customer.id = called.customer_id" in text


def test_an_answered_call_says_who_ended_it_and_why_we_did() -> None:
    assert release_reason("tollgate", None) == "Tollgate"
    assert [release_reason("tollgate", cause) for cause in ENDED_BY_US] == list(ENDED_BY_US.values())
    assert [release_reason(side, 16) for side in RELEASE_WORDS] == list(RELEASE_WORDS.values())
    assert release_reason(None, 16) is None
