"""Names of class folders, the two orders of numbers, votes from FER+'s own table."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from trainer_runs import EMOTIONS, bars, fails, good, run

from fer_converter.pictures import list_pictures
from fer_runtime.errors import DataError
from fer_training.data.class_folders import ORDERS, class_folders
from fer_training.data.datasets import FolderDataset
from fer_training.data.ferplus import read_votes


def make(root: Path, names: tuple[str, ...]) -> Path:
    rng = np.random.default_rng(0)
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for i in range(2):
            assert cv2.imwrite(str(root / name / f"{i}.png"), bars(number, rng))
    return root


def test_numbers_are_refused_until_their_order_is_told(tmp_path: Path) -> None:
    root = make(tmp_path / "train", tuple("0123456"))
    for read in (lambda: FolderDataset(tmp_path).files("train"),
                 lambda: list_pictures(root, EMOTIONS)):  # fmt: skip
        with pytest.raises(DataError, match=r"two orders are in use.*--order challenge"):
            read()
    for order, places in ORDERS.items():
        found = {name.split("/")[1]: EMOTIONS[label]
                 for name, label in FolderDataset(tmp_path, "", order).files("train")}  # fmt: skip
        assert found == {str(i): emotion for i, emotion in enumerate(places)}
        listing = list_pictures(root, EMOTIONS, order)
        assert {p.parent.name: EMOTIONS[k] for p, k in
                zip(listing.paths, listing.labels, strict=True)} == found  # fmt: skip
    fails(run("fer-train", "data-check", tmp_path), 65, "--order challenge")
    assert "sad" in good(run("fer-train", "data-check", tmp_path, "--order", "challenge"))


def test_trainer_and_converter_read_the_same_names(tmp_path: Path) -> None:
    names = ("Angry", "disgusted", "FEAR", "happiness", "neutral", "Sadness", "surprised")
    root = make(tmp_path / "train", names)
    labels = [label for _, label in FolderDataset(tmp_path).files("train")]
    assert sorted(list_pictures(root, EMOTIONS).labels) == labels == sorted(list(range(7)) * 2)
    (root / "joy").mkdir()
    for read in (lambda: FolderDataset(tmp_path).files("train"),
                 lambda: list_pictures(root, EMOTIONS)):  # fmt: skip
        with pytest.raises(DataError, match="found 'joy'"):
            read()


def test_a_networks_own_classes_count_too(tmp_path: Path) -> None:
    make(tmp_path, ("contempt", "happy"))
    found = class_folders(tmp_path, classes=("contempt", *EMOTIONS))
    assert [emotion for _, emotion in found] == ["contempt", "happy"]
    with pytest.raises(DataError, match="contempt"):
        class_folders(tmp_path)


NEW = ["Usage", "Image name", "neutral", "happiness", "surprise", "sadness", "anger", "disgust",
       "fear", "contempt", "unknown", "NF"]  # fmt: skip


def test_votes_from_ferplus_own_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    crops = [bars(k % 7, rng) for k in range(12)]
    usages = ["Training"] * 8 + ["PublicTest"] * 3 + ["PrivateTest"]
    with (tmp_path / "fer2013.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "pixels", "Usage"])
        for k, (crop, usage) in enumerate(zip(crops, usages, strict=True)):
            writer.writerow([k % 7, " ".join(map(str, crop.ravel())), usage])
    with (tmp_path / "new.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NEW)
        for k, usage in enumerate(usages):
            writer.writerow([usage, f"fer{k:07}.png", k, 0, 0, 0, 0, 0, 0, 0, 0, 10 - k % 10])
    table = tmp_path / "rows.csv"
    good(run("fer-train", "votes", tmp_path / "new.csv", "-o", table))
    votes = read_votes(table)
    assert sorted(votes) == sorted([f"train/{k}" for k in range(8)]
                                   + [f"validation/{k}" for k in range(8, 11)])  # fmt: skip
    assert votes["validation/9"] == (9, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    # The same pictures as JPEG in folders, under other names and in another order.
    data = tmp_path / "data"
    for k, name in ((5, "x"), (2, "y"), (9, "z")):
        place = data / ("train" if k < 8 else "validation") / ORDERS["challenge"][k % 7]
        place.mkdir(parents=True)
        assert cv2.imwrite(str(place / f"{name}.jpg"), crops[k], [cv2.IMWRITE_JPEG_QUALITY, 90])
    out = data / "ferplus_votes.csv"
    good(run("fer-train", "votes", tmp_path / "new.csv", "-o", out, "--pictures", data,
             "--rows", tmp_path / "fer2013.csv"))  # fmt: skip
    found = {Path(name).stem: row[0] for name, row in read_votes(out).items()}
    assert found == {"x": 5, "y": 2, "z": 9}
    fails(run("fer-train", "votes", tmp_path / "fer2013.csv", "-o", out), 65, "'neutral'")
    for place in data.rglob("*.jpg"):  # pictures that are nowhere in the file
        cv2.imwrite(str(place), np.zeros((48, 48), np.uint8))
    before = out.read_bytes()
    fails(run("fer-train", "votes", tmp_path / "new.csv", "-o", out, "--pictures", data,
              "--rows", tmp_path / "fer2013.csv"), 65, "found none of them")  # fmt: skip
    assert out.read_bytes() == before


def test_a_negative_emotion_is_no_class_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(
        "emotion,pixels,Usage\n-1," + " ".join(["7"] * 2304) + ",Training\n", encoding="utf-8"
    )
    from fer_training.data.csv_data import read_fer2013_csv

    with pytest.raises(DataError, match=r"row 0: expected an emotion of 0-6.*emotion -1"):
        read_fer2013_csv(path, {"Training": "train"})


def test_every_command_that_reads_class_folders_can_be_told_their_order() -> None:
    from fer_training.cli import evaluate_command, train_command

    reads = ("data-check", "fit", "sweep", "calibrate", "soft-labels", "votes")
    commands = [train_command.commands[name] for name in reads]
    for command in (*commands, evaluate_command):
        assert "--order" in [o for p in command.params for o in p.opts], command.name


def test_a_folder_of_splits_in_place_of_one_names_the_split(tmp_path: Path) -> None:
    (tmp_path / "train" / "happy").mkdir(parents=True)
    with pytest.raises(DataError, match=r"found 'train'; give .*train for the pictures of that"):
        class_folders(tmp_path)
