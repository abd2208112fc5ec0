# Wrong answers as learners write them. Each cell replaces one exercise of the reference.
# "says" is the part of the grader's message that names the misconception.

# %% schedules.step_decay: fractions of a step
# says: whole steps come from `//`
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    return initial_rate * factor ** (epoch / every)


# %% schedules.step_decay: > instead of >=
# says: one epoch late
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    rate = initial_rate
    while epoch > every:
        rate *= factor
        epoch -= every
    return rate


# %% schedules.step_decay: epochs from 1
# says: they begin at 0
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    return initial_rate * factor ** ((epoch + 1) // every)


# %% schedules.step_decay: only one step
# says: once only
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    return initial_rate if epoch < every else initial_rate * factor


# %% schedules.step_decay: factor times steps
# says: factor to the power of steps
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    steps = epoch // every
    return initial_rate * factor * steps if steps else initial_rate


# %% schedules.step_decay: rounded to the nearest step
# says: to the nearest
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    return initial_rate * factor ** round(epoch / every)


# %% schedules.step_decay: a step at every epoch
# says: at every epoch
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    return initial_rate * factor**epoch


# %% schedules.step_decay: the factor divides
# says: divided by the factor
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    return initial_rate / factor ** (epoch // every)


# %% schedules.step_decay: the default of PyTorch
# says: number 10 half of it
def step_decay(epoch, initial_rate, factor=0.1, every=10):
    return initial_rate * factor ** (epoch // every)


# %% schedules.step_decay: prints instead of returning
# says: is there a `return`
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    initial_rate * factor ** (epoch // every)


# %% schedules.warmup_cosine: the first step is not zero
# says: one step ahead
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * (step + 1) / warmup_steps
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: the peak one step early
# says: ends one step early
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / max(warmup_steps - 1, 1)
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: the peak one step late
# says: ends one step late
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / (warmup_steps + 1)
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: the warm-up starts at the final rate
# says: it starts at 0
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return final_rate + (peak_rate - final_rate) * step / warmup_steps
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: no warm-up
# says: there is no warm-up
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    t = min(max(step - warmup_steps, 0) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: final_rate is a fraction, as alpha
# says: `alpha` of Keras' CosineDecay
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return peak_rate * ((1 - final_rate) * (1 + math.cos(math.pi * t)) / 2 + final_rate)


# %% schedules.warmup_cosine: total_steps without the warm-up, as decay_steps
# says: `decay_steps` of Keras' CosineDecay
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    t = min((step - warmup_steps) / total_steps, 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: the cosine begins at step 0
# says: jumps at the peak
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    t = min(step / total_steps, 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: the rate rises again after the end
# says: comes up again
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    t = (step - warmup_steps) / (total_steps - warmup_steps)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: 0 after the end
# says: you returned 0
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    if step > total_steps:
        return 0.0
    t = (step - warmup_steps) / (total_steps - warmup_steps)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: divides by zero without a warm-up
# says: ZeroDivisionError
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step <= warmup_steps:
        return peak_rate * step / warmup_steps
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: final_rate is added
# says: on top
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + peak_rate * (1 + math.cos(math.pi * t)) / 2


# %% schedules.warmup_cosine: not halved
# says: did not halve
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * t))


# %% schedules.warmup_cosine: a quarter of a cosine
# says: half of one goes to pi
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * math.cos(math.pi / 2 * t)


# %% schedules.warmup_cosine: a straight line down
# says: not along a cosine
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    t = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return peak_rate + (final_rate - peak_rate) * t


# %% schedules.WarmupCosine: Python's if on a tensor
# says: keras.ops.where
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, total_steps, warmup_steps, peak_rate, final_rate=0.0):
        super().__init__()
        self.settings = dict(
            total_steps=total_steps,
            warmup_steps=warmup_steps,
            peak_rate=peak_rate,
            final_rate=final_rate,
        )

    def __call__(self, step):
        return warmup_cosine(step, **self.settings)

    def get_config(self):
        return self.settings


# %% schedules.WarmupCosine: an empty config
# says: its keys are the names of the four settings
class WarmupCosine(WarmupCosine):
    def get_config(self):
        return {}


# %% schedules.WarmupCosine: final_rate is not in the config
# says: you left out final_rate
class WarmupCosine(WarmupCosine):
    def get_config(self):
        config = super().get_config()
        del config["final_rate"]
        return config


# %% schedules.WarmupCosine: other names in the config
# says: its keys are the names of the four settings
class WarmupCosine(WarmupCosine):
    def get_config(self):
        config = super().get_config()
        config["peak"] = config.pop("peak_rate")
        return config


# %% schedules.WarmupCosine: NaN without a warm-up
# says: the one that divides by warmup_steps
class WarmupCosine(WarmupCosine):
    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        warmup = keras.ops.cast(self.warmup_steps, "float32")
        rising = self.peak_rate * keras.ops.minimum(step / warmup, 1.0)
        t = keras.ops.clip((step - warmup) / (self.total_steps - warmup), 0.0, 1.0)
        return (rising - self.final_rate) * (1 + keras.ops.cos(math.pi * t)) / 2 + self.final_rate


# %% schedules.WarmupCosine: no warm-up
# says: there is no warm-up
class WarmupCosine(WarmupCosine):
    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        t = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        cosine = keras.ops.cos(math.pi * keras.ops.clip(t, 0.0, 1.0))
        return self.final_rate + (self.peak_rate - self.final_rate) * (1 + cosine) / 2


# %% schedules.WarmupCosine: Keras' CosineDecay with Keras' arguments
# says: Keras' CosineDecay
class WarmupCosine(WarmupCosine):
    def __call__(self, step):
        decay = keras.optimizers.schedules.CosineDecay(
            0.0,
            self.total_steps,
            alpha=self.final_rate / self.peak_rate,
            warmup_target=self.peak_rate,
            warmup_steps=self.warmup_steps,
        )
        return decay(step)


# %% schedules.WarmupCosine: CosineDecay's alpha
# says: `alpha` of Keras' CosineDecay
class WarmupCosine(WarmupCosine):
    def __call__(self, step):
        decay = keras.optimizers.schedules.CosineDecay(
            0.0,
            self.total_steps - self.warmup_steps,
            alpha=self.final_rate,
            warmup_target=self.peak_rate,
            warmup_steps=self.warmup_steps,
        )
        return decay(step)


# %% schedules.WarmupCosine: one step ahead
# says: one step ahead
class WarmupCosine(WarmupCosine):
    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rising = self.peak_rate * (step + 1) / max(self.warmup_steps, 1)
        return keras.ops.where(step < self.warmup_steps, rising, super().__call__(step))


# %% schedules.WarmupCosine: the rate rises again after the end
# says: comes up again
class WarmupCosine(WarmupCosine):
    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        t = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        cosine = keras.ops.cos(math.pi * t)
        falling = self.final_rate + (self.peak_rate - self.final_rate) * (1 + cosine) / 2
        return keras.ops.where(step < self.warmup_steps, super().__call__(step), falling)


# %% schedules.ReduceOnPlateau: > instead of >=
# says: one epoch too long
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, learning_rate, patience=3, *settings, **more):
        super().__init__(learning_rate, patience + 1, *settings, **more)


# %% schedules.ReduceOnPlateau: one epoch early
# says: one epoch less
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, learning_rate, patience=3, *settings, **more):
        super().__init__(learning_rate, patience - 1, *settings, **more)


# %% schedules.ReduceOnPlateau: an improvement does not reset the count
# says: did not reset your count
class ReduceOnPlateau(ReduceOnPlateau):
    def update(self, metric):
        metric = self.sign * metric
        if self.best is None or metric > self.best + self.min_delta:
            self.best = metric
            return self.learning_rate
        self.wait += 1
        if self.wait >= self.patience:
            self.wait = 0
            if self.learning_rate > self.min_rate:
                self.learning_rate = max(self.learning_rate * self.factor, self.min_rate)
        return self.learning_rate


# %% schedules.ReduceOnPlateau: the count continues after a drop
# says: drops again at once
class ReduceOnPlateau(ReduceOnPlateau):
    def update(self, metric):
        metric = self.sign * metric
        if self.best is None or metric > self.best + self.min_delta:
            self.best, self.wait = metric, 0
        else:
            self.wait += 1
        if self.wait >= self.patience and self.learning_rate > self.min_rate:
            self.learning_rate = max(self.learning_rate * self.factor, self.min_rate)
        return self.learning_rate


# %% schedules.ReduceOnPlateau: compared with the previous epoch
# says: the previous epoch instead of the best one
class ReduceOnPlateau(ReduceOnPlateau):
    def update(self, metric):
        rate = super().update(metric)
        self.best = self.sign * metric
        return rate


# %% schedules.ReduceOnPlateau: a gain within min_delta moves the best value
# says: gains within min_delta
class ReduceOnPlateau(ReduceOnPlateau):
    def update(self, metric):
        rate = super().update(metric)
        self.best = max(self.best, self.sign * metric)
        return rate


# %% schedules.ReduceOnPlateau: no min_delta
# says: you left out min_delta
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, *settings, **more):
        super().__init__(*settings, **more)
        self.min_delta = 0


# %% schedules.ReduceOnPlateau: an equal metric is an improvement
# says: an equal metric
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, *settings, **more):
        super().__init__(*settings, **more)
        self.min_delta = -1e-9


