"""Man pages and bash completions of the seven commands, from what click knows of them.

    python packaging/manpages.py OUT       writes OUT/man/*.1 and OUT/completions/*

Nothing heavy is imported: the commands load their frameworks when they run.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import time
from pathlib import Path

import click
from click.shell_completion import BashComplete

from fer_runtime import __version__

COMMANDS = {
    "fer-runtime": ("fer_runtime.command.cli", "command", "emotions of the faces before a camera"),
    "fer-report": ("fer_report.cli", "command", "page, plots and numbers from CSV logs"),
    "fer-batch": ("fer_archive.batch", "command", "emotions of the faces in many clips"),
    "fer-collect": ("fer_archive.collect", "command", "an archive of many kiosks' readings"),
    "fer-train": ("fer_training.cli_train", "train_command", "train an emotion network"),
    "fer-evaluate": ("fer_training.cli", "evaluate_command", "measure models on pictures"),
    "fer-convert": ("fer_converter.cli", "command", "convert and verify a Keras network"),
}
"""Name: module, click command in it, one line for NAME."""

EXIT_CODES = {
    "0": "done",
    "1": "internal error",
    "2": "wrong usage",
    "65": "data or log that cannot be read",
    "69": "source that cannot be opened, or no display",
    "74": "output that cannot be written",
    "78": "bad configuration, model or weights",
}


def main(out: Path) -> None:
    """Write all pages and completions below `out`."""
    for folder in ("man", "completions"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for name, (module, attribute, line) in COMMANDS.items():
        command = getattr(importlib.import_module(module), attribute)
        (out / "man" / f"{name}.1").write_text(page(name, command, line), "utf-8")
        variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
        script = BashComplete(command, {}, name, variable).source()
        (out / "completions" / name).write_text(script.strip() + "\n", "utf-8")


def page(name: str, command: click.Command, line: str) -> str:
    """Return the man page of a command, groups with a section for each subcommand.

    The date is that of SOURCE_DATE_EPOCH where it is set, for reproducible builds.
    """
    now = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    out = [
        f'.TH "{name.upper()}" 1 "{day}" "fer-edge {__version__}" "fer-edge"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(line)}",
        ".SH SYNOPSIS",
        *_synopsis(name, command),
        ".SH DESCRIPTION",
        *_help(command.help or ""),
    ]
    if isinstance(command, click.Group):
        for sub_name, sub in sorted(command.commands.items()):
            out += [
                f'.SH "COMMAND {_text(sub_name.upper())}"',
                *_synopsis(f"{name} {sub_name}", sub),
            ]
            out += [".PP", *_help(sub.help or ""), *_options(sub)]
    else:
        out += [".SH OPTIONS", *_options(command)]
    out.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES.items():
        out += [".TP", f".B {code}", _text(meaning)]
    if name == "fer-runtime":
        out += [".SH FILES", ".TP", ".I /etc/fer\\-edge/kiosk.yaml", "settings of the service"]
        out += [".TP", ".I /var/log/fer\\-edge/log.csv", "its log"]
        out += [".TP", ".I /run/fer\\-edge/status.json", "its state"]
    others = ", ".join(f".BR {n} (1)"[4:] for n in COMMANDS if n != name)
    out += [".SH SEE ALSO", _text(others)]
    return "\n".join(out) + "\n"


def _synopsis(name: str, command: click.Command) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(click.Context(command, info_name=name)))
    return [f".B {_text(name)}", _text(pieces)]


def _help(text: str) -> list[str]:
    r"""Return click's help text as roff; paragraphs under ``\b`` keep their lines."""
    out: list[str] = []
    # A block may follow its paragraph without an empty line.
    text = re.sub("\n[ ]*\b", "\n\n\b", text.strip()).replace("\n\n\n\b", "\n\n\b")
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line for line in paragraph.splitlines() if line.strip()]
        if lines and lines[0].strip() == "\b":
            out += [".PP", ".nf", *map(_text, lines[1:]), ".fi"]
        elif lines:
            out += [".PP", _text(" ".join(line.strip() for line in lines))]
    return out[1:]  # the section's first paragraph needs no macro


def _options(command: click.Command) -> list[str]:
    context = click.Context(command)
    out: list[str] = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            out += [".TP", f".B {_text(record[0])}", _text(record[1])]
    return out


def _text(text: str) -> str:
    """Escape what roff would read: backslashes, hyphens, a dot or quote at the line's begin."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in (".", "'") else text


if __name__ == "__main__":
    main(Path(sys.argv[1]))
