"""Claims about `tollgate import-card`."""

from pathlib import Path

from tests.jobs.installation import Installation

GOOD = "Dial code;Country;Price;Interval\n44;United Kingdom;0,0050;1\n4420;London;0,0045;1\n"


def test_a_file_is_published_as_the_next_revision(own_demo: Installation, tmp_path: Path) -> None:
    file = tmp_path / "cirrus.csv"
    file.write_text(GOOD)
    dry = own_demo.ok("import-card", str(file), "--carrier", "cirrus", "--dry-run")
    assert (dry["card"], dry["rates"]) == ("Cirrus A-Z", 2)
    said = own_demo.ok("import-card", str(file), "--carrier", "cirrus", "--note", "mail of Monday")
    assert (said["revision"], said["rates"]) == (2, 2)
    assert own_demo.rows("SELECT number, rate_count, note FROM revision ORDER BY id DESC LIMIT 1") == [
        (2, 2, "mail of Monday")
    ]
    ((actor, act),) = own_demo.rows(
        "SELECT actor, act FROM audit WHERE table_name = 'revision' ORDER BY id DESC LIMIT 1"
    )
    assert actor.endswith("(command line)")
    assert act == "publish_revision"


def test_a_customers_card_is_found_and_a_later_revision_is_mentioned(own_demo: Installation, tmp_path: Path) -> None:
    file = tmp_path / "acme.csv"
    file.write_text(GOOD)
    said = own_demo.ok("import-card", str(file), "--customer", "Acme")
    assert said["card"] == "Business A-Z"
    assert "replaces these prices" in said["warnings"][0]


def test_errors_are_named_by_line_and_nothing_is_published(demo: Installation, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(GOOD + "4x;Nowhere;0,1;1\n44;Again;0,1;1\n")
    words = demo.fails("import-card", str(file), "--card", "Cirrus A-Z")
    assert "2 errors, nothing was imported" in words
    assert "line 4, Dial code" in words
    assert "also in line 2" in words
    assert demo.rows("SELECT count(*) FROM revision JOIN card ON card.id = card_id WHERE name = 'Cirrus A-Z'") == [(1,)]


def test_columns_may_be_named_by_their_number(demo: Installation, tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("A,B\n44,0.1\n")
    assert "recognized as the prefix" in demo.fails("import-card", str(file), "--card", "Cirrus A-Z")
    named = ("--column", "prefix=1", "--column", "price=2")
    assert demo.ok("import-card", str(file), "--card", "Cirrus A-Z", *named, "--dry-run")["rates"] == 1
    for column in ("price", "price=²", "price=0"):
        assert "--column price" in demo.fails("import-card", str(file), "--card", "Cirrus A-Z", "--column", column)


def test_what_cannot_be_meant_says_why(demo: Installation, tmp_path: Path) -> None:
    file = tmp_path / "good.csv"
    file.write_text(GOOD)
    assert "No such file" in demo.fails("import-card", str(tmp_path / "none.csv"), "--card", "Cirrus A-Z")
    assert "there are: Cirrus, Delta Wholesale" in demo.fails("import-card", str(file), "--carrier", "Nobody")
    assert "there are: Acme" in demo.fails("import-card", str(file), "--customer", "Nobody")
