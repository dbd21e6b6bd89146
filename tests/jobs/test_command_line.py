"""The command line: every command explains itself, errors are one sentence and a non-zero code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tollgate import __version__
from tollgate.jobs.command_line import COMMANDS, main


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    listed = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n    {command.replace('_', '-')}" in listed


@pytest.mark.parametrize("command", [*COMMANDS, "restore", "demo-reset"])
def test_every_command_answers_machines_too(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command.replace("_", "-"), "--help"])
    assert "--json" in capsys.readouterr().out


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"tollgate {__version__}\n"


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fly"])
    assert ended.value.code == 2
    assert "invalid choice: 'fly'" in capsys.readouterr().err


def test_a_setting_that_cannot_be_obeyed_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_DATABASE_URL", "sqlite:///x")
    assert main(["migrate"]) == 1
    assert "TOLLGATE_DATABASE_URL must start with postgresql://" in capsys.readouterr().err


def test_a_failure_is_json_for_machines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    assert main(["migrate", "--json"]) == 1
    assert "the database does not answer" in json.loads(capsys.readouterr().err)["error"]


def test_asking_for_help_loads_no_django(tmp_path: Path) -> None:
    code = "import sys\nfrom tollgate.jobs.command_line import parser\nparser()\nprint('django' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=root)
    assert done.stdout == "False\n"
