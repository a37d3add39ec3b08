"""What the package is made of: man pages, completions, units of one text, shell scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "fer-runtime", "fer-report", "fer-batch", "fer-collect", "fer-train", "fer-evaluate",
    "fer-convert",
)  # fmt: skip


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generated")
    env = os.environ | {"SOURCE_DATE_EPOCH": "0"}
    subprocess.run(
        [sys.executable, ROOT / "packaging/manpages.py", out], check=True, env=env, timeout=120
    )
    return out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_page_and_a_completion(generated: Path, name: str) -> None:
    page = (generated / "man" / f"{name}.1").read_text("utf-8")
    assert page.startswith(f'.TH "{name.upper()}" 1 "1970-01-01"')
    assert ".SH NAME" in page and ".SH EXIT STATUS" in page and "\b" not in page
    script = (generated / "completions" / name).read_text("utf-8")
    assert f"complete -o nosort -F _{name.replace('-', '_')}_completion {name}" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_examples_keep_their_lines(generated: Path) -> None:
    page = (generated / "man/fer-train.1").read_text("utf-8")
    assert ".nf\nExamples:\n" in page


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("fer_runtime.command.cli", "command"),
        ("fer_report.cli", "command"),
        ("fer_archive.batch", "command"),
        ("fer_archive.collect", "command"),
        ("fer_training.cli", "train_command"),
        ("fer_training.cli", "evaluate_command"),
        ("fer_converter.cli", "command"),
    ],
)
def test_help_gives_each_example_its_line(module: str, name: str) -> None:
    command = getattr(import_module(module), name)
    shown = command.get_help(click.Context(command, max_content_width=100)).splitlines()
    _, _, examples = command.help.partition("Examples:\n")
    lines = [line for line in examples.splitlines() if line.startswith("  fer-")]
    assert len(lines) > 2 and all(f"  {line}" in shown for line in lines)


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
@pytest.mark.parametrize("name", COMMANDS)
def test_man_has_nothing_to_say_against_a_page(generated: Path, name: str) -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", "-Tutf8", "-Z", generated / "man" / f"{name}.1"],
        capture_output=True, text=True, check=False, env=os.environ | {"MANROFFSEQ": ""},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "script", sorted([*ROOT.glob("packaging/*.sh"), *ROOT.glob("packaging/debian/p*")]), ids=str
)
def test_scripts_are_good_posix_shell(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-s", "sh", "-S", "warning", script], check=True)


def directives(name: str) -> list[str]:
    lines = (ROOT / "systemd" / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_unit_of_an_instance_is_the_single_one_but_for_its_places() -> None:
    changed = set(directives("fer-runtime@.service")) ^ set(directives("fer-runtime.service"))
    keys = {line.split("=")[0] for line in changed}
    assert keys == {"Description", "ExecStart", "LogsDirectory", "RuntimeDirectory"}
