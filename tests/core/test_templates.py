"""Claims about templates of messages: what they write, what they refuse, and that nothing in them is executed."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.templates import MOST_SIGNS, MOST_STEPS, Figure, Value, problems, render
from tollgate.core.templates_helpers import HelperRefused, Manner, math, number_of, number_text
from tollgate.core.templates_stock import MESSAGES, STOCK, VALUES, as_html, escaped
from tollgate.core.templates_syntax import MOST_DEPTH, TemplateInvalid, names, parse

VALUE_TEXTS = st.text(max_size=40)
PLAIN_TEXTS = st.text(max_size=40).filter(lambda text: "{{" not in text and not text.endswith("{"))


def filled(text: str, *, markup: bool = False, **values: Value) -> str:
    """The template with these values."""
    return render(parse(text), values, markup=markup)


def test_values_stand_where_they_are_named() -> None:
    company: Value = {"name": "Acme", "address": {"city": "Vilnius"}}
    assert filled(
        "{{ a }}-{{company.name}}, {{company.address.city}}{{! no }}{{!-- }} --}}", a="1", company=company
    ) == ("1-Acme, Vilnius")


def test_parts_depend_on_values() -> None:
    text = "{{#if a}}yes{{else}}no{{/if}}{{#unless a}} never{{else}} ever{{/unless}}"
    assert filled(text, a="1") == "yes ever"
    assert filled(text, a="") == "no never"
    assert filled("{{#if a}}yes{{/if}}", a=False) == ""
    chain = "{{#unless a}}1{{else if b}}2{{else if c}}3{{else}}4{{/unless}}"
    assert [filled(chain, a=a, b=b, c=c) for a, b, c in (("", "", ""), ("x", "x", ""), ("x", "", "x"))] == list("123")
    assert filled(chain, a="x", b="", c="") == "4"


def test_a_part_is_repeated_for_each_item() -> None:
    lines: Value = [{"what": "UK", "cost": "1"}, {"what": "US", "cost": "2"}]
    text = "{{#each lines}}{{@index}} {{this.what}}={{cost}}{{currency}};{{else}}nothing{{/each}}"
    assert filled(text, lines=lines, currency="EUR") == "0 UK=1EUR;1 US=2EUR;"
    assert filled(text, lines=[], currency="EUR") == "nothing"
    assert filled("{{#each a}}{{#each b}}{{this}}{{/each}}{{/each}}", a=["x", "y"], b=["1", "2"]) == "1212"


def test_a_tag_alone_on_its_line_leaves_no_empty_line() -> None:
    assert filled("a\n{{#if b}}\n  {{b}}\n{{else}}\nc\n{{/if}}\nd\n", b="1") == "a\n  1\nd\n"


@given(text=VALUE_TEXTS)
def test_a_value_is_never_read_as_template_or_markup(text: str) -> None:
    assert filled("{{a}}", a=text) == text
    written = filled("<b>{{a}}</b>", a=text, markup=True)
    assert written.replace("<br>\n", "\n") == f"<b>{html.escape(text)}</b>".replace("\r\n", "\n")
    assert filled("{{a}}{{b}}", a="{{b}}", b=text) == "{{b}}" + text


def test_the_lines_of_a_value_are_lines_in_html_too() -> None:
    written = filled("<p>{{a}}</p>", a="Demo Bank\r\nIBAN <LT>", markup=True)
    assert written == "<p>Demo Bank<br>\nIBAN &lt;LT&gt;</p>"
    assert filled("{{a}}", a="Demo Bank\nIBAN") == "Demo Bank\nIBAN"


@given(texts=st.lists(PLAIN_TEXTS, max_size=4))
def test_what_is_no_tag_stays_as_it_is(texts: list[str]) -> None:
    text = " ".join(texts)
    assert filled(text) == text


@given(st.text(alphabet="{}#/!@.abc if else each\n", max_size=60))
def test_a_text_without_faults_is_filled_and_one_with_faults_is_not_kept(text: str) -> None:
    values: dict[str, Value] = {"a": "1", "b": ["x"], "c": {"a": "y"}}
    if not problems(text, values):
        assert isinstance(filled(text, **values), str)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\n {{#if a}}", "Line 2, column 2: {{#if a}} is not closed"),
        ("a{{/if}}", "Line 1, column 2: {{/if}} closes nothing"),
        ("{{else}}", "{{else}} closes nothing"),
        ("{{else if a}}", "{{else if a}} closes nothing"),
        ("\n\n{{#if a}}{{/each}}", "Line 3, column 1: {{#if a}} is not closed"),
        ("{{#if a}}{{else}}{{else}}{{/if}}", "{{#if a}} is not closed"),
        ("{{#each a}}{{else if a}}{{/each}}", "{{#each a}} is not closed"),
        ("{{#if}}x{{/if}}", "takes one name"),
        ("{{#}}", "There is no block"),
        ("{{#if a a}}x{{/if}}", "takes one name"),
        ("{{#raw a}}{{/raw}}", "use one of if, unless, each, with"),
        ("{{{a}}}", "Values are always escaped"),
        ("{{&a}}", "Values are always escaped"),
        ("{{a b}}", "There is no helper a"),
        ("{{a.__class__()}}", "There is no helper a.__class__"),
        ("{{a.__class__}}", "{{a.__class__}} is not a value"),
        ("{{a[0]}}", "{{a[0]}} is no name"),
        ("{{~a}}", "is no name"),
        ("{{> a}}", "There is no helper >"),
        ("{{@key}}", "is no name"),
        ("{{dateFormat}}", "{{dateFormat}} takes 2 values"),
        ("{{log}}", "{{log}} takes 1 to 5 values"),
        ("{{numberFormat a 1 2}}", "{{numberFormat}} takes 1 to 2 values"),
        ("{{numberFormat (log a)}}", "write it by itself"),
        ("{{numberFormat (math a '+' 1}}", "A bracket has no other"),
        ("{{numberFormat a)}}", "A bracket has no other"),
        ("{{numberFormat ()}}", "There is no helper"),
        ("{{numberFormat 'a}}", "not closed by its quote"),
        ("{{math a '+' 1" + " a" * 40 + "}}", "more than 40 words"),
        ("{{math 1 '+' " + "(math 1 '+' " * 6 + "1" + ")" * 6 + "}}", "nested deeper"),
        ("{{#unless a}}{{else if b}}{{/unless}}", "Line 1, column 14: {{b}} is not a value"),
        ("\n{{math a '/' 0}}", "Line 2, column 1: Nothing can be divided by zero"),
        ("{{math a '%' 0}}", "divided by zero"),
        ("{{math a '^' 2}}", "knows + - * / %"),
        ("{{math 'x' '+' 2}}", "“x” is no number"),
        ("{{math a '+' true}}", "{{true}} is not a text"),
        ("{{math 999999999999999999999999999999 '*' 10}}", "at most 30 digits"),
        ("{{math 0.1234567890123 '*' 10}}", "is no name"),
        ("{{math '0.1234567890123' '*' 10}}", "at most 12 decimals"),
        ("{{numberFormat a 13}}", "from 0 to 12"),
        ("{{currencyFormat a}}", "is no currency"),
        ("{{currencyFormat a 'ABC'}}", "“ABC” is no currency"),
        ("{{dateFormat a 'YYYY'}}", "“1” is no date"),
        ("{{dateFormat '2026-13-01' 'YYYY'}}", "is no date"),
        ("{{dateFormat '2026-12-01' 'Q'}}", "Q is no sign of a date"),
        ("{{dateFormat '2026-12-01' '[of'}}", "A bracket of the pattern"),
        ("{{dateFormat '2026-12-01' ''}}", "Give a pattern"),
        ("{{lookup a 'b'}}", "needs a list and a place"),
        ("{{#with a}}{{/with}}", "needs a group of values"),
        ("{{../a}}", "{{../a}} is not a value"),
        ("{{}}", "is no name"),
        ("{{#if a}}" * (MOST_DEPTH + 1) + "{{/if}}" * (MOST_DEPTH + 1), "nested deeper"),
        ("{{#if a}}" + "{{else if a}}" * MOST_DEPTH + "{{/if}}", "nested deeper"),
        ("{{b}}", "{{b}} is not a value"),
        ("{{a.b}}", "{{a.b}} is not a value"),
        ("{{#if b}}{{/if}}", "{{b}} is not a value"),
    ],
)
def test_what_cannot_be_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        filled(text, a="1")
    assert words in str(caught.value)
    assert str(caught.value).startswith("Line ")
    assert words in problems(text, {"a": "1"})[0]


def test_a_list_is_no_text_and_a_text_no_list() -> None:
    with pytest.raises(TemplateInvalid, match="not a text"):
        filled("{{a}}", a=["1"])
    with pytest.raises(TemplateInvalid, match="needs a list"):
        filled("{{#each a}}{{/each}}", a="abc")


def test_a_template_cannot_grow_without_end() -> None:
    many: Value = ["x" * 100] * 1000
    with pytest.raises(TemplateInvalid, match=str(MOST_SIGNS)):
        filled("{{#each a}}{{#each a}}{{this}}{{/each}}{{/each}}", a=many)


def test_unknown_names_are_found_in_branches_that_are_not_taken() -> None:
    examples: dict[str, Value] = {"a": "", "lines": [{"cost": "1"}], "c": {"d": "1"}}
    text = "{{#if a}}{{x}}{{else}}{{c.d}}{{/if}}{{#each lines}}{{cost}}{{y}}{{else}}{{z}}{{/each}}"
    text += "{{#each a}}{{/each}}{{c}}"
    assert [sentence.partition(": ")[2] for sentence in problems(text, examples)] == [
        "{{x}} is not a value of this message.",
        "{{y}} is not a value of this message.",
        "{{z}} is not a value of this message.",
        "{{#each a}} needs a list.",
        "{{c}} is not a text.",
    ]
    assert problems("{{#if c}}\n {{#if nothing}}{{/if}}{{/if}}", examples) == [
        "Line 2, column 2: {{nothing}} is not a value of this message."
    ]
    assert len(problems("".join(f"{{{{x{number}}}}}" for number in range(50)), examples)) == 20
    assert problems("{{#with c}}{{d}}{{e}}{{else}}{{f}}{{/with}}{{lookup c 'e'}}{{lookup c a}}", examples) == [
        "Line 1, column 17: {{e}} is not a value of this message.",
        "Line 1, column 30: {{f}} is not a value of this message.",
        'Line 1, column 44: {{lookup c "e"}} is not a value of this message.',
    ]


@pytest.mark.parametrize("key", STOCK)
def test_every_message_in_stock_is_whole(key: str) -> None:
    stock = STOCK[key]
    assert stock.text or stock.sms
    assert bool(stock.subject) is bool(stock.text)
    for text, markup in ((stock.subject, False), (stock.text, False), (stock.html, True), (stock.sms, False)):
        assert problems(text, stock.examples) == []
        written = render(parse(text), stock.examples, markup=markup)
        assert "{{" not in written
    for name in stock.variables:
        assert name in stock.subject + stock.text + stock.sms, name
    for name in stock.unused:
        assert f"{{{{{name}}}}}" not in stock.subject + stock.text + stock.sms, name
    assert not {*stock.variables, *stock.unused} & set(VALUES)


def test_a_text_becomes_simple_html() -> None:
    assert as_html("Hello,\n\na\nb\n\n{{link}}\n\n{{#if a}}\n\nc\n\n{{/if}}") == (
        '<p>Hello,</p>\n<p>a<br>\nb</p>\n<p><a href="{{link}}">{{link}}</a></p>\n{{#if a}}\n<p>c</p>\n{{/if}}'
    )
    assert as_html("{{#if a}}\n\nb\n\n{{else if c}}\n\nd\n\n{{ else }}\n\ne\n\n{{/if}}") == (
        "{{#if a}}\n<p>b</p>\n{{else if c}}\n<p>d</p>\n{{ else }}\n<p>e</p>\n{{/if}}"
    )
    assert len(MESSAGES) == len(STOCK)


def test_a_text_is_escaped_between_its_tags_alone() -> None:
    text = """a < b {{lookup c "d"}} & {{!-- "}} --}}{{math "1"\n'+' 2}} 'e' {{"""
    assert escaped(text) == ("""a &lt; b {{lookup c "d"}} &amp; {{!-- "}} --}}{{math "1" '+' 2}} &#x27;e&#x27; {{""")
    assert escaped("{{!--" * 10_000) == "{{!--" * 10_000


def test_the_values_that_a_template_writes_are_known_in_every_branch() -> None:
    text = "A: {{ a }}{{! {{b}}{{#if c}}{{d}}{{else}}{{e.f}}{{/if}}{{#each g}}{{this}}{{else}}{{h}}{{/each}}"
    assert list(names(parse(text))) == ["a", "d", "e.f", "this", "h"]


def test_names_lead_into_lists_and_outwards() -> None:
    lines: Value = [{"what": "UK", "to": [{"net": "1"}, {"net": "2"}]}, {"what": "US", "to": []}]
    text = (
        "{{#each lines}}{{#if @first}}[{{/if}}{{#each to}}{{../what}}{{@../index}}.{{@index}}:{{net}}{{../../sign}}"
        "{{@root.sign}} {{else}}{{what}}{{@index}}{{/each}}{{#if @last}}]{{/if}}{{/each}}"
    )
    assert filled(text, lines=lines, sign="!") == "[UK0.0:1!! UK0.1:2!! US1]"
    assert problems(text, {"lines": lines, "sign": "!"}) == []
    named = "{{lines.0.what}} {{lines.[1].what}} {{lines.length}} {{lines.7.what}}|{{lookup lines.0 'what'}}"
    assert filled(named, lines=lines) == "UK US 2 |UK"
    assert filled(
        "{{#each a}}{{#with (lookup ../lines @index)}}{{./what}}{{/with}}{{/each}}", a=["", ""], lines=lines
    ) == ("UKUS")
    assert filled("{{#with (lookup lines 9)}}{{what}}{{else}}none{{/with}}", lines=lines) == "none"
    assert (
        filled("{{#each lines}}{{this.what}}{{/each}}{{#with lines.0}}{{this.what}}{{/with}}", lines=lines) == "UKUSUK"
    )


def test_a_list_that_is_shorter_than_its_example_leaves_no_error() -> None:
    text = "{{#with (lookup lines 3)}}{{what}}{{/with}}{{lines.3.what}}{{lookup lines 3}}"
    assert problems("{{lines.3.what}}{{#with (lookup lines 3)}}{{what}}{{/with}}", {"lines": [{"what": "UK"}]}) == []
    assert filled(text, lines=[]) == ""
    with pytest.raises(TemplateInvalid, match="is no place in a list"):
        filled("{{lookup lines 'what'}}", lines=[])
    with pytest.raises(TemplateInvalid, match="not a value"):
        filled("{{lines.what}}", lines=[])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{dateFormat due 'D MMMM YYYY'}}", "3 February 2026"),
        ("{{dateFormat due \"ddd D. MMM YY, [the] DD/MM/YYYY\"}}", "Tue 3. Feb 26, the 03/02/2026"),
        ("{{dateFormat at 'YYYY-MM-DD HH:mm:ss Z'}}", "2026-12-31 23:59:00 +00:00"),
        ("{{dateFormat at 'h:mm a, hh A z'}}", "11:59 pm, 11 PM UTC"),
        ("{{dateFormat '2026-01-01T00:05:09+02:00' 'dddd H:m:s h'}}", "Wednesday 22:5:9 10"),
        ("{{dateFormat none 'YYYY'}}", ""),
        ("{{numberFormat big}} {{numberFormat big 1}} {{numberFormat 5 2}}", "1,234,567.895 1,234,567.9 5.00"),
        ("{{numberFormat -1234.5 0}} {{numberFormat 0.4 0}}", "-1,235 0"),
        ("{{currencyFormat big}}", "1,234,567.90 EUR"),
        ("{{currencyFormat big 'JPY'}} {{currencyFormat '5.00 USD' 'KWD'}}", "1,234,568 JPY 5.000 KWD"),
        ("{{math 1 '/' 3}} {{math 2 '*' 0.5}} {{math 0.1 '+' 0.2}} {{math 1 '-' 3}}", "0.333333333333 1 0.3 -2"),
        ("{{math -7 '%' 3}} {{math 7 '%' -3}} {{math -1 '/' 3}}", "-1 1 -0.333333333333"),
        ("{{#if (math 1 '-' 1)}}some{{else}}none{{/if}}", "none"),
        ("{{sec2min 40215}} {{sec2min 59.9}} {{sec2min -61}} {{sec2min 0}}", "670:15 0:59 -1:01 0:00"),
        ("{{nl2br two}}|{{nlb2r two}}", "a\nb|a\nb"),
    ],
)  # fmt: skip
def test_helpers_write_dates_numbers_and_durations(text: str, said: str) -> None:
    values: dict[str, Value] = {
        "due": "2026-02-03",
        "at": "2026-12-31 23:59 UTC",
        "none": "",
        "big": Figure("1234567.895"),
        "two": "a\nb",
        "currency": "EUR",
    }
    assert filled(text, **values) == said
    assert problems(text, values) == []


