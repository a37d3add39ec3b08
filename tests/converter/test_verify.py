"""The comparison, the rule of `auto`, the pictures: without TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_converter.convert import check_writable
from fer_converter.graph import read_graph
from fer_converter.job import parse_size, parse_temperature
from fer_converter.operators import multiply_adds, operator_name
from fer_converter.pictures import list_pictures, load_crops, portrait_crops, with_votes
from fer_converter.table import comparison_table
from fer_converter.verify import Comparison, choose, compare, complaint, truth
from fer_runtime.errors import DataError, OutputError, UsageError
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.metadata import ModelMetadata, model_path, read_model
from fer_training.judge.foreign import parse_scale

LOGITS = ModelMetadata(output="logits")


def row(variant: str, interpreter: str = "litert", **values: object) -> Comparison:
    base = Comparison(
        variant, interpreter, "2.3.0", 1000, pictures=1000, agreement=1.0, accuracy=0.7,
        reference_accuracy=0.7, median_ms_1=1.0,
    )  # fmt: skip
    return replace(base, **values)  # type: ignore[arg-type]


def test_truth_and_comparison_by_hand() -> None:
    # Two pictures; the network has an eighth class first, which the runtime leaves out.
    metadata = ModelMetadata(classes=("contempt", *EMOTIONS), output="logits", temperature=2.0)
    raw = np.zeros((3, 8), np.float32)
    raw[0, 1] = raw[1, 4] = raw[2, 0] = 4.0
    true = truth(raw, np.array([1, 5, 0]), metadata)
    assert true.labels.tolist() == [0, 4, -1]
    e = np.exp(2.0)
    assert true.probabilities[0, 0] == pytest.approx(e / (e + 6))
    logits = raw[:, 1:].copy()
    logits[1, 4] = 8.0  # now neutral
    got = compare(true, logits, metadata, variant="int8", interpreter="litert", version="1", size=5,
                  measured={"median_ms_1": 1.0})  # fmt: skip
    assert got.agreement == pytest.approx(2 / 3)
    assert got.accuracy == 1.0
    assert got.reference_accuracy == 0.5
    assert got.drop == pytest.approx(-0.5)
    assert got.recall == {"angry": 1.0, "neutral": 1.0}
    e8 = np.exp(4.0)
    wanted = e8 / (e8 + e + 5) - 1 / (e + 6)
    assert got.max_error == pytest.approx(wanted, abs=1e-6)


def test_without_labels_the_changed_labels_stand_for_the_loss() -> None:
    assert row("int8", accuracy=None, reference_accuracy=None, agreement=0.98).drop == (
        pytest.approx(0.02)
    )


def test_auto_takes_the_fastest_within_the_loss() -> None:
    rows = [
        row("none", median_ms_1=3.0),
        row("dynamic", median_ms_1=1.0, accuracy=0.69),
        row("int8", median_ms_1=1.5, accuracy=0.699),
    ]
    assert choose(rows, 0.95, 0.003)[0] == "int8"
    assert choose(rows, 0.95, 0.02)[0] == "dynamic"
    assert choose(rows[:1], 0.95, 0.003)[0] == "none"


def test_auto_prefers_the_smaller_file_among_equals() -> None:
    rows = [row("none", bytes=4000, median_ms_1=1.0), row("int8", bytes=1000, median_ms_1=1.04)]
    chosen, reason = choose(rows, 0.95, 0.003)
    assert chosen == "int8"
    assert "within 10 % of the lowest latency on litert (1.00 ms)" in reason  # not its own 1.04
    slower = replace(rows[1], median_ms_1=1.11)
    assert choose([rows[0], slower], 0.95, 0.003)[0] == "none"


def test_auto_needs_every_interpreter() -> None:
    rows = [
        row("dynamic", median_ms_1=0.5),
        row("dynamic", "tflite-runtime", error="cannot run it"),
        row("int8"),
        row("int8", "tflite-runtime", agreement=0.96, accuracy=0.699),
    ]
    assert choose(rows, 0.95, 0.003)[0] == "int8"
    assert choose(rows, 0.97, 0.003)[0] == ""
    assert complaint(rows[1], 0.95) == "cannot run it"
    assert "96.0%" in complaint(rows[3], 0.97)


def test_table_shows_errors_and_what_is_not_measured() -> None:
    text = comparison_table(
        [row("none", accuracy=None), row("int8", error="SIGSEGV")], chosen="none"
    )
    assert "none*" in text and "not measured" in text
    assert text.splitlines()[-1] == "int8 on litert: SIGSEGV"
    assert len({len(line) for line in text.splitlines()[:-1]}) == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1/255", (1 / 255, 0)), ("1/127.5-1", (1 / 127.5, -1)), ("1", (1, 0)),
     ("0.5 + 3", (0.5, 3)), ("1e-2", (0.01, 0))],
)  # fmt: skip
def test_scale(text: str, wanted: tuple[float, float]) -> None:
    assert parse_scale(text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["", "x", "1/0", "0", "1//2", "-1", "1/255;1"])
def test_bad_scale(text: str) -> None:
    with pytest.raises(UsageError, match="--scale"):
        parse_scale(text)


def test_bad_size_and_temperature() -> None:
    assert parse_size("48x64") == (48, 64)
    assert parse_temperature("0.8") == 0.8
    assert parse_temperature("fit") == 0
    with pytest.raises(UsageError, match="HEIGHTxWIDTH"):
        parse_size("48")
    for text in ("0", "nan", "1e9", "warm"):
        with pytest.raises(UsageError, match="--temperature"):
            parse_temperature(text)


def picture(path: Path, value: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((60, 40, 3), value, np.uint8))
    return path


def test_class_folders(tmp_path: Path) -> None:
    picture(tmp_path / "sad" / "b.png")
    picture(tmp_path / "angry" / "a.png", 50)
    (tmp_path / "sad" / "bad.png").write_bytes(b"no picture")
    listing = list_pictures(tmp_path, EMOTIONS)
    assert listing.labels.tolist() == [0, 5, 5]
    crops = load_crops(listing, replace(LOGITS, height=32, width=24, color="rgb"))
    assert crops.pixels.shape == (2, 32, 24, 3)
    assert crops.labels.tolist() == [0, 5]
    assert [p.name for p in crops.unreadable] == ["bad.png"]


def test_loose_pictures_have_no_labels(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    assert list_pictures(tmp_path, EMOTIONS).labels.tolist() == [-1]


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is none"):
        list_pictures(tmp_path / "no", EMOTIONS)
    with pytest.raises(DataError, match="found none"):
        list_pictures(tmp_path, EMOTIONS)
    (tmp_path / "joy").mkdir()
    with pytest.raises(DataError, match="joy"):
        list_pictures(tmp_path, EMOTIONS)
    (tmp_path / "joy").rename(tmp_path / "happy")
    (tmp_path / "happy" / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of 1 can be read \(first: a.png\)"):
        load_crops(list_pictures(tmp_path, EMOTIONS), LOGITS)


def test_votes_replace_the_folders_labels(tmp_path: Path) -> None:
    header = "file,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,not_face"
    for name in ("a", "b", "c"):
        picture(tmp_path / "validation" / "sad" / f"{name}.png")
    votes = tmp_path / "votes.csv"
    rows = ["validation/sad/a.png,8,0,0,2,0,0,0,0,0,0", "validation/sad/b.png,0,0,0,0,0,0,0,9,1,0"]
    votes.write_text("\n".join([header, *rows]) + "\n")
    listing = list_pictures(tmp_path / "validation", EMOTIONS)
    assert with_votes(listing, votes, EMOTIONS).labels.tolist() == [4, -1, -1]
    votes.write_text(header + "\n")
    with pytest.raises(DataError, match="found none"):
        with_votes(listing, votes, EMOTIONS)


def test_portrait_variations_repeat(assets: Path) -> None:
    path = assets / "astronaut.png"
    first = portrait_crops(path, LOGITS, 5, seed=3).pixels
    assert first.shape == (5, 48, 48)
    assert (first == portrait_crops(path, LOGITS, 5, seed=3).pixels).all()
    assert (first != portrait_crops(path, LOGITS, 5, seed=4).pixels).any()
    # They show a face, not a patch of one brightness.
    assert (first.reshape(5, -1).std(axis=1) > 10).all()


def test_output_is_checked_first(tmp_path: Path) -> None:
    (tmp_path / "folder.tflite").mkdir()
    for name, words in (("folder.tflite", "a folder"), ("a.bin", ".tflite"), ("x/a.tflite", "no")):
        with pytest.raises(OutputError, match=words):
            check_writable(tmp_path / name)


def test_operators_of_the_shipped_model() -> None:
    graph = read_graph(read_model(model_path("ferplus"))[0])
    assert multiply_adds(graph) == _edge24_by_hand()
    assert [operator_name(o) for o in graph.operators].count("CONV_2D") == 16


def _edge24_by_hand() -> int:
    """Multiply-adds of edge24 from its definition: kernel, channels and size of each layer."""
    total, size, channels = 48 * 48 * 9 * 24, 48, 24
    for filters, stride in ((24, 1), (48, 2), (48, 1), (96, 2), (96, 1), (192, 2)):
        size //= stride
        total += size * size * 9 * (channels + filters) * filters
        if stride > 1:
            total += size * size * channels * filters
        channels = filters
    return total + 192 * 7
