"""Claims about the snapshot: which revision is in force, which rate a number has."""

from datetime import timedelta

from tests.core.call_cast import AT, BUY, SELL, card, row
from tollgate.core.snapshot import MOST_FOUND, Card, Still


def two_revisions() -> Card:
    old, new = card(1, [row("44", SELL)]), card(2, [row("44", BUY), row("4420", SELL, destination="London")])
    return card(3, [], revisions=((AT, new.revisions[0][1]), (AT - timedelta(days=30), old.revisions[0][1])))


def test_a_revision_is_in_force_from_its_instant_on() -> None:
    changing = two_revisions()
    before, after = changing.at(AT - timedelta(microseconds=1)), changing.at(AT)
    assert before is not None
    assert after is not None
    assert (before.id, after.id) == (10, 20)


def test_before_the_first_revision_a_card_has_no_rates() -> None:
    assert two_revisions().at(AT - timedelta(days=31)) is None


def test_the_longest_prefix_has_the_rate() -> None:
    revision = two_revisions().at(AT)
    assert revision is not None
    london, elsewhere = revision.find("442071838750"), revision.find("441171838750")
    assert london is not None
    assert elsewhere is not None
    assert (london.destination, elsewhere.destination) == ("London", "UK")
    assert revision.find("33171838750") is None


def test_a_revision_remembers_a_few_thousand_numbers_only() -> None:
    revision = card(1, [row("44" + "0" * 8, SELL)]).revisions[0][1]
    for number in range(MOST_FOUND + 1):
        assert revision.find(f"33{number:08}") is None
        assert len(revision.found) <= MOST_FOUND == 4096
    assert revision.find("44" + "0" * 8) is not None


def test_a_revision_with_more_rates_than_that_remembers_as_many_numbers() -> None:
    """Else calls to all destinations of a big card alike would look for each rate anew."""
    rates = [row(f"44{number:05}", SELL) for number in range(MOST_FOUND + 50)]
    revision = card(1, rates).revisions[0][1]
    for _ in range(2):
        found = [revision.find(rate.prefix + "5550100") for rate in rates]
        assert [rate and rate.prefix for rate in found] == [rate.prefix for rate in rates]
        assert len(revision.found) == len(rates)


def test_who_only_asks_takes_no_turn() -> None:
    rota = Still()
    assert [rota.next(1), rota.next(1)] == [0, 0]