def test_helpers_write_as_their_reader_does() -> None:
    manner = Manner(sign=",", language="de-AT", zone="Europe/Vilnius", currency="USD")
    text = (
        "{{numberFormat a 2}}|{{currencyFormat a}}|{{a}}|{{math a '*' 2}}|{{b}}|{{numberFormat b}}"
        "|{{dateFormat at 'D. MMMM, HH:mm Z'}}|{{dateFormat on 'ddd D. MMMM, HH:mm'}}"
    )
    values: dict[str, Value] = {
        "a": Figure("1234.5"),
        "b": Figure("3600", "1:00:00"),
        "at": "2026-02-28 23:30 UTC",
        "on": "2026-03-01",
    }
    assert render(parse(text), values, manner=manner) == (
        "1\u00a0234,50|1\u00a0234,50 USD|1234,5|2469|1:00:00|3\u00a0600|1. März, 01:30 +02:00|So. 1. März, 00:00"
    )


def test_a_log_goes_to_the_log_and_not_into_the_message() -> None:
    told: list[str] = []
    text = "a{{log 'seen\n by' name}}b{{#each many}}{{log this}}{{/each}}"
    values: dict[str, Value] = {"name": "Carla", "many": ["x" * 600] * 200}
    assert render(parse(text), values, logged=told.append) == "ab"
    assert told[0] == "seen by Carla"
    assert len(told) == 100
    assert len(told[1]) == 500
    assert render(parse(text), values) == "ab"
    assert problems("{{log nobody}}", values) == ["Line 1, column 1: {{nobody}} is not a value of this message."]


