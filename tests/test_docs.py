"""Documents: every relative link resolves, and the Spanish ones keep step with the English."""

from __future__ import annotations

import importlib.util
import json
import re
import types
import unicodedata
import urllib.parse
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("README*.md"), *DOCS.rglob("*.md")])
PAIRS = [
    (ROOT / "README.md", ROOT / "README.es.md"),
    *((DOCS / p.name, p) for p in sorted((DOCS / "es").glob("*.md"))),
]

FENCE = re.compile(r"^\s*(```|~~~)")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)")


class Shape(NamedTuple):
    """What a document and its translation have in common."""

    headings: list[int]
    """Level of each heading, in their order."""
    code: list[int]
    """Lines of each code block, fenced or indented, in their order."""
    rows: list[int]
    """Columns of each table row, in their order; separators too."""
    figures: list[list[str]]
    """Digits of each table row, in any order: a new measurement goes into both languages."""
    items: int
    """List items."""


def prose(text: str) -> list[str]:
    """Return the lines of a document that are not in fenced blocks."""
    kept, fenced = [], False
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            kept.append(line)
    assert not fenced, "a code block does not end"
    return kept


def blocks(text: str) -> list[int]:
    """Return the number of lines of each code block."""
    found: list[int] = []
    fenced, before = False, ""
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
            if fenced:
                found.append(0)
        elif fenced:
            found[-1] += 1
        elif line.startswith("    ") and not line.lstrip().startswith(("|", "-")):
            if before.startswith("    "):
                found[-1] += 1
            elif not before:
                found.append(1)
        before = line
    return found


