"""What `make bench` runs: every benchmark, one after the other, and docs/benchmarks.md with what they found.

`python -m tests.bench.run` takes about half an hour on a machine that does nothing else; `--quick` takes one or two,
proves that the benchmarks still work, and prints the page instead of writing it. `--only money` runs one of them and
prints its part; `--whole-lake` fills the lake with ten million calls. How the page is written stands in `page.py` and
`page_edge.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.bench import edge, page, page_edge, report_beside
from tollgate.jobs.edge_programs import install_line, missing, program
from tollgate.jobs.postgres_programs import find_programs

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "benchmarks.md"
QUIET_LOAD: Final = 0.5
"""A machine whose load is above this for each core does something else too."""


@dataclass(frozen=True, slots=True)
class Size:
    """How long each benchmark takes."""

    charging: tuple[str, ...]
    edge: edge.Pace
    beside: report_beside.Pace
    money: tuple[str, ...]
    lake: tuple[str, ...]
    lists: tuple[str, ...]


FULL: Final = Size(
    ("--runs", "5", "--seconds", "6"),
    edge.FULL,
    report_beside.FULL,
    ("--calls", "1000000", "--customers", "1000"),
    ("--days", "2", "--copies", "8", "--calls", "100000"),
    ("--customers", "100000", "--times", "9"),
)
QUICK: Final = Size(
    ("--runs", "1", "--seconds", "1", "--small"),
    edge.QUICK,
    report_beside.QUICK,
    ("--calls", "2000", "--customers", "12"),
    ("--days", "1", "--copies", "1", "--calls", "2000"),
    ("--customers", "300", "--times", "1"),
)
WHOLE_LAKE: Final = ("--days", "1", "--copies", "9", "--calls", "1000000")


def run_charging(size: Size, cores: int) -> page.Section:
    """The desk, in a process of its own."""
    return page.charging(found_by("tests.bench.charging", size.charging), cores)


def run_money(size: Size, _cores: int) -> page.Section:
    """The month and its close, in a process of its own."""
    return page.money(found_by("tests.bench.money", size.money))


def run_lake(size: Size, _cores: int) -> page.Section:
    """The lake, in a process of its own."""
    return page.lake(found_by("tests.bench.lake", size.lake))


def run_lists(size: Size, _cores: int) -> page.Section:
    """The panel's lists, in a process of its own."""
    return page.lists(found_by("tests.bench.lists", size.lists))


def found_by(module: str, options: Sequence[str]) -> dict[str, Any]:
    """The JSON that a benchmark prints first."""
    command = [sys.executable, "-m", module, *options]
    done = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{") :])[0]
    return found


def run_edge(size: Size, cores: int) -> page.Section:
    """The SIP edge, where its programs are."""
    absent = missing(media=False) + ([] if program("sipp") else ["sip-tester"])
    if absent:
        return page.absent("The SIP edge", f"its programs are not installed. To get them: `{install_line(absent)}`")
    return page_edge.sip(edge.measure(size.edge, tell=tell), size.edge, cores)


def run_beside(size: Size, _cores: int) -> page.Section:
    """The report beside the calls."""
    return page_edge.beside(report_beside.measure(size.beside), size.beside)


BENCHMARKS: Final[Mapping[str, Callable[[Size, int], page.Section]]] = {
    "charging": run_charging,
    "edge": run_edge,
    "beside": run_beside,
    "money": run_money,
    "lake": run_lake,
    "lists": run_lists,
}


def tell(words: str) -> None:
    """Progress, for who waits."""
    print(words, file=sys.stderr, flush=True)


def machine(cores: int) -> list[tuple[str, str]]:
    """What was measured on, without names."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return [
        ("cores", str(cores)),
        ("memory", f"{memory_gb:.0f} GB"),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("Python", platform.python_version()),
        ("PostgreSQL", version(str(find_programs(None).folder / "postgres"), "--version")),
        ("Kamailio", version(program("kamailio"), "-v")),
        ("SIPp", version(program("sipp"), "-v")),
    ]


def version(command: str | Path | None, option: str) -> str:
    """The first version number that a program tells of itself."""
    if command is None or shutil.which(command) is None:
        return "not installed"
    done = subprocess.run([command, option], check=False, capture_output=True, text=True)
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def note(load: float, cores: int, took_s: float) -> str:
    """What else the machine did."""
    began = f"The whole took {took_s / 60:.0f} minutes; the load of the machine was {load:.1f} when it began."
    if load > QUIET_LOAD * cores:
        return f"{began} **It was not quiet: other work took part of the cores, so these figures are too low.**"
    return began


def main() -> None:
    """Runs all and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run of about a minute; prints the page")
    parser.add_argument("--page", type=Path, help="where the page goes (default docs/benchmarks.md)")
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="just this one; prints the page")
    parser.add_argument("--whole-lake", action="store_true", help="ten million calls in the lake: five minutes more")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    size, cores = QUICK if chosen.quick else FULL, len(os.sched_getaffinity(0))
    if chosen.whole_lake:
        size = replace(size, lake=WHOLE_LAKE)
    load, begun = os.getloadavg()[0], time.monotonic()
    sections = []
    for name in chosen.only or BENCHMARKS:
        tell(f"{name}: begins after {time.monotonic() - begun:.0f} s")
        sections.append(BENCHMARKS[name](size, cores))
    text = page.write(sections, machine=machine(cores), note=note(load, cores, time.monotonic() - begun))
    target = chosen.page or (None if chosen.quick or chosen.only else PAGE)
    if target is None:
        print(text)
    else:
        target.write_text(text, encoding="utf-8")
        tell(f"written: {target.name}")


if __name__ == "__main__":
    main()
