"""Reading folders, fer2013.csv; splits; data-check."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from trainer_runs import EMOTIONS, bars, fails, good, run, write_toy

from fer_runtime.arrays import read_picture as of_the_runtime
from fer_runtime.errors import DataError
from fer_training.data.copies import _near, duplicate_groups
from fer_training.data.datasets import CsvDataset, FolderDataset, Pictures, balanced
from fer_training.data.pictures import read_picture
from fer_training.data.splits import hold_out


def test_folder_gives_sorted_names_labels_and_crops_of_any_picture(tmp_path: Path) -> None:
    folder = write_toy(tmp_path, 3, 1)
    big = np.zeros((120, 90, 3), np.uint8)
    cv2.imwrite(str(folder / "train" / "happy" / "zz.jpg"), big)
    (folder / "train" / "happy" / "notes.txt").write_text("no picture")
    pictures = FolderDataset(folder).load("train")
    assert pictures.crops.shape == (22, 48, 48)
    assert pictures.crops.dtype == np.uint8
    assert pictures.class_counts()["happy"] == 4
    assert pictures.files[0].startswith("train/angry/")
    assert pictures.files == sorted(pictures.files)
    first = cv2.imread(str(folder / pictures.files[0]), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(pictures.crops[0], first)


def test_class_folders_alone_and_other_names(tmp_path: Path) -> None:
    write_toy(tmp_path / "x", 2, 1)
    alone = FolderDataset(tmp_path / "x" / "train")
    assert len(alone.load("train")) == len(alone.load("validation")) == 14
    (tmp_path / "x" / "train" / "happy").rename(tmp_path / "x" / "train" / "Happiness")
    assert FolderDataset(tmp_path / "x").load("train").class_counts()["happy"] == 2
    (tmp_path / "x" / "train" / "bored").mkdir()
    with pytest.raises(DataError, match="found 'bored'"):
        FolderDataset(tmp_path / "x").load("train")


def test_splits_are_found_in_capitals_too(tmp_path: Path) -> None:
    folder = write_toy(tmp_path, 2, 1)
    (folder / "train").rename(folder / "Train")
    (folder / "validation").rename(folder / "TEST")
    data = FolderDataset(folder)
    assert data.has("train") and data.has("validation")
    assert (len(data.load("train")), len(data.load("validation"))) == (14, 7)
    assert data.files("validation")[0][0] == "TEST/angry/0000.png"
    write_toy(tmp_path, 3, 2)  # as it is written before other ways
    assert (len(data.load("train")), len(data.load("validation"))) == (21, 14)


def test_corrupt_picture_is_named_or_skipped(tmp_path: Path) -> None:
    folder = write_toy(tmp_path, 2, 1)
    (folder / "train" / "sad" / "bad.jpg").write_bytes(b"\xff\xd8 not a jpeg")
    (folder / "train" / "sad" / "empty.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"bad\.jpg.*\(2 such pictures in train\).*--skip-bad"):
        FolderDataset(folder).load("train")
    assert len(FolderDataset(folder).load("train", skip_bad=True)) == 14


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """Put a chunk after the header of a PNG."""
    code = zlib.crc32(kind + body).to_bytes(4, "big")
    return png[:33] + len(body).to_bytes(4, "big") + kind + body + code + png[33:]


def test_a_colour_profile_that_libpng_dislikes_is_not_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = np.arange(48 * 48, dtype=np.uint32).astype(np.uint8).reshape(48, 48)
    png = cv2.imencode(".png", shown)[1].tobytes()
    odd = with_chunk(png, b"iCCP", b"x\0\0" + zlib.compress(b"no profile"))
    path = tmp_path / "a.png"
    path.write_bytes(odd)
    np.testing.assert_array_equal(read_picture(path), shown)
    np.testing.assert_array_equal(of_the_runtime(path)[..., 0], shown)
    assert capfd.readouterr().err == ""
    path.write_bytes(odd[:40])
    with pytest.raises(DataError, match="expected an image"):
        read_picture(path)


def test_a_header_of_too_many_pixels_is_a_bad_picture(tmp_path: Path) -> None:
    png = cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes()
    head = b"IHDR" + (40_000).to_bytes(4, "big") * 2 + png[24:29]
    path = tmp_path / "a.png"
    path.write_bytes(png[:12] + head + zlib.crc32(head).to_bytes(4, "big") + png[33:])
    with pytest.raises(DataError, match=r"a\.png: expected an image"):
        read_picture(path)


def test_a_photograph_without_a_face_is_not_sent_to_data_check(tmp_path: Path) -> None:
    def no_face(path: Path) -> np.ndarray:
        raise DataError(f"picture {path}: expected a face, found none")

    with pytest.raises(DataError) as told:
        FolderDataset(write_toy(tmp_path, 1, 1)).load("train", crop=no_face)
    assert "--skip-bad" in str(told.value) and "data-check" not in str(told.value)


def write_csv(path: Path) -> np.ndarray:
    rng = np.random.default_rng(1)
    crops = rng.integers(0, 256, (4, 48, 48))
    usage = ("Training", "Training", "PublicTest", "PrivateTest")
    rows = [
        f"{emotion},{' '.join(map(str, crop.ravel()))},{use}"
        for emotion, crop, use in zip((0, 4, 6, 5), crops, usage, strict=True)
    ]
    path.write_text("emotion,pixels,Usage\n" + "\n".join(rows) + "\n")
    return crops


def test_a_folder_that_holds_the_csv_names_it(tmp_path: Path) -> None:
    write_csv(tmp_path / "fer2013.csv")
    with pytest.raises(DataError) as told:
        FolderDataset(tmp_path).load("train")
    assert f"give {tmp_path / 'fer2013.csv'}" in str(told.value)
    assert "<class>" not in str(told.value)


def test_csv_maps_the_challenges_numbers_and_leaves_the_private_test_alone(tmp_path: Path) -> None:
    crops = write_csv(tmp_path / "fer2013.csv")
    data = CsvDataset(tmp_path / "fer2013.csv")
    train, validation = data.load("train"), data.load("validation")
    assert [EMOTIONS[i] for i in train.labels] == ["angry", "sad"]
    assert [EMOTIONS[i] for i in validation.labels] == ["neutral"]
    np.testing.assert_array_equal(train.crops, crops[:2])
    assert train.files == ["train/0", "train/1"]
    assert validation.files == ["validation/2"]


def test_csv_with_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    write_csv(path)
    path.write_text(path.read_text() + "3,1 2 3,Training\n")
    with pytest.raises(DataError, match=r"row 4: .*received 3 pixels"):
        CsvDataset(path).load("train")
    assert len(CsvDataset(path).load("train", skip_bad=True)) == 2
    path.write_text("a,b\n")
    with pytest.raises(DataError, match="expected columns emotion, pixels, Usage"):
        CsvDataset(path).load("train")


def test_balanced_draws_equal_shares_and_the_same_ones_again() -> None:
    labels = np.repeat(np.arange(7), (100, 5, 100, 100, 100, 100, 100))
    chosen = balanced(labels, 70, seed=4)
    counts = np.bincount(labels[chosen], minlength=7)
    assert counts.sum() == 70
    assert counts[1] == 5
    assert set(counts[[0, 2, 3, 4, 5, 6]]) <= {10, 11}
    np.testing.assert_array_equal(chosen, balanced(labels, 70, seed=4))
    assert not np.array_equal(chosen, balanced(labels, 70, seed=5))
    assert len(balanced(labels, 10_000)) == len(labels)


def photograph(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return cv2.GaussianBlur(rng.integers(0, 256, (48, 48)).astype(np.uint8), (0, 0), 3)


def test_a_copy_is_known_through_jpeg_a_mirror_and_a_watermark() -> None:
    one = cv2.normalize(photograph(1), None, 0, 255, cv2.NORM_MINMAX)
    marked = one.copy()
    cv2.putText(marked, "stock", (4, 44), cv2.FONT_HERSHEY_SIMPLEX, 0.3, 255)
    packed = cv2.imencode(".jpg", marked, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    again = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)[:, ::-1]
    assert not np.array_equal(again, one[:, ::-1])
    others = [photograph(n) for n in range(2, 60)]
    crops = np.stack([*others[:20], one, *others[20:], again])
    assert [g for g in duplicate_groups(crops) if len(g) > 1] == [[20, 59]]


def test_copies_of_copies_are_one_group_and_flat_pictures_are_told_apart() -> None:
    rng = np.random.default_rng(3)
    crop = cv2.normalize(photograph(5), None, 0, 255, cv2.NORM_MINMAX)
    chain = [crop]
    for _ in range(6):  # the ends need not be near each other
        chain.append(np.clip(chain[-1] + rng.normal(0, 4, crop.shape), 0, 255).astype(np.uint8))
    flat = [np.full((48, 48), v, np.uint8) for v in (0, 9, 9)]
    ramp = np.tile(np.linspace(0, 60, 48).astype(np.uint8), (48, 1))
    crops = np.stack([*chain, *flat, ramp, ramp[:, ::-1]])
    assert duplicate_groups(crops) == [[0, 1, 2, 3, 4, 5, 6], [7], [8, 9], [10], [11]]


def test_hashes_as_near_as_stated_are_found_and_no_others() -> None:
    """Against every pair compared one by one."""
    rng = np.random.default_rng(0)
    bits = rng.random((60, 144)) < 0.5
    for i in range(0, 56, 4):  # pictures i, i + 2: from 0 to 13 bits apart
        bits[i + 2] = bits[i]
        bits[i + 2, rng.choice(144, i // 4, replace=False)] ^= True
    apart = (bits[:, None] != bits[None]).sum(axis=2)
    wanted = {
        (i // 2, j // 2)
        for i, j in np.argwhere(apart <= 8)
        if i // 2 != j // 2 and (i % 2 == 0 or j % 2 == 0)
    }
    found = _near(bits)
    assert {frozenset(p) for p in found} == {frozenset(p) for p in wanted}
    assert len({frozenset(p) for p in wanted}) == 9


def test_hold_out_has_each_picture_once_and_leaves_no_copy_behind() -> None:
    crops = np.stack([photograph(i) for i in range(140)])
    crops[20:40] = crops[0:20]  # copies of one label
    crops[60:64] = crops[120:124]  # copies of two labels
    labels = np.repeat(np.arange(7), 20)
    labels[20:40] = 0
    pictures = Pictures(crops, labels, [str(i) for i in range(140)])
    learned, held = hold_out(pictures, 0.25, seed=0)
    marks = [{crops[i].tobytes() for i in part} for part in (learned, held)]
    assert not marks[0] & marks[1]
    assert len(marks[1]) == len(held) > 20
    assert not set(held.tolist()) & {60, 61, 62, 63, 120, 121, 122, 123}
    np.testing.assert_array_equal(held, hold_out(pictures, 0.25, seed=0)[1])
    assert not np.array_equal(held, hold_out(pictures, 0.25, seed=1)[1])


def test_data_check_reports_and_deletes_nothing(tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "data", 4, 2)
    rng = np.random.default_rng(5)
    twin = cv2.normalize(photograph(8), None, 0, 255, cv2.NORM_MINMAX)
    for name in ("train/happy/t1.png", "train/sad/t2.png", "validation/sad/t3.png"):
        cv2.imwrite(str(folder / name), twin)
    cv2.imwrite(str(folder / "train/fear/small.png"), bars(2, rng)[:20, :20])
    before = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))
    sheet = tmp_path / "sheet.png"
    text = good(run("fer-train", "data-check", folder, "-o", sheet))
    assert "stops training: nothing" in text
    assert cv2.imread(str(sheet)) is not None
    (folder / "train" / "sad" / "bad.png").write_bytes(b"x")
    done = run("fer-train", "data-check", folder, "--json")
    assert done.returncode == 65
    found = json.loads(done.stdout)
    assert found["unreadable"] == ["train/sad/bad.png"]
    assert found["odd_sized"] == ["train/fear/small.png"]
    trio = ["train/happy/t1.png", "train/sad/t2.png", "validation/sad/t3.png"]
    assert trio in found["leaks"]
    assert trio in found["conflicting"]
    assert found["counts"]["train"]["happy"] == 5
    (folder / "train" / "sad" / "bad.png").unlink()
    assert before == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))
    fails(run("fer-train", "data-check", tmp_path / "none"), 65, "found nothing")


def test_faces_are_not_looked_for_in_a_csv(tmp_path: Path) -> None:
    data, words = tmp_path / "fer2013.csv", ("--detect-faces", "fer2013.csv", "cut out already")
    write_csv(data)
    fails(run("fer-evaluate", "fer2013", data, "--detect-faces"), 2, *words)
    fails(run("fer-train", "fit", data, "--detect-faces", "-o", tmp_path / "run"), 2, *words)
    assert not (tmp_path / "run").exists()
