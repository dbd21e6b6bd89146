"""The columns of a file of CDRs: what each is in SQL that database and lake read alike, and how it is written.

A column of the list of CDRs (panel/calls.py) has its line in `FILE_COLUMNS` under its name, with the same title,
currency and decimals; one of the portal's list (portal/calls.py) has its line in `own_columns`. To add one, add both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tollgate.core.call_search import ENDED_BY_US, RELEASE_WORDS, STATES
from tollgate.core.lake import COMPARED, Engine
from tollgate.core.lake_text import TEXT_TYPES, decimal_text, instant_text, whole_text, word_text


@dataclass(frozen=True, slots=True)
class FileColumn:
    """One column: its title, its value, how it is written. `bought` ones tell what calls cost us."""

    title: str
    value: str
    way: str = "word"
    currency: str = ""
    """The column of the call that has the code of its amounts."""
    bought: bool = False

    def headings(self) -> list[str]:
        """What stands above it, and above its currency."""
        return [self.title, f"{self.title} currency"] if self.currency else [self.title]

    def texts(self, engine: Engine) -> list[str]:
        """Its text and, where amounts have a currency each, its code."""
        value = self.value.format(div=engine.div, text=TEXT_TYPES[engine])
        match self.way:
            case "money":
                text = decimal_text(f"({value})", engine, digits=6, places=2)
            case "price":
                text = decimal_text(value, engine, digits=9)
            case "milli":
                text = decimal_text(value, engine, digits=3)
            case "instant":
                text = instant_text(value, engine)
            case "ours":  # words of the program: no spreadsheet runs them
                text = value
            case "whole":
                text = whole_text(value, engine)
            case _:
                text = word_text(f"({value})")
        return [text, f"NULLIF(called.{self.currency}, '')"] if self.currency else [text]


COST: Final = "CASE WHEN called.currency IS NOT NULL THEN called.cost_micros END"
_STATES: Final = " ".join(f"WHEN '{state}' THEN '{words}'" for state, words in STATES)
STATE: Final = f"CASE called.state {_STATES} END"
TALKED: Final = "NULLIF(called.duration_ms, 0) {div} 1000"
BOUGHT_AT: Final = "called.carrier_cost_micros"
_CAUSES: Final = " ".join(f"WHEN {cause} THEN '{words}'" for cause, words in ENDED_BY_US.items())
_SIDES: Final = " ".join(f"WHEN '{side}' THEN '{words}'" for side, words in RELEASE_WORDS.items())
RELEASE: Final = (
    "CASE WHEN called.answered_us IS NULL THEN NULL WHEN called.released_by = 'tollgate'"
    f" THEN CASE called.q850 {_CAUSES} ELSE 'Tollgate' END ELSE CASE called.released_by {_SIDES} END END"
)
FILE_COLUMNS: Final[Mapping[str, FileColumn]] = {
    "started_at": FileColumn("Start (UTC)", "called.started_us", "instant"),
    "customer": FileColumn("Company", "customer.name"),
    "cli": FileColumn("CLI", "called.cli"),
    "cld": FileColumn("CLD", "called.cld"),
    "destination": FileColumn("Destination", "called.destination"),
    "state": FileColumn("State", STATE, "ours"),
    "refusal": FileColumn("Refusal", "called.refusal"),
    "sip": FileColumn("SIP", COMPARED["call"]["sip"], "whole"),
    "talked": FileColumn("Talked, s", TALKED, "whole"),
    "cost": FileColumn("Charge", COST, "money", "currency"),
    "carrier_cost": FileColumn("Carrier cost", BOUGHT_AT, "money", "carrier_currency", bought=True),
    "profit": FileColumn("Profit", "called.profit_micros", "money", "currency", bought=True),
    "carrier": FileColumn("Carrier", "carrier.name", bought=True),
    "billed": FileColumn("Billed, s", "called.billed_s", "whole"),
    "duration": FileColumn("Duration, s", "called.duration_ms", "milli"),
    "price": FileColumn("Price/min", "called.price_nanos", "price", "currency"),
    "gateway": FileColumn("Gateway", "gateway.name", bought=True),
    "pdd": FileColumn("PDD, ms", "called.pdd_ms", "whole"),
    "ring": FileColumn("Rang, ms", "called.ring_ms", "whole"),
    "released_by": FileColumn("Released by", "called.released_by"),
    "release": FileColumn("Release reason", RELEASE, "ours"),
    "q850": FileColumn("Q.850", "called.q850", "whole"),
    "number": FileColumn("Number as rated", "called.number"),
    "prefix": FileColumn("Prefix", "called.prefix"),
    "route": FileColumn("Ingress route", "ingress_route.name"),
    "source_ip": FileColumn("Source address", "called.source_ip"),
    "edge": FileColumn("Edge", "called.edge"),
    "call_id": FileColumn("Call-ID", "called.edge_call_id"),
    "answered_at": FileColumn("Answered (UTC)", "called.answered_us", "instant"),
    "ended_at": FileColumn("Ended (UTC)", "called.ended_us", "instant"),
    "sip_sent": FileColumn("SIP sent", "called.sip_sent", "whole"),
    "sip_received": FileColumn("SIP received", "called.sip_received", "whole"),
    "card": FileColumn("Card ID", "called.customer_card_id", "whole"),
    "revision": FileColumn("Revision ID", "called.customer_revision_id", "whole"),
    "carrier_billed": FileColumn("Billed by the carrier, s", "called.carrier_billed_s", "whole", bought=True),
    "carrier_price": FileColumn(
        "Carrier price/min", "called.carrier_price_nanos", "price", "carrier_currency", bought=True
    ),
    "carrier_card": FileColumn("Carrier card ID", "called.carrier_card_id", "whole", bought=True),
    "carrier_revision": FileColumn("Carrier revision ID", "called.carrier_revision_id", "whole", bought=True),
}


WHOLE_S: Final = "(called.duration_ms + 999) {div} 1000"
MINUTES: Final = (
    f"CASE WHEN called.duration_ms <> 0 THEN CAST(({WHOLE_S}) {{div}} 60 AS {{text}}) || ':' || "
    f"lpad(CAST(mod({WHOLE_S}, 60) AS {{text}}), 2, '0') END"
)
OWN_AS_OURS: Final = (
    *("started_at", "answered_at", "ended_at", "destination", "billed", "cost"),
    *("release", "pdd", "ring", "source_ip", "call_id"),
)
"""The columns of a customer's own file that are those of ours."""


def own_columns(states: Mapping[str, str]) -> Mapping[str, FileColumn]:
    """The columns of a customer's own file: `states` in these words, and nothing of what the operator buys."""
    cases = " ".join(f"WHEN '{state}' THEN '{words}'" for state, words in states.items())
    same = {name: FILE_COLUMNS[name] for name in OWN_AS_OURS}
    return same | {
        "cli": FileColumn("From", "called.cli"),
        "cld": FileColumn("To", "called.cld"),
        "state": FileColumn("Result", f"CASE called.state {cases} END"),
        "sip": FileColumn("SIP code", "called.sip_sent", "whole"),
        "talked": FileColumn("Talked, min:s", MINUTES),
        "price": FileColumn("Price per min", "called.price_nanos", "price", "currency"),
        "prefix": FileColumn("Destination code", "called.prefix"),
    }


def texts(names: Iterable[str], engine: Engine, *, columns: Mapping[str, FileColumn] = FILE_COLUMNS) -> list[str]:
    """The expressions of a file with these columns."""
    return [text for name in names for text in columns[name].texts(engine)]
