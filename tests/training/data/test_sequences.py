"""Generated looks at one face: when there is talk, when changes, what is seen."""

from __future__ import annotations

import numpy as np

from fer_training.data.sequences import in_sequence, looks_of, plan_sequences, shaken


def test_plans_hold_what_they_promise_and_repeat() -> None:
    plan = plan_sequences(400, 64, 1000, np.random.default_rng(1))
    again = plan_sequences(400, 64, 1000, np.random.default_rng(1))
    assert all(
        (a == b).all() for a, b in zip(vars(plan).values(), vars(again).values(), strict=True)
    )
    assert (plan.seconds[:, 0] == 0).all()
    steps = np.median(plan.seconds[:, 1:], axis=1)
    assert 1 / 30 * 0.9 < steps.min() < 0.05
    assert 0.2 < steps.max() < 1 / 4 * 1.1
    # Half of them change, after a second at the earliest; half of them talk.
    changes = np.diff(plan.held, axis=1) != 0
    now = plan.seconds.cumsum(axis=1)
    assert (changes.any(axis=1)).mean() > 0.35
    assert (changes.any(axis=1)).mean() < 0.55
    gapless = plan.seconds.max(axis=1) < 0.3
    for row in np.flatnonzero((changes.sum(axis=1) > 1) & gapless):
        assert np.diff(now[row, 1:][changes[row]]).min() > 0.69  # a look may be 0.3 s late
    talk = plan.weight > 0
    assert 0.4 < talk.any(axis=1).mean() < 0.6
    assert plan.weight[talk].min() >= 0.3
    assert plan.weight.max() <= 0.9
    under = talk[talk.any(axis=1)].mean()
    assert 0.2 < under < 0.7  # two to five bursts of 0.155 s a second


def test_a_burst_is_mixed_in_and_looks_differ() -> None:
    plan = plan_sequences(60, 32, 9, np.random.default_rng(2))
    row = int((plan.weight > 0).sum(axis=1).argmax())
    chosen = in_sequence(plan, row)
    assert set(plan.held[row]) <= set(chosen.tolist())
    pictures = {i: np.full((48, 48), 20.0 * i, np.float32) for i in chosen.tolist()}
    seen = looks_of(pictures, plan, row, np.random.default_rng(3))
    assert seen.shape == (32, 48, 48)
    assert seen.dtype == np.uint8
    weight = plan.weight[row]
    wanted = (1 - weight) * 20.0 * plan.held[row] + weight * 20.0 * plan.other[row]
    assert np.abs(seen.mean(axis=(1, 2)) - wanted).max() < 0.08 * wanted.max() + 3
    rng = np.random.default_rng(4)
    picture = rng.uniform(40, 200, (48, 48)).astype(np.float32)
    one, two = shaken(picture, rng).astype(float), shaken(picture, rng).astype(float)
    assert np.abs(one - two).mean() > 3
    assert np.corrcoef(one[8:40, 8:40].mean(0), picture[8:40, 8:40].mean(0))[0, 1] > 0.5
