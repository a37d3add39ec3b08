"""A training run from data and recipe to model files: ``fer-train fit``."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fer_runtime import __version__
from fer_runtime.errors import ConfigError, FerError, UsageError

from ..judge.verdict import Verdict, verdict
from ..nets.heads import Targets
from ..nets.networks import build, import_keras, is_recurrent
from ..nets.record import Record, new_record, without_folders
from ..nets.shares import shares_of
from ..progress import Progress
from .inputs import RunData, RunOptions, load_run_data, without_votes
from .processor import has_bfloat16, use_bfloat16
from .recipe import Recipe
from .run_file import check_folder, check_same_data, write_run_file
from .targets import make_targets, read_soft_labels

Judge = Callable[[], dict[str, float]]

_PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "jax", "numpy", "opencv-python")


@dataclass(frozen=True)
class Trained:
    """What a run came to."""

    path: Path
    """``model.keras``."""
    verdict: Verdict | None
    """Whether it has learnt anything; None where nothing was kept to judge it on."""


def fit(
    data: str,
    recipe: Recipe,
    folder: str | Path,
    options: RunOptions,
    clock: Callable[[], float],
    progress: Progress | None = None,
) -> Trained:
    """Train; return the path of ``model.keras`` and whether anything was learnt.

    Writes ``run.yaml``, ``checkpoint.npz``, ``history.csv``, ``logs/`` (TensorBoard),
    ``best.keras``, ``model.keras`` and ``model.h5`` into `folder`.

    Raises
    ------
    FerError
        One line for whatever is wrong with data, recipe, folder or disk.
    """
    folder = Path(folder)
    recipe = without_votes(data, recipe, options)
    if is_recurrent(recipe.network):
        _check_recurrent(recipe, options)
    check_folder(folder, recipe, options.resume)
    pictures = load_run_data(data, recipe, options, progress)
    soft = None
    if recipe.distil and recipe.soft_labels:
        soft = read_soft_labels(recipe.soft_labels, pictures.learned.files)
    # Before the framework starts, so that what is missing is said at once.
    targets = make_targets(pictures.learned, recipe, soft)
    _set_up(recipe, options)
    if options.hours and not options.resume:
        from .hours import timed_schedule

        recipe = timed_schedule(
            _build(recipe), pictures.learned.crops, targets, recipe, options.hours,
            options.workers, clock,
        )  # fmt: skip
        import_keras().utils.set_random_seed(recipe.seed)
    model = _build(recipe)
    if recipe.distil and recipe.teacher:
        from ..judge.teachers import ask_teachers

        soft = ask_teachers([recipe.teacher], pictures.learned.crops, progress)
        targets = make_targets(pictures.learned, recipe, soft)
    record = _record(data, recipe, options, pictures)
    for head in recipe.heads:
        record["heads"][head]["shares"] = shares_of(head, targets[head])
    if options.resume:
        check_same_data(folder, pictures.digest)
    else:
        write_run_file(folder, recipe, record, options.inputs(data))
    # The day and the command are of the folder's record only: the same run gives the same bytes.
    record["training"] = {
        key: value for key, value in record["training"].items() if key not in ("started", "command")
    }
    record = without_folders(record)
    from .trainer import Trainer

    learner, batches, judge = (_recurrent_parts if is_recurrent(recipe.network) else _parts)(
        model, pictures, targets, recipe, options, progress
    )
    trainer = Trainer(
        learner, recipe, batches, judge, folder, clock, options.checkpoint_steps, options.stop,
        whole=model,
    )  # fmt: skip
    if options.resume:
        trainer.resume()
    else:
        trainer.start()
    state = trainer.run(record, progress is not None)
    from ..judge.calibrate import held_out_figures
    from ..nets.model_io import save_model

    record["training"]["epochs_done"] = state.epoch
    if pictures.judged is not None:
        record["training"]["judged_on"] = recipe.validation
        on = f"{Path(data).name}/validation"
        if recipe.validation == "split":
            seen = ", which the weights of init may have seen" if recipe.init else ""
            on = f"held-out share of train{seen}"
        _use_bfloat16(False)  # what is recorded is measured in float32
        held_out_figures(model, pictures.judged, record, on, needed=False)
    save_model(model, folder / "model.keras", record)
    save_model(model, folder / "model.h5", record)
    path = folder / "model.keras"
    if pictures.judged is None:
        return Trained(path, None)
    return Trained(path, verdict(trainer.kept_scores(), pictures.judged))


def _build(recipe: Recipe) -> Any:
    model = build(
        recipe.network, heads=recipe.heads, dropout=recipe.dropout,
        weight_decay=recipe.weight_decay, bn_momentum=recipe.bn_momentum,
    )  # fmt: skip
    if recipe.init:
        start_from(model, recipe.init, recipe.seed)
    return model


def _parts(
    model: Any, pictures: RunData, targets: Targets, recipe: Recipe, options: RunOptions,
    progress: Progress | None,
) -> tuple[Any, Any, Judge | None]:  # fmt: skip
    """Return the model that learns, its batches and its judge: of single pictures."""
    from ..judge.heads import judge_heads
    from ..judge.predictors import forward
    from .batches import Batches

    judge, judged = None, pictures.judged
    if judged is not None:
        run = forward(model)
        judge = partial(judge_heads, run, recipe.heads, judged)
    return model, Batches(pictures.learned.crops, targets, recipe, options.workers), judge


def _recurrent_parts(
    model: Any, pictures: RunData, targets: Targets, recipe: Recipe, options: RunOptions,
    progress: Progress | None,
) -> tuple[Any, Any, Judge | None]:  # fmt: skip
    """Return the same of a step network: its memory learns, over generated looks."""
    from ..nets.gru import sequence_of
    from .recurrent import hold_trunk, look_batches, look_judge

    hold_trunk(model)
    memory, judge = sequence_of(model, recipe.heads, recipe.dropout), None
    batches = look_batches(model, pictures.learned.crops, targets, recipe, progress)
    if pictures.judged is not None:
        judge = look_judge(model, memory, pictures.judged, recipe, progress)
    return memory, batches, judge


def _check_recurrent(recipe: Recipe, options: RunOptions) -> None:
    """Say at once what a step network cannot be trained without, or with."""
    if not recipe.init:
        raise ConfigError(
            f"network {recipe.network}: expected a trained edge24 to look with, received none",
            "give one: --init runs/edge24/model.keras",
        )
    if options.hours:
        raise UsageError(
            f"--hours: {recipe.network} spends its time before the first epoch, on looking",
            "choose --set sequences=N and epochs=N instead",
        )


def start_from(model: Any, path: str, seed: int) -> None:
    """Put the weights of a file into `model`, which may be wider.

    Raises ConfigError where it is another network.
    """
    from ..nets.model_io import load_model

    if path.endswith(".npz"):
        from ..nets.npz_weights import load_npz

        source = load_npz(path)
    else:
        source = load_model(path)
    if is_recurrent(model.name) and not is_recurrent(source.name):
        from .recurrent import start_trunk

        start_trunk(model, source, path)
        return
    layers = {layer.name: layer for layer in source.layers}
    if all(_fits(layer, layers.get(layer.name)) for layer in model.layers):
        # Also where the file has a head more than the recipe.
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(layers[layer.name].get_weights())
        return
    theirs, ours = source.get_weights(), model.get_weights()
    if [w.shape for w in theirs] == [w.shape for w in ours]:
        model.set_weights(theirs)
        return
    from ..nets.widen import widen

    widen(source, model, seed)


def _fits(layer: Any, other: Any) -> bool:
    """Tell whether a layer can take the other's weights; one without weights needs none."""
    wanted = [tuple(w.shape) for w in layer.weights]
    return not wanted or (other is not None and wanted == [tuple(w.shape) for w in other.weights])


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
        _use_bfloat16(options.bfloat16 and has_bfloat16())


def _use_bfloat16(on: bool) -> None:
    if import_keras().backend.backend() == "tensorflow":
        use_bfloat16(on)


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
