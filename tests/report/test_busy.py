"""The bar on the terminal: it moves with the work, and is full when the work is done."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from synthetic_log import random_run

from fer_report.busy import Busy
from fer_report.job import count, open_logs
from fer_runtime.errors import DataError

START = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_line() -> None:
    busy = Busy(4)
    busy.step("sql")
    assert busy.line(7.4) == "██████" + "░" * 18 + " sql · 7 s"
    for _ in range(9):
        busy.step()
    assert busy.line(8).startswith("█" * 24 + " sql")


def test_a_terminal_is_left_clean_and_a_pipe_gets_nothing() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    with pytest.raises(DataError), Busy(1, terminal):
        raise DataError("no", "")
    assert terminal.getvalue().endswith("\r\033[K")
    with Busy(1, pipe):
        pass
    assert pipe.getvalue() == ""


@pytest.mark.parametrize("parquet", [False, True])
def test_it_is_full_in_the_end(
    write_log: Callable[..., Path],
    tmp_path: Path,
    parquet: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fer_report.data.engine.PART_ROWS", 500)
    rows = [r for d in range(3) for r in random_run(d, START + timedelta(days=d), 40)]
    logs = write_log(rows)
    if parquet:
        from fer_report.export.cli import command as export

        logs, log = tmp_path / "out", logs
        arguments = [str(log), "--to", "parquet", "--device", "hall", "-o", str(logs)]
        export.main(arguments, standalone_mode=False)
    busy = Busy(0)
    with open_logs([logs], None, busy, reports=1) as source:
        assert len(source.engine.parts) == (3 if parquet else 1)
        before = busy.done
        count(source, None, None, 900.0)
    assert 1 <= before < busy.done and busy.done + 1 == busy.steps
