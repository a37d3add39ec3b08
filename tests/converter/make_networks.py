"""Makes the networks and pictures that the converter's tests use; run as a script.

    python make_networks.py FOLDER

The pictures are patterns, one per class. The networks are untrained but for their last layer,
which least squares fits to the patterns: so their answers differ from picture to picture as a
trained network's do, and nothing has to be downloaded or trained.
"""

import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["KERAS_BACKEND"] = "tensorflow"

import cv2
import h5py
import keras
import numpy as np
import tensorflow as tf

from fer_runtime.labels import EMOTIONS
from fer_training.nets.model_io import save_model
from fer_training.nets.networks import build
from fer_training.nets.record import new_record

PER_CLASS = 20

# Where each emotion stands in each head.
PLACES = {"fer2013": list(range(7)), "ferplus": [4, 5, 6, 1, 0, 3, 2]}


def pattern(label: int, rng: np.random.Generator) -> np.ndarray:
    """A noisy grating whose direction is the class, (48, 48) uint8."""
    y, x = np.mgrid[0:48, 0:48] / 48.0
    angle = np.pi * label / len(EMOTIONS) + rng.normal(0, 0.05)
    wave = np.sin(2 * np.pi * 3 * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 6.3))
    values = 128 + rng.uniform(30, 80) * wave + rng.normal(0, 15, (48, 48)) + rng.normal(0, 15)
    return np.clip(values, 0, 255).astype(np.uint8)


