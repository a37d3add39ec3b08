"""The style of the page: light, dark, telephone and paper."""

from __future__ import annotations

from typing import Final

PLOT_LIGHT: Final = (
    "--card: #fff; --ink: #1f2933; --muted: #52606d; --line: #dde2e8; --plot: #0b5394;"
)
"""The colours of a drawing that stands alone."""

PLOT_CSS: Final = """\
svg text { font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
svg text { fill: var(--muted); }
svg text.ink { fill: var(--ink); }
svg text.over { fill: var(--card); }
svg .strong { font-weight: 600; }
svg .plot { fill: var(--plot); }
svg .bar { stroke: var(--card); }
svg .grid { fill: none; stroke: var(--line); }
svg .axis { fill: none; stroke: var(--muted); opacity: .6; }
svg .halo { fill: none; stroke: var(--card); stroke-width: 4; }
svg .trend { fill: none; stroke: var(--ink); stroke-width: 2; stroke-dasharray: 7 4; }
svg .cell { fill: none; stroke: var(--plot); }
"""
"""The style of a drawing, on a page or alone."""

CSS: Final = """\
:root {
  color-scheme: light dark;
  --page: #f3f5f8; --card: #ffffff; --ink: #1f2933; --muted: #52606d; --line: #dde2e8;
  --accent: #0b5394; --band: #0b2a45; --band-ink: #ffffff; --band-muted: #bcd3e8; --note: #fff8e1;
  --plot: #0b5394;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11161c; --card: #1a2129; --ink: #e8edf2; --muted: #a5b1bd; --line: #313b46;
    --accent: #7ab8f0; --band: #0a1f33; --note: #2b2614;
    --plot: #5aa2e0;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
.band { background: var(--band); color: var(--band-ink); padding: 2.4rem 0 4.6rem; }
.wrap { max-width: 1064px; margin: 0 auto; padding: 0 1.5rem; }
h1 {
  font-size: clamp(1.6rem, 4.5vw, 2.3rem); line-height: 1.2; margin: 0 0 .4rem;
  letter-spacing: -.01em;
}
.period { color: var(--band-muted); margin: 0; }
.lead { font-size: 1.12rem; max-width: 46em; margin: 1.3rem 0 0; }
.cards {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(155px, 1fr)); gap: .8rem;
  margin: -3.2rem 0 1.6rem; padding: 0; list-style: none;
}
.cards li, section {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  box-shadow: 0 1px 3px rgb(0 0 0 / 7%);
}
.cards li {
  padding: .8rem .95rem; display: grid; grid-row: span 3; grid-template-rows: subgrid; row-gap: 0;
}
.cards .name { align-self: end; line-height: 1.25; }
.cards b {
  display: block; font-size: 1.4rem; line-height: 1.35; font-weight: 650; white-space: nowrap;
  letter-spacing: -.02em;
}
.cards .name { font-weight: 600; font-size: .9rem; }
.cards .note { display: block; color: var(--muted); font-size: .8rem; line-height: 1.35; }
section { padding: 1.4rem 1.5rem 1.2rem; margin: 0 0 1.4rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 .35rem; }
section > p { margin: .2rem 0 .9rem; color: var(--muted); max-width: 48em; }
section > p.say { color: var(--ink); }
h3 { font-size: 1.02rem; margin: .2rem 0 .4rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.after-band { padding-top: 1.2rem; }
figure { margin: 0 0 .6rem; }
figure svg { display: block; width: 100%; height: auto; }
svg.narrow { display: none; }
.defs { display: block; position: absolute; width: 0; height: 0; }
.scroll { overflow-x: auto; }
table {
  border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .93rem;
}
th, td {
  text-align: right; padding: .34rem .6rem; border-bottom: 1px solid var(--line);
  white-space: nowrap;
}
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.words, th.words { text-align: left; white-space: normal; }
thead th { color: var(--muted); font-weight: 600; font-size: .84rem; vertical-align: bottom; }
tbody th { font-weight: 500; }
.swatch {
  display: inline-block; width: .95em; height: .95em; border-radius: 3px; margin-right: .55em;
  vertical-align: -.1em; border: 1px solid rgb(0 0 0 / 25%);
}
.bar { width: 34%; min-width: 70px; text-align: left; }
.bar span {
  display: block; height: .95rem; border-radius: 3px; border: 1px solid rgb(0 0 0 / 18%);
}
.hatch {
  background-image: repeating-linear-gradient(
    -45deg, transparent 0 4px, rgb(255 255 255 / 75%) 4px 5px);
}
details { margin-top: .5rem; }
summary {
  cursor: pointer; color: var(--accent); font-weight: 600; padding: .25rem 0; width: fit-content;
}
summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.limits { background: var(--note); }
.limits li { margin: .35rem 0; max-width: 50em; }
.limits ul { margin: .4rem 0 .4rem; padding-left: 1.2rem; }
footer { color: var(--muted); font-size: .86rem; padding: .2rem 0 2.5rem; }
footer p { margin: .2rem 0; }
@media screen and (max-width: 640px) {
  svg.wide { display: none; }
  svg.narrow { display: block; }
}
@media (max-width: 640px) {
  .wrap { padding: 0 .8rem; }
  .pair { grid-template-columns: 1fr; }
  .cards { grid-template-columns: 1fr 1fr; gap: .6rem; }
  section { padding: 1.1rem .9rem 1rem; border-radius: 10px; }
  th, td { padding: .34rem .25rem; white-space: normal; }
  tbody th { white-space: nowrap; }
  table { font-size: .86rem; }
  td.bar, th.bar { display: none; }
  table:has(td.words) tbody th { white-space: normal; }
}
@media print {
  :root {
    color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --muted: #333; --line: #bbb;
    --accent: #000; --band: #fff; --band-ink: #000; --band-muted: #333; --note: #fff;
    --plot: #0b5394;
  }
  @page { margin: 14mm; }
  body { font-size: 10.5pt; }
  .band { padding: 0 0 1rem; }
  .cards { margin: 0 0 1rem; grid-template-columns: repeat(3, 1fr); }
  .cards li, section { box-shadow: none; break-inside: avoid; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .8rem 0; }
  details { display: none; }
  .swatch, .bar span { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
