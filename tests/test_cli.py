"""The command line as a shell sees it: its help, its exit codes, what it loads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from rsqa_core.errors import CancelledError, InvalidInputError
from workflows import cli

_ROOT = Path(__file__).resolve().parents[1]


def run_rsqa(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from workflows.cli import main; main()", *arguments],
        cwd=_ROOT,
        env={**os.environ, "RSQA_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def command_named(name: str) -> click.Command:
    command = cli.rsqa.get_command(click.Context(cli.rsqa), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    result = CliRunner().invoke(cli.rsqa, [name, "--help"])

    assert result.exit_code == 0, result.output
    assert re.search(rf"Examples?:\s+(.*\n)*?.*rsqa {name}\b", result.output)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_option_of_a_command_has_a_help_text(name: str) -> None:
    command = command_named(name)
    commands = [command]
    if isinstance(command, click.Group):
        commands += command.commands.values()

    silent = [
        option.opts[0]
        for each in commands
        for option in each.params
        if isinstance(option, click.Option) and not option.help
    ]

    assert silent == []


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    readme = (_ROOT / "README.md").read_text()

    assert re.search(rf"`rsqa {name}\b", readme)


def test_the_overview_lists_every_command_with_its_line() -> None:
    result = CliRunner().invoke(cli.rsqa, ["--help"])

    assert result.exit_code == 0
    for name, (_, text) in cli.COMMANDS.items():
        assert re.search(rf"^\s+{name}\s+{re.escape(text)}$", result.output, re.MULTILINE)


def test_the_overview_loads_no_heavy_library(tmp_path: Path) -> None:
    heavy = ("torch", "streamlit", "sqlalchemy", "numpy", "pandas", "rasterio", "PIL")
    code = (
        "import sys; from workflows import cli; cli.rsqa(['--help'], standalone_mode=False); "
        f"print('LOADED', sorted(set({heavy!r}) & set(sys.modules)))"
    )

    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert finished.stdout.splitlines()[-1] == "LOADED []"


def test_the_version_is_that_of_the_package() -> None:
    import rsqa_core

    assert rsqa_core.__version__ in CliRunner().invoke(cli.rsqa, ["--version"]).output


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("evaluate",),
        ("export", "--project", "x", "--odd"),
        ("serve", "--port", "0"),
    ],
    ids=["command", "missing option", "option", "value"],
)
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    finished = run_rsqa(tmp_path, *arguments)

    assert finished.returncode == 2
    assert "Error: " in finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_error_exits_with_1_and_one_sentence(tmp_path: Path) -> None:
    finished = run_rsqa(
        tmp_path / "home", "export", "--project", "nowhere", str(tmp_path / "all.csv")
    )

    assert finished.returncode == 1
    assert finished.stderr.startswith("Error: No project is called 'nowhere'.")
    assert len(finished.stderr.strip().splitlines()) == 1


def test_an_unknown_setting_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    home = tmp_path / "home"

    finished = run_rsqa(home, "backup", RSQA_HOEM="elsewhere")

    assert finished.returncode == 1
    assert "Unknown setting 'RSQA_HOEM'" in finished.stderr
    assert "RSQA_HOME" in finished.stderr
    assert not home.exists()


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), 130, "the same command goes on from there"),
        (CancelledError("stopped"), 130, "the same command goes on from there"),
        (InvalidInputError("Expected a folder."), 1, "Error: Expected a folder."),
        (click.UsageError("Missing option."), 2, "Error: Missing option."),
    ],
    ids=["Ctrl-C", "cancelled", "error", "usage"],
)
def test_what_a_command_raises_becomes_a_message_and_an_exit_code(
    error: BaseException,
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda self, context, name: failing)
    monkeypatch.setattr(sys, "argv", ["rsqa", "export"])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == code
    assert text in capsys.readouterr().err
