"""Claims about the catalogs in the tree, and about finding what the program says."""

from pathlib import Path

from tollgate.core.field_words import sentence
from tollgate.core.languages import LANGUAGES, SOURCE
from tollgate.core.phrases import Phrasebook, fill, misplaced, missing, parse, unknown
from tollgate.core.refusals import Key
from tollgate.store import catalogs
from tollgate.store.queries.explain import GATES_PASSED
from tollgate.ui import words
from tollgate.ui.extraction import extracted
from tollgate.ui.python_text import messages_of_page, messages_of_rules, named_at_source, stored_values
from tollgate.ui.template_text import messages, rewritten


def test_the_catalogs_hold_what_the_program_says_and_translations_keep_their_holes() -> None:
    """When this fails: `tollgate messages`."""
    wanted = {part: [entry.message for entry in entries] for part, entries in extracted().items()}
    for language in LANGUAGES:
        for part in catalogs.PARTS:
            found = catalogs.entries(language, part)
            if language == SOURCE:
                assert sorted(entry.message for entry in found) == sorted(wanted[part])
            for entry in found:
                if entry.translation:
                    assert not missing(entry.message, entry.translation), (language, entry)
                    assert not unknown(entry.message, entry.translation), (language, entry)
                    assert not misplaced(entry.message, entry.translation), (language, entry)


def test_a_template_says_what_is_for_people_and_nothing_else() -> None:
    source = """{% load ui %}<script>let words = "Not said";</script>
    <p translate="no">Tollgate</p><p>Type <strong>{{ name }}</strong>, or
      <a href="{% url 'x' %}" title="Open {{ page }}">leave</a>.</p>
    <button class="btn" type="button">{% icon "x" %}Cancel</button>{{ count|default:"none" }} {% badge "On" "green" %}
    {% if many %}<td>{{ sum }} call{{ sum|pluralize }}</td>{% else %}12:30 · {{ sum }}{% endif %}<code>a_name</code>"""
    assert messages(source) == [
        "Type <strong>{name}</strong>, or <a>leave</a>.", "Open {page}", "Cancel", "none", "On", "{sum} call{plural}",
    ]  # fmt: skip
    assert messages("{{ on|yesno:'On now,Not yet' }}") == ["On now", "Not yet"]
    assert rewritten("<p>{{ name }}</p><br>") == "<p>{{ name }}</p><br>"


def test_a_module_says_its_texts_sentences_and_labels() -> None:
    source = '''"""Documentation."""
class Form(HouseForm):
    first_name = forms.CharField(max_length=5)
    units = {"days_count": "days"}
WORDS = {Operator.IS: "is"}
def view(request, number):
    press(request, act, f"Line {number}: {len(rows)} of {', '.join(names)} are kept.")
    return render(request, "panel/x.html", {"title": "New card", "kind": "small_word"})
def refuse_it():
    raise Unfit("Give a number.")
'''
    assert messages_of_page(source) == [
        "First name", "days", "is", "Line {number}: {rows} of {names} are kept.", "New card", "Give a number.",
    ]  # fmt: skip
    assert messages_of_rules(source) == ["Give a number."]


def test_values_that_are_stored_are_said_as_the_pages_show_them() -> None:
    source = """class Key(StrEnum):
    ip_unknown = "ip_unknown"
def drop():
    return Dropped(carrier.name, "", "no_gateway", (("card", 1),))
"""
    assert stored_values(source) == ["IP unknown"]
    assert messages_of_rules(source) == ["No gateway"]
    said = {entry.message for entries in extracted().values() for entry in entries}
    assert {sentence(key) for key in Key} <= said, "every refusal has words in the catalogs"
    assert set(GATES_PASSED.values()) <= said


def test_what_the_program_fills_with_data_is_recognized_for_certain_or_not_at_all() -> None:
    book, certain = Phrasebook(catalogs.said_by_python()), 0
    for message in catalogs.all_messages():
        for data in ("Jones of London", "Acme: Balance", "17"):
            pattern = parse(message)
            found = book.find(fill(message, dict.fromkeys(pattern.names, data)))
            if found is not None and pattern.names and message in catalogs.said_by_python():
                assert parse(found[0]).texts == pattern.texts
                assert set(found[1].values()) == {data}
                certain += 1
    assert certain > len([one for one in catalogs.said_by_python() if parse(one).names])  # most, not a few
    assert book.find("Jones of London") is book.find("by Acme") is book.find("Acme: Balance") is None


def test_data_is_never_translated_in_whatever_it_stands() -> None:
    own = {
        "Balance": "Kontostand", "Payments": "Zahlungen", "Import prices: {name}": "Preise: {name}",
        "{words}: {name}": "{name} – {words}", "Saved.": "Gespeichert.",
    }  # fmt: skip
    words.forget()
    with words.spoken(lambda: ("de", 1), lambda _: own):
        assert words.told(words.worded("Import prices: {name}", name="Balance")) == "Preise: Balance"
        title = words.worded("{words}: {name}", words=words.worded("Payments"), name="Balance")
        assert words.told(title) == "Balance – Zahlungen"
        assert title == "Payments: Balance"
        for text in ("Add credit: Balance", "Balance: Saved.", words.as_is("Balance"), ": ".join(["Saved."] * 5000)):
            assert words.told(text) == text
    words.forget()


def test_a_message_named_at_its_source_is_found_by_its_text() -> None:
    source = 'title = worded("End {name}", name=1)\nother = worded("{a}: {b}", a=1, b=2)\n'
    assert messages_of_page(source) == ["End {name}"]
    assert named_at_source(source) == {"End {name}", "{a}: {b}"}


def test_every_part_is_where_translators_look_for_it() -> None:
    folders = [path.name for path in Path(catalogs.FOLDER).iterdir()]
    assert sorted(folders) == sorted(LANGUAGES)


def test_numbers_in_sentences_are_written_as_the_reader_writes_them_in_english_too() -> None:
    words.forget()
    sentence = "At least 5.00."
    with words.spoken(lambda: ("en", 0), lambda _: {}, country=lambda: "LT"):
        assert words.told(sentence) == "At least 5,00."
        assert (
            words.told(words.worded("{count} invoices, {total} EUR.", count=3, total="12.50"))
            == "3 invoices, 12,50 EUR."
        )
        assert words.told(words.as_is("Acme 5.00")) == "Acme 5.00", "data stays"
        assert words.told("12.50 EUR") == "12,50 EUR"
    with words.spoken(lambda: ("en", 0), lambda _: {}, country=lambda: "GB"):
        assert words.told(sentence) == sentence
    words.forget()