# %% schedules.ReduceOnPlateau: the mode is ignored
# says: always took larger for better
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, *settings, **more):
        super().__init__(*settings, **more)
        self.sign = 1


# %% schedules.ReduceOnPlateau: accuracy in min mode
# says: always took smaller for better
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, *settings, **more):
        super().__init__(*settings, **more)
        self.sign = -1


# %% schedules.ReduceOnPlateau: the modes are swapped
# says: the two modes for each other
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, *settings, **more):
        super().__init__(*settings, **more)
        self.sign = -self.sign


# %% schedules.ReduceOnPlateau: the best value starts at 0
# says: starts at 0
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, *settings, **more):
        super().__init__(*settings, **more)
        self.best = 0.0


# %% schedules.ReduceOnPlateau: no lowest rate
# says: left out min_rate
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, *settings, **more):
        super().__init__(*settings, **more)
        self.min_rate = 0


# %% schedules.ReduceOnPlateau: raises a low rate
# says: it is left alone
class ReduceOnPlateau(ReduceOnPlateau):
    def update(self, metric):
        metric = self.sign * metric
        if self.best is None or metric > self.best + self.min_delta:
            self.best, self.wait = metric, 0
        else:
            self.wait += 1
        if self.wait >= self.patience:
            self.learning_rate = max(self.learning_rate * self.factor, self.min_rate)
            self.wait = 0
        return self.learning_rate


