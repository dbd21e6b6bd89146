"""What the pages say, in the language of whoever reads: the one door from a message to its translation.

    told("Saved")                     the words of this request's language; of the account's own choice first
    told(f"{count} prices are new.")  a sentence with values is recognized and its values are put into the translation
    figure("12.50")                   a number as the reader writes it: 12,50; told does the same to texts that are one
    worded("Edit {name}", name=...)   the same named at its source: titles and whatever is too short to be recognized
    as_is(customer.name)              data where words are expected: never translated, whatever it is called

What is not recognized for certain (`core.phrases`) stays English: data is never translated.
Templates need no marks for their own text (`ui.template_text`); a variable that holds words says `{{ title|told }}`.
English without own texts is left as it is: `speaking()` is None then, and nothing is looked up. The request says its
language by `spoken`, which `config.languages` sets; it is asked once, and only when something is said.
Numbers are written last, for people alone: files, addresses and programs keep the point (`core.number_formats`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import override

from tollgate.core.languages import SOURCE
from tollgate.core.number_formats import POINT, reader_sign, written
from tollgate.core.number_formats import typed as typed_with
from tollgate.core.phrases import Phrasebook, fill, split
from tollgate.store.catalogs import all_messages, said_by_python, said_by_scripts, translations

SENTENCES: Final = frozenset({"problem", "error", "sentence", "word", "words", "why", "stale", "invalid"})
"""Holes of these names hold a sentence of ours, which is translated by itself."""

LONGEST: Final = 500
"""A longer text is looked up, but not taken apart."""


class AsIs(str):
    """Data that stands where words are expected."""

    __slots__ = ()


def as_is(data: object) -> AsIs:
    """The text of data, never to be translated."""
    return AsIs(data)


class Worded(str):  # noqa: SLOT000 - it holds more than its letters
    """A text that knows its message and its values. Values are data, unless they are worded themselves."""

    message: str
    values: Mapping[str, object]


def worded(message: str, **values: object) -> Worded:
    """The message with its values, in English until it is told."""
    text = Worded(fill(message, {name: str(value) for name, value in values.items()}))
    text.message, text.values = message, values
    return text


class Words:
    """Everything the pages say in one language, with one sign before decimals."""

    def __init__(self, language: str, own: Mapping[str, str], sign: str = POINT) -> None:
        self.language = language
        self._sign = sign
        self._texts = {**translations(language), **own}

    @cached_property
    def _phrasebook(self) -> Phrasebook:
        """Of all sentences that Python fills, the untranslated too: another one must not pass for them."""
        return Phrasebook(said_by_python())

    @cached_property
    def of_scripts(self) -> Mapping[str, str]:
        """What scripts say in other words than they are written with."""
        return {message: self._texts[message] for message in said_by_scripts() if message in self._texts}

    def find(self, message: str) -> str | None:
        """The words for a message; None where it stays as it is written."""
        return self._texts.get(message)

    def say(self, text: str) -> str:
        """The words for a text that may be a message with its values filled in."""
        return self._said(text, whole=True)

    def compose(self, text: Worded) -> str:
        """The words for a message that brings its values along."""
        values = {
            name: self.compose(value) if isinstance(value, Worded) else written(str(value), self._sign)
            for name, value in text.values.items()
        }
        return fill(self._texts.get(text.message, text.message), values)

    def _said(self, text: str, *, whole: bool) -> str:
        """A sentence inside a sentence is said, but none inside of that."""
        found = self._texts.get(text)
        if found is not None:
            return found
        stays = len(text) > LONGEST or text in all_messages()
        recognized = None if stays else self._phrasebook.find(text)
        if recognized is None:
            return written(text, self._sign)
        message, values = recognized
        found = self._texts.get(message)
        if found is None and self._sign == POINT:
            return text
        return fill(
            message if found is None else found,
            {
                name: self._said(value, whole=False) if whole and _is_sentence(name) else written(value, self._sign)
                for name, value in values.items()
            },
        )


class Spoken:
    """The language of one request, and how its reader writes numbers, found out when they are first needed."""

    def __init__(
        self,
        ask: Callable[[], tuple[str, int]],
        read: Callable[[str], Mapping[str, str]],
        country: Callable[[], str],
    ) -> None:
        self._ask = ask
        self._read = read
        self._country = country

    @cached_property
    def language(self) -> str:
        """Its code."""
        return self._answer[0]

    @cached_property
    def words(self) -> Words | None:
        """Its words; None for English as it is written."""
        return words_of(*self._answer, read=self._read, sign=self.sign)

    @cached_property
    def sign(self) -> str:
        """What stands before decimals."""
        return reader_sign(self.language, self._country())

    @property
    def is_known(self) -> bool:
        """Whether anything was said, so that it had to be found out."""
        return "_answer" in vars(self)

    @cached_property
    def _answer(self) -> tuple[str, int]:
        return self._ask()


_spoken: ContextVar[Spoken | None] = ContextVar("spoken", default=None)
_known: dict[tuple[str, str], tuple[int, Words | None]] = {}
"""The words of each language and sign as this process last read them, with the count of changes they hold for."""


@contextmanager
def spoken(
    ask: Callable[[], tuple[str, int]],
    read: Callable[[str], Mapping[str, str]],
    *,
    country: Callable[[], str] = str,
) -> Iterator[Spoken]:
    """Inside the block, pages speak the language that `ask` tells, with how often own texts have changed; `read` gives
    those of a language, by message. `country` is the reader's, if one is known."""
    now = Spoken(ask, read, country)
    token = _spoken.set(now)
    try:
        yield now
    finally:
        _spoken.reset(token)


