"""What MkDocs cannot do by settings: pages from files beside ``docs/``, and links to others.

The documents are written to be read in the repository. On the site the READMEs are the first
pages, the model card and the notebook are pages, and a link to what the site has not (a folder, a
source file) keeps its words alone.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]

PAGES = {
    "README.md": "index.md",
    "README.es.md": "es/index.md",
    "models/MODEL_CARD.md": "model_card.md",
    "docs/notebooks/lab.ipynb": "notebooks/lab.md",
}
"""File of the repository -> page of the site."""

_API = """# Python

{blocks}
"""
_NAMES = (
    "fer_runtime.wiring.watch.watch",
    "fer_runtime.wiring.watch.Watch",
    "fer_runtime.faces.pipeline.EmotionPipeline",
    "fer_runtime.reading.FaceReading",
    "fer_runtime.reading.Moment",
)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that do not lie in ``docs/``."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        if source.endswith(".ipynb"):
            text = notebook_markdown(text, posixpath.basename(source))
        files.append(File.generated(config, page, content=text))
    blocks = "\n\n".join(f"::: {name}" for name in _NAMES)
    files.append(File.generated(config, "api.md", content=_API.format(blocks=blocks)))
    return files


def notebook_markdown(text: str, name: str) -> str:
    """Return a notebook as Markdown: its cells in order, without outputs.

    Parameters
    ----------
    text
        The notebook's JSON, format 4.
    name
        The file's name beside the page, to be fetched from there.
    """
    # In HTML, which no link of a page is looked for in.
    blocks = [f'<a href="{name}" download>{name}</a>']
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"]).strip("\n")
        if cell["cell_type"] == "code":
            source = f"````python\n{source}\n````"
        if source:
            blocks.append(source)
    return "\n\n".join(blocks) + "\n"


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead each relative link to its page of the site, or keep its words alone."""
    del config
    sources = {page: source for source, page in PAGES.items()}
    here = page.file.src_uri
    source = sources.get(here, f"docs/{here}")
    there = set(files.src_uris)

    def led(match: re.Match[str]) -> str:
        mark, words, target = match.groups()
        if target.startswith("#") or re.match(r"[a-z]+:", target):
            return match[0]
        path, hash_, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        on_site = PAGES.get(path, path.removeprefix("docs/") if path.startswith("docs/") else "")
        if on_site not in there:
            return words
        relative = posixpath.relpath(on_site, posixpath.dirname(here) or ".")
        return f"{mark}[{words}]({relative}{hash_}{anchor})"

    return _LINK.sub(led, markdown)