# %% schedules.ReduceOnPlateau: always from the first rate
# says: only one drop is seen
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, learning_rate, *settings, **more):
        super().__init__(learning_rate, *settings, **more)
        self.first = learning_rate

    def update(self, metric):
        before = self.learning_rate
        if super().update(metric) < before:
            self.learning_rate = max(self.first * self.factor, self.min_rate)
        return self.learning_rate


# %% schedules.ReduceOnPlateau: the factor is subtracted
# says: 1 - factor
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, *settings, **more):
        super().__init__(*settings, **more)
        self.factor = 1 - self.factor


# %% schedules.ReduceOnPlateau: all objects share their state
# says: belong to the object
MEMORY = {"best": None, "wait": 0}


class ReduceOnPlateau(ReduceOnPlateau):
    def update(self, metric):
        self.best, self.wait = MEMORY["best"], MEMORY["wait"]
        rate = super().update(metric)
        MEMORY.update(best=self.best, wait=self.wait)
        return rate


# %% schedules.ReduceOnPlateau: Keras' default patience
# says: the defaults are patience=3
class ReduceOnPlateau(ReduceOnPlateau):
    def __init__(self, learning_rate, patience=10, factor=0.1, *settings, **more):
        super().__init__(learning_rate, patience, factor, *settings, **more)


# %% schedules.ReduceOnPlateau: nothing returned
# says: is there a `return`
class ReduceOnPlateau(ReduceOnPlateau):
    def update(self, metric):
        super().update(metric)


