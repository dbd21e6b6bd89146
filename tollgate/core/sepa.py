"""SEPA by its rules: business days of TARGET, sequences of collections, how long mandates hold, ids, signs, returns.

They are those of the rulebooks of the European Payments Council for direct debits (CORE and B2B) and for transfers.
Files are written in `sepa_files.py`. To know another reason of a return, add it to `REASONS`.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from stdnum import bic, iban
from stdnum.eu import at_02
from stdnum.exceptions import ValidationError

CURRENCY: Final = "EUR"
ID_MOST: Final = 35
NAME_MOST: Final = 70
WORDS_MOST: Final = 140
NOTICE_DAYS: Final = 14
"""How long before it a collection is announced, unless the payer has agreed to fewer days."""
EXPIRES_MONTHS: Final = 36
"""Without a collection for so long a mandate holds no more."""
REFUND_WEEKS: Final = 8
"""So long a payer takes a CORE collection back without a reason."""
REASONS: Final[Mapping[str, str]] = {
    "AC01": "the account number is wrong",
    "AC04": "the account is closed",
    "AC06": "the account is blocked",
    "AC13": "the account is a consumer's",
    "AG01": "the account takes no direct debits",
    "AG02": "the bank does not take this kind of collection",
    "AM04": "there was not enough money",
    "AM05": "it was collected twice",
    "BE05": "the creditor is not known",
    "CNOR": "the creditor's bank is not in the scheme",
    "DNOR": "the payer's bank is not in the scheme",
    "FF01": "the file is not valid",
    "MD01": "there is no mandate",
    "MD02": "the mandate's data are wrong or missing",
    "MD06": "the payer took it back",
    "MD07": "the payer has died",
    "MS02": "the payer refused it",
    "MS03": "the bank gave no reason",
    "RC01": "the BIC is wrong",
    "RR04": "a law forbids it",
    "SL01": "a service of the payer's bank forbids it",
}
"""Why banks send collections back (ISO 20022 external codes, as the rulebooks use them)."""
STOPS: Final = frozenset({"AC01", "AC04", "AC06", "AC13", "AG01", "MD01", "MD07", "RR04"})
"""Reasons for which the next collection would come back too: nothing more is collected until somebody looks."""
PAYOUT: Final = "PAYOUT-"
"""How the end-to-end ids of transfers begin."""
TRANSFERS: Final = "CT-"
"""How the ids of files of transfers begin; then come the day and what is drawn."""
_PAYOUT: Final = re.compile(rf"{PAYOUT}[0-9]{{1,18}}", re.ASCII)
_TRANSFER_FILE: Final = re.compile(rf"{TRANSFERS}[0-9]{{8}}-[0-9a-f]{{12}}(-[0-9]+)?", re.ASCII)
_SIGNS: Final = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "þ": "th", "Þ": "TH",
     "ð": "d", "Ð": "D", "œ": "oe", "Œ": "OE", "ı": "i", "&": "+", "’": "'", "–": "-", "—": "-"}
)  # fmt: skip


class Sequence(StrEnum):
    """Which collection of its mandate one is (AT-21)."""

    FIRST = "FRST"
    RECURRENT = "RCUR"
    FINAL = "FNAL"
    ONE_OFF = "OOFF"


LAST: Final = frozenset({Sequence.FINAL, Sequence.ONE_OFF})
"""Nothing is collected by a mandate after one of these."""


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones, Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def is_target_day(on: date) -> bool:
    """Whether banks settle in euro that day: TARGET rests on weekends and six holidays."""
    sunday = easter(on.year)
    if on.weekday() >= calendar.SATURDAY or on in (sunday - timedelta(days=2), sunday + timedelta(days=1)):
        return False
    return (on.month, on.day) not in ((1, 1), (5, 1), (12, 25), (12, 26))


def target_day(on: date) -> date:
    """The day itself where banks settle on it, else the next on which they do."""
    while not is_target_day(on):
        on += timedelta(days=1)
    return on


def soonest(today: date) -> date:
    """The first day that a file made today may name: the bank has it one business day before."""
    return target_day(target_day(today) + timedelta(days=1))


def earliest(today: date, *, notice_days: int, announced_on: date | None) -> date:
    """When a collection may fall due: on the day that its invoice announces, or so long after its notice of today."""
    told = announced_on or today + timedelta(days=notice_days)
    return max(soonest(today), target_day(told))


def announced(invoice_on: date, due_on: date, *, notice_days: int) -> date:
    """The day that an invoice announces: when it is due, but not before its notice has run."""
    return target_day(max(due_on, invoice_on + timedelta(days=notice_days)))


def sequence(*, one_off: bool, final: bool, collected: bool) -> Sequence:
    """Which collection the next one of a mandate is; `collected`: one before was not refused by the bank."""
    if one_off:
        return Sequence.ONE_OFF
    if final:
        return Sequence.FINAL
    return Sequence.RECURRENT if collected else Sequence.FIRST


def latin(text: str, most: int) -> str:
    """A text in the signs that every bank takes; others lose their accents or become a point."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(_SIGNS.sub(".", plain).split())[:most].rstrip()


def is_id(text: str) -> bool:
    """Whether a text may stand as an id: signs of every bank, 35 at most, no slash at its ends nor two together."""
    fits = 0 < len(text) <= ID_MOST and not _SIGNS.search(text) and text == text.strip()
    return fits and not text.startswith("/") and not text.endswith("/") and "//" not in text


def end_to_end_id(number: str, invoice_id: int) -> str:
    """The id that the bank repeats: the number of the invoice, else what finds it."""
    return number if is_id(number) else f"INVOICE-{invoice_id}"


def payout_id(payment_id: int) -> str:
    """The end-to-end id of a transfer, by its payment."""
    return f"{PAYOUT}{payment_id}"


def is_payout(end_to_end_id: str) -> bool:
    """Whether an end-to-end id may be that of a transfer of ours."""
    return _PAYOUT.fullmatch(end_to_end_id) is not None


def is_transfer_file(batch_id: str) -> bool:
    """Whether an id may be that of a file of transfers of ours, or of its part."""
    return _TRANSFER_FILE.fullmatch(batch_id) is not None


def account_number(text: str) -> str:
    """An IBAN without blanks. Raises ValueError for none: its length, country and check digits are looked at."""
    return _valid(iban.validate, text, "This is no IBAN: look at its digits.")


def bank_code(text: str) -> str:
    """A BIC of 8 or 11 signs. Raises ValueError for none."""
    return _valid(bic.validate, text, "This is no BIC: it has 8 or 11 signs, such as HABALT22.")


def creditor_id(text: str) -> str:
    """A creditor identifier (AT-02). Raises ValueError for none."""
    return _valid(at_02.validate, text, "This is no creditor identifier: look at its digits.")


def _valid(rule: Callable[[str], str], text: str, words: str) -> str:
    """What a rule makes of a text, in letters and digits that every bank takes: some rules let others pass."""
    try:
        found = rule(text)
    except ValidationError:
        raise ValueError(words) from None
    if not found.isascii() or not found.isalnum():
        raise ValueError(words)
    return found


def masked(number: str) -> str:
    """An IBAN as people read it: its country and check digits, and its last four."""
    return f"{number[:4]} **** {number[-4:]}"


def reason_words(code: str) -> str:
    """Why something came back, in words."""
    return REASONS.get(code, "the bank gave no reason that we know")
