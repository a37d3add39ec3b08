"""The rule of the FER+ majority, case by case."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS
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
