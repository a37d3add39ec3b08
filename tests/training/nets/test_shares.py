"""Priors taken out of heads, two heads blended into one, shares counted and recorded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from trainer_runs import fails, good, python, run, torch_weights

from fer_runtime.labels import EMOTIONS
from fer_training.data.ferplus import VOTE_COLUMNS
from fer_training.judge.calibration import fit_temperature, negative_log_likelihood
from fer_training.judge.metrics import softmax
from fer_training.nets.record import read_record
from fer_training.nets.shares import shares_of


def test_shares_are_mean_targets_in_our_order_without_contempt() -> None:
    # FER+ order: neutral, happiness, surprise, sadness, anger, disgust, fear, contempt.
    targets = np.zeros((4, 8), np.float32)
    targets[0] = (0.5, 0, 0, 0, 0, 0, 0, 0.5)
    targets[1:3, 1] = 1.0  # two happy ones; the last row has no usable vote
    shares = shares_of("ferplus", targets)
    assert list(shares) == list(EMOTIONS)
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)
    assert shares["happy"] / shares["neutral"] == pytest.approx(4.0, rel=1e-4)
    assert shares["disgust"] > 0  # its logarithm is asked for
    assert shares_of("fer2013", np.eye(7, dtype=np.float32))["fear"] == pytest.approx(
        1 / 7, abs=1e-5
    )


def test_a_temperature_is_fitted_under_a_prior() -> None:
    rng = np.random.default_rng(1)
    prior = np.log(np.array([0.05, 0.05, 0.1, 0.2, 0.4, 0.1, 0.1]))
    likelihood = rng.normal(0, 1.5, (20_000, 7))
    p = softmax(likelihood + prior)
    labels = (p.cumsum(1) > rng.random((len(p), 1))).argmax(1)
    assert fit_temperature(labels, 3.0 * likelihood, prior) == pytest.approx(3.0, rel=0.03)
    with_prior = negative_log_likelihood(labels, 3.0 * likelihood, 3.0, prior)
    assert with_prior < negative_log_likelihood(labels, 3.0 * likelihood, 3.0) - 0.1


HEADS = """
import sys, numpy as np
from fer_training.nets.model_io import load_model
from fer_training.nets.networks import single_head
from fer_training.nets.record import read_record
from fer_training.nets.shares import blend_heads, log_shares, record_shares, without_prior
model, record = load_model(sys.argv[1]), read_record(sys.argv[1])
x = np.random.default_rng(0).uniform(0, 255, (3, 48, 48, 1)).astype('float32')
free, temperature = {}, {'fer2013': 0.8, 'ferplus': 0.5}
for head, t in temperature.items():
    record['heads'][head]['temperature'] = t
    network = single_head(model, head)
    plain = np.asarray(network(x))
    without_prior(network, t, record_shares(record, head))
    free[head] = np.asarray(network(x)) / t
    np.testing.assert_allclose(free[head], plain / t - log_shares(record_shares(record, head)),
                               atol=1e-3)
network, shares = blend_heads(model, record, 0.25)
wanted = 0.25 * free['fer2013'] + 0.75 * free['ferplus']
np.testing.assert_allclose(np.asarray(network(x)), wanted, atol=1e-3)
assert abs(sum(shares.values()) - 1) < 1e-4
a, b = (record_shares(record, h) for h in ('fer2013', 'ferplus'))
mean = {e: a[e] ** 0.25 * b[e] ** 0.75 for e in a}
for e in a:
    assert abs(shares[e] - mean[e] / sum(mean.values())) < 1e-4
del record['heads']['ferplus']['shares']
assert blend_heads(model, record, 0.25)[1] == {}
"""


def test_calibrate_counts_the_shares_and_heads_are_freed_and_blended(
    tiny: Path, tmp_path: Path
) -> None:
    weights, model = tmp_path / "w.npz", tmp_path / "m.keras"
    torch_weights(weights, 24)
    good(run("fer-train", "import-npz", weights, "-o", model))
    place = {"happy": "happiness", "sad": "sadness", "angry": "anger"}
    rows = [f"file,{','.join(VOTE_COLUMNS)}"]
    for path in sorted(tiny.glob("*/*/*.png")):
        name = place.get(path.parent.name, path.parent.name)
        votes = ["10" if c == name else "0" for c in VOTE_COLUMNS]
        rows.append(f"{path.relative_to(tiny).as_posix()},{','.join(votes)}")
    table = tmp_path / "votes.csv"
    table.write_text("\n".join(rows) + "\n", "utf-8")
    data = tmp_path / "data"
    shutil.copytree(tiny, data)
    sad = data / "train" / "sad"
    for surplus in range(6):  # of one class, so that the shares are not all alike
        shutil.copyfile(sad / "0060.png", sad / f"more{surplus}.png")
    good(run("fer-train", "calibrate", model, data, "--votes", table, "--split", "train"))
    record = read_record(model)
    assert record is not None
    shares = record["heads"]["fer2013"]["shares"]
    assert shares["sad"] == pytest.approx(18 / 90, abs=1e-4)
    assert shares["happy"] == pytest.approx(12 / 90, abs=1e-4)
    assert record["heads"]["ferplus"]["shares"]["happy"] == pytest.approx(1 / 7, abs=1e-4)
    python(HEADS, model)


def test_a_run_records_what_its_heads_learnt_and_is_judged_under_any_prior(
    toy: Path, toy_run: Path
) -> None:
    record = read_record(toy_run / "model.keras")
    assert record is not None
    assert record["heads"]["fer2013"]["shares"]["fear"] == pytest.approx(1 / 7, abs=1e-4)
    answers = {}
    for prior in ("training", "balanced", "1,1,1e30,1,1,1,1"):
        out = good(run("fer-evaluate", toy_run / "model.keras", toy, "--prior", prior, "--json"))
        answers[prior] = json.loads(out)[0]
        assert answers[prior]["prior"] == prior
    assert answers["training"]["accuracy"] == answers["balanced"]["accuracy"]
    assert answers["1,1,1e30,1,1,1,1"]["classes"]["fear"]["recall"] == 1.0
    assert answers["1,1,1e30,1,1,1,1"]["accuracy"] < answers["training"]["accuracy"]


AVERAGE = """
import sys, numpy as np
from fer_training.nets.model_io import load_model
a, b, mean = (load_model(p).get_weights() for p in sys.argv[1:])
for x, y, m in zip(a, b, mean):
    np.testing.assert_allclose(m, 0.75 * x + 0.25 * y, rtol=1e-4, atol=1e-5)
"""


def test_the_mean_of_models_and_of_other_networks(tmp_path: Path) -> None:
    models = []
    for seed in (3, 4):
        torch_weights(tmp_path / f"{seed}.npz", 24, seed)
        models.append(tmp_path / f"{seed}.keras")
        good(run("fer-train", "import-npz", tmp_path / f"{seed}.npz", "-o", models[-1]))
    out = tmp_path / "mean.keras"
    good(run("fer-train", "average", *models, "--shares", "3,1", "-o", out))
    record = read_record(out)
    assert record is not None
    assert record["training"]["averaged"] == {"3.keras": 0.75, "4.keras": 0.25}
    python(AVERAGE, *models, out)
    fails(run("fer-train", "average", *models, "--shares", "1", "-o", out), 2, "--shares")
    torch_weights(tmp_path / "w.npz", 32)
    good(run("fer-train", "import-npz", tmp_path / "w.npz", "-o", tmp_path / "w.keras"))
    fails(run("fer-train", "average", models[0], tmp_path / "w.keras", "-o", out), 78, "another")
