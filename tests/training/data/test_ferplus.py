"""The rule of the FER+ majority, case by case."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from trainer_runs import write_toy

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS
from fer_training.data.datasets import CsvDataset, FolderDataset
from fer_training.data.ferplus import VOTE_COLUMNS, distribution, majority, read_votes


def votes(**given: int) -> np.ndarray:
    return np.array([[given.get(c, 0) for c in VOTE_COLUMNS]])


@pytest.mark.parametrize(
    ("given", "label", "strong"),
    [
        ({"happiness": 10}, "happy", True),
        ({"happiness": 6, "neutral": 4}, "happy", True),
        ({"happiness": 5, "neutral": 4}, "happy", False),
        ({"neutral": 5, "sadness": 5}, "neutral", False),  # the first class wins a tie
        ({"anger": 4, "fear": 4, "surprise": 2}, "angry", False),
        ({"sadness": 2, "disgust": 1, "fear": 1}, "sad", False),
        ({"contempt": 5, "anger": 3}, None, False),
        ({"contempt": 4, "anger": 4}, "angry", False),  # anger stands before contempt
        ({"happiness": 4, "unknown": 6}, None, False),
        ({"happiness": 4, "unknown": 3, "not_face": 3}, None, False),
        ({"happiness": 5, "unknown": 5}, "happy", False),
        ({"anger": 1, "fear": 1, "sadness": 1}, None, False),  # nobody agrees
        ({}, None, False),
    ],
)
def test_majority(given: dict[str, int], label: str | None, strong: bool) -> None:
    found = majority(votes(**given))
    assert found.labels[0] == (-1 if label is None else EMOTIONS.index(label))
    assert bool(found.strong[0]) is strong


def test_distribution_drops_single_votes() -> None:
    shares = distribution(votes(neutral=6, happiness=3, fear=1))
    assert shares[0].tolist() == pytest.approx([6 / 9, 3 / 9, 0, 0, 0, 0, 0, 0])
    assert distribution(votes(happiness=4, unknown=6)).sum() == 0


def test_bad_tables_name_the_line(tmp_path: Path) -> None:
    table = tmp_path / "votes.csv"
    with pytest.raises(DataError, match="no such file"):
        read_votes(table)
    table.write_text("file,neutral\na.png,3\n")
    with pytest.raises(DataError, match="expected a column 'happiness'"):
        read_votes(table)
    table.write_text(f"file,{','.join(VOTE_COLUMNS)}\na.png,{','.join('x' * 10)}\n")
    with pytest.raises(DataError, match="line 2"):
        read_votes(table)


def write_votes(path: Path, *names: str) -> None:
    rows = [f"{name},{','.join(['0', '10'] + ['0'] * 8)}" for name in names]
    path.write_text("\n".join([f"file,{','.join(VOTE_COLUMNS)}", *rows]) + "\n")


def test_the_table_beside_a_csv_is_found(tmp_path: Path) -> None:
    data = tmp_path / "fer2013.csv"
    data.write_text(f"emotion,pixels,Usage\n0,{' '.join(['7'] * 2304)},Training\n")
    assert not CsvDataset(data).has_votes
    write_votes(tmp_path / "ferplus_votes.csv", "train/0")
    assert CsvDataset(data).has_votes
    found = CsvDataset(data).load("train").votes
    assert found is not None and found[0, 1] == 10


def test_a_table_of_other_pictures_is_refused_or_left_alone(tmp_path: Path) -> None:
    data = write_toy(tmp_path, 1, 1)
    (tmp_path / "fer2013.csv").write_text(
        f"emotion,pixels,Usage\n0,{' '.join(['7'] * 2304)},Training\n"
    )
    table = tmp_path / "ferplus_votes.csv"
    write_votes(table, "train/0")
    assert not FolderDataset(data).has_votes  # it is that of the rows beside
    assert FolderDataset(data).load("train").votes is None
    with pytest.raises(DataError, match=r"rows such as train/angry/0000\.png.*fer-train votes"):
        FolderDataset(data, table).load("train")
    write_votes(table, "train/angry/0000.png")
    assert FolderDataset(data).has_votes
    assert not CsvDataset(tmp_path / "fer2013.csv").has_votes
    assert CsvDataset(tmp_path / "fer2013.csv").load("train").votes is None
