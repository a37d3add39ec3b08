"""A training run from data and recipe to model files: ``fer-train fit``."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime import __version__
from fer_runtime.errors import ConfigError, DataError, FerError
from fer_runtime.labels import EMOTIONS

from ..data.datasets import Pictures, open_dataset
from ..data.splits import hold_out
from ..nets.networks import build, import_keras
from ..nets.record import Record, new_record, without_folders
from ..progress import Progress
from .recipe import Recipe
from .run_file import check_folder, check_same_data, write_run_file
from .targets import make_targets, read_soft_labels

_LOGGER = logging.getLogger(__name__)
_PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "jax", "numpy", "opencv-python")


@dataclass(frozen=True)
class RunOptions:
    """What concerns the machine, not the result."""

    resume: bool = False
    """Go on with the run in the folder."""
    votes: str | None = None
    """Table of FER+ votes."""
    skip_bad: bool = False
    """Leave unreadable pictures out."""
    crop: Callable[[Path], NDArray[np.uint8]] | None = None
    """Makes a crop of a file; None for the runtime's `crop_picture`."""
    limit: int = 0
    """Learn from so many pictures only, classes balanced; 0 for all."""
    workers: int = 2
    """Threads that prepare batches."""
    threads: int = 0
    """Threads of TensorFlow's operators; 0 for its own choice."""
    checkpoint_steps: int = 0
    """A checkpoint every so many steps besides the one of each epoch."""
    command: str = ""
    """The command line, for the record."""
    started: str = ""
    """When, ISO-8601, for the record."""


@dataclass(frozen=True)
class RunData:
    """The pictures of a run."""

    learned: Pictures
    judged: Pictures | None
    digest: str
    """SHA-256 over names and pixels of all pictures, so that another set is noticed."""


def fit(
    data: str,
    recipe: Recipe,
    folder: str | Path,
    options: RunOptions,
    clock: Callable[[], float],
    progress: Progress | None = None,
) -> Path:
    """Train; return the path of ``model.keras``.

    Writes ``run.yaml``, ``checkpoint.npz``, ``history.csv``, ``logs/`` (TensorBoard),
    ``best.keras``, ``model.keras`` and ``model.h5`` into `folder`.

    Raises
    ------
    FerError
        One line for whatever is wrong with data, recipe, folder or disk.
    """
    folder = Path(folder)
    check_folder(folder, recipe, options.resume)
    pictures = load_run_data(data, recipe, options, progress)
    soft = None
    if recipe.distil and recipe.soft_labels:
        soft = read_soft_labels(recipe.soft_labels, pictures.learned.files)
    # Before the framework starts, so that what is missing is said at once.
    targets = make_targets(pictures.learned, recipe, soft)
    _set_up(recipe, options)
    model = build(
        recipe.network, heads=recipe.heads, dropout=recipe.dropout,
        weight_decay=recipe.weight_decay, frames=recipe.frames, bn_momentum=recipe.bn_momentum,
    )  # fmt: skip
    if recipe.init:
        start_from(model, recipe.init)
    if recipe.distil and recipe.teacher:
        from ..judge.teachers import ask_teachers

        soft = ask_teachers([recipe.teacher], pictures.learned.crops, progress)
        targets = make_targets(pictures.learned, recipe, soft)
    record = _record(data, recipe, options, pictures)
    if options.resume:
        check_same_data(folder, pictures.digest)
    else:
        write_run_file(folder, recipe, record)
    record = without_folders(record)
    from .batches import Batches
    from .trainer import Trainer

    batches = Batches(pictures.learned.crops, targets, recipe, options.workers)
    trainer = Trainer(
        model, recipe, batches, pictures.judged, folder, clock, options.checkpoint_steps
    )
    if options.resume:
        trainer.resume()
    else:
        trainer.start()
    state = trainer.run(record, progress)
    from ..judge.calibrate import held_out_figures
    from ..nets.model_io import save_model

    record["training"]["epochs_done"] = state.epoch
    if pictures.judged is not None:
        record["training"]["judged_on"] = recipe.validation
        seen = ", which the weights of init may have seen" if recipe.init else ""
        held_out_figures(model, pictures.judged, record, f"held-out share of train{seen}")
    save_model(model, folder / "model.keras", record)
    save_model(model, folder / "model.h5", record)
    return folder / "model.keras"


