"""The needs of the installed core and some extras, with OpenCV's headless wheel, for the image.

python packaging/headless.py [EXTRA...] > requirements.txt

OpenCV's wheels come with and without windows under two names, and a wheel can name one only.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import requires


def needs(lines: list[str], extras: list[str]) -> list[str]:
    """Return the requirements without and of `extras`, as pip takes them.

    Parameters
    ----------
    lines
        ``Requires-Dist`` of the metadata.
    extras
        Names of extras of the project.

    Raises
    ------
    ValueError
        If there is no such extra.
    """
    wanted, known = [], set()
    for line in lines:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra == [\"']([^\"']+)", marker)
        if extra:
            known.add(extra.group(1))
        if extra is None or extra.group(1) in extras:
            wanted.append(
                re.sub(r"^opencv-python\b", "opencv-python-headless", requirement.strip())
            )
    if missing := sorted(set(extras) - known):
        raise ValueError(f"expected extras of {sorted(known)}, received {missing}")
    return wanted


if __name__ == "__main__":
    print("\n".join(needs(requires("fer-edge") or [], sys.argv[1:])))
