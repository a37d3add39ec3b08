"""``fer-train ensemble``: several networks as one, and what it refuses."""

from __future__ import annotations

from pathlib import Path

from trainer_runs import fails, good, python, run, torch_weights

from fer_training.nets.record import read_record

ANSWERS = """
import sys, numpy as np
from fer_training.nets.model_io import load_model
from fer_training.nets.networks import measure
a, b, both = map(load_model, sys.argv[1:])
pixels = np.random.default_rng(5).integers(0, 256, (4, 48, 48, 1)).astype("float32")
one, two, mean = (m.predict(pixels, verbose=0) for m in (a, b, both))
for head in ("fer2013", "ferplus"):
    assert np.abs(one[head] - two[head]).max() > 1e-2
    wanted = 0.75 * one[head] + 0.25 * two[head]
    np.testing.assert_allclose(mean[head], wanted, rtol=1e-3, atol=1e-4)
parts = [measure(m) for m in (a, b, both)]
assert parts[2].multiply_adds == parts[0].multiply_adds + parts[1].multiply_adds
"""


def test_it_answers_with_the_mean_of_its_members_logits(tmp_path: Path) -> None:
    models = []
    for filters in (8, 24):  # networks of two sizes
        torch_weights(tmp_path / f"{filters}.npz", filters, filters)
        models.append(tmp_path / f"{filters}.keras")
        good(run("fer-train", "import-npz", tmp_path / f"{filters}.npz", "-o", models[-1]))
    both = tmp_path / "both.keras"
    good(run("fer-train", "ensemble", *models, "--shares", "3,1", "-o", both))
    python(ANSWERS, *models, both)
    record = read_record(both)
    assert record is not None
    assert record["network"] == "edge8+edge24"
    assert record["training"]["ensemble"]["8.keras"] == {"share": 0.75, "imported_from": "8.npz"}
    assert set(record["heads"]) == {"fer2013", "ferplus"}
    # To the converter it is a network like any other, with one trunk of heads.
    out = good(run("fer-convert", both, "--head", "blend", "-o", tmp_path / "b.tflite",
                   "--quantize", "float16"))  # fmt: skip
    assert "b.tflite" in out
    fails(run("fer-train", "ensemble", *models, "--shares", "1", "-o", both), 2, "--shares")


def test_it_takes_only_networks_that_answer_alike(toy_run: Path, tmp_path: Path) -> None:
    torch_weights(tmp_path / "w.npz", 8)
    good(run("fer-train", "import-npz", tmp_path / "w.npz", "-o", tmp_path / "w.keras"))
    single = tmp_path / "single.keras"
    good(run("fer-train", "export", tmp_path / "w.keras", "--head", "fer2013", "-o", single))
    fails(
        run("fer-train", "ensemble", tmp_path / "w.keras", single, "-o", tmp_path / "e.keras"),
        78, "expected the heads fer2013, ferplus", "single.keras",
    )  # fmt: skip
    fails(
        run("fer-train", "ensemble", single, single, "-o", tmp_path / "e.keras"),
        78, "expected a dense layer 'fer2013' of logits",
    )  # fmt: skip
    assert not (tmp_path / "e.keras").exists()
