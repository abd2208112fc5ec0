"""Right answers of lesson 4, and the helpers that several of its tests use."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis.strategies import (
    builds,
    composite,
    fixed_dictionaries,
    floats,
    integers,
    lists,
    sampled_from,
    tuples,
)

from cifar_lab.testing.expect import expect, fail
from cifar_lab.testing.samples import generator, near, pick


def complete(defaults: Mapping[str, Any], given: tuple, settings: dict) -> dict[str, Any]:
    """Return all settings by name: positional ones, keyword ones, and the defaults."""
    return {**defaults, **dict(zip(defaults, given, strict=False)), **settings}


def near_rates(given: tuple, settings: dict) -> tuple[tuple, dict]:
    """Return arguments in which a graded run has other rates and factors than these."""
    given = tuple(near(value) if isinstance(value, float) else value for value in given)
    return given, {k: near(v) if isinstance(v, float) else v for k, v in settings.items()}


def step_decay(epochs: np.ndarray, rate: float, factor: float, every: int) -> np.ndarray:
    """Return the right rates: one factor for every whole step before each epoch."""
    return rate * factor ** np.floor(epochs / every)


def in_order(name, argument, values, given, settings) -> str:
    """Return a series of calls as text, for the message."""
    row = ", ".join(f"{value:g}" for value in values)
    return f"{name}({arguments_text(given, settings, argument)}) for {argument} = {row}"


def arguments_text(given, settings, *first: str) -> str:
    """Return positional and keyword arguments as text, as a call shows them."""
    return ", ".join([*first, *map(repr, given), *(f"{k}={v!r}" for k, v in settings.items())])


def numbers(found: list) -> list | None:
    """Return the results of the calls, or None if every call returned None."""
    return None if all(value is None for value in found) else found


WARMUP_DEFAULTS = {"total_steps": None, "warmup_steps": None, "peak_rate": None, "final_rate": 0.0}


def warmup_cosine(steps: np.ndarray, total: int, warmup: int, peak: float, final: float):
    """Return the right rates for an array of steps."""
    angle = np.interp(steps, [warmup, total], [0, np.pi])
    risen = np.minimum(steps / warmup, 1) if warmup else 1
    return np.where(steps < warmup, peak * risen, final + (peak - final) * np.cos(angle / 2) ** 2)


def wrong_rise(rise: Callable) -> Callable:
    """Return the right schedule with a wrong warm-up."""
    return lambda steps, total, warmup, peak, final: np.where(
        steps < warmup,
        rise(steps, max(warmup, 1), peak, final),
        warmup_cosine(steps, total, warmup, peak, final),
    )


def wrong_fall(fall: Callable) -> Callable:
    """Return the right schedule with a wrong decay."""
    return lambda steps, total, warmup, peak, final: np.where(
        steps < warmup,
        warmup_cosine(steps, total, warmup, peak, final),
        fall(steps, total, warmup, peak, final),
    )


def half_cosine(progress, peak, final):
    """Return a rate that falls from peak to final while progress goes from 0 to 1."""
    return final + (peak - final) * (1 + np.cos(np.pi * progress)) / 2


WARMUP_MISTAKES = {
    "your warm-up is one step ahead: step 0 has the rate 0": wrong_rise(
        lambda step, warmup, peak, final: peak * (step + 1) / warmup
    ),
    "your warm-up ends one step early, at warmup_steps - 1": wrong_rise(
        lambda step, warmup, peak, final: peak * step / max(warmup - 1, 1)
    ),
    "your warm-up ends one step late, at warmup_steps + 1": wrong_rise(
        lambda step, warmup, peak, final: peak * step / (warmup + 1)
    ),
    "your warm-up starts at final_rate: it starts at 0": wrong_rise(
        lambda step, warmup, peak, final: final + (peak - final) * step / warmup
    ),
    "there is no warm-up: the peak rate comes at once": wrong_rise(
        lambda step, warmup, peak, final: peak + 0 * step
    ),
    "you took final_rate for a fraction of the peak, as `alpha` of Keras' CosineDecay: here it "
    "is a rate": (
        lambda steps, total, warmup, peak, final: warmup_cosine(
            steps, total, warmup, peak, final * peak
        )
    ),
    "your total_steps excludes the warm-up, as `decay_steps` of Keras' CosineDecay does: here "
    "the warm-up is part of it": (
        lambda steps, total, warmup, peak, final: warmup_cosine(
            steps, total + warmup, warmup, peak, final
        )
    ),
    "the cosine began at step 0 instead of warmup_steps, so the rate jumps at the peak": (
        wrong_fall(
            lambda step, total, warmup, peak, final: half_cosine(
                np.minimum(step / total, 1), peak, final
            )
        )
    ),
    "you did not stop at total_steps: the cosine comes up again": wrong_fall(
        lambda step, total, warmup, peak, final: half_cosine(
            (step - warmup) / (total - warmup), peak, final
        )
    ),
    "after total_steps you returned 0: the rate stays at final_rate": wrong_fall(
        lambda step, total, warmup, peak, final: np.where(
            step > total, 0, half_cosine((step - warmup) / (total - warmup), peak, final)
        )
    ),
    "you added final_rate on top: the height of the cosine is peak_rate - final_rate": wrong_fall(
        lambda step, total, warmup, peak, final: (
            final + half_cosine(np.minimum((step - warmup) / (total - warmup), 1), peak, 0)
        )
    ),
    "you left out final_rate": wrong_fall(
        lambda step, total, warmup, peak, final: half_cosine(
            np.minimum((step - warmup) / (total - warmup), 1), peak, 0
        )
    ),
    "you did not halve 1 + cos: it runs from 2 to 0": wrong_fall(
        lambda step, total, warmup, peak, final: (
            final
            + (peak - final)
            * (1 + np.cos(np.pi * np.minimum((step - warmup) / (total - warmup), 1)))
        )
    ),
    "you took a quarter of a cosine: half of one goes to pi": wrong_fall(
        lambda step, total, warmup, peak, final: (
            final
            + (peak - final) * np.cos(np.pi / 2 * np.minimum((step - warmup) / (total - warmup), 1))
        )
    ),
    "the rate falls in a straight line, not along a cosine": wrong_fall(
        lambda step, total, warmup, peak, final: np.interp(step, [warmup, total], [peak, final])
    ),
    "the cosine goes the wrong way: 1 + cos(pi * t) falls, 1 - cos(pi * t) rises": wrong_fall(
        lambda step, total, warmup, peak, final: half_cosine(
            1 - np.minimum((step - warmup) / (total - warmup), 1), peak, final
        )
    ),
}


def is_warmup_cosine(found, steps, because, *given, **settings):
    """Compare rates with the right ones; float32 is precise enough."""
    steps, values = np.array(steps), complete(WARMUP_DEFAULTS, given, settings).values()
    mistakes = {text: wrong(steps, *values) for text, wrong in WARMUP_MISTAKES.items()}
    right = warmup_cosine(steps, *values)
    # relative to the largest rate: near its end, 1 + cos is a small difference of large numbers
    atol = 2e-6 * float(right.max())
    expect(numbers(found)).to_be_close(
        right, because=because, rtol=1e-5, atol=atol, mistakes=mistakes
    )


@composite
def schedules(draw) -> tuple[list[int], dict]:
    """Draw steps and settings: up to a thousand steps, rates from 0.0001 to 1."""
    total = draw(integers(2, 1000))
    warmup = draw(integers(0, total - 1))
    peak = draw(floats(1e-3, 1))
    final = peak * draw(floats(0, 0.9))
    steps = [0, warmup, total, *draw(lists(integers(0, 2 * total), max_size=4))]
    settings = {"total_steps": total, "warmup_steps": warmup}
    return steps, {**settings, "peak_rate": peak, "final_rate": final}


def schedule(learner, *given, **settings):
    """Return the learner's schedule."""
    made = learner.schedules.WarmupCosine(*given, **settings)
    return expect(made).to_be_a(
        "schedule", because="an optimizer takes a keras.optimizers.schedules.LearningRateSchedule"
    )


