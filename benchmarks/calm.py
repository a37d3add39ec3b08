"""How calm are the shown labels, and how soon do they follow? Three sets of seeded sequences.

    python benchmarks/calm.py FER2013_DIR [--split validation] [--model ferplus] [--json FILE]
                              [--keep FOLDER] [--set confirm_s=0] [--look-rate 1000]

*thirds*: 200 of three pictures, three seconds each. *changes*: 100 of ten seconds, pictures of
1–3 s. *talk*: 100 of ten seconds in which one picture holds while bursts (60–250 ms) of others
come 2–5 times a second, mixed in with a weight of 0.3–0.9. How frames are shaken stands in
`calm_sequences.py`. Each set at 15 and 30 frames a second, through no filter, through none but only
of the frames that the runtime looks at (*looks*), through the filter of 0.1.0 (`lowpass.py`) and
the runtime's, on the same probabilities; `--keep` writes these into a folder and takes them from
there the next time, as they cost minutes and the filters seconds. `--set` and `--look-rate` change
`smoothing` and `detector.look_rate` of the runtime's filter. A step model looks when the runtime
does; *steady* is then what the runtime shows, without a filter.

Delay is the time from a change of picture to the shown label that the raw classifier settles on
(its most frequent label of that picture), over the changes of its mind; a label never shown counts
the picture's whole time. *Settled* changes are those where the raw label stays the same in four of
five frames of both pictures: elsewhere the classifier itself does not know. Accuracy is of all
frames, against the folders' labels of the model fer2013, else against the majority of votes;
``uncertain`` counts as wrong. A flash is a label that is shown for at most a sixth of a second.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calm_sequences import KINDS, LOOK_RATE, SEED, Sequence, kept, looks
from fer_runtime.faces.smoothing import Smoother
from fer_runtime.faces.steady import Steady
from fer_runtime.labels import EMOTIONS, LABELS
from fer_runtime.model.metadata import DEFAULT_MODEL
from fer_runtime.settings.faces import SmoothingSettings
from lowpass import LowPass

SEQUENCES = {"thirds": 200, "changes": 100, "talk": 100}
SETTLED = 0.8
SHORTEST_S = 0.9
FLASH_S = 1 / 6
"""Five frames of 30 a second."""

Labels = NDArray[np.int64]


def unfiltered(sequence: Sequence) -> Labels:
    """Return the likeliest label of each frame."""
    return np.asarray(sequence.raw.argmax(-1), np.int64)


def low_pass(sequence: Sequence) -> Labels:
    """Return the labels that 0.1.0 would have shown."""
    shown = LowPass()
    rows = enumerate(sequence.raw)
    return np.array([LABELS.index(shown.update(row, i / sequence.fps)) for i, row in rows])


def looked(sequence: Sequence) -> Labels:
    """Return the likeliest label of the last look at each frame, which no filter knows more of."""
    return unfiltered(sequence)[looks(len(sequence.raw), sequence.fps)]


def filtered(
    sequence: Sequence,
    settings: SmoothingSettings | None = None,
    look_rate: float = LOOK_RATE,
) -> Labels:
    """Return the labels that the runtime shows, which reads faces `look_rate` times a second."""
    smoother, shown = Smoother(settings), dict[int, int]()
    seen = looks(len(sequence.raw), sequence.fps, look_rate)
    for i in np.unique(seen).tolist():
        shown[i] = LABELS.index(smoother.update(1, sequence.raw[i], i / sequence.fps)[0])
    return np.array([shown[i] for i in seen.tolist()])


def steady(sequence: Sequence) -> Labels:
    """Return the labels that the runtime shows with a step model, whose probabilities they are."""
    hysteresis = Steady()
    # Frames between two looks give the same again, which changes nothing.
    rows = enumerate(sequence.raw)
    shown = [hysteresis.update(1, row, i / sequence.fps)[0] for i, row in rows]
    return np.array([LABELS.index(label) for label in shown])


FILTERS: dict[str, Callable[[Sequence], Labels]] = {
    "none": unfiltered,
    "looks": looked,
    "0.1.0": low_pass,
}


def delays(sequence: Sequence, shown: Labels) -> list[tuple[float, bool]]:
    """Return for each change of the raw label its delay in seconds, and whether it is settled."""
    raw, part = unfiltered(sequence), sequence.part
    edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(part)]
    out = []
    for a, b, c in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
        if c - b < SHORTEST_S * sequence.fps:
            continue  # cut short by the sequence's end
        before, after = (np.bincount(raw[i:j], minlength=7) for i, j in ((a, b), (b, c)))
        label = int(after.argmax())
        if int(before.argmax()) == label:
            continue
        hit = np.flatnonzero(shown[b:c] == label)
        late = (hit[0] if len(hit) else c - b) / sequence.fps
        settled = before.max() >= SETTLED * (b - a) and after.max() >= SETTLED * (c - b)
        out.append((float(late), bool(settled)))
    return out


def flashes(sequence: Sequence, shown: Labels) -> int:
    """Return how many labels were shown for at most `FLASH_S`, between two others."""
    lasted = np.diff(np.flatnonzero(np.diff(shown)))
    return int((lasted <= round(FLASH_S * sequence.fps)).sum())


def measure(
    sequences: list[Sequence], show: Callable[[Sequence], Labels]
) -> tuple[dict[str, float], list[float]]:
    """Return the figures of one set through one filter, and each sequence's accuracy."""
    shown = [show(s) for s in sequences]
    every = [d for s, labels in zip(sequences, shown, strict=True) for d in delays(s, labels)]
    seconds = sum(len(s.raw) / s.fps for s in sequences)
    right, sure, share = [], [], []
    for s, labels in zip(sequences, shown, strict=True):
        known = s.truth >= 0
        right.append((labels == s.truth)[known])
        sure.append((labels < len(EMOTIONS))[known])
        share.append(float(right[-1].mean()) if known.any() else float("nan"))
    all_right, all_sure = np.concatenate(right), np.concatenate(sure)
    out = {
        "changes a second": sum(int((np.diff(v) != 0).sum()) for v in shown) / seconds,
        "flashes a minute": 60 * sum(map(flashes, sequences, shown)) / seconds,
        "accuracy": float(all_right.mean()),
        "accuracy when certain": float(all_right[all_sure].mean()),
        "uncertain": float(1 - all_sure.mean()),
    }
    for name, late in (("", [d for d, _ in every]), ("settled ", [d for d, ok in every if ok])):
        if late:
            out[f"{name}delay, median ms"] = 1000 * float(np.median(late))
            out[f"{name}delay, p90 ms"] = 1000 * float(np.percentile(late, 90))
            out[f"{name}delays"] = len(late)
    return out, share


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--share", type=float, default=1.0, help="of the sequences, for a trial")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="folder of probabilities to reuse")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--look-rate", type=float, default=LOOK_RATE)
    given = parser.parse_args()
    changed = {key: float(value) for key, _, value in (item.partition("=") for item in given.set)}
    now = partial(filtered, settings=SmoothingSettings(**changed), look_rate=given.look_rate)
    out: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        for fps in (15, 30):
            count = max(2, round(SEQUENCES[kind] * given.share))
            folder = given.folder / given.split
            sequences = kept(folder, kind, given.model, fps, count, given.seed, given.keep)
            results = {
                name: measure(sequences, show)
                for name, show in {**FILTERS, "now": now, "steady": steady}.items()
            }
            print(f"\n{kind}, {fps} frames a second, {count} sequences, {given.model}")
            print(f"{'':<26}" + "".join(f"{name:>10}" for name in results))
            for key in results["now"][0]:
                print(f"{key:<26}" + "".join(f"{r[0][key]:>10.3g}" for r in results.values()))
            gain = np.subtract(results["now"][1], results["0.1.0"][1])
            gain = gain[np.isfinite(gain)]
            half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
            print(f"accuracy, now - 0.1.0: {100 * gain.mean():+.1f} ± {100 * half:.1f} points")
            out |= {f"{kind} {fps} {name}": r[0] for name, r in results.items()}
    if given.json:
        given.json.write_text(json.dumps(out, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
