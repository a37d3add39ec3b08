"""The libraries of the extra ``report``, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any, Final

from fer_runtime.errors import ConfigError

_PACKAGES: Final = {"sklearn": "scikit-learn"}


def need(module: str) -> Any:
    """Import `module`, a library of the extra ``report``.

    Raises
    ------
    ConfigError
        With the pip line that installs it, where it is missing or broken.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        raise ConfigError(
            f"fer-report needs {_PACKAGES.get(top, top)}, which cannot be imported ({error})",
            "pip install 'fer-edge[report]'",
        ) from None
