"""Claims about the words of fields and values."""

from __future__ import annotations

import pytest

from tollgate.core.field_words import field_words, sentence, value_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("debit_limit_micros", "Debit limit"),
        ("cps_milli", "New calls per second"),
        ("parent_id", "Reseller"),
        ("expires_at", "Expires"),
        ("valid_days", "Valid, days"),
        ("max_duration_s", "Longest call, s"),
        ("allowed_networks", "Allowed networks"),
        ("first_name", "First name"),
        ("sip_rewrites", "SIP rewrites"),
        ("s", "S"),
    ],
)
def test_a_field_is_told_without_its_unit_unless_the_value_needs_it(name: str, words: str) -> None:
    assert field_words(name) == words


def test_what_is_written_in_capitals_is_told_in_capitals() -> None:
    told = [sentence(name) for name in ("ip_unknown", "sip_user", "SMS", "pin_locked", "recording")]
    assert told == ["IP unknown", "SIP user", "SMS", "PIN locked", "Recording"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("debit_limit_micros", 25_000_000, "25.00"),
        ("local_price_nanos", 15_000_000, "0.015"),
        ("cps_milli", 2500, "2.5"),
        ("channels", 0, "0"),
        ("is_reseller", True, "yes"),
        ("is_reseller", False, "no"),
        ("company", "", "(empty)"),
        ("parent_id", None, "(empty)"),
        ("tags", ["gold", "vip"], "gold, vip"),
        ("hours", {"zone": "UTC", "windows": [], "days": [[0, 60], [120, 180]]}, "Zone: UTC; Days: 0, 60 | 120, 180"),
        ("buyer", {"city": "", "name": "Acme", "open_micros": 1_500_000}, "Name: Acme; Open: 1.50"),
        ("looks", {"logo": "", "title": None}, "(empty)"),
        ("rewrites", [{"find": "^0"}, {"find": "9"}], "Find: ^0 | Find: 9"),
        ("issued_at", "2026-11-22T13:06:03.164497+02:00", "2026-11-22 11:06:03"),
        ("seen_at", "2026-11-22T11:06:03", "2026-11-22 11:06:03"),
        ("paid_at", "soon", "soon"),
        ("left_s", 1.5, "1.5"),
        ("name", "Acme", "Acme"),
    ],
)
def test_a_value_is_told_in_whole_units(name: str, value: object, words: str) -> None:
    assert value_words(name, value) == words