def images(draw) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return 1,280 training and 200 test images, synthetic, half size, with one-hot labels."""
    return [
        ((x[:, ::2, ::2] / 64 - 1.7).astype(np.float32), np.eye(10, dtype=np.float32)[y])
        for x, y in draw(1280, 200, seed=0)
    ]


def recognizes(learner, model, test: tuple[np.ndarray, np.ndarray]) -> None:
    """Expect an accuracy far above chance on images that the network has not seen."""
    x, y = test
    with learner.described(
        "the network on 200 new images of the synthetic dataset, after 80 steps"
    ):
        right = float(np.mean(np.argmax(model.predict(x), 1) == y.argmax(1)))
    expect(right).to_reach(
        "scheduled_synthetic_accuracy",
        "an accuracy",
        because="chance gives 0.1, and the reference reaches about 0.55",
    )


def grid(*numerators: int) -> list[float]:
    """Return metrics, given in sixty-fourths."""
    return [numerator / 64 for numerator in numerators]


def shifted(metrics: list[float]) -> list[float]:
    """Return metrics that a graded run has shifted a little; differences stay exactly the same."""
    by = pick(0, lambda random: int(random.integers(2**14))) / 2**20
    return [metric + by for metric in metrics]


def without_ties(random: np.random.Generator) -> list[tuple[list[float], int]]:
    """Draw histories in which no two metrics are equal, each with a patience."""
    return [
        (grid(*random.permutation(200)[:16].tolist()), patience)
        for patience in random.integers(1, 5, 6).tolist()
    ]


def improvements(
    metrics, mode, min_delta, *, first=None, strict=True, creep=False, previous=False
) -> list[bool]:
    """Return, for each epoch, if its metric beats the best one so far by more than min_delta.

    The keyword-only arguments select wrong rules: an initial best value, `>=` for `>`, a best
    value that moves with every gain, the previous epoch in place of the best.
    """
    best, found = first, []
    for metric in metrics:
        gain = math.inf if best is None else metric - best if mode == "max" else best - metric
        found.append(gain > min_delta or (gain == min_delta and not strict))
        if found[-1] or (creep and gain > 0) or previous:
            best = metric
    return found


LOOKS = ("first", "strict", "creep", "previous")


def count_waits(better: list[bool], patience: int, *, once_up=False, restart=True) -> list[bool]:
    """Return, for each epoch, if patience has run out; the count then starts again.

    The keyword-only arguments select wrong rules: a count that improvements do not reset, and
    one that continues after it has run out.
    """
    wait, found = 0, []
    for improved in better:
        wait = 0 if improved and not once_up else wait + (not improved)
        found.append(wait >= patience and not improved)
        if found[-1] and restart:
            wait = 0
    return found


COUNTS = ("once_up", "restart")


REDUCE_DEFAULTS = {
    **{"learning_rate": None, "patience": 3, "factor": 0.5},
    **{"mode": "max", "min_delta": 1e-4, "min_rate": 0.0},
}


STOP_DEFAULTS = {"patience": 5, "mode": "min", "min_delta": 0.0}


def plateau_rates(metrics, learning_rate, **given) -> list[float]:
    """Return the right rates of ReduceOnPlateau, one after each epoch."""
    settings = {**REDUCE_DEFAULTS, **given}
    rate, found = learning_rate, []
    for drop in run_out(metrics, settings):
        if drop and (rate > settings["min_rate"] or settings.get("raises")):
            start = learning_rate if settings.get("from_start") else rate
            rate = max(start * settings["factor"], settings["min_rate"])
        found.append(rate)
    return found


def stops(metrics, **given) -> list[bool]:
    """Return the right answers of StopEarly, one after each epoch, up to the first True."""
    found = run_out(metrics, {**STOP_DEFAULTS, **given})
    return found[: found.index(True) + 1] if True in found else found


def run_out(metrics, settings: Mapping[str, Any]) -> list[bool]:
    """Return, for each epoch, if patience has run out, by the right rule or a wrong one."""
    looks = {name: settings[name] for name in LOOKS if name in settings}
    counts = {name: settings[name] for name in COUNTS if name in settings}
    better = improvements(metrics, settings["mode"], settings["min_delta"], **looks)
    return count_waits(better, settings["patience"], **counts)


# Each function turns the settings of the right rule into those of a wrong one.
RULE_MISTAKES: dict[str, Callable[[dict], dict]] = {
    "you waited one epoch too long, as with `>` for `>=`: patience epochs without improvement "
    "are enough": lambda s: {**s, "patience": s["patience"] + 1},
    "you waited one epoch less than patience": lambda s: {**s, "patience": s["patience"] - 1},
    "an improvement did not reset your count: patience is about epochs in a row": (
        lambda s: {**s, "once_up": True}
    ),
    "you compared with the previous epoch instead of the best one so far": (
        lambda s: {**s, "previous": True}
    ),
    "your best value moved up with gains within min_delta: a metric that creeps would then never "
    "improve": lambda s: {**s, "creep": True},
    "you left out min_delta: a gain must be larger than it": lambda s: {**s, "min_delta": 0.0},
    "an equal metric counted as an improvement, as with `>=` for `>`": (
        lambda s: {**s, "min_delta": 0.0, "strict": False}
    ),
    "you always took larger for better, whatever the mode": lambda s: {**s, "mode": "max"},
    "you always took smaller for better, whatever the mode": lambda s: {**s, "mode": "min"},
    "you took the two modes for each other": (
        lambda s: {**s, "mode": "min" if s["mode"] == "max" else "max"}
    ),
    "your best value starts at 0 instead of the first metric": lambda s: {**s, "first": 0.0},
}


REDUCE_MISTAKES = {
    **RULE_MISTAKES,
    "your count continued after a drop, so the rate drops again at once: reset it": (
        lambda s: {**s, "restart": False}
    ),
    "you left out min_rate": lambda s: {**s, "min_rate": 0.0},
    "you raised a rate that was below min_rate: it is left alone": lambda s: {**s, "raises": True},
    "you multiplied the first rate instead of the present one, so only one drop is seen": (
        lambda s: {**s, "from_start": True}
    ),
    "you divided by the factor": lambda s: {**s, "factor": 1 / s["factor"]},
    "you multiplied by 1 - factor": lambda s: {**s, "factor": 1 - s["factor"]},
}


@dataclass(frozen=True)
class Rule:
    """Learner's class beside the right rule: runs both, compares, and names a known mistake."""

    name: str
    defaults: Mapping[str, Any]  # in the signature's order
    law: Callable[..., list]
    mistakes: Mapping[str, Callable[[dict], dict]]

    def holds(self, learner, metrics, because: str, *given, **settings) -> None:
        """Expect the learner's rule to give the right answers to these metrics."""
        metrics = shifted(metrics)
        settings |= {k: near(v) for k, v in settings.items() if k == "learning_rate"}
        right = self.law(metrics, **complete(self.defaults, given, settings))
        metrics = metrics[: len(right)]
        found = self.answers(learner, metrics, *given, **settings)
        if same(found, right):
            return
        row = ", ".join(f"{metric:g}" for metric in metrics)
        with learner.described(
            f"{self.name}({arguments_text(given, settings)}), then update with {row}"
        ):
            mistake = self.recognized(learner)
        if all(answer is None for answer in found):
            fail("Every update returned None: is there a `return`?", in_a_row(right), because)
        fail(f"It returned {in_a_row(found)}.", in_a_row(right), because, mistake)

    def answers(self, learner, metrics, *given, **settings) -> list:
        """Return a new rule's answers to these metrics, up to the first True."""
        rule = getattr(learner.schedules, self.name)(*given, **settings)
        expect(rule).to_be_a("rule", because=f"{self.name} is a class with a method `update`")
        found = []
        for metric in metrics:
            found.append(rule.update(metric))
            if found[-1] is True:
                break
        return found

    def recognized(self, learner) -> str | None:
        """Return the wrong rule that explains the learner's answers to many other histories."""
        probes = self.histories(40, seed=1)
        answers = [self.answers(learner, metrics, **settings) for metrics, settings in probes]
        for text, wrong in self.mistakes.items():
            explained = [self.law(metrics, **wrong(settings)) for metrics, settings in probes]
            if all(map(same, answers, explained)):
                return text
        return None

    def any_history(self):
        """Return a strategy for metrics and settings that include plateaus and ties."""
        gain = sampled_from([0, 1, -1, 2, -2, 3, -3])
        settings = {
            "learning_rate": floats(1e-3, 1),
            "patience": integers(1, 4),
            "factor": sampled_from([0.1, 0.3, 0.7]),
            "mode": sampled_from(["min", "max"]),
            "min_delta": sampled_from([0.5 / 64, 1.5 / 64, 2.5 / 64]),
            "min_rate": sampled_from([0.0, 0.02, 0.2, 2.0]),
        }
        metrics = builds(
            lambda start, gains: grid(*(start + np.cumsum([0, *gains])).tolist()),
            integers(-9, 100),
            lists(gain, min_size=1, max_size=18),
        )
        return tuples(metrics, fixed_dictionaries({name: settings[name] for name in self.defaults}))

    def histories(self, count: int, seed: int) -> list[tuple[list[float], dict]]:
        """Return random metrics and settings that include plateaus and ties."""
        random = generator(seed)
        return [self._history(random) for _ in range(count)]

    def _history(self, random: np.random.Generator) -> tuple[list[float], dict]:
        steps = random.choice([-3, -2, -1, 0, 0, 1, 2, 3], size=int(random.integers(8, 20)))
        metrics = grid(*(int(random.integers(-9, 100)) + np.cumsum(steps)).tolist())
        settings = {
            "learning_rate": float(10 ** random.uniform(-3, 0)),
            "patience": int(random.integers(1, 5)),
            "factor": float(random.choice([0.1, 0.3, 0.7])),
            "mode": str(random.choice(["min", "max"])),
            # between the lines of the grid: no gain is within 1e-6 of it
            "min_delta": float(random.choice([0.5, 1.5, 2.5]) / 64),
            "min_rate": float(random.choice([0, 0.02, 0.2, 2])),
        }
        return metrics, {name: settings[name] for name in self.defaults}