def write_pictures(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Write class folders, and ``few/`` beside them; return the pictures and their labels."""
    rng = np.random.default_rng(0)
    pictures, labels = [], []
    for label, name in enumerate(EMOTIONS):
        (folder / name).mkdir(parents=True)
        for i in range(PER_CLASS):
            picture = pattern(label, rng)
            cv2.imwrite(str(folder / name / f"{i:03}.png"), picture)
            if i < 5:
                (folder.parent / "few" / name).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder.parent / "few" / name / f"{i:03}.png"), picture)
            pictures.append(picture)
            labels.append(label)
    return np.stack(pictures), np.array(labels)


def fit_last_layer(model, dense, pictures, classes) -> None:
    """Fit a dense layer's logits to one-hot targets by ridge regression."""
    features = keras.Model(model.inputs, dense.input)
    x = np.concatenate(
        [np.asarray(features(pictures[i : i + 56])) for i in range(0, len(pictures), 56)]
    )
    fit_dense(dense, x, classes)


def fit_dense(dense, x, classes, gain=4.0) -> None:
    """Fit a dense layer's logits for features `x` to one-hot targets by ridge regression."""
    mean, spread = x.mean(0), x.std(0) + 1e-3
    z = (x - mean) / spread
    target = gain * (np.eye(dense.units)[classes] - 1 / dense.units)
    solved = np.linalg.solve(z.T @ z + 5.0 * np.eye(z.shape[1]), z.T @ target)
    dense.set_weights([solved / spread[:, None], -(mean / spread) @ solved])


def settle_norms(model, pictures) -> None:
    """Give batch normalisation the patterns' own statistics, as a little training would."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            x = np.asarray(keras.Model(model.inputs[0], layer.input)(pictures[::4]))
            axes = tuple(range(x.ndim - 1))
            gamma, beta = layer.get_weights()[:2]
            layer.set_weights([gamma, beta, x.mean(axes), x.var(axes) + 1e-3])


def own_network(name: str, heads, pictures, labels):
    """Build a network of fer-train."""
    model = build(name, heads=heads)
    settle_norms(model, pictures)
    for head in heads:
        fit_last_layer(model, model.get_layer(head), pictures, np.array(PLACES[head])[labels])
    return model


def step_network(folder: Path, pictures, labels) -> None:
    """Save edge24-gru with a record, its heads fitted to what it remembers after four looks."""
    model = build("edge24-gru")
    settle_norms(model, pictures)
    after = keras.Model(model.inputs, model.get_layer("new_state").output)
    state = np.zeros((len(pictures), 64), np.float32)
    for _ in range(4):
        parts = range(0, len(pictures), 56)
        since = np.full((56, 1), 0.1, np.float32)
        state = np.concatenate(
            [after([x := pictures[i : i + 56], since[: len(x)], state[i : i + 56]]) for i in parts]
        )
    for head, places in PLACES.items():
        fit_dense(model.get_layer(head), state, np.array(places)[labels])
    record = new_record()
    record["network"], record["data"] = "edge24-gru", "patterns"
    for suffix in ("keras", "h5"):
        save_model(model, folder / f"gru.{suffix}", record)


def tiny(channels=1, classes=7, last="softmax", size=48, scale=True):
    """A small foreign network."""
    layers = keras.layers
    body = [keras.Input((size, size, channels))]
    if scale:
        body.append(layers.Rescaling(1 / 127.5, -1))
    body += [
        layers.Conv2D(8, 5, strides=2, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.AveragePooling2D(3),
        layers.Flatten(),
        layers.Dense(classes, activation=last),
    ]
    return keras.Sequential(body)


def legacy_h5(model, path: Path) -> None:
    """Write a Sequential network the way Keras 2 did: batch_input_shape, kernel:0, no modules."""
    described = json.loads(model.to_json())["config"]["layers"]
    out = []
    for layer in described:
        config = {k: v for k, v in layer["config"].items() if not isinstance(v, dict)}
        config["dtype"] = "float32"
        if layer["class_name"] == "InputLayer":
            config["batch_input_shape"] = config.pop("batch_shape")
        out.append({"class_name": layer["class_name"], "config": config})
    content = {"class_name": "Sequential", "config": {"name": "sequential", "layers": out}}
    with h5py.File(path, "w") as file:
        file.attrs.update(
            backend="tensorflow", keras_version="2.11.0", model_config=json.dumps(content)
        )
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = weights.create_group(layer.name)
            names = [f"{layer.name}/{w.name}:0" for w in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layer.get_weights(), strict=True):
                group.create_dataset(name, data=value)


@keras.saving.register_keras_serializable(package="theirs")
class Doubled(keras.layers.Layer):
    """A custom layer."""

    def call(self, x):
        return x * 2


class Halved(keras.layers.Layer):
    """One that nobody has registered."""

    def call(self, x):
        return x / 2


def steep(x):
    """An activation of somebody's own."""
    return x * x


def main(folder: Path) -> None:
    keras.utils.set_random_seed(1)
    pictures, labels = write_pictures(folder / "pictures")
    x = pictures[..., np.newaxis].astype(np.float32)

    record = new_record()
    record["data"], record["network"] = "patterns", "edge24"
    record["heads"]["ferplus"]["temperature"] = 0.8
    save_model(own_network("edge24", ("fer2013", "ferplus"), x, labels), folder / "edge24.keras",
               record)  # fmt: skip
    step_network(folder, x, labels)
    own_network("seed", ("fer2013",), x, labels).save(folder / "seed.h5")

    model = tiny()
    fit_last_layer(model, model.layers[-1], x, labels)
    model.save(folder / "tiny.h5")
    model.save(folder / "tiny.keras")
    legacy_h5(model, folder / "keras2.h5")
    model.export(folder / "savedmodel")

    bytes_in = tf.Module()
    bytes_in.model = model
    spec = tf.TensorSpec((None, 48, 48, 1), tf.uint8)
    serve = tf.function(lambda x: {"out": model(tf.cast(x, tf.float32))}, input_signature=[spec])
    tf.saved_model.save(bytes_in, folder / "bytes", signatures=serve)

    color = tiny(channels=3, classes=8, size=32, scale=False)
    color.save(folder / "color.keras")
    keras.Sequential(
        [keras.Input((48, 48, 1)), keras.layers.Lambda(lambda v: v / 255), *tiny().layers]
    ).save(folder / "lambda.h5")
    custom = keras.Sequential([keras.Input((48, 48, 1)), Doubled(), *tiny().layers])
    custom.save(folder / "custom.keras")
    custom.save(folder / "custom.h5")
    custom.export(folder / "custom")
    entry = keras.Input((48, 48, 1))
    keras.Model(entry, Halved(name="half")(entry)).save(folder / "unregistered.keras")
    end = keras.layers.Dense(7, activation=steep)(keras.layers.Flatten()(entry))
    keras.Model(entry, end).save(folder / "function.h5")
    tiny(channels=2).save(folder / "two_channels.keras")
    any_size = [keras.layers.Conv2D(7, 3), keras.layers.GlobalAveragePooling2D()]
    keras.Sequential([keras.Input((None, None, 1)), *any_size]).save(folder / "any_size.keras")
    entry = keras.Input((48, 48, 1))
    flat = keras.layers.Flatten()(entry)
    heads = {n: keras.layers.Dense(7, name=n)(flat) for n in ("left", "right")}
    keras.Model(entry, heads).save(folder / "two_heads.keras")
    tiny().save_weights(folder / "only.weights.h5")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
