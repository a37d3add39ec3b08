"""One picture file to one crop, the runtime's way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_runtime.arrays import without_profile
from fer_runtime.errors import DataError
from fer_runtime.model.crop import CROP_SIZE, Color, crop_face, crop_picture


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture: (H, W) uint8 if the file is grey, else (H, W, 3) uint8 BGR.

    Raises DataError where it cannot be read or decoded.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"picture {path}: cannot be read: {error.strerror}") from None
    # cv2.imread cannot open paths with letters outside the code page on Windows.
    try:
        picture = cv2.imdecode(without_profile(data), cv2.IMREAD_ANYCOLOR) if data.size else None
    except cv2.error:  # a header that claims more pixels than OpenCV takes
        picture = None
    if picture is None:
        raise DataError(f"picture {path}: expected an image, received {data.size} other bytes")
    return np.asarray(picture, np.uint8)


def read_crop(
    path: str | Path, size: tuple[int, int] = (CROP_SIZE, CROP_SIZE), color: Color = "gray"
) -> NDArray[np.uint8]:
    """Read a picture of one face and make the network's crop of it, as the runtime does.

    Returns (h, w) uint8 grey or (h, w, 3) uint8. Raises DataError as `read_picture`.
    """
    return crop_picture(read_picture(path), size=size, color=color)


def face_crop_reader(
    size: tuple[int, int] = (CROP_SIZE, CROP_SIZE), color: Color = "gray"
) -> Callable[[Path], NDArray[np.uint8]]:
    """Return a reader for whole photographs: YuNet finds the largest face, which is cropped.

    Returns
    -------
    A function from path to a crop of `size` and `color`; DataError where no face is found.

    Raises
    ------
    AssetError
        If the detector's weights have not been fetched.
    """
    from fer_runtime.assets import asset_path
    from fer_runtime.faces.detector import YuNetDetector

    detector = YuNetDetector(asset_path("yunet"))

    def read(path: Path) -> NDArray[np.uint8]:
        picture = read_picture(path)
        if picture.ndim == 2:
            picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), np.uint8)
        faces = detector.detect(picture)
        if not faces:
            raise DataError(f"picture {path}: expected a face, found none")
        return crop_face(picture, faces[0].box, size=size, color=color)

    return read
