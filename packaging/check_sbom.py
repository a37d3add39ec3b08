"""Validate a bill of materials against CycloneDX's own schema, strictly.

python packaging/check_sbom.py FILE

Needs ``cyclonedx-python-lib[json-validation]``, which `make check-sbom` installs aside.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def mistake(text: str) -> str | None:
    """Return what the schema of CycloneDX 1.5 has against a bill, None for nothing."""
    error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    return None if error is None else str(error)


if __name__ == "__main__":
    said = mistake(Path(sys.argv[1]).read_text("utf-8"))
    if said is not None:
        sys.exit(f"check_sbom.py: {sys.argv[1]}: {said.splitlines()[0]}")
    print(f"{sys.argv[1]}: valid CycloneDX 1.5")
