"""What surrounds the code: settings, commands, make targets and features are documented as they are."""

from __future__ import annotations

import argparse
import ast
import json
import re
import tomllib

import yaml

from tests.house.tree import ROOT, dotted, modules
from tollgate.jobs.command_line import parser

READERS = {"text", "flag", "number", "secret"}
REFERENCE = ROOT / "docs" / "reference"
FEATURE = re.compile(r"^\|\s*([SN]-\d{3})\s*\|.*\|\s*(.+?)\s*\|$", re.MULTILINE)
TEST = re.compile(r"`?(tests/[\w/.-]+\.py)(?:::(\w+))?`?")


def settings_read() -> set[str]:
    """Every name passed to a reader of the environment."""
    found = set()
    for module in modules():
        for node in module.nodes():
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            reader = dotted(node.func).removeprefix("environment.")
            name = node.args[0].value
            if reader in READERS and isinstance(name, str) and name.isupper():
                found.add(name)
    return found


def test_the_settings_page_lists_exactly_the_settings_that_are_obeyed() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(TOLLGATE_\w+)`", text, re.MULTILINE))
    assert listed == settings_read()


def test_only_one_module_reads_the_environment() -> None:
    readers = {
        module.name
        for module in modules()
        for node in module.nodes()
        if dotted(node) in {"os.environ", "os.getenv", "environ"}
    }
    assert readers <= {"tollgate/environment.py"}


def test_the_commands_page_lists_exactly_the_make_targets() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `make ([a-z-]+)`", text, re.MULTILINE)) == set(targets)


def test_the_commands_page_lists_exactly_the_commands() -> None:
    choices = next(action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `tollgate ([a-z-]+)", text, re.MULTILINE)) == set(choices)


def test_a_feature_is_listed_only_with_tests_that_exist() -> None:
    text = (REFERENCE / "features.md").read_text(encoding="utf-8")
    for feature, proof in FEATURE.findall(text):
        tests = TEST.findall(proof)
        assert tests, f"{feature} names no test"
        for file, name in tests:
            path = ROOT / file
            assert path.exists(), f"{feature}: {file}"
            assert not name or re.search(rf"def {name}\b", path.read_text(encoding="utf-8")), f"{feature}: {name}"


def test_a_feature_is_listed_once() -> None:
    text = (REFERENCE / "features.md").read_text(encoding="utf-8")
    listed = [feature for feature, _ in FEATURE.findall(text)]
    assert sorted(set(listed)) == sorted(listed)


def test_lock_files_hold_no_addresses() -> None:
    locks = [ROOT / "requirements.lock", *(ROOT / "tollgate").rglob("vendor.toml")]
    for path in locks:
        assert "://" not in path.read_text(encoding="utf-8"), path


def test_every_pinned_package_has_a_hash() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for requirement in re.split(r"\n(?=[a-z])", text.strip()):
        assert "==" in requirement, requirement
        assert "--hash=sha256:" in requirement, requirement


def test_docs_link_only_to_pages_that_exist() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[\[<>=]", requirement)[0] for requirement in wanted}
    text = (ROOT / "docs" / "decisions" / "dependencies.md").read_text(encoding="utf-8")
    reasoned = {name.strip() for row in re.findall(r"^\| ([a-z].*?) \|", text, re.MULTILINE) for name in row.split(",")}
    assert reasoned - {"package"} == names


def test_the_image_copies_what_exists_and_runs_a_command_as_nobody_special() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ")]
    assert copied
    assert all((ROOT / path).exists() for path in copied)
    said = {word: rest for word, _, rest in (line.partition(" ") for line in lines)}
    assert said["USER"] == "tollgate"
    assert json.loads(said["ENTRYPOINT"]) == ["tollgate"]
    parser().parse_args(json.loads(said["CMD"]))  # exits when there is no such command


def test_the_compose_file_sets_only_settings_that_are_obeyed() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"]["tollgate"]
    assert set(service["environment"]) <= settings_read()
    assert (ROOT / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert {volume.split(":")[0] for volume in service["volumes"]} == set(compose["volumes"])
