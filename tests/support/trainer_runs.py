"""Trainer's and converter's commands, run as a user would, and toy pictures to train on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
CYCLES = (1.0, 2.0, 3.2, 5.0, 8.0, 12.0, 18.0)  # far enough apart for the augmentation's zoom
ENTRY = "import sys; from {0} import {1}; sys.argv[0] = '{2}'; {1}()"
MAINS = {
    "fer-train": ("fer_training.cli", "train_main"),
    "fer-evaluate": ("fer_training.cli", "evaluate_main"),
    "fer-convert": ("fer_converter.cli", "main"),
}


def command(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", ENTRY.format(*MAINS[name], name), *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}


def run(name: str, *arguments: object, timeout: float = 280) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(name, *arguments),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(),
        check=False,
    )


def good(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def fails(done: subprocess.CompletedProcess[str], code: int, *words: str) -> str:
    """A failure is one line on standard error and its exit code."""
    assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
    lines = [line for line in done.stderr.splitlines() if not line.startswith("INFO:")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0], lines[0]
    return lines[0]


def bars(label: int, rng: np.random.Generator) -> np.ndarray:
    """(48, 48) uint8: bars as fine as the class says, at a random phase, with noise."""
    rows = np.arange(48) / 48.0
    wave = np.sin(2 * np.pi * (CYCLES[label] * rows + rng.random()))
    picture = 128 + rng.uniform(50, 90) * wave[:, np.newaxis] + rng.normal(0, 12, (48, 48))
    return np.clip(picture, 0, 255).astype(np.uint8)


def write_toy(folder: Path, train: int, validation: int, *, shuffled: bool = False) -> Path:
    """Write `train` and `validation` pictures of each class; or with labels drawn at random."""
    rng = np.random.default_rng(7)
    for split, count in (("train", train), ("validation", validation)):
        labels = np.repeat(np.arange(7), count)
        shown = rng.permutation(labels) if shuffled else labels
        for number, (label, what) in enumerate(zip(labels, shown, strict=True)):
            path = folder / split / EMOTIONS[label] / f"{number:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), bars(int(what), rng))
    return folder


def torch_weights(path: Path, filters: int = 8, seed: int = 3) -> None:
    """Write an .npz in the layout of PyTorch, as another trainer would."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}

    def conv_bn(conv: str, bn: str, out: int, inner: int, kernel: int) -> None:
        scale = np.sqrt(2 / (inner * kernel * kernel))
        arrays[f"{conv}.weight"] = rng.normal(0, scale, (out, inner, kernel, kernel))
        for key, low, high in (("weight", 0.5, 1.5), ("bias", -0.2, 0.2),
                               ("running_mean", -0.2, 0.2), ("running_var", 0.5, 1.5)):  # fmt: skip
            arrays[f"{bn}.{key}"] = rng.uniform(low, high, out)

    conv_bn("f.0", "f.1", filters, 1, 3)
    inner = filters
    for number, width in enumerate((1, 2, 2, 4, 4, 8), start=3):
        out = filters * width
        conv_bn(f"f.{number}.c1", f"f.{number}.b1", out, inner, 3)
        conv_bn(f"f.{number}.c2", f"f.{number}.b2", out, out, 3)
        if out != inner:
            conv_bn(f"f.{number}.sc.1", f"f.{number}.sc.2", out, inner, 1)
        inner = out
    arrays["h.weight"], arrays["h.bias"] = rng.normal(0, 0.1, (15, inner)), rng.normal(0, 1, 15)
    np.savez(path, **{k: v.astype(np.float32) for k, v in arrays.items()})


def python(code: str, *arguments: object) -> str:
    """Run code in a process of its own: TensorFlow's warnings are not ours to judge."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], env=environment(),
                          capture_output=True, text=True, timeout=280, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