# %% schedules.StopEarly: > instead of >=
# says: one epoch too long
class StopEarly(StopEarly):
    def update(self, metric):
        metric = self.sign * metric
        if self.best is None or metric > self.best + self.min_delta:
            self.best = metric
            self.wait = 0
            return False
        self.wait += 1
        return self.wait > self.patience


# %% schedules.StopEarly: the first epoch counts as one without improvement
# says: one epoch less
class StopEarly(StopEarly):
    def update(self, metric):
        metric = self.sign * metric
        self.wait += 1
        if self.best is None or metric > self.best + self.min_delta:
            self.best = metric
            self.wait = 1
        return self.wait >= self.patience and self.wait > 1


# %% schedules.StopEarly: an improvement does not reset the count
# says: did not reset your count
class StopEarly(StopEarly):
    def update(self, metric):
        metric = self.sign * metric
        if self.best is None or metric > self.best + self.min_delta:
            self.best = metric
            return False
        self.wait += 1
        return self.wait >= self.patience


# %% schedules.StopEarly: compared with the previous epoch
# says: the previous epoch instead of the best one
class StopEarly(StopEarly):
    def update(self, metric):
        stop = super().update(metric)
        self.best = self.sign * metric
        return stop


# %% schedules.StopEarly: a gain within min_delta moves the best value
# says: gains within min_delta
class StopEarly(StopEarly):
    def update(self, metric):
        stop = super().update(metric)
        self.best = max(self.best, self.sign * metric)
        return stop


# %% schedules.StopEarly: an equal metric is an improvement
# says: 0 is not more than 0
class StopEarly(StopEarly):
    def update(self, metric):
        metric = self.sign * metric
        if self.best is None or metric >= self.best + self.min_delta:
            self.best = metric
            self.wait = 0
            return False
        self.wait += 1
        return self.wait >= self.patience


# %% schedules.StopEarly: no min_delta
# says: you left out min_delta
class StopEarly(StopEarly):
    def __init__(self, patience=5, mode="min", min_delta=0.0):
        super().__init__(patience, mode)


# %% schedules.StopEarly: the mode is ignored
# says: always took smaller for better
class StopEarly(StopEarly):
    def __init__(self, patience=5, mode="min", min_delta=0.0):
        super().__init__(patience, "min", min_delta)


# %% schedules.StopEarly: the default is max
# says: the defaults are patience=5
class StopEarly(StopEarly):
    def __init__(self, patience=5, mode="max", min_delta=0.0):
        super().__init__(patience, mode, min_delta)


# %% schedules.StopEarly: the best value starts at 0
# says: starts at 0
class StopEarly(StopEarly):
    def __init__(self, *settings, **more):
        super().__init__(*settings, **more)
        self.best = 0.0


# %% schedules.StopEarly: the count is returned
# says: True
class StopEarly(StopEarly):
    def update(self, metric):
        super().update(metric)
        return self.wait


# %% schedules.StopEarly: all objects share their state
# says: belong to the object
MEMORY = {"best": None, "wait": 0}


class StopEarly(StopEarly):
    def update(self, metric):
        self.best, self.wait = MEMORY["best"], MEMORY["wait"]
        stop = super().update(metric)
        MEMORY.update(best=self.best, wait=self.wait)
        return stop


# %% schedules.training_callbacks: weights not restored
# says: you left out restore_best_weights=True
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=5),
        keras.callbacks.ReduceLROnPlateau(monitor="val_accuracy", patience=3, factor=0.5),
    ]


# %% schedules.training_callbacks: accuracy in min mode
# says: wait for a smaller val_accuracy
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_accuracy", 0.5, 3, mode="min"),
    ]


# %% schedules.training_callbacks: early stopping on accuracy in min mode
# says: wait for a smaller val_accuracy
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping(
            "val_accuracy", patience=5, mode="min", restore_best_weights=True
        ),
        keras.callbacks.ReduceLROnPlateau("val_accuracy", 0.5, 3),
    ]


# %% schedules.training_callbacks: the training accuracy
# says: the training data's accuracy
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("accuracy", 0.5, 3),
    ]


