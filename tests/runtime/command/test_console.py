"""What all commands share: numbers that are none, and what is said of a fault of our own."""

from __future__ import annotations

from importlib import import_module

import click
import pytest

from fer_runtime.command.console import run_command

OPTIONS = [
    ("fer_report.cli", "command", ["log.csv", "--gap"]),
    ("fer_archive.batch", "command", ["clip.mp4", "-o", "out", "--csv-interval"]),
    ("fer_archive.collect", "command", ["--host", "broker", "-o", "out", "--roll"]),
    ("fer_training.cli", "fit_command", ["data", "-o", "out", "--hours"]),
    ("fer_converter.cli", "command", ["a.keras", "-o", "a.tflite", "--min-agreement"]),
    ("fer_converter.cli", "command", ["a.keras", "-o", "a.tflite", "--max-drop"]),
    ("fer_converter.cli", "command", ["a.keras", "-o", "a.tflite", "--blend"]),
]


@pytest.mark.parametrize("text", ["nan", "inf"])
@pytest.mark.parametrize(("module", "name", "arguments"), OPTIONS, ids=lambda value: str(value))
def test_a_number_that_is_none_is_refused(
    module: str, name: str, arguments: list[str], text: str
) -> None:
    command = getattr(import_module(module), name)
    with pytest.raises(click.BadParameter, match=r"is not (a finite number|in the range)"):
        command.make_context("fer", [*arguments, text])


@pytest.mark.parametrize("leveled", [False, True])
def test_a_fault_of_our_own_names_no_option_that_is_not_there(
    leveled: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise ArithmeticError("seven")

    options = [click.Option(["--log-level"])] if leveled else []
    codes: list[int] = []
    run_command(click.Command("x", callback=fail, params=[*options]), "fer-x", [], codes.append)
    said = capsys.readouterr().err
    assert codes == [1] and "internal error: ArithmeticError: seven; " in said
    assert ("--log-level debug" in said) == leveled