def load_run_data(
    data: str, recipe: Recipe, options: RunOptions, progress: Progress | None
) -> RunData:
    """Read the pictures to learn from and to judge on.

    Raises DataError where a class has no pictures or there is no validation folder.
    """

    def load(split: Any) -> Pictures:
        if recipe.network.endswith("-gru"):
            from ..data.sequences import load_sequences

            return load_sequences(
                data, split, recipe.frames, progress=progress, skip_bad=options.skip_bad
            )
        more: dict[str, Any] = {"crop": options.crop} if options.crop else {}
        return dataset.load(
            split, progress=progress, skip_bad=options.skip_bad, limit=options.limit,
            seed=recipe.seed, **more,
        )  # fmt: skip

    dataset = open_dataset(data, options.votes)
    train = load("train")
    counts = train.class_counts()
    if empty := [e for e in EMOTIONS if not counts[e]]:
        have = [e for e in EMOTIONS if counts[e]]
        raise DataError(
            f"data {data}: expected pictures of all seven classes in train, found none of "
            f"{', '.join(empty)} (only {', '.join(have)})",
            "a network cannot learn a class that it never sees: add pictures",
        )
    digest = hashlib.sha256("\n".join(train.files).encode())
    digest.update(train.crops.tobytes())
    learned, judged = train, None
    if recipe.validation == "folder":
        if not dataset.has("validation"):
            raise DataError(
                f"data {data}: expected a folder validation/, found none",
                "use --set validation=split to hold out a share of train",
            )
        judged = load("validation")
    elif recipe.validation == "split" and recipe.split:
        first, second = hold_out(train, recipe.split, recipe.seed)
        if not len(second) or not len(first):
            raise DataError(f"data {data}: {len(train)} pictures are too few to hold some out")
        learned, judged = train.take(first), train.take(second)
    _LOGGER.info(
        "%d pictures to learn from%s", len(learned), f", {len(judged)} to judge" if judged else ""
    )
    return RunData(learned, judged, digest.hexdigest())


def start_from(model: Any, path: str) -> None:
    """Put the weights of a file into `model`; ModelError where it is another network."""
    from ..nets.model_io import load_model

    if path.endswith(".npz"):
        from ..nets.npz_weights import load_npz

        source = load_npz(path)
    else:
        source = load_model(path)
    theirs, ours = source.get_weights(), model.get_weights()
    if [w.shape for w in theirs] != [w.shape for w in ours]:
        raise ConfigError(
            f"init {path}: expected weights of {model.name} ({len(ours)} arrays), received "
            f"{source.name} ({len(theirs)} arrays)",
            "choose the same network and heads in the recipe",
        )
    model.set_weights(theirs)


def _set_up(recipe: Recipe, options: RunOptions) -> None:
    keras = import_keras()
    keras.utils.set_random_seed(recipe.seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if recipe.deterministic:
            tf.config.experimental.enable_op_determinism()
        if options.threads:
            try:
                tf.config.threading.set_intra_op_parallelism_threads(options.threads)
                tf.config.threading.set_inter_op_parallelism_threads(1)
            except RuntimeError as error:
                raise FerError(f"--threads comes too late: {error}") from None


def _record(data: str, recipe: Recipe, options: RunOptions, pictures: RunData) -> Record:
    keras = import_keras()
    record = new_record(recipe.heads)
    record["network"] = recipe.network
    record["recipe"] = recipe.as_dict()
    record["data"] = f"{Path(data).name}: {len(pictures.learned)} pictures of train"
    record["training"] = {
        "command": options.command,
        "started": options.started,
        "seed": recipe.seed,
        "learned_from": len(pictures.learned),
        "held_out": 0 if pictures.judged is None else len(pictures.judged),
        "data_sha256": pictures.digest,
        "backend": keras.backend.backend(),
        "versions": versions(),
    }
    return record


def versions() -> dict[str, str]:
    """Return the versions on which a result depends."""
    found = {"fer-edge": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
