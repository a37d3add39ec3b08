"""The networks: size, heads, weights from elsewhere, the recurrent one, teachers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from trainer_runs import (
    fails,
    good,
    python,
    run,
    torch_weights,
)

from fer_training.data.ferplus import VOTE_COLUMNS


def test_sizes_are_those_of_the_published_table() -> None:
    rows = {}
    for line in good(run("fer-train", "networks")).splitlines()[1:]:
        cells = line.split()
        rows[cells[0]] = (int(cells[1].replace(",", "")), int(cells[2]))
    assert rows["seed"] == (2_005_647, 62)
    assert rows["edge24"] == (903_687, 128)
    assert rows["edge32"] == (1_602_735, 227)
    assert rows["teacher-resnet"] == (11_274_055, 1247)
    assert rows["teacher-vgg"] == (10_011_215, 641)
    assert rows["edge24-gru"] == (951_495, 128)


WRAPPED = """
import sys
from fer_training.nets.networks import import_keras
import pandas
import_keras()
assert not {'sklearn', 'matplotlib.pyplot', 'IPython'} & set(sys.modules)
assert sys.modules['pandas'] is pandas
import matplotlib.pyplot, sklearn, IPython
"""


def test_keras_is_imported_alone_and_others_can_be_afterwards() -> None:
    python(WRAPPED)


SINGLE = """
import sys, numpy as np
from fer_training.nets.networks import build, import_keras, single_head
from fer_training.nets.heads import FERPLUS_TO_EMOTIONS
from fer_training.nets.model_io import load_model, save_model
from fer_training.nets.record import new_record
folder = sys.argv[1]
x = np.random.default_rng(0).uniform(0, 255, (5, 48, 48, 1)).astype('float32')
for name in ('edge24', 'seed'):
    import_keras().utils.set_random_seed(1)
    model = build(name)
    both = {k: np.asarray(v) for k, v in zip(('fer2013', 'ferplus'),
            model(x).values() if isinstance(model(x), dict) else model(x))}
    for suffix in ('keras', 'h5'):
        save_model(model, f'{folder}/m.{suffix}', new_record())
        again = load_model(f'{folder}/m.{suffix}')
        for head, columns in (('fer2013', range(7)), ('ferplus', FERPLUS_TO_EMOTIONS)):
            one = single_head(again, head)
            assert one.output_shape == (None, 7)
            out, want = np.asarray(one(x)), both[head][:, list(columns)]
            if name == 'seed':  # it ends in a softmax; the single head gives what it was given
                want = np.log(want)
                out, want = (v - v.mean(axis=1, keepdims=True) for v in (out, want))
            np.testing.assert_allclose(out, want, atol=2e-4)
