"""Laws that tests of several lessons share: of compiled models, and of lists of callbacks.

The functions that return such objects are learner code, and are passed as proxies, such as
`learner.cnn.compile_cnn`.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import softmax

from cifar_lab.execution.protocol import Handle
from cifar_lab.testing.expect import expect
from cifar_lab.testing.learner import Learner, LearnerError, Proxy
from cifar_lab.testing.samples import generator
from cifar_lab.verifier import adam

# --- compiled models ------------------------------------------------------------------------------


class Compiling:
    """Laws of a function that compiles a classifier with Adam, on one-hot labels.

    Args:
        learner: The submission.
        function: Such as `learner.cnn.compile_cnn`.
        default_rate: The learning rate if none is asked for.
    """

    def __init__(self, learner: Learner, function: Callable, default_rate: float):
        self.learner = learner
        self.function = function
        self.default_rate = default_rate

    def compiled(self, model: Proxy, **settings) -> Proxy:
        """Return the model that comes back, ready to train."""
        result = self.function(model, **settings)
        expect(result).to_be_a("model", because="the model that was given comes back")
        expect(result.is_compiled()).to_equal(True, because="it makes a model ready to train")
        return result

    def expect_same_model(self) -> None:
        """Fail unless the model that comes back is the one that was given."""
        model = self.learner.tools.small_model()
        result = self.compiled(model)
        expect(result).to_satisfy(
            result == model,
            "the very model that was given",
            because="a copy would leave the caller's model uncompiled",
        )

    def expect_adam(self) -> None:
        """Fail unless the optimizer is Adam at the rate that was asked for."""
        # the default comes second: then it is known that the function uses `learning_rate`
        for settings, right in (({"learning_rate": 0.02}, 0.02), ({}, self.default_rate)):
            model = self.compiled(self.learner.tools.small_model(), **settings)
            spec = model.optimizer_spec()
            expect(spec["class"]).to_equal(
                "Adam",
                because="Adam scales each weight's step by that weight's own gradients",
                mistakes={"you did not choose an optimizer: Keras' default is RMSprop": "RMSprop"},
            )
            mistakes = {
                "you ignored `learning_rate` and took the default": self.default_rate,
                'you ignored `learning_rate`: the name "adam" alone means Adam at 0.001': 1e-3,
            }
            if not settings:
                mistakes = {
                    "your default is not the signature's": spec["learning_rate"],
                }
            expect(spec["learning_rate"]).to_be_close(
                right,
                because=f"learning_rate={right} is what was asked for",
                rtol=1e-4,
                atol=0,
                mistakes=mistakes,
            )

    def expect_crossentropy(self) -> None:
        """Fail unless the loss is categorical cross-entropy on one-hot labels and probabilities."""
        values, targets, probabilities = self._measured()
        logs = np.log(probabilities), np.log(1 - probabilities)
        expect(values["loss"]).to_be_close(
            _surprise(targets, probabilities),
            because="the labels are one-hot and the outputs are probabilities",
            rtol=1e-3,
            mistakes={
                "you chose the mean squared error": ((targets - probabilities) ** 2).mean(),
                "you chose the binary cross-entropy, a yes or no for each class": (
                    -(targets * logs[0] + (1 - targets) * logs[1]).mean()
                ),
                "you said from_logits=True, so that a second softmax is taken": (
                    _surprise(targets, softmax(probabilities, axis=-1))
                ),
            },
        )
        self._expect_steps()

    def _expect_steps(self) -> None:
        """Fail unless training takes Adam's steps, clipped as the optimizer says."""
        model = self.learner.tools.small_model()
        before = model.get_weights()  # before learner code has it
        model = self.compiled(model, learning_rate=0.02)
        spec, random = model.optimizer_spec(), generator(11)
        # the first gradient is long, so that clipping it shows in the steps after it
        batches = [
            ((scale * random.normal(size=(6, 4))).astype(np.float32), np.eye(3)[np.arange(6) % 3])
            for scale in (30, 1, 0.5)
        ]
        for x, targets in batches:
            model.train_on_batch(x, targets)
        clipping = {name: spec[name] for name in ("clipnorm", "global_clipnorm")}
        right = adam.steps(before, batches, 0.02, **clipping)
        with self.learner.described("the compiled model, trained on three batches"):
            found = model.get_weights()
        for ours, theirs in zip(right, found, strict=True):
            expect(theirs).to_be_close(
                ours,
                because="Adam at 0.02, with the clipping that the optimizer names, takes these "
                "steps from the same weights and batches",
                rtol=1e-4,
                atol=1e-4,
            )

    def expect_accuracy(self) -> None:
        """Fail unless one metric is the accuracy of the largest outputs."""
        values, targets, probabilities = self._measured()
        right = float(np.mean(probabilities.argmax(-1) == targets.argmax(-1)))
        metrics = {name: value for name, value in values.items() if name != "loss"}
        mistake = None
        if not metrics:
            mistake = "you named no metrics"
        elif "accuracy" in metrics:
            mistake = (
                "your metric compares outputs with labels number by number (keras.metrics.Accuracy)"
            )
        expect(metrics).to_satisfy(
            any(abs(value - right) < 1e-5 for value in metrics.values()),
            f"a metric of {right:.4g}",
            because="a loss is hard to read; people ask for the accuracy",
            mistake=mistake,
        )

    def _measured(self) -> tuple[dict, np.ndarray, np.ndarray]:
        """Return loss and metrics as Keras reports them, with their targets and predictions."""
        model = self.learner.tools.opaque_model()
        x, targets = 3 * generator().normal(size=(12, 4)), np.eye(3)[np.arange(12) % 3]
        probabilities = np.asarray(model.predict(x), np.float64)  # before learner code has it
        model = self.compiled(model)
        try:
            return model.evaluate(x, targets), targets, probabilities
        except LearnerError as error:
            known = {
                "dtype='string'": "you gave the metrics by position, where Keras expects loss "
                "weights: write metrics=[...]",
                "target.ndim - 1": "the loss is sparse: it expects numbers as labels, these are "
                "one-hot",
                "No loss": "you named no loss",
            }
            mistakes = [mistake for part, mistake in known.items() if part in error.message]
            expect(str(error)).to_satisfy(
                False,
                "loss and accuracy of images with one-hot labels",
                because="a network that is ready to train can be evaluated, too",
                mistake=mistakes[0] if mistakes else None,
            )
            raise AssertionError from error  # not reached: the line above has failed


