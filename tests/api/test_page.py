"""Claims about the page of the REST API: every act, every kind of record, every filter stands there, or why it is not.

A test that fails names what is missing. A new act or noun that programs should not have goes, with the reason, into one
of the tables of `## Not here`.
"""

import re
from collections.abc import Iterator

from django.apps import apps

from tests.house.test_reference import listed, page, section
from tollgate.actions.acts import ACTS
from tollgate.api import books, files, portal, summaries, trials
from tollgate.api.noun_rows import Noun
from tollgate.api.nouns import BY_MODEL, NOUNS
from tollgate.api.schema import served

TEXT = page("rest-api.md")


def tables_of(text: str) -> list[str]:
    """Each table, from its heading to its last row."""
    return [found[0] for found in re.finditer(r"(?:^\|.*\n)+", text, re.MULTILINE)]


def filters_told() -> Iterator[tuple[str, set[str]]]:
    """Each noun of the page with the filters that its row names, in the order of the nouns."""
    (found,) = (one for one in tables_of(section(TEXT, "## To read: `GET /{noun}` and `GET /{noun}/{id}`")))
    for row in found.splitlines()[2:]:
        told, _, filters, _ = (cell.strip() for cell in row.strip("|").split(" | "))
        nouns = [
            name for name in re.findall(r"`([a-z-]+)`", re.sub(r"\(.*?\)", "", told.partition(":")[0])) if name in KNOWN
        ]
        parts = filters.split(";")
        for place, name in enumerate(nouns):
            yield name, set(re.findall(r"`(\w+)`", parts[place] if len(parts) == len(nouns) else filters))


KNOWN = {noun.name: noun for noun in NOUNS}


def filters_of(noun: Noun) -> set[str]:
    """What a list of this noun may be asked by."""
    moments = {"since", "before"} if noun.moment else set()
    return {*noun.filters, *moments, *(("where",) if noun.archived else ())}


def test_every_act_is_in_the_api_or_the_page_says_why_not() -> None:
    left_out = listed(next(one for one in tables_of(section(TEXT, "## Not here")) if one.startswith("| act |")))
    assert set(left_out) == ACTS.keys() - served().keys() - portal.ACTS.keys()
    assert len(left_out) == len(set(left_out))


def test_every_kind_of_record_is_read_by_the_api_or_the_page_says_why_not() -> None:
    left_out = listed(next(one for one in tables_of(section(TEXT, "## Not here")) if one.startswith("| record |")))
    own = [model for model in apps.get_models() if model.__module__.startswith("tollgate.")]
    assert set(left_out) == {model._meta.db_table for model in own if model not in BY_MODEL}


def test_the_page_names_every_noun_with_its_filters() -> None:
    told = dict(filters_told())
    assert told.pop(summaries.NAME, None) is None, "it has a test of its own"
    assert told == {noun.name: filters_of(noun) for noun in NOUNS}


def test_the_page_names_every_file_book_and_tester() -> None:
    read = section(TEXT, "## Files")
    assert [name for kinds in files.FILES.values() for name in kinds if f"/{name}`" not in read] == []
    assert {f"/books/{name}" for name in books.BOOKS} == set(listed(section(TEXT, "## The books: `GET /books/{what}`")))
    assert {f"/try/{name}" for name in trials.TRIALS} == set(
        listed(section(TEXT, "## To try numbers: `POST /try/{what}`"))
    )
