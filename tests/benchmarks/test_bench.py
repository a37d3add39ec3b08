"""What the benchmarks say can be trusted: hits, ratios, the guard."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_hits_and_ghosts() -> None:
    from scenes import count_hits

    one, two = (100.0, 100.0, 80.0, 100.0), (400.0, 100.0, 80.0, 100.0)
    assert count_hits((), []) == (0, 0)
    assert count_hits((one,), [[95, 110, 90, 90]]) == (1, 0)
    assert count_hits((one,), [[300, 300, 90, 90]]) == (0, 1)
    assert count_hits((one,), [[135, 145, 10, 10]]) == (0, 1)  # an eye is no face
    assert count_hits((one,), [[95, 110, 90, 90], [100, 100, 80, 100]]) == (1, 1)  # twice
    assert count_hits((one, two), [[400, 100, 80, 100], [100, 100, 80, 100]]) == (2, 0)


def test_scenes_hold_the_faces_that_they_name(assets: Path) -> None:
    from fer_runtime import EmotionPipeline
    from scenes import count_hits, make_scenes

    pipeline = EmotionPipeline()
    scenes = make_scenes()
    assert {s.frame.shape[:2] for s in scenes} == {(480, 640), (1080, 1920)}
    assert [len(s.faces) for s in scenes[:5]] == [1, 1, 1, 2, 0]
    for scene in scenes[:5]:
        boxes = [list(map(float, r.box)) for r in pipeline.analyze(scene.frame)]
        assert count_hits(scene.faces, boxes) == (len(scene.faces), 0), scene.name


def test_table_compares_with_the_better_path() -> None:
    from bench_report import as_markdown

    def entry(title: str, ms: float, mb: float) -> dict[str, object]:
        scene = {"ms": ms, "ms_p95": ms, "cpu_ms": ms, "faces": 1, "found": 1, "ghosts": 0}
        return {"title": title, "scenes": {"one-480p": scene}, "peak_rss_mb": mb, "start_s": 1.0,
                "install_mb": 100}  # fmt: skip

    machine = {"cpu": "x", "cores": 2, "system": "s", "python": "3", "when": "d",
               "load_before": 0, "load_after": 0}  # fmt: skip
    text = as_markdown({
        "machine": machine, "cores_used": 1, "rounds": 1, "calls_per_round": 1,
        "contenders": {"ours": entry("fer-edge", 5.0, 100.0), "fer_tflite": entry("a", 45.0, 480.0),
                       "fer_keras": entry("b", 90.0, 700.0)},
    })  # fmt: skip
    assert "| whole frame, one face, 640×480 | 45 | 5 | 9.0 | 8: met |" in text
    assert "| peak memory | 480 | 100 | 4.8 | 5: missed |" in text


def test_guard_fails_on_a_loss(assets: Path, tmp_path: Path) -> None:
    file = tmp_path / "guard.json"

    def guard(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(FOLDER / "guard.py"), "--file", str(file), "--pairs", "2"]
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, timeout=120
        )

    missing = guard()
    assert missing.returncode == 1 and "--update" in missing.stderr
    assert guard("--update").returncode == 0
    record = json.loads(file.read_text())
    # Far apart, as this machine may do anything else meanwhile.
    for factor, code in ((0.02, 1), (50, 0)):
        known = {name: ratio * factor for name, ratio in record["ratios"].items()}
        file.write_text(json.dumps({"ratios": known}))
        assert guard().returncode == code
