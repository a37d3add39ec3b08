"""Progress bars on long work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
"""Wraps a sequence to show how far one is: (items, what) -> items."""


def bar(items: Sequence[Any], what: str) -> Iterable[Any]:
    """Yield the items; show a bar on standard error where that is a terminal.

    Without tqdm, or into a file, nothing is drawn.
    """
    tqdm = _tqdm()
    if tqdm is None:
        return items
    shown: Iterable[Any] = tqdm(items, desc=what, leave=False, dynamic_ncols=True)
    return shown


def run_bar(steps: range, what: str, batch: int, last: int, said: str) -> Iterable[int]:
    """Yield the steps of an epoch; show pictures a second and the time left of the whole run.

    Parameters
    ----------
    steps
        Numbers of the epoch's steps.
    what
        ``epoch 3/10``.
    batch
        Pictures in a step.
    last
        Number of the run's last step, plus one.
    said
        What was measured so far, such as the newest validation accuracy.
    """
    tqdm = _tqdm()
    return steps if tqdm is None else _drawn(tqdm, steps, what, batch, last, said)


def _drawn(tqdm: Any, steps: range, what: str, batch: int, last: int, said: str) -> Iterator[int]:
    form = "{desc} {percentage:3.0f}%|{bar}| {rate_fmt}{postfix}"
    with tqdm(total=len(steps) * batch, desc=what, unit=" pictures", leave=False,
              dynamic_ncols=True, bar_format=form) as shown:  # fmt: skip
        for step in steps:
            yield step
            rate = shown.format_dict["rate"]
            left = f"{time_left((last - step - 1) * batch / rate)} left" if rate else ""
            shown.set_postfix_str(", ".join(filter(None, (left, said))), refresh=False)
            shown.update(batch)


def plural(count: int) -> str:
    """Return the s of ``2 pictures``; nothing for one."""
    return "" if count == 1 else "s"


def time_left(seconds: float) -> str:
    """Return ``1 h 05 min``, ``12 min`` or ``40 s``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def _tqdm() -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm
