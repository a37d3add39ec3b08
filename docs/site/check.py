"""``python docs/site/check.py out/site``: fails where a built page loads something from outside.

Links that a reader may follow are none of it; style sheets, scripts, fonts, pictures, frames are.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

_OUTSIDE = re.compile(r"\s*(https?:)?//", re.IGNORECASE)
_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\"')\s;]+)", re.IGNORECASE)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        values = {name: value or "" for name, value in attrs}
        for name in ("src", "srcset", "poster", "data", "xlink:href"):
            self._look(values.get(name, ""))
        if tag in ("use", "image"):
            self._look(values.get("href", ""))
        # Of <link>, those that say where else the page is load nothing.
        if tag == "link" and values.get("rel") not in ("canonical", "alternate", "prev", "next"):
            self._look(values.get("href", ""))
        self.loaded += _CSS.findall(values.get("style", ""))
        # The theme's script fetches what draws such diagrams from a content network.
        if "mermaid" in values.get("class", "").split():
            self.loaded.append("a script for mermaid diagrams")

    def handle_data(self, data: str) -> None:
        if self._style:
            self.loaded += _CSS.findall(data)
            self._style = False

    def _look(self, value: str) -> None:
        self.loaded += [v.strip() for v in value.split(",") if _OUTSIDE.match(v)]


def loaded_from_outside(site: Path) -> dict[str, list[str]]:
    """Return what each file of a built site loads from elsewhere; no file, no entry.

    Parameters
    ----------
    site : Path
        Folder of the site; its ``.html``, ``.css`` and ``.svg`` files are read.
    """
    found = {}
    for file in sorted(site.rglob("*")):
        if file.suffix in (".html", ".svg"):
            page = _Page()
            page.feed(file.read_text("utf-8"))
            loaded = page.loaded
        elif file.suffix == ".css":
            loaded = _CSS.findall(file.read_text("utf-8"))
        else:
            continue
        if loaded:
            found[str(file.relative_to(site))] = loaded
    return found


def main() -> int:
    """Check the folder that the command line names."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "index.html").is_file():
        print("expected one folder with an index.html: make docs builds out/site", file=sys.stderr)
        return 2
    found = loaded_from_outside(Path(sys.argv[1]))
    for name, loaded in found.items():
        print(f"{name} loads {', '.join(loaded)}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