"""


def test_one_head_is_the_same_network_in_our_order(tmp_path: Path) -> None:
    python(SINGLE, tmp_path)


def reference(arrays: dict[str, np.ndarray], picture: np.ndarray) -> np.ndarray:
    """The same network in plain NumPy, (48, 48) grey to 15 logits: a second opinion."""

    def conv(x: np.ndarray, name: str, stride: int) -> np.ndarray:
        w = arrays[f"{name}.weight"].astype(np.float64)
        pad = w.shape[2] // 2
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(1, 2))
        return np.einsum("ihwkl,oikl->ohw", windows[:, ::stride, ::stride], w)

    def bn(x: np.ndarray, name: str) -> np.ndarray:
        g, b, m, v = (arrays[f"{name}.{k}"][:, None, None]
                      for k in ("weight", "bias", "running_mean", "running_var"))  # fmt: skip
        return (x - m) / np.sqrt(v + 1e-5) * g + b

    x = (picture[None] / 255.0 - 0.5077) / 0.2550
    x = np.maximum(bn(conv(x, "f.0", 1), "f.1"), 0)
    for number, stride in zip(range(3, 9), (1, 2, 1, 2, 1, 2), strict=True):
        name = f"f.{number}"
        y = np.maximum(bn(conv(x, f"{name}.c1", stride), f"{name}.b1"), 0)
        y = bn(conv(y, f"{name}.c2", 1), f"{name}.b2")
        if f"{name}.sc.1.weight" in arrays:
            c, h, w = x.shape
            x = x.reshape(c, h // 2, 2, w // 2, 2).mean(axis=(2, 4))
            x = bn(conv(x, f"{name}.sc.1", 1), f"{name}.sc.2")
        x = np.maximum(x + y, 0)
    return arrays["h.weight"] @ x.mean(axis=(1, 2)) + arrays["h.bias"]


def test_imported_weights_compute_what_they_did_before(tmp_path: Path) -> None:
    weights, model = tmp_path / "w.npz", tmp_path / "m.keras"
    torch_weights(weights, 24)
    good(run("fer-train", "import-npz", weights, "-o", model))
    pictures = np.random.default_rng(1).uniform(0, 255, (2, 48, 48)).astype(np.float32)
    np.save(tmp_path / "x.npy", pictures)
    python(
        "import sys, numpy as np\nfrom fer_training.nets.model_io import load_model\n"
        "out = load_model(sys.argv[1])(np.load(sys.argv[2])[..., None])\n"
        "out = [np.asarray(out[h]) for h in ('fer2013', 'ferplus')]\n"
        "np.save(sys.argv[2], np.hstack(out))",
        model, tmp_path / "x.npy",
    )  # fmt: skip
    with np.load(weights) as arrays:
        kept = dict(arrays)
    expected = np.stack([reference(kept, p) for p in pictures])
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), expected, rtol=2e-4, atol=2e-4)


@pytest.mark.slow
def test_the_recurrent_network_learns_from_pictures(tiny: Path, tmp_path: Path) -> None:
    weights, folder = tmp_path / "w.npz", tmp_path / "run"
    torch_weights(weights, 24)
    options = ["fit", tiny, "-r", "edge24-gru", "-o", folder, "--init", weights,
               "--set", "sequences=12", "--set", "frames=6", "--set", "batch_size=4",
               "--set", "epochs=2", "--set", "validation=folder"]  # fmt: skip
    good(run("fer-train", *options))
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) == 3
    assert "validation_fer2013" in rows[0]
    for name in ("model.keras", "model.h5", "best.keras"):
        result = json.loads(good(run("fer-evaluate", folder / name, tiny, "--json")))[0]
        assert result["n"] == 28
        assert 0 <= result["accuracy"] <= 1
    # The trunk is the one it was given, in each file.
    python(TRUNK, weights, folder / "model.keras")


TRUNK = """
import sys, numpy as np
from fer_training.nets.model_io import load_model
from fer_training.nets.npz_weights import load_npz
given, step = load_npz(sys.argv[1]), load_model(sys.argv[2])
count = 0
for layer in given.layers:
    if layer.weights and layer.name not in ("fer2013", "ferplus"):
        for a, b in zip(layer.get_weights(), step.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
            count += 1
assert count == 80, count
"""


def test_a_recurrent_network_needs_a_trunk_and_no_hours(tiny: Path, tmp_path: Path) -> None:
    options = ["fit", tiny, "-r", "edge24-gru", "-o", tmp_path / "run"]
    fails(run("fer-train", *options), 78, "a trained edge24", "--init")
    fails(run("fer-train", *options, "--init", "x.keras", "--hours", 1), 2, "--hours", "sequences=")
    wrong = tmp_path / "w.npz"
    torch_weights(wrong, 32)
    fails(run("fer-train", *options, "--init", wrong), 78, "trunk, edge24", "edge32")


SAME = """
import sys, numpy as np
from fer_training.nets.model_io import load_model
one, two = (load_model(p).trainable_weights for p in sys.argv[1:])
for a, b in zip(one, two, strict=True):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-5)
"""


@pytest.mark.slow
def test_a_student_learns_from_teachers_and_weights_are_a_start(tiny: Path, tmp_path: Path) -> None:
    data, weights = tmp_path / "data", tmp_path / "w.npz"
    shutil.copytree(tiny, data)
    names = sorted(p.relative_to(data).as_posix() for p in data.rglob("*.png"))
    rows = [f"{name},{','.join(['0', '7', '3'] + ['0'] * 7)}" for name in names]
    header = ",".join(["file", *VOTE_COLUMNS])
    (data / "ferplus_votes.csv").write_text("\n".join([header, *rows]) + "\n")
    torch_weights(weights, 24)
    teacher, soft = tmp_path / "teacher.keras", tmp_path / "soft.npz"
    good(run("fer-train", "import-npz", weights, "-o", teacher))
    good(run("fer-train", "soft-labels", teacher, data, "-o", soft))
    with np.load(soft) as arrays:
        assert arrays["fer2013"].shape == (84, 7)
        assert arrays["ferplus"].shape == (84, 8)
        np.testing.assert_allclose(arrays["ferplus"].sum(axis=1), 1, atol=5e-3)
    # A rate of almost nothing leaves the weights where --init put them.
    folder = tmp_path / "run"
    options = ["fit", data, "-r", "smoke", "-o", folder, "--soft-labels", soft, "--init", teacher,
               "--set", "epochs=1", "--set", "steps_per_epoch=1", "--set", "learning_rate=1e-9",
               "--set", "validation=none"]  # fmt: skip
    refused = run("fer-train", *options, "--set", "network=seed")
    fails(refused, 78, "expected weights of seed", "same network and heads")
    good(run("fer-train", *options, "--set", "network=edge24", "--set", "heads=[fer2013, ferplus]"))
    python(SAME, teacher, folder / "model.keras")
