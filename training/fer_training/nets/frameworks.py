"""Importing Keras without the libraries that it only wraps."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_WRAPPED: Final = ("IPython", "matplotlib", "pandas", "sklearn")
"""What Keras imports where it is installed: to draw, to take tables, to be an estimator."""


@contextmanager
def without_wrapped_libraries() -> Iterator[None]:
    """Let an import find none of them, unless they are there already.

    With all four installed it takes 4 s of processor time instead of 6. Nothing here uses Keras
    with them. Afterwards they can be imported as ever; Keras, in this process, does without them.
    """
    hidden = [name for name in _WRAPPED if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    # None in its place makes an import say that there is no such module.
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            modules.pop(name, None)