def same(found: list, right: list) -> bool:
    """Return True if answers agree: booleans exactly, rates to 1e-6."""
    if len(found) != len(right) or not all(isinstance(f, bool | int | float) for f in found):
        return False
    if isinstance(right[0], bool):
        return all(f is r for f, r in zip(found, right, strict=True))
    return bool(np.allclose(found, right, rtol=1e-6, atol=0))


def in_a_row(values: list) -> str:
    """Return all values of a short history as text."""
    return "[" + ", ".join(f"{v:.6g}" if type(v) is float else repr(v) for v in values) + "]"


REDUCE = Rule(
    "ReduceOnPlateau",
    REDUCE_DEFAULTS,
    plateau_rates,
    REDUCE_MISTAKES,
)


STOP = Rule("StopEarly", STOP_DEFAULTS, stops, RULE_MISTAKES)


def points(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return points of three classes that straight lines separate, with one-hot labels."""
    labels = np.arange(count) % 3
    x = 2 * np.eye(3, 4)[labels] + 0.3 * generator(seed).normal(size=(count, 4))
    return x.astype(np.float32), np.eye(3, dtype=np.float32)[labels]


def contradicted(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the same points with every label wrong."""
    x, y = pair
    return x, np.roll(y, 1, axis=1)


def trained(learner, *given, **settings):
    """Return the history that `train` returns."""
    history = learner.schedules.train(*given, **settings)
    expect(history).to_satisfy(
        isinstance(history, dict),
        "a dict: name to list of floats",
        because="it can be plotted and saved without Keras",
        mistake="you returned Keras' History object: its `.history` is the dict"
        if getattr(history, "kind", None) == "callback"
        else None,
    )
    return history


def gradient_descent(weights, training, validation, epochs: int, rate: float):
    """Train softmax regression in NumPy, one step per epoch; return history and weights."""
    kernel, bias = (np.asarray(w, np.float64) for w in weights)
    history = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}

    def measure(x, y, prefix: str) -> np.ndarray:
        scores = np.exp(x @ kernel + bias)
        probabilities = scores / scores.sum(1, keepdims=True)
        history[f"{prefix}loss"].append(-np.mean(np.log((probabilities * y).sum(1))))
        history[f"{prefix}accuracy"].append(np.mean(probabilities.argmax(1) == y.argmax(1)))
        return probabilities

    for _ in range(epochs):
        x, y = training
        error = (measure(x, y, "") - y) / len(x)
        kernel, bias = kernel - rate * x.T @ error, bias - rate * error.sum(0)
        measure(*validation, "val_")
    return history, [kernel, bias]
