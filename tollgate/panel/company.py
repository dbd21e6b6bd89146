"""Records that are typed into a form by name, because there may be too many to list; a few that fit are suggested.

CustomerField   a customer by its name or account number -> its id
ResellerField   a customer who sells to others, by its name or account number -> its id
SipUserField    a SIP user by its name -> its id
CardField       a rate card by its name -> its id
CardsField      some of them, with semicolons between -> their ids

The form says by `name_one_of` whom its reader may name. An id as initial value is shown as the name that gives
it. To add another kind, say how a text is found and how a record is written, which are known in choosable.py, and
offer their names in suggestions.py.
"""

import csv
import re
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from tollgate.panel.choosable import card_text, with_twins
from tollgate.panel.suggestions import AT_ONCE, suggested


class NamedField(forms.CharField):
    """A record by a text that names it; the value is its id, None where nothing is typed."""

    kind = ""
    """Of which suggestions are."""
    known: QuerySet[Any]

    def __init__(self, **options: Any) -> None:
        attributes = {"data-suggest": suggested(self.kind), "autocomplete": "off"}
        if self.kind in AT_ONCE:
            attributes["data-suggest-first"] = ""
        super().__init__(**{"max_length": 200, "widget": forms.TextInput(attrs=attributes), **options})

    def found(self, text: str) -> int:
        """The id of the record of a text. Raises ValidationError."""
        raise NotImplementedError

    def text_of(self, row: Any) -> str:
        """What names a record."""
        raise NotImplementedError

    def clean(self, value: Any) -> int | None:
        """The id of the record that is named."""
        text = super().clean(value)
        return self.found(text) if text else None

    def prepare_value(self, value: Any) -> Any:
        """A record by the text that names it; what was typed stays as it was."""
        if not isinstance(value, int):
            return value
        row: Model | None = self.named().filter(pk=value).first()
        return "" if row is None else self.text_of(row)

    def named(self) -> QuerySet[Any]:
        """Those that are known, with what their text is made of."""
        return self.known

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another record is named than before."""
        try:
            return bool(self.clean(data) != initial)
        except forms.ValidationError:
            return True


class CustomerField(NamedField):
    """A customer by its name or account number."""

    kind = "customer"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"label": "Customer", "help_text": "Its name or account number", **options})

    def found(self, text: str) -> int:
        """The id of the customer of an account number or a name, as written, else in other case.

        Raises ValidationError, also when it is the number of one and the name of another (both are suggested), or when
        only the case of their letters tells two names apart.
        """
        rows = list(self.known.filter(Q(number=text) | Q(name=text))[:2])
        if len(rows) > 1:
            raise forms.ValidationError("It is the number of one customer and the name of another: give the other one.")
        rows = rows or list(self.known.filter(name__iexact=text)[:2])
        if not rows:
            raise self.unknown()
        if len(rows) > 1:
            raise forms.ValidationError("Several customers have this name: give the account number.")
        return int(rows[0].pk)

    def unknown(self) -> forms.ValidationError:
        """That nobody is named."""
        return forms.ValidationError("There is no customer of this name or number.")

    def named(self) -> QuerySet[Any]:
        """With whether the name is somebody else's number."""
        others = self.known.filter(number=OuterRef("name")).exclude(pk=OuterRef("pk"))
        named: QuerySet[Any] = self.known.annotate(is_number=Exists(others))
        return named

    def text_of(self, row: Any) -> str:
        """Its name, or its number where the name may mean another."""
        return str(row.number if row.is_number else row.name)


class ResellerField(CustomerField):
    """A reseller by its name or account number."""

    kind = "reseller"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"label": "Reseller", **options})

    def unknown(self) -> forms.ValidationError:
        """That no reseller is named."""
        return forms.ValidationError("There is no reseller of this name or number.")


class SipUserField(NamedField):
    """A SIP user by the name it logs in with."""

    kind = "sip_user"

    def found(self, text: str) -> int:
        """The id of the SIP user of a name, which is kept in small letters. Raises ValidationError."""
        row = self.known.filter(username=text.lower()).first()
        if row is None:
            raise forms.ValidationError("There is no SIP user of this name.")
        return int(row.pk)

    def text_of(self, row: Any) -> str:
        """Its name."""
        return str(row.username)


NUMBERED: Final = re.compile(r"(.+) #(\d{1,18})")
QUOTE: Final = '"'


class CardField(NamedField):
    """A rate card by its name, with its number where several that are known have it: `Retail #12`.

    `kind` is the one of suggestions.py whose cards the form takes.
    """

    def __init__(self, kind: str, **options: Any) -> None:
        self.kind = kind
        super().__init__(**options)

    def found(self, text: str) -> int:
        """The id of the card of a name, as written, else in other case. Raises ValidationError."""
        rows = list(self.known.filter(name=text)[:2])
        numbered = NUMBERED.fullmatch(text)
        if len(rows) != 1 and numbered:
            rows = list(self.known.filter(name=numbered[1], pk=int(numbered[2])))
        rows = rows or list(self.known.filter(name__iexact=text)[:2])
        if not rows:
            raise forms.ValidationError("There is no card of this name that fits here.")
        if len(rows) > 1:
            raise forms.ValidationError("Several cards have this name: choose one of those that are suggested.")
        return int(rows[0].pk)

    def named(self) -> QuerySet[Any]:
        """With whether another has the same name."""
        return with_twins(self.known)

    def text_of(self, row: Any) -> str:
        """Its name, with its number where that is needed."""
        return card_text(row)


class CardsField(CardField):
    """Some rate cards by their names, with semicolons between."""

    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__(kind, **{"max_length": 10_000, **options})
        self.widget.attrs["data-suggest-several"] = ""

    def clean(self, value: Any) -> Any:
        """The ids of those that are named, each once."""
        text = " ".join(str(forms.CharField.clean(self, value)).splitlines())
        rows = csv.reader([text], delimiter=";", skipinitialspace=True)
        return sorted({self.found(name) for row in rows for one in row if (name := one.strip())})

    def prepare_value(self, value: Any) -> Any:
        """Cards by the texts that name them; what was typed stays as it was."""
        if not isinstance(value, list):
            return value
        texts = [self.text_of(row) for row in self.named().filter(pk__in=value).order_by("name", "pk")]
        return "; ".join(_quoted(text) if ";" in text or text[0] == QUOTE else text for text in texts)


def _quoted(text: str) -> str:
    return f"{QUOTE}{text.replace(QUOTE, QUOTE * 2)}{QUOTE}"


def name_one_of(form: forms.Form, known: QuerySet[Any], *, field: str = "customer_id", **about: object) -> None:
    """Says whom a form's reader may name in its field; `about` tells suggestions which those are."""
    named = form.fields[field]
    assert isinstance(named, NamedField)
    named.known = known
    if about:
        named.widget.attrs["data-suggest"] = f"{suggested(named.kind)}?{urlencode(about, doseq=True)}"
