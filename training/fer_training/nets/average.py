"""Averages the weights of networks that began from the same ones.

Fine-tuned models that started from one point lie in one valley, and their mean is often better
than each (Wortsman et al. 2022, "Model soups"). Of networks that were trained apart it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fer_runtime.errors import ModelError

from .model_io import load_model
from .networks import model_heads
from .record import Record, new_record, read_record


def average(paths: Sequence[str | Path], shares: Sequence[float]) -> tuple[Any, Record]:
    """Return the weighted mean of several model files, and a record that names them.

    Parameters
    ----------
    paths
        ``.keras`` or ``.h5`` files of the same network.
    shares
        Weight of each, above 0; they need not sum to 1.

    Returns
    -------
    The network, and its record: without temperatures and figures, which were of the others.

    Raises
    ------
    ModelError
        If the networks differ.
    """
    total, first = float(sum(shares)), load_model(paths[0])
    mean = [share * shares[0] / total for share in first.get_weights()]
    for path, share in zip(paths[1:], shares[1:], strict=True):
        weights = load_model(path).get_weights()
        if [w.shape for w in weights] != [w.shape for w in mean]:
            raise ModelError(
                f"model {path}: expected the weights of {Path(paths[0]).name} ({len(mean)} "
                f"arrays), received another network's ({len(weights)} arrays)"
            )
        mean = [m + w * (share / total) for m, w in zip(mean, weights, strict=True)]
    first.set_weights(mean)
    begun = read_record(paths[0])
    record = new_record(model_heads(first, begun))
    for key in ("network", "data", "licence"):
        record[key] = (begun or record).get(key) or record[key]
    record["training"] = {
        "averaged": {Path(path).name: round(share / total, 6)
                     for path, share in zip(paths, shares, strict=True)}
    }  # fmt: skip
    return first, record
