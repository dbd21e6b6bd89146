"""Acts on the account's own texts: what the pages say in one language in place of a message of the catalogs.

A message is named by itself, in English. Holes such as {name}, which the page fills, and tags such as <a> belong into
every text; anything else that looks like HTML is shown as it is typed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from django.db.models import F

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, OutOfDate, act, refuse
from tollgate.actions.checks import Unfit
from tollgate.core.catalogs import CatalogUnreadable, read_catalog
from tollgate.core.languages import LANGUAGES
from tollgate.core.phrases import misplaced, missing, spaced, unknown
from tollgate.store.catalogs import all_messages
from tollgate.store.models import Account, OwnText, TextChanges

MOST_TEXT: Final = 5000
MOST_FILE: Final = 5_000_000
MOST_TOLD: Final = 20
AT_A_TIME: Final = 500
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs what begins so; in CSV such a text has an apostrophe more, which is taken off again."""
DELIMITERS: Final = ",;\t"
_LANGUAGE: Final = checks.one_of(tuple(LANGUAGES))
_TEXT: Final = checks.text(MOST_TEXT, required=True)


def fault(message: str, text: str) -> str:
    """What is wrong with a text for a message; empty for a good one."""
    if message not in all_messages():
        return "No page says this."
    if lacking := missing(message, text):
        return f"{lacking[0]} is missing: the page puts something in its place."
    if extra := unknown(message, text):
        return f"{extra[0]} has no meaning here: nothing would stand in its place."
    if wrong := misplaced(message, text):
        return f"{wrong[0]} stands in the wrong place: write each tag once, and close first what is opened last."
    return ""


@act
def set_own_text(*, account_id: int, language: str, message: str, text: str, version: int | None = None) -> OwnText:
    """Lets the pages say this in one language in place of a message; all processes do so from their next page on.

    `version` is that of the own text that was seen, 0 where there was none.
    """
    values = checks.cleaned({"language": _LANGUAGE, "text": _TEXT}, {"language": language, "text": text})
    account = records.find(Account, account_id)
    if wrong := fault(message, values["text"]):
        raise refuse("text" if message in all_messages() else "message", wrong)
    _note_change(account)
    own = OwnText.objects.select_for_update().filter(account=account, language=values["language"], message=message)
    found = own.first()
    if version is not None and version != (found.version if found else 0):
        raise OutOfDate(records.values_of(found) if found else {"version": 0, "text": message})
    new = {"text": spaced(message, values["text"])}
    if found is not None:
        return records.change(found, new)
    return records.create(OwnText, {"account": account, "language": values["language"], "message": message, **new})


@act
def revert_own_text(*, own_text_id: int, version: int | None = None) -> None:
    """Lets the pages say again what they say in stock."""
    own = records.locked(OwnText, own_text_id, version)
    own.delete()
    _note_change(own.account)


@act
def import_own_texts(*, account_id: int, language: str, content: str) -> int:
    """Takes own texts from a file: a .po catalog, or CSV with the columns message and text. All of it or nothing.

    Messages without a text are left as they are. Gives how many texts are other than before.
    """
    values = checks.cleaned({"language": _LANGUAGE}, {"language": language})
    account = records.find(Account, account_id)
    given, faults = _read(content), []
    for message, text in given.items():
        try:
            given[message] = _TEXT(text)
            wrong = fault(message, text)
        except Unfit as problem:
            wrong = str(problem)
        if wrong:
            faults.append(f"“{message[:60]}”: {wrong}")
    if faults:
        more = [f"and {len(faults) - MOST_TOLD} more."] if len(faults) > MOST_TOLD else []
        raise Invalid({"content": [*faults[:MOST_TOLD], *more]})
    return _set_all(account, values["language"], given)


def _set_all(account: Account, language: str, given: Mapping[str, str]) -> int:
    """All texts in a few statements; gives how many are other than before."""
    _note_change(account)
    known = {own.message: own for own in OwnText.objects.filter(account=account, language=language)}
    new, changed = [], []
    for message, given_text in given.items():
        own, text = known.get(message), spaced(message, given_text)
        if own is None:
            new.append(OwnText(account=account, language=language, message=message, text=text))
        elif own.text != text:
            own.text = text
            changed.append(own)
    OwnText.objects.bulk_create(new, batch_size=AT_A_TIME)
    OwnText.objects.bulk_update(changed, ["text"], batch_size=AT_A_TIME)
    return len(new) + len(changed)


def _note_change(account: Account) -> None:
    """Counts the change, by which every process notices that it has old texts. Writers wait here for each other."""
    TextChanges.objects.get_or_create(account=account)
    TextChanges.objects.filter(account=account).update(count=F("count") + 1)


def _read(content: str) -> dict[str, str]:
    if len(content) > MOST_FILE:
        raise refuse("content", "Give a file of at most 5 MB.")
    plain = content.lstrip("\ufeff")
    if plain.lstrip().startswith(("msgid", "#")):
        try:
            found = [(entry.message, entry.translation) for entry in read_catalog(plain)]
        except CatalogUnreadable as problem:
            raise refuse("content", str(problem)) from None
    else:
        found = list(_rows(plain))
    return {message: text for message, text in found if text.strip()}


def _rows(content: str) -> Iterator[tuple[str, str]]:
    """The rows of a CSV file."""
    heading = content.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=max(DELIMITERS, key=heading.count))
    try:
        if not {"message", "text"} <= set(reader.fieldnames or ()):
            raise refuse("content", "Give a .po file, or CSV with the columns message and text.")
        for row in reader:
            yield _from_spreadsheet(row["message"] or ""), _from_spreadsheet(row["text"] or "")
    except csv.Error:
        raise refuse("content", "This is not a CSV file that can be read.") from None


def for_spreadsheet(text: str) -> str:
    """The text as CSV holds it, which no spreadsheet runs."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULAS) else text


def _from_spreadsheet(text: str) -> str:
    """The text again."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULAS) else text
