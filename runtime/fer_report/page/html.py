"""Small pieces of HTML: escaped text, tables, drawings inside the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .css import CSS, PLOT_CSS
from .figures import Picture
from .style import HATCH, hex_color
from .svg import HATCH_PATTERN

__all__ = [
    "bar", "card", "details", "document", "escape", "figure", "paragraph", "section", "swatch",
    "table",
]  # fmt: skip


def document(title: str, language: str, body: str) -> str:
    """Return a whole page with its style inside; it asks for nothing from anywhere."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # A browser then refuses to fetch or run anything, whatever a log may contain.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n'
        f"<style>\n{CSS}{PLOT_CSS}</style>\n</head>\n<body>\n"
        f'<svg class="defs" aria-hidden="true"><defs>{HATCH_PATTERN}</defs></svg>\n'
        f"{body}</body>\n</html>\n"
    )


def card(value: str, name: str, note: str) -> str:
    """Return one of the large numbers at the top."""
    return (
        f'<li><span class="name">{escape(name)}</span><b>{escape(value)}</b>'
        f'<span class="note">{escape(note)}</span></li>\n'
    )


def section(key: str, title: str, *parts: str) -> str:
    """Return a section with its heading."""
    inside = "\n".join(p for p in parts if p)
    return (
        f'<section id="{key}" aria-labelledby="{key}-h">\n<h2 id="{key}-h">{escape(title)}</h2>\n'
        f"{inside}\n</section>\n"
    )


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def figure(pictures: Iterable[Picture], alt: str) -> str:
    """Return a plot in all its widths; the page shows the one that fits."""
    drawn = list(pictures)
    inside = ""
    for picture in drawn:
        kind = "narrow" if picture.narrow else "wide"
        inside += picture.drawing.inline(kind if len(drawn) > 1 else "only")
    return f'<figure role="img" aria-label="{escape(alt)}">{inside}</figure>'


def swatch(label: str) -> str:
    """Return a spot of a label's colour; the label stands beside it in words."""
    return (
        f'<span class="swatch {_hatch(label)}" style="background-color:{hex_color(label)}"></span>'
    )


def bar(label: str, share: float) -> str:
    """Return a cell with a bar of a label's colour; decoration, its number is in the row."""
    if share == 0:
        return '<td class="bar" aria-hidden="true"></td>'
    return (
        f'<td class="bar" aria-hidden="true"><span class="{_hatch(label)}" '
        f'style="width:{share * 100:.2f}%;background-color:{hex_color(label)}"></span></td>'
    )


def _hatch(label: str) -> str:
    return "hatch" if label in HATCH else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[int] = ()) -> str:
    """Return a table; cells are escaped, columns in `words` hold sentences."""

    def kind(place: int) -> str:
        return ' class="words"' if place in words else ""

    out = ['<div class="scroll" tabindex="0"><table>\n<thead><tr>']
    out += [f'<th scope="col"{kind(i)}>{escape(h)}</th>' for i, h in enumerate(head)]
    out.append("</tr></thead>\n<tbody>\n")
    for row in rows:
        out.append(f'<tr><th scope="row">{escape(row[0])}</th>')
        out += [f"<td{kind(i)}>{escape(c)}</td>" for i, c in enumerate(row[1:], 1)]
        out.append("</tr>\n")
    out.append("</tbody></table></div>")
    return "".join(out)


def details(summary: str, inside: str) -> str:
    """Return something that opens when asked."""
    return f"<details><summary>{escape(summary)}</summary>\n{inside}\n</details>"
