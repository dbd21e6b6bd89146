"""Claims about `tollgate lake` where a file is damaged."""

from collections.abc import Callable
from pathlib import Path

from tests.jobs.installation import Installation
from tollgate.store.lake_damage import day_of


def test_a_damaged_file_is_named_by_who_asks_and_written_anew_by_export(
    copy_demo: Callable[[str], Installation],
) -> None:
    demo = copy_demo("damaged_lake")
    written = [Path(path) for path in demo.ok("lake", "export")["written"]]
    of_calls = next(path for path in reversed(written) if path.parts[0] == "call")
    day = day_of(of_calls)
    asked = ("lake", "query", "--from", f"{day}T00:00:00", "--until", f"{day}T23:59:59", "--columns", "id,cld")
    before = demo.ok(*asked)
    (Path(demo.ok("lake", "status")["folder"]) / of_calls).write_bytes(b"PAR1")
    assert f"Calls of {day} (UTC) cannot be read" in demo.fails(*asked)
    assert len(demo.ok("lake", "export")["written"]) == 1
    assert demo.ok(*asked) == before
    assert demo.ok("lake", "verify")["problems"] == []


def test_a_day_without_groups_is_told_by_doctor_until_they_are_made(copy_demo: Callable[[str], Installation]) -> None:
    demo = copy_demo("bare_lake")
    days = [path for path in demo.ok("lake", "export")["written"] if path.startswith("call/")]
    folder = (Path(demo.ok("lake", "status")["folder"]) / days[0]).parent
    next(folder.glob("*.groups-hours-*.parquet")).unlink()
    for state, words in (("note", f"1 of {len(days)} days lack groups"), ("ok", f"those of {len(days)} days")):
        found = {row["check"]: row for row in demo.ok("doctor")["findings"]}["lake_groups"]
        assert (found["state"], found["words"][: len(words)]) == (state, words)
        demo.ok("lake", "export")
