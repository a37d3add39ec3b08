"""``fer-report`` as a user runs it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from synthetic_log import log_text, random_run, row

from fer_report.page.figures import FIGURES
from fer_runtime.labels import EMOTIONS, UNCERTAIN

START = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def fer_report(tmp_path: Path) -> Run:
    def run(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fer_report.cli", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run


def one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("fer-report: ")
    for word in words:
        assert word in line, line


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log of five days."""
    folder = tmp_path_factory.mktemp("logs")
    for day in range(5):
        rows = random_run(day, START + timedelta(days=day), 50)
        (folder / f"log-{day}.csv").write_text(log_text(rows))
    return folder


@pytest.fixture(scope="module")
def pages(month: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of that folder in both languages."""
    out = tmp_path_factory.mktemp("pages")
    for language in ("en", "es"):
        subprocess.run(
            [sys.executable, "-m", "fer_report.cli", str(month), "-o", str(out / language),
             "--lang", language],
            check=True, timeout=120, capture_output=True,
        )  # fmt: skip
    return {language: out / language for language in ("en", "es")}


class Reader(HTMLParser):
    """Collects what a page refers to, and whether its elements are closed."""

    VOID = ("meta", "link")

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.alts: list[str] = []
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.seen.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "srcset", "href", "action") and v]
        if tag == "figure":
            self.alts.append(values.get("aria-label") or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


@pytest.mark.parametrize("language", ["en", "es"])
def test_page_needs_nothing_from_outside(pages: dict[str, Path], language: str) -> None:
    page = read(pages[language] / "index.html")
    assert page.links and all(link.startswith("data:") for link in page.links)
    assert "script" not in page.seen
    assert "url(" not in page.text and "@import" not in page.text
    assert f'<html lang="{language}">' in (pages[language] / "index.html").read_text()


def test_every_plot_has_an_alternative_text_with_numbers(pages: dict[str, Path]) -> None:
    page = read(pages["en"] / "index.html")
    assert len(page.alts) == len(FIGURES)
    for alt in page.alts:
        assert len(alt) > 40 and re.search(r"\d", alt), alt


def test_page_says_the_numbers(pages: dict[str, Path]) -> None:
    numbers = json.loads((pages["en"] / "numbers.json").read_text())
    page = read(pages["en"] / "index.html")
    for emotion in EMOTIONS:
        assert emotion.capitalize() in page.text
        assert f"{numbers['share'][emotion]:.1%}" in page.text
    assert numbers["faces"] == 250 and "250" in page.text
    spanish = read(pages["es"] / "index.html").text
    assert "Alegría" in spanish and "Happy" not in spanish
    assert f"{numbers['share']['happy'] * 100:.1f}".replace(".", ",") in spanish


def test_pictures_are_real(pages: dict[str, Path]) -> None:
    names = sorted(p.name for p in pages["en"].glob("*.svg"))
    assert names == sorted(f"{k}{s}.svg" for k in FIGURES for s in ("", "-narrow"))
    for name in names:
        text = (pages["en"] / name).read_text(encoding="utf-8")
        top = ElementTree.fromstring(text)
        assert top.get("width") == ("380" if "narrow" in name else "980")
        texts = ["".join(t.itertext()) for t in top.iter("{http://www.w3.org/2000/svg}text")]
        assert len(texts) > 6 and all(texts), name
        assert len(list(top.iter("{http://www.w3.org/2000/svg}path"))) > 5, name
        assert "nan" not in text and "inf" not in text and "None" not in text, name


def test_nothing_is_left_over(pages: dict[str, Path]) -> None:
    assert {p.suffix for p in pages["en"].iterdir()} == {".svg", ".json", ".html"}


def test_hostile_texts_stay_texts_and_damage_is_said(fer_report: Run, tmp_path: Path) -> None:
    rows = random_run(1, START, 5)
    for r in rows:
        r["model"] = '"><script>alert(1)</script>'
    (tmp_path / "log.csv").write_text(log_text(rows) + "2026-03-02T11:")
    done = fer_report("log.csv", "--title", "<b>&")
    assert done.returncode == 0
    assert "1 damaged rows left out" in done.stderr
    assert done.stdout.startswith(f"{len(rows)} rows, 5 faces")
    page = read(tmp_path / "report" / "index.html")
    assert "script" not in page.seen and "b" not in page.seen[: page.seen.index("h1")]
    assert "<script>alert(1)</script>" in page.text and "<b>&" in page.text
    assert "1 damaged rows were left out" in page.text


def test_json_writes_nothing(fer_report: Run, month: Path, tmp_path: Path) -> None:
    done = fer_report(month, "--json", "--since", "2026-03-03", "--until", "2026-03-05")
    assert done.returncode == 0, done.stderr
    numbers: dict[str, Any] = json.loads(done.stdout)
    assert numbers["first"].startswith("2026-03-03") and numbers["last"].startswith("2026-03-04")
    assert sum(numbers["share"].values()) == pytest.approx(1, abs=1e-3)
    assert numbers["runs"] == 2 and len(numbers["files"]) == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("label", ["happy", UNCERTAIN])
def test_one_row_is_enough(fer_report: Run, tmp_path: Path, label: str) -> None:
    (tmp_path / "log.csv").write_text(log_text([row(START, 3.0, 1, label)]))
    done = fer_report("log.csv", "--lang", "es", "--json", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 1
    whole = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "out").iterdir())
    assert "nan" not in whole.lower()


def test_bad_input_is_one_line(fer_report: Run, month: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    one_line(fer_report("other.csv"), 65, "other.csv", "expected a header", "received 'a,b'")
    one_line(fer_report("no.csv"), 65, "no.csv", "does not exist")
    one_line(fer_report(month, "--since", "2030-01-01"), 65, "since 2030-01-01", "2026-03-02")
    one_line(fer_report(month, "--since", "monday"), 2, "--since", "received 'monday'")
    one_line(fer_report(month, "--lang", "fr"), 2, "--lang")
    one_line(fer_report(month, "--gap", "0"), 2, "--gap")
    one_line(
        fer_report(month, "--title", "a\udcff"), 2, "expected text in UTF-8, received '\\udcff'"
    )
    for number in ("nan", "inf"):
        one_line(fer_report(month, "--gap", number), 2, "--gap", f"{number} is not a finite number")
    one_line(fer_report(), 2, "at least one log", "--help")
    one_line(fer_report(month, "--feedback", "x.csv"), 2, "received both")
    (tmp_path / "file").touch()
    one_line(fer_report(month, "-o", "file"), 74, "cannot be made", "-o")


def test_missing_extra_names_the_line_that_installs_it(
    fer_report: Run, month: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    (broken / "duckdb").mkdir(parents=True)
    (broken / "duckdb" / "__init__.py").write_text("raise ImportError('not here')\n")
    done = fer_report(month, PYTHONPATH=str(broken))
    one_line(done, 78, "duckdb", "pip install 'fer-edge[report]'")
    assert not (tmp_path / "report").exists()


def test_help_and_imports_are_light() -> None:
    code = (
        "import sys; import fer_report.cli; "
        "print([m for m in ('duckdb', 'ibis', 'pandas', 'matplotlib', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


CHROMIUM = next(
    (c for c in ("chromium", "chromium-browser", "google-chrome") if shutil.which(c)), None
)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to render the page with")
@pytest.mark.parametrize(("width", "height"), [(1280, 6000), (390, 9000)])
@pytest.mark.parametrize("language", ["en", "es"])
def test_page_in_a_browser(
    pages: dict[str, Path], tmp_path: Path, width: int, height: int, language: str
) -> None:
    """The band at the top is dark, plots show colours, and nothing is wider than the screen."""
    shot = tmp_path / "shot.png"
    base = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},{height}",
    ]  # fmt: skip
    url = (pages[language] / "index.html").as_uri()
    subprocess.run(
        [*base, f"--screenshot={shot}", url], check=True, timeout=120, capture_output=True
    )
    pixels = np.asarray(Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")).astype(int)
    assert pixels.shape == (height, width, 3)
    assert pixels[:40].mean() < 80
    happy = np.abs(pixels - (240, 228, 66)).max(axis=2) < 12
    assert happy.sum() > 2000
    # Without a picture to take, Chromium's window is at least 500 px wide: still a telephone's.
    probe = tmp_path / "probe.html"
    text = (pages[language] / "index.html").read_text(encoding="utf-8")
    text = text.replace("default-src 'none';", "default-src 'none'; script-src 'unsafe-inline';")
    # No text of a plot runs over its edge, half a pixel of rounding apart.
    script = """<script>
      const over = [...document.querySelectorAll("figure svg")].flatMap(svg => {
        const room = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text")].filter(t => {
          const box = t.getBoundingClientRect();
          return box.left < room.left - .5 || box.right > room.right + .5
            || box.top < room.top - .5 || box.bottom > room.bottom + .5;
        }).map(t => t.textContent);
      });
      document.title = [document.documentElement.scrollWidth, ...over].join("|");
    </script>"""
    probe.write_text(text.replace("</body>", script + "</body>"), encoding="utf-8")
    dumped = subprocess.run(
        [*base, "--dump-dom", probe.as_uri()],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    ).stdout
    title = re.search(r"<title>(\d+)(.*)</title>", dumped)
    assert title is not None and int(title[1]) <= max(width, 500)
    assert title[2] == ""
