"""Software bill of materials of a wheel's core, in CycloneDX 1.5 JSON, to standard output.

python packaging/sbom.py WHEEL

The versions are those installed where this runs, and what they need in turn; extras are left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
import zipfile
from email.parser import Parser
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement


def bill(wheel: Path, epoch: int) -> dict[str, Any]:
    """Return the bill of `wheel`, dated `epoch` (seconds since 1970)."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode("utf-8"))
    top = f"pkg:pypi/fer-edge@{metadata['Version']}"
    components: dict[str, dict[str, Any]] = {}
    depends: dict[str, list[str]] = {}
    depends[top] = sorted(
        {_add(r, components, depends) for r in _needed(metadata.get_all("Requires-Dist"))}
    )
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
            "component": {
                "type": "application",
                "bom-ref": top,
                "name": "fer-edge",
                "version": metadata["Version"],
                "purl": top,
                "licenses": [{"license": {"id": "MIT"}}],
                "hashes": [
                    {"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}
                ],
            },
        },
        "components": [components[key] for key in sorted(components)],
        "dependencies": [{"ref": key, "dependsOn": depends[key]} for key in sorted(depends)],
    }


def _needed(requirements: list[str] | None) -> list[str]:
    """Return the names of requirements that hold here without any extra."""
    parsed = map(Requirement, requirements or [])
    return [r.name for r in parsed if r.marker is None or r.marker.evaluate({"extra": ""})]


def _add(name: str, components: dict[str, dict[str, Any]], depends: dict[str, list[str]]) -> str:
    """Add a package and what it needs; return its reference."""
    plain = re.sub(r"[-_.]+", "-", name).lower()
    try:
        found = distribution(name)
    except PackageNotFoundError:
        sys.exit(f"sbom.py: {name} is not installed here; run: make setup")
    reference = f"pkg:pypi/{plain}@{found.version}"
    if reference in components:
        return reference
    components[reference] = {
        "type": "library",
        "bom-ref": reference,
        "name": plain,
        "version": found.version,
        "purl": reference,
    }
    licence = found.metadata.get("License-Expression") or found.metadata.get("License") or ""
    if licence and "\n" not in licence:
        components[reference]["licenses"] = [{"license": {"name": licence}}]
    depends[reference] = sorted({_add(n, components, depends) for n in _needed(found.requires)})
    return reference


if __name__ == "__main__":
    now = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    print(json.dumps(bill(Path(sys.argv[1]), now), indent=1))