def shape(text: str) -> Shape:
    lines = prose(text)
    rows = [line.strip() for line in lines if line.lstrip().startswith("|")]
    return Shape(
        headings=[len(m[1]) for line in lines if (m := re.match(r"(#+) ", line))],
        code=blocks(text),
        rows=[len(re.findall(r"(?<!\\)\|", row)) - 1 for row in rows],
        figures=[sorted(re.findall(r"\d+", re.sub(r"(?<=\d)[.,](?=\d)", "", r))) for r in rows],
        items=sum(bool(re.match(r"\s*([-*]|\d+\.) ", line)) for line in lines),
    )


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as code hosts and the site form them."""
    made: dict[str, int] = {}
    found = set()
    for line in prose(text):
        if not (heading := re.match(r"#+ +(.*?)\s*#*$", line)):
            continue
        words = re.sub(r"[`*]|\]\([^)]*\)", "", heading[1])
        words = unicodedata.normalize("NFC", words).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = made[slug] = made.get(slug, -1) + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def links(text: str) -> list[str]:
    """Return the relative targets that a document links to, pictures too."""
    plain = re.sub(r"`[^`]*`", "``", "\n".join(prose(text)))
    return [t for t in LINK.findall(plain) if not re.match(r"[a-z]+:", t)]


def broken(document: Path, text: str) -> list[str]:
    """Return the links of a document that lead nowhere."""
    bad = []
    for target in links(text):
        path, _, anchor = urllib.parse.unquote(target).partition("#")
        file = (document.parent / path).resolve() if path else document
        if (
            not file.exists()
            or not file.is_relative_to(ROOT)
            or (
                anchor
                and (
                    file.suffix != ".md"
                    or anchor not in anchors(text if not path else file.read_text("utf-8"))
                )
            )
        ):
            bad.append(target)
    return bad


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_relative_links_resolve(document: Path) -> None:
    assert not broken(document, document.read_text("utf-8"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[1].name)
def test_spanish_keeps_step_with_english(pair: tuple[Path, Path]) -> None:
    english, spanish = (shape(p.read_text("utf-8")) for p in pair)
    assert spanish == english


@pytest.mark.parametrize("name", ["operating", "analyst", "study", "converter"])
def test_the_spanish_readme_leads_to_spanish(name: str) -> None:
    text = (ROOT / "README.es.md").read_text("utf-8")
    assert f"(docs/es/{name}.md)" in text and f"(docs/{name}.md)" not in text


def test_documents_and_examples_name_this_version() -> None:
    init = (ROOT / "runtime/fer_runtime/__init__.py").read_text("utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', init, re.M)
    named = {
        "CITATION.cff": re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)
    }
    for file in (*DOCUMENTS, *(DOCS / "examples").rglob("*.yaml")):
        name = str(file.relative_to(ROOT))
        named[name] = re.findall(r"fer-edge:(\d[\w.]*)", file.read_text("utf-8"))
    assert sum(map(len, named.values())) > 5
    assert {v for versions in named.values() for v in versions} == {version}, named


def test_a_broken_link_is_found() -> None:
    here = DOCS / "operating.md"
    text = "# Été `x`\n[a](#été-x) [b](../README.md#install) [c](https://example.org/x)\n"
    assert broken(here, text) == []
    assert broken(here, "[a](none.md) [b](#none) ![c](../../outside.png)") == [
        "none.md", "#none", "../../outside.png",
    ]  # fmt: skip
    assert broken(here, "`[a](none.md)`\n```\n[b](none.md)\n```\n") == []


@pytest.mark.parametrize(
    "left_out",
    ["## Two", "| 1 | 2 |", "1", "    indented", "more in fence", "- item"],
)
def test_what_is_left_out_is_seen(left_out: str) -> None:
    whole = (
        "# One\n\n## Two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- item\n\nText\n\n    indented\n\n"
        "```\nfence\nmore in fence\n```\n"
    )
    assert shape(re.sub(re.escape(left_out) + r"\n?", "", whole, count=1)) != shape(whole)


def site_module(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"site_{name}", DOCS / f"site/{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def check() -> types.ModuleType:
    """The check that `make docs` runs on what it has built."""
    return site_module("check")


def test_the_notebook_is_a_page_with_every_cell() -> None:
    pytest.importorskip("mkdocs")
    text = (DOCS / "notebooks/lab.ipynb").read_text("utf-8")
    cells = json.loads(text)["cells"]
    page = site_module("hooks").notebook_markdown(text, "lab.ipynb")
    assert page.count("````python\n") == sum(c["cell_type"] == "code" for c in cells) > 5
    at = 0
    for cell in cells:
        at = page.index("".join(cell["source"]).strip("\n"), at)
    assert '<a href="lab.ipynb" download>' in page
    assert page.count("````") % 2 == 0


def test_the_site_has_the_notebook_in_both_languages_and_searches_in_both() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert text.count(": notebooks/lab.md") == 2 and "lang: [en, es]" in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<link rel="stylesheet" href="https://example.org/a.css">'),
        ("a.html", '<link rel="preconnect" href="https://example.org">'),
        ("a.html", '<script src="//example.org/a.js"></script>'),
        ("a.html", '<img srcset="a.png 1x, HTTP://example.org/b.png 2x">'),
        ("a.html", "<style>a{background:url(https://example.org/a.png)}</style>"),
        ("a.html", '<p style="background:url(//example.org/a.png)">'),
        ("a.html", '<pre class="mermaid">graph</pre>'),
        ("a.css", '@import "https://example.org/a.css";'),
        ("a.css", "@font-face{src:url('https://example.org/a.woff2')}"),
        ("a.svg", '<svg><image href="https://example.org/a.png"/></svg>'),
    ],
)
def test_what_a_page_loads_from_outside_is_found(
    check: types.ModuleType, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert list(check.loaded_from_outside(tmp_path)) == [name]


def test_links_and_own_files_are_not_outside(check: types.ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="https://example.org/">x</a><link rel="canonical" href="https://example.org/">'
        '<img src="a.png"><script src="../a.js"></script><style>a{b:url(c.png)}</style>',
        "utf-8",
    )
    assert check.loaded_from_outside(tmp_path) == {}
