"""Transfer runs on tiny data and an untrained base: stages, resuming, cached features, folding."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cifar_lab import data
from cifar_lab.data import weights

SMALL = data.load("synthetic").sample(train=60, test=20)


@pytest.fixture
def training(monkeypatch):
    """Import what a run needs, with a narrow, untrained base; not at the top: it imports Keras."""
    import keras

    from cifar_lab.training import (
        checkpoint,
        feature_cache,
        fold_batchnorm,
        recipes,
        transfer,
        transfer_fast,
    )

    def narrow(size):
        keras.utils.set_random_seed(0)
        x = inputs = keras.Input((size, size, 3))
        for name, filters in (("first", 4), ("second", 5), ("last", 6)):
            x = keras.layers.Conv2D(filters, 3, strides=2, use_bias=False, name=name)(x)
            x = keras.layers.BatchNormalization()(x)
            end = "block_12_add" if name == "second" else None  # where the fast recipe cuts
            x = keras.layers.ReLU(name=end)(x)
        return keras.Model(inputs, x, name="base")

    monkeypatch.setattr(weights, "mobilenet", narrow)
    return SimpleNamespace(
        keras=keras,
        fast=transfer_fast,
        features=feature_cache,
        folding=fold_batchnorm,
        recipes=recipes,
        transfer=transfer,
        RunError=checkpoint.RunError,
    )


def settings_of(training, recipe):
    return training.recipes.settings(recipe, SMALL, seed=0, epochs=2, image_size=32)


# --- the original's recipe -----------------------------------------------------------------------


class Stop(KeyboardInterrupt):
    """Ctrl-C at a chosen place."""


@pytest.mark.parametrize(
    ("stage", "epoch"), [("fine-tuning", 0), ("fine-tuning", 1)], ids=["between", "within"]
)
def test_an_interrupted_transfer_resumes(training, reference, tmp_path, monkeypatch, stage, epoch):
    """A run that is interrupted before or within the second stage repeats and loses no epoch."""
    begun, plain = [], training.transfer.EpochBar

    class Interrupting(plain):
        def on_epoch_begin(self, number, logs=None):
            super().on_epoch_begin(number, logs)
            if (self.stage.strip(), number) == (stage, epoch) and Stop not in begun:
                begun.append(Stop)
                raise Stop
            begun.append((self.stage.strip(), number))

    monkeypatch.setattr(training.transfer, "EpochBar", Interrupting)
    settings = settings_of(training, "transfer")
    with pytest.raises(Stop):
        training.recipes.run(reference, SMALL, settings, tmp_path)
    metrics = training.recipes.run(reference, SMALL, settings, tmp_path)
    begun.remove(Stop)
    assert begun == [*(("head", n) for n in range(3)), *(("fine-tuning", n) for n in range(2))]
    assert metrics["epochs_run"] == 5 and len(metrics["history"]["val_accuracy"]) == 5
    assert metrics["image_size"] == 32 and not (tmp_path / "checkpoint.npz").exists()


def test_the_learning_rates_of_the_stages(training, reference, tmp_path):
    settings = settings_of(training, "transfer")
    history = training.recipes.run(reference, SMALL, settings, tmp_path)["history"]
    np.testing.assert_allclose(history["learning_rate"], [1e-3] * 3 + [1e-4] * 2, rtol=1e-5)


# --- the fast recipe -----------------------------------------------------------------------------


def test_a_fast_run_leaves_its_files_and_no_cache(training, reference, tmp_path):
    settings = settings_of(training, "transfer-fast")
    metrics = training.recipes.run(reference, SMALL, settings, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        *("metrics.json", "curves.png", "predictions.npy", "model.keras", "MODEL_CARD.md")
    }
    assert metrics["views"] == 2 and metrics["seconds"] > metrics["trunk_seconds"] >= 0
    # the whole network, from images to probabilities, is what was saved
    model = training.keras.saving.load_model(tmp_path / "model.keras")
    predictions = np.load(tmp_path / "predictions.npy")
    np.testing.assert_allclose(model.predict(SMALL.x_test, verbose=0), predictions, atol=1e-4)
    accuracy = np.mean(predictions.argmax(1) == SMALL.y_test)
    assert metrics["test_accuracy"] == pytest.approx(accuracy)


def test_only_the_layers_behind_the_trunk_are_trained(training, reference, tmp_path):
    lighter = training.folding.folded(weights.mobilenet(32))
    before = {name: lighter.get_layer(name).get_weights()[0] for name in ("first", "last")}
    settings = settings_of(training, "transfer-fast")
    training.recipes.run(reference, SMALL, settings, tmp_path)
    model = training.keras.saving.load_model(tmp_path / "model.keras")
    after = {w.shape: w for w in model.get_weights()}  # the shapes differ from layer to layer
    np.testing.assert_array_equal(after[before["first"].shape], before["first"])
    assert not np.array_equal(after[before["last"].shape], before["last"])


@pytest.mark.parametrize("changed", ["nothing", "the split", "the weights"])
def test_features_of_other_images_or_another_trunk_are_computed_again(
    training, tmp_path, reference, monkeypatch, changed
):
    """Old features would get new labels if a run resumed after its split was corrected."""
    calls = []
    extract = SimpleNamespace(cache_features=lambda trunk, some: calls.append(len(some)) or some)
    images, some = training.keras.Input((2, 2)), np.arange(8.0).reshape(2, 2, 2)
    trunk = training.keras.Model(images, training.keras.layers.Dense(2)(images))
    parts = {name: (some, np.eye(2)) for name in ("train", "validation")}
    choices = training.fast.Choices(views=1)
    checkpoint = SimpleNamespace(settings=settings_of(training, "transfer-fast"), out=tmp_path)
    training.fast._features(trunk, parts, choices, extract, checkpoint)
    assert calls == [2, 2]
    if changed == "the split":
        parts["train"] = (some[::-1], np.eye(2))
    elif changed == "the weights":
        trunk.set_weights([weights + 1 for weights in trunk.get_weights()])
    training.fast._features(trunk, parts, choices, extract, checkpoint)
    assert calls == [2, 2] * (1 if changed == "nothing" else 2)


@pytest.fixture
def counting():
    """Double images and count them; `stop_at` is the call at which Ctrl-C comes."""

    class Counting:
        seen, calls, stop_at = 0, 0, None

        def __call__(self, images):
            self.calls += 1
            if self.calls == self.stop_at:
                raise Stop
            self.seen += len(images)
            return 2.0 * images

    return Counting()


def test_features_resume_where_they_stopped(training, counting, tmp_path, monkeypatch):
    monkeypatch.setattr(training.features, "CHUNK", 10)
    images, file = np.arange(35.0).reshape(35, 1), tmp_path / "cache" / "a.npy"
    counting.stop_at = 3
    with pytest.raises(Stop):
        training.features.cached(file, images, counting, (1,), "key")
    assert counting.seen == 20
    found, seconds = training.features.cached(file, images, counting, (1,), "key")
    assert counting.seen == 35 and seconds > 0 and isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, 2 * images)
    training.features.cached(file, images, counting, (1,), "key")
    assert counting.seen == 35
    training.features.cached(file, images, counting, (1,), "another key")
    assert counting.seen == 70


def test_a_truncated_cache_is_computed_again(training, counting, tmp_path):
    images, file = np.arange(8.0).reshape(8, 1), tmp_path / "a.npy"
    training.features.cached(file, images, counting, (1,), "key")
    file.write_bytes(file.read_bytes()[:-4])
    found, _ = training.features.cached(file, images, counting, (1,), "key")
    assert counting.seen == 16
    np.testing.assert_array_equal(found, 2 * images)


@pytest.mark.parametrize("content", [b"", b"PK", b"{", b"[]", b"{}"])
@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_damaged_cache_is_named_and_computed_again(
    training, counting, tmp_path, capsys, content, suffix
):
    images, file = np.arange(8.0).reshape(8, 1), tmp_path / "a.npy"
    training.features.cached(file, images, counting, (1,), "key")
    assert "damaged" not in capsys.readouterr().out
    file.with_suffix(suffix).write_bytes(content)
    found, _ = training.features.cached(file, images, counting, (1,), "key")
    np.testing.assert_array_equal(found, 2 * images)
    assert counting.seen == 16
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "damaged" in line]
    assert str(file) in line


def test_a_full_disk_is_named_before_the_work(training, counting, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(training.RunError, match=r"need 0\.0 GB, and the disk has 0\.0 GB left"):
        training.features.cached(tmp_path / "a.npy", np.ones((8, 1)), counting, (1,), "key")
    assert counting.calls == 0 and not list(tmp_path.iterdir())


def test_features_too_large_for_16_bits_are_an_error(training, tmp_path):
    with pytest.raises(training.RunError, match="does not fit into 16 bits"):
        training.features.cached(tmp_path / "a", np.ones((2, 1)), lambda x: 1e6 * x, (1,), "key")


def test_views_cover_every_image_once(training):
    count = 25
    views = [np.arange(count)[:, None] + 100.0 * view for view in range(2)]
    batches = training.fast.Views(views, np.eye(count), batch_size=10, seed=3)
    epochs = []
    for _ in range(2):
        x, y = (np.concatenate(part) for part in zip(*(batches[i] for i in range(3)), strict=True))
        np.testing.assert_array_equal(x[:, 0] % 100, y.argmax(1))  # image and label are paired
        assert sorted(y.argmax(1)) == list(range(count))
        assert 0 < np.sum(x >= 100) < count  # both views are there
        epochs.append(x)
        batches.on_epoch_end()
    assert not np.array_equal(*epochs)
    plain = training.fast.Views(views[:1], np.eye(count), batch_size=10)
    np.testing.assert_array_equal(plain[1][0][:, 0], np.arange(10, 20))


# --- folding -------------------------------------------------------------------------------------


def test_folded_computes_the_same(training):
    keras, random = training.keras, np.random.default_rng(0)
    base = keras.applications.MobileNetV2((32, 32, 3), 0.35, include_top=False, weights=None)
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    lighter = training.folding.folded(base)
    x = random.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    expected, found = (model.predict(x, verbose=0) for model in (base, lighter))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert len(lighter.layers) == len(base.layers) - 52  # one for each BatchNormalization


def test_a_normalization_without_a_convolution_cannot_be_folded(training):
    layers = training.keras.layers
    model = training.keras.Sequential(
        [training.keras.Input((4, 4, 3)), layers.ReLU(), layers.BatchNormalization()]
    )
    with pytest.raises(ValueError, match="is not a convolution"):
        training.folding.folded(model)


# --- weights -------------------------------------------------------------------------------------


def test_missing_or_broken_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert "not there" in weights.describe()
    with pytest.raises(weights.WeightsError, match="cifar-course data --download"):
        weights.mobilenet(96)
    weights.file().parent.mkdir()
    weights.file().write_bytes(b"half a download")
    assert str(weights.file()) in weights.describe()
    with pytest.raises(weights.WeightsError, match="Delete the file"):
        weights.mobilenet(96)


def test_a_failed_download_of_the_weights_is_reported(monkeypatch, tmp_path):
    import keras

    def fails(*args, **kwargs):
        raise Exception("URL fetch failure")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.applications, "MobileNetV2", fails)
    with pytest.raises(weights.WeightsError, match="download failed"):
        weights.download()


def test_train_transfer_without_weights_is_one_line(command, reference, tmp_path):
    done = command(
        *("train", "transfer", "--submission", reference, "--out", tmp_path / "run"),
        env={"KERAS_HOME": str(tmp_path), "CIFAR_COURSE_DATA": "synthetic"},
    )
    assert done.returncode == 2
    assert "ImageNet weights are not there" in done.stderr and "Traceback" not in done.stderr


def test_settings_of_another_recipe_are_refused(training, reference, tmp_path):
    settings = settings_of(training, "transfer-fast")
    training.recipes.run(reference, SMALL, settings, tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["recipe"] == "transfer-fast"
    with pytest.raises(training.RunError, match="finished run"):
        training.recipes.run(reference, SMALL, replace(settings, seed=1), tmp_path)
