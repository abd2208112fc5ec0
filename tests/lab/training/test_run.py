"""Full runs on a tiny dataset: files, resuming after Ctrl-C and after a kill, wrong folders."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cifar_lab import data
from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError

SMALL = data.load("synthetic").sample(train=80, test=40)


@pytest.fixture
def training():
    """Import what a run needs; not at the top, because it imports Keras."""
    from cifar_lab.training import accuracy, checkpoint, cnn, progress_bar, recipes, run

    return SimpleNamespace(
        cnn=cnn,
        ensure_accuracy=accuracy.ensure_accuracy,
        run=recipes.run,
        predicted=run.predicted,
        Checkpoint=checkpoint.Checkpoint,
        EpochBar=progress_bar.EpochBar,
        RunError=checkpoint.RunError,
        Settings=checkpoint.Settings,
    )


@pytest.fixture
def settings(training):
    return training.Settings("cnn", SMALL.name, seed=0, epochs=2)


@pytest.fixture
def small_network(submission_with, reference):
    """Write the reference with few filters, so that an epoch takes a second."""
    text = (reference / "cifar_course" / "regularization.py").read_text(encoding="utf-8")
    few = text.replace("filters: tuple[int, int, int] = (64, 128, 256)", "filters=(2, 4, 8)")
    assert few != text
    return submission_with(regularization=few)


def test_a_run_leaves_its_files_and_correct_metrics(training, settings, small_network, tmp_path):
    out = tmp_path / "run"
    metrics = training.run(small_network, SMALL, settings, out)
    assert {file.name for file in out.iterdir()} == {
        *("metrics.json", "curves.png", "predictions.npy", "model.keras", "MODEL_CARD.md")
    }
    assert metrics == json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    predictions = np.load(out / "predictions.npy")
    assert predictions.shape == (40, 10)
    accuracy = np.mean(predictions.argmax(1) == SMALL.y_test)
    assert metrics["test_accuracy"] == pytest.approx(accuracy)
    assert metrics["data"] == "synthetic dataset" and metrics["epochs_run"] == 2
    assert len(metrics["history"]["val_accuracy"]) == 2
    (code,) = metrics["code"]
    written = (small_network / "cifar_course" / "regularization.py").read_bytes()
    assert code["modules"].keys() == set(syllabus.modules())
    assert code["modules"]["regularization"] == hashlib.sha256(written).hexdigest()
    recipe = (syllabus.LAB / "training" / "cnn.py").read_bytes()
    assert code["recipe"] == hashlib.sha256(recipe).hexdigest()
    assert "commit" in code
    with pytest.raises(training.RunError, match="finished run"):
        training.run(small_network, SMALL, settings, out)


@pytest.mark.parametrize(
    "metrics",
    ["metrics=['acc']", "metrics=[keras.metrics.CategoricalAccuracy()]", "metrics=None"],
)
def test_a_run_takes_any_accuracy_metric(training, settings, small_network, tmp_path, metrics):
    """All pass `compile_cnn`, or are found late; the callbacks monitor `val_accuracy`."""
    with (small_network / "cifar_course" / "cnn.py").open("a", encoding="utf-8") as file:
        file.write(
            "\n\ndef compile_cnn(model, learning_rate=1e-3):\n"
            "    optimizer = keras.optimizers.Adam(learning_rate)\n"
            f"    model.compile(optimizer, 'categorical_crossentropy', {metrics})\n"
            "    return model\n"
        )
    found = training.run(small_network, SMALL, settings, tmp_path / "run")
    assert len(found["history"]["accuracy"]) == len(found["history"]["val_accuracy"]) == 2
    assert (tmp_path / "run" / "curves.png").exists()


def test_a_network_that_has_the_metric_is_not_compiled_again(training):
    import keras

    for metric in ("accuracy", keras.metrics.CategoricalAccuracy(name="accuracy")):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        model.compile("sgd", "mse", metrics=["mae", metric], jit_compile=False)
        before = model.get_compile_config()
        training.ensure_accuracy(model)
        assert model.get_compile_config() == before


def test_predictions_and_metrics_are_there_if_the_figure_fails(
    training, settings, small_network, tmp_path, monkeypatch
):
    def fail(*args, **kwargs):
        raise KeyError("accuracy")

    monkeypatch.setattr("cifar_lab.plots.learning_curves", fail)
    with pytest.raises(KeyError):
        training.run(small_network, SMALL, settings, tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    accuracy = np.mean(np.load(tmp_path / "predictions.npy").argmax(1) == SMALL.y_test)
    assert metrics["test_accuracy"] == pytest.approx(accuracy)


def test_learning_curves_take_any_accuracy():
    from cifar_lab import plots

    for name in ("accuracy", "acc", "categorical_accuracy"):
        history = {"loss": [2, 1], "val_loss": [3, 2], name: [0, 1], f"val_{name}": [0, 0]}
        loss, accuracy = plots.learning_curves(history).axes
        assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
        assert len(accuracy.lines) == 2
    assert len(plots.learning_curves({"loss": [2, 1]}).axes) == 1


def test_the_last_measurement_takes_all_in_order_and_shows_progress(training, monkeypatch, capsys):
    """At 224 pixels it takes minutes, and a screen without any progress looks broken."""
    import keras

    monkeypatch.setattr("cifar_lab.training.run.MEASURED", 15)
    layers = [keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    network = keras.Sequential(layers)
    found = training.predicted(network, SMALL.x_test, "test")
    # each output sums 3,072 terms of either sign, 6,000 together, and may come out near zero
    expected = network.predict(SMALL.x_test, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)
    assert "measuring on test" in capsys.readouterr().out


def test_an_interrupted_run_resumes_with_its_whole_state(
    training, settings, small_network, tmp_path, monkeypatch
):
    """Weights, optimizer and history come back; the epochs that are done are not repeated."""
    settings, out, plain = replace(settings, epochs=4), tmp_path / "run", training.EpochBar

    class Interrupting(plain):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            if epoch == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(training.cnn, "EpochBar", Interrupting)
    with pytest.raises(KeyboardInterrupt):
        training.run(small_network, SMALL, settings, out)
    with np.load(out / "checkpoint.npz", allow_pickle=False) as file:
        saved = {name: file[name] for name in file.files if name != "state"}

    seen = {}

    class Looking(plain):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            variables = [*self.model.variables, *self.model.optimizer.variables]
            seen.setdefault(epoch, [np.asarray(variable) for variable in variables])

    monkeypatch.setattr(training.cnn, "EpochBar", Looking)
    with (small_network / "cifar_course" / "cnn.py").open("a", encoding="utf-8") as file:
        file.write("# a change\n")
    metrics = training.run(small_network, SMALL, settings, out)
    assert list(seen) == [2, 3]
    assert len(seen[2]) > 10
    for number, value in enumerate(seen[2]):
        np.testing.assert_array_equal(value, saved[f"v{number}"])
    assert metrics["epochs_run"] == 4 and len(metrics["history"]["loss"]) == 4
    before, after = (code["modules"] for code in metrics["code"])
    assert [name for name in before if before[name] != after[name]] == ["cnn"]


def test_the_callbacks_counts_are_restored(training, settings, tmp_path):
    """EarlyStopping and ReduceLROnPlateau resume counting."""
    import keras

    def run(epochs):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        counting = [
            keras.callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True),
            keras.callbacks.ReduceLROnPlateau("loss", patience=9),
        ]
        checkpoint = training.Checkpoint(tmp_path, settings, code={})
        checkpoint.enter(0, counting)
        # nothing to learn: after the first epoch nothing improves
        x, y = np.zeros((4, 2)), np.zeros((4, 1))
        model.fit(x, y, epochs=epochs, verbose=0, callbacks=[*counting, checkpoint])
        return [callback.wait for callback in counting], counting[0].best_weights

    waits, best = run(epochs=3)
    assert waits == [2, 2]
    waits, restored = run(epochs=5)
    assert waits == [4, 4]
    for ours, theirs in zip(restored, best, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_run_that_had_stopped_does_not_resume_training(training, settings, tmp_path):
    """After an interruption in the last measurement, the best weights are restored."""
    import keras

    def run():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        stop = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
        checkpoint = training.Checkpoint(tmp_path, settings, code={})
        checkpoint.enter(0, [stop])
        # what it learns is wrong for the validation data: the first epoch is the best
        x, wrong = np.eye(2), (np.eye(2), model.predict(np.eye(2), verbose=0))
        y = wrong[1] + 1
        model.fit(x, y, epochs=9, validation_data=wrong, verbose=0, callbacks=[stop, checkpoint])
        return checkpoint.epochs_run, stop.best_epoch, model.get_weights()

    epochs, best, weights = run()
    assert (epochs, best) == (3, 0)
    again, best, restored = run()
    assert (again, best) == (3, 0)
    for ours, theirs in zip(restored, weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_run_with_other_settings_is_not_mixed_in(training, settings, small_network, tmp_path):
    import keras

    out = tmp_path / "run"
    checkpoint = training.Checkpoint(out, settings, code={})
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.zeros((4, 2)), np.zeros((4, 1)), verbose=0, callbacks=[checkpoint])
    with pytest.raises(training.RunError, match="other settings"):
        training.run(small_network, SMALL, replace(settings, seed=1), out)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04 and so on", b"{"])
@pytest.mark.parametrize("name", ["checkpoint.npz", "metrics.json"])
def test_a_damaged_file_is_named_with_the_remedy(training, settings, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CourseError, match=r"empty, cut off or damaged .*Delete it") as damaged:
        training.Checkpoint(tmp_path, settings, code={})
    assert str(damaged.value).startswith(str(tmp_path / name))
    assert "\n" not in str(damaged.value)


def test_a_truncated_checkpoint_is_named(training, settings, tmp_path):
    whole = tmp_path / "whole.npz"
    np.savez(whole, state=np.array("{}"), v0=np.ones(1000))
    for size in (100, 1000, whole.stat().st_size - 1):
        (tmp_path / "checkpoint.npz").write_bytes(whole.read_bytes()[:size])
        with pytest.raises(CourseError, match="cut off or damaged"):
            training.Checkpoint(tmp_path, settings, code={})


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
def test_a_killed_run_resumes(small_network, tmp_path):
    """After a kill in the second epoch, the same command resumes with the second."""
    out = tmp_path / "run"
    command = [
        *(sys.executable, "-m", "cifar_lab.cli", "train", "cnn", "--data", "synthetic"),
        *("--submission", str(small_network), "--epochs", "3", "--out", str(out)),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (out / "checkpoint.npz").exists():
        assert process.poll() is None, "the run ended before its first checkpoint"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "epoch  1 of 3" not in done.stdout and "epoch  3 of 3" in done.stdout
    assert "test accuracy on synthetic dataset" in done.stdout
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert len(metrics["code"]) == 1
