"""The bill of materials: what CycloneDX's schema wants of it beside the form."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "packaging"))

from sbom import bill


def test_each_package_once_and_each_reference_known(tmp_path: Path) -> None:
    wheel = tmp_path / "fer_edge-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        # The same package under two conditions that both hold, as in LiteRT's metadata.
        text = "Name: fer-edge\nVersion: 1.0\nRequires-Dist: numpy>=1\n"
        text += 'Requires-Dist: numpy<9; os_name == "posix"\n'
        archive.writestr("fer_edge-1.0.dist-info/METADATA", text)
    found = bill(wheel, 0)
    known = [c["bom-ref"] for c in found["components"]]
    assert known and len(known) == len(set(known))
    for entry in found["dependencies"]:
        assert len(entry["dependsOn"]) == len(set(entry["dependsOn"]))
        assert set(entry["dependsOn"]) <= set(known)
    assert all(re.fullmatch(r"pkg:pypi/[a-z0-9-]+@\S+", ref) for ref in known)