def _surprise(targets: np.ndarray, probabilities: np.ndarray) -> float:
    return float(-np.mean(np.log(probabilities[targets.astype(bool)])))


# --- lists of callbacks ---------------------------------------------------------------------------


def _callbacks(function: Callable) -> list[Proxy]:
    callbacks = function()
    expect(callbacks).to_satisfy(
        isinstance(callbacks, list) and all(isinstance(c, Handle) for c in callbacks),
        "a list of Keras callbacks",
        because="`fit` takes a list of objects: EarlyStopping(...), not the class EarlyStopping",
    )
    return callbacks


def the_callback(learner: Learner, function: Callable, name: str, because: str) -> dict:
    """Return the settings of the one callback of the class `name` that `function` returns."""
    callbacks = _callbacks(function)
    with learner.described(learner.last_call):
        specs = [callback.spec() for callback in callbacks]
    found = [spec["settings"] for spec in specs if name in spec["classes"]]
    expect([spec["class"] for spec in specs]).to_satisfy(
        len(found) == 1, f"one {name} among them", because=because
    )
    return found[0]


def expect_watches(spec: dict, monitors: list[str]) -> None:
    """Fail unless the callback watches one of these metrics, in the direction that is better."""
    monitor = spec["monitor"]
    known = {
        "accuracy": "you watched the training data's accuracy: `val_` is the validation data's",
        "loss": "you watched the training data's loss: `val_` is the validation data's",
        "val_acc": "you wrote val_acc: Keras calls it val_accuracy, and only warns about val_acc",
    }
    expect(monitor).to_satisfy(
        monitor in monitors,
        " or ".join(monitors),
        because="validation data show when a network no longer learns but memorizes",
        mistake=known.get(monitor),
    )
    right = "min" if monitor == "val_loss" else "max"
    better = {"min": "smaller", "max": "larger"}
    expect(spec["mode"]).to_satisfy(
        spec["mode"] in ("auto", right),
        f"mode {right!r} (or 'auto') for {monitor}",
        because=f"a {better[right]} {monitor} is better",
        mistake=f"you would wait for a {better[spec['mode']]} {monitor}"
        if spec["mode"] in better
        else None,
    )


def expect_halved_after_three(spec: dict) -> None:
    """Fail unless a ReduceLROnPlateau has patience 3 and factor 0.5."""
    expect(spec["patience"]).to_equal(
        3,
        because=f"three epochs without a better {spec['monitor']} are a plateau",
        mistakes={"you left patience at Keras' default, 10": 10},
    )
    expect(spec["factor"]).to_be_close(
        0.5,
        because="each drop halves the rate",
        mistakes={"you left factor at Keras' default, 0.1": 0.1},
    )


def expect_new_callbacks(function: Callable) -> None:
    """Fail unless each call of `function` returns new objects."""
    first, second = _callbacks(function), _callbacks(function)
    expect(second).to_satisfy(
        not any(callback in first for callback in second),
        "callbacks that the first call did not return",
        because="a callback remembers its run (best value, count): a second run needs its own",
        mistake="you made the callbacks once, outside of the function",
    )