def speaking() -> Words | None:
    """The words of this request; None where texts stay as they are written."""
    now = _spoken.get()
    return now.words if now is not None else None


def language() -> str:
    """The code of this request's language."""
    now = _spoken.get()
    return now.language if now is not None else SOURCE


def sign() -> str:
    """What the reader of this request writes before decimals."""
    now = _spoken.get()
    return now.sign if now is not None else POINT


def figure(text: str) -> str:
    """A number, or an amount with its currency, as the reader writes it; any other text as it is."""
    return written(text, sign())


def typed(text: str) -> str:
    """A number that the reader has typed, as programs write it. Raises ValueError with a sentence."""
    return typed_with(text, sign())


def words_of(
    code: str, changes_count: int, *, read: Callable[[str], Mapping[str, str]], sign: str = POINT
) -> Words | None:
    """The words of a language with the account's own texts; those are read again after a change."""
    known = _known.get((code, sign))
    if known is None or known[0] != changes_count:
        own = read(code) if changes_count else {}
        known = (changes_count, Words(code, own, sign) if own or code != SOURCE or sign != POINT else None)
        _known[code, sign] = known
    return known[1]


def forget() -> None:
    """Reads everything anew: for tests, whose databases come and go."""
    _known.clear()


def told(text: Any) -> Any:
    """Words of ours in the language of the request; what is marked as data, or finished HTML, stays as it is."""
    words = speaking()
    if words is None:
        return text
    if isinstance(text, Promise):
        with override(words.language):
            return words.find(_in_english(text)) or str(text)
    if isinstance(text, Worded):
        return words.compose(text)
    return words.say(text) if isinstance(text, str) and not isinstance(text, (AsIs, SafeString)) else text


def told_html(message: str, *, address: str, **values: str) -> SafeString:
    """A message with a link to the address, where its <a> and </a> stand, and with its values, escaped."""
    words = speaking()
    pieces = {"<a>": format_html('<a href="{}">', address), "</a>": mark_safe("</a>")}
    pieces |= {f"{{{name}}}": conditional_escape(value) for name, value in values.items()}
    found = split((words.find(message) if words is not None else None) or message)
    shown = (pieces[text] if is_label and text in pieces else text for text, is_label in found)
    return format_html_join("", "{}", ((piece,) for piece in shown))


def told_each(texts: Iterable[Any]) -> list[Any]:
    """The same for each; Django's own sentences, such as those of its form fields, come from its catalogs."""
    words = speaking()
    if words is None:
        return list(texts)
    english = list(texts)
    with override(words.language):
        translated = list(texts)
    pairs = zip(english, translated, strict=True)
    return [other if other != one else told(one) for one, other in pairs]


def _in_english(text: Promise) -> str:
    with override(SOURCE):
        return str(text)


def _is_sentence(name: str) -> bool:
    return name.rstrip("0123456789") in SENTENCES
