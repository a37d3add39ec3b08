"""Progress bars on long work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
"""Wraps a sequence to show how far one is: (items, what) -> items."""


def bar(items: Sequence[Any], what: str) -> Iterable[Any]:
    """Yield the items; show a bar on standard error where that is a terminal.

    Without tqdm, or into a file, nothing is drawn.
    """
    if not sys.stderr.isatty():
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    shown: Iterable[Any] = tqdm(items, desc=what, leave=False, dynamic_ncols=True)
    return shown
