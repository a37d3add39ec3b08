"""The published JSON Schemas, to check records with."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[2] / "docs" / "schema"


def check(name: str, record: dict[str, Any]) -> None:
    """Fail where `record`, once through JSON, does not fit the schema `name`."""
    _validator(name).validate(json.loads(json.dumps(record, allow_nan=False)))


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
