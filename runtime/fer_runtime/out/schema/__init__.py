"""The JSON Schemas (2020-12) of the records; docs/schema/ points here.

They are part of the program, so that it can hand them out where it runs.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

NAMES: Final = ("moment", "room", "visit", "minute")


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a record, one of `NAMES`."""
    text = files(__package__).joinpath(f"{name}.json").read_text("utf-8")
    record: dict[str, Any] = json.loads(text)
    return record
