"""The wheel: what is in it, and that it runs in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TIMEOUT_S = 600


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    # Built from a copy, so that nothing is left in the checkout.
    copy = out / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(copy)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = out.glob("fer_edge-*.whl")
    return found


def test_contents(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "fer_runtime/command/cli.py",
        "fer_runtime/py.typed",
        "fer_runtime/out/metrics/exposition.py",
        "fer_runtime/out/schema/moment.json",
        "fer_runtime/out/web/page.html",
        "fer_runtime/out/web/page.css",
        "fer_runtime/out/web/page.js",
        "fer_report/cli.py",
        "fer_training/cli.py",
        "fer_training/recipes/edge24.yaml",
        "fer_converter/cli.py",
        "fer_models/ferplus.tflite",
        "fer_models/fer2013.tflite",
        "fer_models/SHA256SUMS",
    ):
        assert name in names, name
    assert not [n for n in names if n.startswith("tests") or n.endswith((".jpg", ".png"))]
    tops = {n.split("/")[0] for n in names if ".dist-info" not in n}
    assert tops == {
        "fer_runtime",
        "fer_report",
        "fer_archive",
        "fer_training",
        "fer_converter",
        "fer_models",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("assets")
def test_it_runs_where_nothing_else_is(wheel: Path, tmp_path: Path) -> None:
    """An empty environment, with the dependencies lent by the lean one of `make run`."""
    lean = ROOT / ".venv-run"
    if not (lean / ".ready").exists():
        pytest.skip("no environment .venv-run")
    subprocess.run([lean / "bin/python", "-m", "venv", str(tmp_path / "v")], check=True)
    python = tmp_path / "v/bin/python"
    install = [python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, timeout=TIMEOUT_S)
    (packages,) = (lean / "lib").glob("python*/site-packages")
    (own,) = (tmp_path / "v/lib").glob("python*/site-packages")
    for entry in packages.iterdir():
        if not entry.name.startswith(("fer_", "__editable", "_distutils", "pip", "setuptools")):
            target = own / entry.name
            if not target.exists():
                target.symlink_to(entry)
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [tmp_path / "v/bin/fer-runtime", "--source", "demo", "--max-frames", "20",
         "--csv", "log.csv", "--csv-interval", "0"],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # The header and every frame but the first: a person is born in the second look.
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 20
