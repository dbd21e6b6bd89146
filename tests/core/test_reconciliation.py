"""Claims about reconciliation: what is the same is found, what differs is named, nothing else changes the answer."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from tollgate.core.assignment import Gap, assigned
from tollgate.core.carrier_files import CALL_FIELDS, EPOCH, Reader, TheirCall, TheirTotal, Writing
from tollgate.core.carrier_prices import Candidate, Charged, explained
from tollgate.core.rates import Rate, Rounding, simple
from tollgate.core.reconciliation import (
    CERTAIN_LEAST,
    Call,
    Class,
    Line,
    Tolerance,
    clock_offset,
    lines,
    side,
)
from tollgate.core.uploads import Number, guess

TOLERANCE = Tolerance(time_ms=5_000, duration_ms=1_000, micros=100)
HOUR_MS = 3_600_000
DAY = timedelta(days=1)
SETTLED = settings(max_examples=150, deadline=None)


@st.composite
def our_calls(draw: st.DrawFn) -> list[Call]:
    """Calls of an hour to few numbers, some at the same moment, and a few whose number nobody else has."""
    made = [
        Call(
            place=place,
            key=draw(st.sampled_from(("", f"call-{place}@edge"))),
            number=draw(st.sampled_from(("4420", "3706", "3707"))),
            at_ms=draw(st.integers(0, 600)) * 1000,
            duration_ms=draw(st.sampled_from((0, 1_000, 60_000, 61_500, 300_000))),
            micros=draw(st.integers(0, 5)) * 1_000_000,
            currency="EUR",
        )
        for place in range(draw(st.integers(0, 25)))
    ]
    certain = range(len(made), len(made) + CERTAIN_LEAST)
    return made + [Call(n, f"sure-{n}@edge", f"882{n}", n * 7_000, 90_000, 2_000_000, "EUR") for n in certain]


def told(calls: list[Call], *, shift_ms: int = 0, keys: bool = True, order: list[int] | None = None) -> list[Call]:
    """The file that a carrier with such a clock makes of these calls."""
    written = [calls[place] for place in order] if order is not None else calls
    return [
        call._replace(place=place, at_ms=call.at_ms + shift_ms, key=call.key if keys else "")
        for place, call in enumerate(written)
    ]


def found(theirs: list[Call], ours: list[Call]) -> list[Line]:
    """The whole way."""
    mine, other = side(ours), side(theirs)
    offset = clock_offset(other, mine, TOLERANCE)
    return list(lines(other, mine, TOLERANCE, offset.ms))


def shown(result: list[Line]) -> Counter[tuple[object, ...]]:
    """What is found, without places and clocks of theirs."""
    return Counter(
        (line.kind, line.our and line.our.at_ms, *((line.their or line.our)[2:3]), line.difference_micros)  # type: ignore[index]
        for line in result
    )


@SETTLED
@given(calls=our_calls(), keys=st.booleans(), shift_s=st.integers(-80_000, 80_000), data=st.data())
def test_a_file_of_our_own_calls_matches_whole_by_any_clock_and_in_any_order(
    calls: list[Call], keys: bool, shift_s: int, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(calls))))
    result = found(told(calls, shift_ms=shift_s * 1000, keys=keys, order=order), calls)
    assert {line.kind for line in result} == {Class.equal}
    assert sorted(line.our.place for line in result if line.our) == list(range(len(calls)))
    assert sorted(line.their.place for line in result if line.their) == list(range(len(calls)))


@SETTLED
@given(calls=our_calls(), keys=st.booleans(), shift_s=st.integers(-40_000, 40_000), data=st.data())
def test_planted_differences_are_found_and_no_others(
    calls: list[Call], keys: bool, shift_s: int, data: st.DataObject
) -> None:
    """Each lone call of the middle is spoiled in its own way; those that tell the clock are as they were."""
    lone = [call._replace(number=f"99{place:04}") for place, call in enumerate(calls[:-CERTAIN_LEAST])]
    ours = [*lone, *calls[-CERTAIN_LEAST:]]
    kinds = [data.draw(st.sampled_from(list(Class))) for _ in lone]
    theirs, expected = [], Counter({Class.equal: CERTAIN_LEAST})
    for call, kind in zip(lone, kinds, strict=True):
        theirs += spoiled(call, kind)
        expected[kind] += 1
        expected[Class.equal] += kind in (Class.theirs, Class.doubled)
    theirs = told([*theirs, *ours[-CERTAIN_LEAST:]], shift_ms=shift_s * 1000, keys=keys)
    order = data.draw(st.permutations(range(len(theirs))))
    result = found(told(theirs, order=order), ours)
    assert Counter(line.kind for line in result) == +expected
    assert shown(result) == shown(found(told(theirs, shift_ms=HOUR_MS), ours))
    their_sum = sum(call.micros for call in theirs if call.currency == "EUR")
    our_sum = sum(call.micros for call in ours)
    foreign = sum(line.our.micros for line in result if line.kind is Class.currency and line.our)
    assert sum(line.difference_micros or 0 for line in result) == their_sum - our_sum + foreign


def spoiled(call: Call, kind: Class) -> list[Call]:
    """What the carrier tells of this call."""
    match kind:
        case Class.duration:
            return [call._replace(duration_ms=call.duration_ms + 5_000)]
        case Class.rate:
            return [call._replace(micros=call.micros + 101)]
        case Class.currency:
            return [call._replace(currency="USD")]
        case Class.theirs:
            return [call, call._replace(key="", number=f"88{call.number}")]
        case Class.ours:
            return []
        case Class.doubled:
            return [call, call]
    return [call]


def test_what_another_statement_billed_is_billed_twice() -> None:
    ours = [Call(0, "a", "4420", 0, 60_000, 5, "EUR", billed_by="INV-1"), Call(1, "b", "4420", 99_000, 1, 5, "EUR")]
    result = found(told([ours[0]]), ours)
    assert [(line.kind, line.difference_micros) for line in result] == [(Class.doubled, 5), (Class.ours, -5)]


def test_a_few_certain_calls_that_disagree_say_nothing_of_the_clock() -> None:
    ours = [Call(place, "", f"44{place}", place * 1000, 60_000, 5, "EUR") for place in range(6)]
    theirs = [call._replace(at_ms=call.at_ms + place * 60_000) for place, call in enumerate(ours)]
    assert clock_offset(side(theirs), side(ours), TOLERANCE).ms == 0


def best(left: list[int], right: list[int], within: int) -> tuple[int, int]:
    """Most pairs, then the least distance, by trying all."""
    small, large = sorted((left, right), key=len)
    for size in range(len(small), 0, -1):
        sums = [
            sum(abs(one - other) for one, other in zip(chosen, order, strict=True))
            for chosen in combinations(small, size)
            for order in permutations(large, size)
            if all(abs(one - other) <= within for one, other in zip(chosen, order, strict=True))
        ]
        if sums:
            return size, min(sums)
    return 0, 0


@SETTLED
@given(
    left=st.lists(st.integers(0, 60), max_size=5).map(sorted),
    right=st.lists(st.integers(0, 60), max_size=5).map(sorted),
)
def test_the_pairs_are_as_many_and_as_near_as_can_be(left: list[int], right: list[int]) -> None:
    gap = Gap(left, right, lambda one, other: 0, lambda one, other: abs(left[one] - right[other]))
    pairs = assigned(gap, within_ms=10)
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
    assert (len(pairs), sum(abs(left[one] - right[other]) for one, other in pairs)) == best(left, right, 10)


def test_a_number_that_is_dialed_all_the_time_is_matched_too() -> None:
    ours = [Call(place, "", "4420", place * 100, (place * 7_919) % 900 * 1000, 5, "EUR") for place in range(800)]
    result = found([call._replace(at_ms=call.at_ms + 40) for call in ours], ours)
    assert Counter(line.kind for line in result) == {Class.equal: 800}


HEADERS = ("Call Date", "Time", "Called Number", "Billsec", "Amount", "Call-ID", "Destination Name")


def test_a_file_is_read_as_its_carrier_writes_it() -> None:
    mapping = guess(HEADERS, CALL_FIELDS) | {"clock": 1}
    german = Writing(
        time_format="day_first", zone="Europe/Berlin", decimal_comma=True, strip=("00", "+"), currency="EUR"
    )
    row = ("30.11.2026", "23:59:58", "0044 20 7946 0001", "1:02:03", "1.234,5678995", "a@b", "UK")
    at_ms = (datetime(2026, 11, 30, 22, 59, 58, tzinfo=UTC) - EPOCH).total_seconds() * 1000
    expected = TheirCall("a@b", "442079460001", "", int(at_ms), 3_723_000, 1_234_567_900, "EUR", "UK")
    assert Reader(mapping, german).call(row) == expected
    bad = Reader(mapping, german).call(("31.11.2026", "10:00", "", "-5", "1,2,3", "", ""))
    assert isinstance(bad, list)
    assert [name for name, _ in bad] == ["started_at", "number", "duration", "cost"]


@given(at=st.datetimes(datetime(2001, 1, 1), datetime(2199, 1, 1)).map(lambda at: at.replace(microsecond=0)))
def test_every_way_of_writing_a_moment_says_the_same(at: datetime) -> None:
    seconds = int((at.replace(tzinfo=UTC) - EPOCH).total_seconds())
    written = {
        "iso": at.isoformat(" "),
        "day_first": f"{at:%d.%m.%Y %H:%M:%S}",
        "month_first": f"{at:%m/%d/%Y %I:%M:%S %p}",
        "compact": f"{at:%Y%m%d%H%M%S}",
        "unix_s": str(seconds),
        "unix_ms": f"{seconds}000",
    }
    mapping = {"started_at": 0, "number": 1, "duration": 2, "cost": 3}
    for name, text in written.items():
        read = Reader(mapping, Writing(time_format=name)).call((text, "1", "1.5", "0"))
        assert isinstance(read, TheirCall), (name, read)
        assert (read.at_ms, read.duration_ms) == (seconds * 1000, 1_500), name


def test_another_price_is_explained_by_the_rate_that_gives_it() -> None:
    def rate(price_nanos: int) -> Rate:
        return simple(price_nanos=price_nanos, rounding=Rounding())

    at = datetime(2026, 11, 2, tzinfo=UTC)
    known = [
        Candidate("A-Z", 1, "44", rate(60_000_000), at - DAY),
        Candidate("A-Z", 2, "44", rate(90_000_000), at + DAY),
        Candidate("A-Z", 1, "4477", rate(120_000_000), at - DAY),
    ]
    told = {micros: explained(Charged(at, 60_000, micros), known, tolerance_micros=100) for micros in
            (60_050, 90_000, 120_000, 500_000)}  # fmt: skip
    assert told == {
        60_050: "Prefix 44 of A-Z r1 gives their price",
        90_000: "Prefix 44 of A-Z r2 gives their price, in force only from 2026-11-03 00:00 UTC",
        120_000: "Prefix 4477 of A-Z r1 gives their price",
        500_000: "No rate of their cards gives this price: 0.5 a minute",
    }
    nothing = explained(Charged(at, 0, 5_000), [], tolerance_micros=0)
    assert nothing == "No rate of their cards gives this price"


def test_totals_are_read_with_what_they_tell() -> None:
    mapping = {"destination": 0, "day": 1, "calls": 2, "duration": 3, "cost": 4}
    reader = Reader(mapping, Writing(time_format="month_first", duration_unit="minutes"))
    assert reader.total(("UK", "11/30/2026", "1,200", "2.5", "1,234.50")) == TheirTotal(
        "UK", date(2026, 11, 30), 1200, 150_000, 1_234_500_000
    )
    assert reader.total(("UK", "", "", "", "-5")) == TheirTotal("UK", None, None, None, -5_000_000)
    bad = reader.total(("", "13/30/2026", "x", "-1", "?"))
    assert isinstance(bad, list)
    assert sorted(name for name, _ in bad) == ["calls", "cost", "day", "duration"]


def test_what_no_carrier_means_is_no_call() -> None:
    mapping = {"started_at": 0, "number": 1, "duration": 2, "cost": 3, "currency": 4}
    for time_format, text in (("unix_s", "-5"), ("unix_ms", "9" * 14), ("compact", "20261399"), ("iso", "soon"),
                              ("day_first", "30/02/2026"), ("unix_s", "1")):  # fmt: skip
        read = Reader(mapping, Writing(time_format=time_format)).call((text, "3.7E+10", "99999999", "9" * 15, "XYZ"))
        assert isinstance(read, list)
        assert [name for name, _ in read] == list(mapping), text


def test_the_files_of_one_id_pair_within_a_day_and_the_rest_is_billed_twice() -> None:
    ours = [Call(n, "same", "4420", n * 60_000, 60_000, 5, "EUR") for n in range(2)]
    theirs = [call._replace(place=n) for n, call in enumerate([*ours, ours[0], ours[1]])]
    assert Counter(line.kind for line in found(theirs, ours)) == {Class.equal: 2, Class.doubled: 2}
    far = [call._replace(at_ms=call.at_ms + 9 * 86_400_000) for call in theirs]
    assert Counter(line.kind for line in found(far, ours)) == {Class.theirs: 2, Class.doubled: 2, Class.ours: 2}


def test_a_point_stands_for_thousands_only_where_it_can() -> None:
    reader = Reader({"cost": 0}, Writing(decimal_comma=True))
    read = {text: reader.total([text]) for text in ("0.123", "1.234", "0,123", Number("2.345"), "1.234,5")}
    assert [total.micros for total in read.values() if isinstance(total, TheirTotal)] == [
        123_000, 1_234_000_000, 123_000, 2_345_000, 1_234_500_000,
    ]  # fmt: skip


def test_in_a_long_piece_nothing_is_paired_across_more_than_the_tolerance() -> None:
    moments = list(range(0, 4_000, 9))
    gap = Gap(moments, moments, lambda one, other: 0, lambda one, other: abs(one - other))
    assert assigned(gap, within_ms=10) == [(place, place) for place in range(len(moments))]


def test_a_moment_or_currency_is_read_only_as_its_carrier_writes_it() -> None:
    mapping = {"started_at": 0, "number": 1, "duration": 2, "cost": 3, "currency": 4}
    for time_format, text in (("day_first", "noon"), ("unix_s", "9" * 14)):
        bad = Reader(mapping, Writing(time_format=time_format)).call((text, "1", "1", "0", "EUR"))
        assert isinstance(bad, list)
        assert [name for name, _ in bad] == ["started_at"], text
    read = Reader(mapping, Writing(time_format="unix_s")).call(("1000000000", "1", "1", "0", "usd"))
    assert isinstance(read, TheirCall)
    assert read.currency == "USD"
