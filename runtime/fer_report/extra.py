"""The libraries of the extras of the report, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any, Final

from fer_runtime.errors import ConfigError

_PACKAGES: Final = {"ibis": "ibis-framework", "pympi": "pympi-ling"}


def need(module: str, extra: str = "report") -> Any:
    """Import `module`, a library of an extra of this project.

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
            f"pip install 'fer-edge[{extra}]'",
        ) from None
