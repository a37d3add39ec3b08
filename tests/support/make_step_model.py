"""Makes a step model whose state can be read off its answers; run as a script.

    python make_step_model.py FILE.tflite

The state (4 numbers) counts the looks and adds up the seconds; of the logits ``happy`` is the
count, ``sad`` ten times the seconds, ``surprise`` the mean pixel of 0–1, the others 0.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

from fer_runtime.labels import EMOTIONS
from fer_runtime.model.metadata import ModelMetadata, write_model

STATE = 4


def step_model() -> keras.Model:
    pixels = keras.Input((48, 48, 1), name="pixels")
    seconds, state = keras.Input((1,), name="seconds"), keras.Input((STATE,), name="state")
    count = keras.layers.Dense(STATE)
    new = count(keras.layers.Concatenate()([state, seconds]))
    add = np.zeros((STATE + 1, STATE), np.float32)
    add[:STATE] = np.eye(STATE)
    add[STATE, 1] = 1.0
    count.set_weights([add, np.array([1, 0, 0, 0], np.float32)])
    mean = keras.layers.GlobalAveragePooling2D()(pixels)
    answer = keras.layers.Dense(len(EMOTIONS))
    logits = answer(keras.layers.Concatenate()([new, mean]))
    kernel = np.zeros((STATE + 1, len(EMOTIONS)), np.float32)
    kernel[0, EMOTIONS.index("happy")] = 1.0
    kernel[1, EMOTIONS.index("sad")] = 10.0
    kernel[STATE, EMOTIONS.index("surprise")] = 1 / 255
    answer.set_weights([kernel, np.zeros(len(EMOTIONS), np.float32)])
    return keras.Model([pixels, seconds, state], {"logits": logits, "state": new})


if __name__ == "__main__":
    blob = bytes(tf.lite.TFLiteConverter.from_keras_model(step_model()).convert())
    write_model(sys.argv[1], blob, ModelMetadata(state_size=STATE, name="counts"))
