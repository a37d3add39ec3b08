"""The order of classes of each head."""

from __future__ import annotations

from fer_training.nets.heads import FERPLUS_CLASSES, FERPLUS_TO_EMOTIONS


def test_the_ferplus_head_is_brought_into_our_order() -> None:
    names = [FERPLUS_CLASSES[i] for i in FERPLUS_TO_EMOTIONS]
    assert names == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