# %% schedules.training_callbacks: the training loss
# says: the training data's loss
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping("loss", patience=5, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_accuracy", 0.5, 3),
    ]


# %% schedules.training_callbacks: the name of Keras 1
# says: val_acc:
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_acc", 0.5, 3, mode="max"),
    ]


# %% schedules.training_callbacks: Keras' default monitor for the rate
# says: It returned 'val_loss'
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=3),
    ]


# %% schedules.training_callbacks: Keras' defaults for patience and factor
# says: Keras' default, 10
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping(patience=8, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_accuracy"),
    ]


# %% schedules.training_callbacks: no patience
# says: Keras' default, 0
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping("val_accuracy", restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_accuracy", 0.5, 3),
    ]


# %% schedules.training_callbacks: patience too long
# says: wastes epochs
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping("val_accuracy", patience=11, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_accuracy", 0.5, 3),
    ]


# %% schedules.training_callbacks: made once
# says: outside of the function
CALLBACKS = training_callbacks()


def training_callbacks():
    return CALLBACKS


# %% schedules.training_callbacks: one is missing
# says: one ReduceLROnPlateau among them
def training_callbacks():
    return [keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)]


# %% schedules.training_callbacks: min_lr is the learning rate
# says: a min_lr that is as high
def training_callbacks():
    return [
        keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_accuracy", 0.5, 3, min_lr=0.001),
    ]


# %% schedules.train: Keras' History
# says: its `.history` is the dict
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    return model.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )


# %% schedules.train: no validation
# says: when it gets validation_data
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    x, y = training
    run = model.fit(
        x, y, epochs=epochs, batch_size=batch_size, callbacks=callbacks, verbose=0
    )
    return run.history


# %% schedules.train: validation_split
# says: validation_split=0.1
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    x, y = training
    run = model.fit(
        x,
        y,
        validation_split=0.1,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: trains on everything
# says: training and validation data together
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    x, y = (np.concatenate(pair) for pair in zip(training, validation))
    run = model.fit(
        x,
        y,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: training and validation pairs swapped
# says: trained on the validation data
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    run = model.fit(
        *validation,
        validation_data=training,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: watches the training data
# says: measured on the training data again
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    run = model.fit(
        *training,
        validation_data=training,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: epochs ignored
# says: epochs did not reach `fit`
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    run = model.fit(
        *training,
        validation_data=validation,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: batch_size ignored
# says: Keras' default
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    run = model.fit(
        *training, validation_data=validation, epochs=epochs, callbacks=callbacks, verbose=0
    )
    return run.history


# %% schedules.train: callbacks ignored
# says: the callbacks did not reach `fit`
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    run = model.fit(
        *training, validation_data=validation, epochs=epochs, batch_size=batch_size, verbose=0
    )
    return run.history


# %% schedules.train: its own callbacks if none are given
# says: a callback of your own
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    run = model.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks or training_callbacks(),
        verbose=0,
    )
    return run.history


# %% schedules.train: a copy is trained
# says: only a copy of it
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile(keras.optimizers.SGD(0.5), "categorical_crossentropy", metrics=["accuracy"])
    run = copy.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: compiles again
# says: you compiled the model again
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    model.compile(keras.optimizers.Adam(), "categorical_crossentropy", metrics=["accuracy"])
    run = model.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: only the last numbers
# says: a list of 3 floats
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    run = model.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return {name: values[-1] for name, values in run.history.items()}


# %% schedules.train: standardizes in place
# says: the caller still works
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    x, y = training
    x -= x.mean(0)
    run = model.fit(
        x,
        y,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: Keras' default for the epochs
# says: epochs at Keras' default, 1
def train(model, training, validation, epochs=1, batch_size=64, callbacks=None):
    run = model.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: Keras' default for the batches
# says: batch_size at Keras' default, 32
def train(model, training, validation, epochs=30, batch_size=None, callbacks=None):
    run = model.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return run.history


# %% schedules.train: always stops early
# says: `callbacks=None` means that none interfere
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    run = model.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=[*(callbacks or []), keras.callbacks.EarlyStopping(patience=10)],
        verbose=0,
    )
    return run.history
