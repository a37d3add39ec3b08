"""What a model file says of itself."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import pytest

from fer_runtime.errors import ModelError
from fer_training.nets import record as records


def test_record_in_both_formats(tmp_path: Path) -> None:
    zipped, hdf = tmp_path / "m.keras", tmp_path / "m.h5"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("config.json", "{}")
    with h5py.File(hdf, "w") as file:
        file.attrs["model_config"] = "{}"
    for path in (zipped, hdf):
        assert records.read_record(path) is None
        for temperature in (0.7, 1.3):  # the second replaces the first
            record = records.new_record()
            record["heads"]["ferplus"]["temperature"] = temperature
            records.write_record(path, record)
            assert records.read_record(path) == json.loads(json.dumps(record))
        assert records.temperature_of(records.read_record(path), "ferplus") == 1.3
        assert records.temperature_of(records.read_record(path), "fer2013") == 1.0
    assert zipfile.ZipFile(zipped).namelist() == ["config.json", "fer_metadata.json"]
    bad = records.new_record()
    bad["heads"]["ferplus"]["temperature"] = -1
    records.write_record(zipped, bad)
    with pytest.raises(ModelError, match="temperature of ferplus"):
        records.read_record(zipped)
    junk = tmp_path / "junk.h5"
    junk.write_bytes(b"junk")
    with pytest.raises(ModelError, match=r"expected a \.keras or \.h5"):
        records.read_record(junk)


def test_a_model_does_not_tell_where_its_makers_files_lie() -> None:
    record = {
        "training": {"command": "fer-train fit /home/me/faces -o runs/a"},
        "n": [1, "/x/y.npz"],
    }
    assert records.without_folders(record) == {
        "training": {"command": "fer-train fit faces -o runs/a"}, "n": [1, "y.npz"],
    }  # fmt: skip
