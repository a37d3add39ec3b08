"""Prometheus' text format, version 0.0.4: metrics of numbers to lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""What a server says of it."""


class Sample(NamedTuple):
    """One number of a metric."""

    value: float
    labels: Mapping[str, str] = {}
    suffix: str = ""
    """What a histogram's name ends in: ``_bucket``, ``_sum`` or ``_count``."""


class Metric(NamedTuple):
    """Numbers of one meaning."""

    name: str
    """With its unit; a counter's ends in ``_total``."""
    kind: str
    """``counter``, ``gauge`` or ``histogram``."""
    text: str
    """What it means, in one line."""
    samples: Sequence[Sample]


def to_text(metrics: Sequence[Metric], common: Mapping[str, str]) -> str:
    """Return metrics in the text format, each with HELP and TYPE; those without samples not.

    Parameters
    ----------
    metrics
        In the order of the lines.
    common
        Labels of every sample.
    """
    lines = []
    for name, kind, text, samples in metrics:
        if not samples:
            continue
        lines += [f"# HELP {name} {_escaped(text)}", f"# TYPE {name} {kind}"]
        lines += [
            f"{name}{sample.suffix}{_labels({**common, **sample.labels})} {_number(sample.value)}"
            for sample in samples
        ]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _quoted(value: str) -> str:
    return _escaped(value).replace('"', '\\"')


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    """Return a number without the ``.0`` of a whole one."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
