"""One function per contender that returns ``frame -> [(x, y, w, h), ...]``.

Each runs in its contender's own environment, so every import is inside its function. An
adapter classifies every face it finds; the labels are not compared here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Read = Callable[[Any], list[tuple[float, float, float, float]]]

FOLDER = Path(os.environ.get("BENCH_FOLDER", "."))


def ours(threads: int) -> Read:
    """Call fer-edge as its daemon does: a frame and its time, with tracker and filter.

    But every frame is looked at, as the others do, where the daemon looks ten times a second.
    """
    from fer_runtime import EmotionPipeline
    from fer_runtime.settings.schema import Settings

    values = {"classifier.threads": threads, "detector.look_rate": 240}
    pipeline = EmotionPipeline(Settings().with_values(values))
    now, last = 0.0, None

    def read(frame: Any) -> list[tuple[float, float, float, float]]:
        nonlocal now, last
        now += 1 / 30
        # Another scene is another camera, not one whose people are looked for a second long; and
        # an empty room must cost as much as it does at first.
        if frame is not last or pipeline.idle:
            pipeline.reset()
            last = frame
        return [r.box for r in pipeline.analyze(frame, now)]

    return read


def fer_tflite(threads: int) -> Read:
    """PyPI's fer as its README uses it."""
    return _fer(use_tflite=True)


def fer_keras(threads: int) -> Read:
    """PyPI's fer with its Keras network."""
    return _fer(use_tflite=False)


def _fer(use_tflite: bool) -> Read:
    from fer.fer import FER

    detector = FER(use_tflite=use_tflite)

    def read(frame: Any) -> list[tuple[float, float, float, float]]:
        return [tuple(map(float, f["box"])) for f in detector.detect_emotions(frame)]

    return read


def seed(threads: int) -> Read:
    """Do what the usual tutorial script does: ResNet-SSD on OpenCV, ``predict`` for each face.

    Frame to 640 pixels width, blob of 224×224, threshold 0.4, grey 48×48 crop of the box,
    one ``predict`` for each face. The network has the five convolution blocks of the course
    text (32-512 filters) and a softmax; its weights are random, which does not change its cost.
    """
    import cv2
    import keras
    import numpy as np

    files = FOLDER / "resnet-ssd"
    net = cv2.dnn.readNetFromCaffe(
        str(files / "deploy.prototxt"), str(files / "res10_300x300_ssd_iter_140000.caffemodel")
    )
    saved = files / "classic.keras"
    if not saved.exists():
        _classic_network(keras).save(saved)
    model = keras.models.load_model(saved)

    def read(frame: Any) -> list[tuple[float, float, float, float]]:
        shrink = 640 / frame.shape[1]
        if shrink != 1:
            size = (640, round(frame.shape[0] * shrink))
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        height, width = frame.shape[:2]
        net.setInput(cv2.dnn.blobFromImage(frame, 1.0, (224, 224), (104.0, 177.0, 123.0)))
        boxes = []
        for found in net.forward()[0, 0]:
            if found[2] <= 0.4:
                continue
            x0, y0, x1, y1 = (found[3:7] * [width, height, width, height]).astype(int)
            face = frame[max(y0, 0) : y1, max(x0, 0) : x1]
            if face.size == 0:
                continue
            grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), (48, 48))
            model.predict(grey.astype(np.float32)[None, :, :, None], verbose=0)
            boxes.append(tuple(v / shrink for v in (x0, y0, x1 - x0, y1 - y0)))
        return boxes

    return read


def _classic_network(keras: Any) -> Any:
    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((48, 48, 1))])
    for filters, kernel in ((32, 3), (64, 5), (128, 3), (256, 3), (512, 3)):
        model.add(layers.Conv2D(filters, kernel, padding="same"))
        model.add(layers.BatchNormalization())
        model.add(layers.Activation("relu"))
        model.add(layers.MaxPool2D())
        model.add(layers.Dropout(0.2))
    model.add(layers.Flatten())
    model.add(layers.Dense(7, activation="softmax"))
    return model


def haar(threads: int) -> Read:
    """Do it with the leanest plain script: Haar cascade, a .tflite on LiteRT."""
    import cv2
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    cascade = cv2.CascadeClassifier(
        os.path.join(cv2.data.haarcascades, "haarcascade_frontalface_default.xml")
    )
    interpreter = Interpreter(str(FOLDER / "model.tflite"), num_threads=threads)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def read(frame: Any) -> list[tuple[float, float, float, float]]:
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        boxes = cascade.detectMultiScale(grey, 1.1, 5, minSize=(50, 50))
        for x, y, w, h in boxes:
            crop = cv2.resize(grey[y : y + h, x : x + w], (48, 48), interpolation=cv2.INTER_AREA)
            values = crop.astype(np.float32)[None, :, :, None]
            if source["dtype"] != np.float32:
                scale, zero = source["quantization"]
                values = np.round(values / (scale or 1.0)) + zero
            interpreter.set_tensor(source["index"], values.astype(source["dtype"]))
            interpreter.invoke()
            interpreter.get_tensor(target["index"])
        return [tuple(map(float, b)) for b in boxes]

    return read
