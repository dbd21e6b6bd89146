"""Claims about templates of messages: what they write, what they refuse, and that nothing in them is executed."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.templates import MOST_DEPTH, MOST_SIGNS, TemplateInvalid, Value, names, parse, problems, render
from tollgate.core.templates_stock import MESSAGES, STOCK, VALUES, as_html

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
        ("a\n{{#if a}}", "Line 2: {{#if a}} is not closed"),
        ("a{{/if}}", "Line 1: {{/if}} closes nothing"),
        ("{{else}}", "{{else}} closes nothing"),
        ("\n\n{{#if a}}{{/each}}", "Line 3: {{#if a}} is not closed"),
        ("{{#if}}x{{/if}}", "takes one name"),
        ("{{#}}", "There is no block"),
        ("{{#with a}}{{/with}}", "use one of if, unless, each"),
        ("{{{a}}}", "Values are always escaped"),
        ("{{&a}}", "Values are always escaped"),
        ("{{a b}}", "nothing is computed here"),
        ("{{a.__class__()}}", "nothing is computed here"),
        ("{{a[0]}}", "nothing is computed here"),
        ("{{}}", "is no name"),
        ("{{#if a}}" * (MOST_DEPTH + 1) + "{{/if}}" * (MOST_DEPTH + 1), "nested deeper"),
        ("{{b}}", "{{b}} is not a value"),
        ("{{a.b}}", "{{a.b}} is not a value"),
        ("{{#if b}}{{/if}}", "{{b}} is not a value"),
    ],
)
def test_what_cannot_be_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        filled(text, a="1")
    assert words in str(caught.value)
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
    named = [sentence.split()[0] for sentence in problems(text, examples)]
    assert named == ["{{x}}", "{{y}}", "{{z}}", "{{a}}", "{{c}}"]
    assert problems("{{#if c}}{{#if nothing}}{{/if}}{{/if}}", examples) == [
        "{{nothing}} is not a value of this message."
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
    assert len(MESSAGES) == len(STOCK)


def test_the_values_that_a_template_writes_are_known_in_every_branch() -> None:
    text = "A: {{ a }}{{! {{b}}{{#if c}}{{d}}{{else}}{{e.f}}{{/if}}{{#each g}}{{this}}{{else}}{{h}}{{/each}}"
    assert list(names(parse(text))) == ["a", "d", "e.f", "this", "h"]