def test_helpers_make_no_markup() -> None:
    assert filled("{{nl2br a}}|{{lookup b 'c'}}", a="<b>\nx", b={"c": "<i>"}, markup=True) == (
        "&lt;b&gt;<br>\nx|&lt;i&gt;"
    )
    assert filled("{{dateFormat '2026-02-03' '[<b>]D'}}", markup=True) == "&lt;b&gt;3"


def test_a_template_that_writes_nothing_ends_too() -> None:
    many: Value = [""] * 1000
    with pytest.raises(TemplateInvalid, match=str(MOST_STEPS)):
        filled("{{#each a}}{{#each a}}{{/each}}{{/each}}", a=many)


@pytest.mark.parametrize("long", [f"(dateFormat '2026-02-03' '{'D ' * 50}')", f"@root.b{'.0' * 100}"])
def test_what_takes_long_counts_as_many_steps(long: str) -> None:
    many: Value = [""] * 3700
    with pytest.raises(TemplateInvalid, match=str(MOST_STEPS)):
        filled(f"{{{{#each a}}}}{{{{#if {long}}}}}{{{{/if}}}}{{{{/each}}}}", a=many, b=[])


def test_a_long_text_of_unclosed_tags_is_read_in_one_pass() -> None:
    for part in ("{{", "{{!--", "{{!--}}", "{{ ", "\t{{#", "{{a (", "{{math '"):
        text = part * (50_000 // len(part))
        problems(text, {"a": "1"})


NUMBERS = st.integers(-(10**20), 10**20).map(number_text)


@given(one=NUMBERS, other=NUMBERS)
def test_reckoning_is_exact(one: str, other: str) -> None:
    assert number_text(number_of(one)) == one
    assert math(math(one, "+", other), "-", other) == one
    assert number_of(math(one, "*", "2")) == 2 * number_of(one)
    if number_of(other):
        try:
            back = number_of(math(math(one, "/", other), "*", other))
        except HelperRefused:
            return
        assert abs(back - number_of(one)) <= abs(number_of(other)) // 2 // 10**12 + 1


TAGS = st.sampled_from(
    ["{{#if a}}", "{{#if (math n '-' 1)}}", "{{#unless c}}", "{{#each b}}", "{{#each c.d}}", "{{#with c}}", "{{else}}",
     "{{else if n}}", "{{/if}}", "{{/unless}}", "{{/each}}", "{{/with}}", "{{this}}", "{{@index}}", "{{../a}}",
     "{{@../index}}", "{{math n '/' a}}", "{{numberFormat n 2}}", "{{currencyFormat n}}", "{{dateFormat a 'YYYY'}}",
     "{{lookup b @index}}", "{{nl2br a}}", "{{log a}}", "{{b.1}}", "{{b.length}}", "{{sec2min n}}", "<", "\n", "}}",
     "{{", "'", "{{! x }}", "{{!-- y"]
)  # fmt: skip


@given(parts=st.lists(st.one_of(TAGS, st.text(max_size=5)), max_size=25), value=st.text(max_size=20))
def test_any_template_is_filled_or_refused_and_bounded_and_makes_no_markup(parts: list[str], value: str) -> None:
    values: dict[str, Value] = {"a": value, "b": [value, "2"], "c": {"a": value, "d": []}, "n": Figure("2.5")}
    text = "".join(parts)
    try:
        written = render(parse(text), values, markup=True)
    except TemplateInvalid:
        return
    assert len(written) <= MOST_SIGNS
    own = sum(part.count("<") for part in parts)
    assert written.replace("<br>", "").count("<") <= own * 3**10
    if "<" not in text:
        assert "<" not in written.replace("<br>", "")


@given(text=st.text(max_size=200))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    for wrapped in (text, f"{{{{{text}}}}}", f"{{{{#{text}}}}}", f"{{{{math {text}}}}}"):
        try:
            render(parse(wrapped), {"a": "1"})
        except TemplateInvalid:
            assert problems(wrapped, {"a": "1"})
