# Right answers that are written differently from the reference. Each cell replaces one exercise of
# the reference and must earn all points.

# %% schedules.step_decay: math.floor of a quotient
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    return initial_rate * math.pow(factor, math.floor(epoch / every))


# %% schedules.step_decay: a loop
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    rate = initial_rate
    for e in range(1, epoch + 1):
        if e % every == 0:
            rate *= factor
    return rate


# %% schedules.step_decay: recursion
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    if epoch < every:
        return initial_rate
    return factor * step_decay(epoch - every, initial_rate, factor, every)


# %% schedules.step_decay: NumPy in float32
def step_decay(epoch, initial_rate, factor=0.5, every=10):
    steps, _ = np.divmod(epoch, every)
    return np.float32(initial_rate) * np.float32(factor) ** np.float32(steps)


# %% schedules.warmup_cosine: two guards and a cosine of the rest
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if warmup_steps > 0 and step <= warmup_steps:
        return step / warmup_steps * peak_rate
    if step >= total_steps:
        return final_rate
    left = (total_steps - step) / (total_steps - warmup_steps)
    return final_rate + 0.5 * (peak_rate - final_rate) * (1 - math.cos(math.pi * left))


# %% schedules.warmup_cosine: squared cosine of the half angle
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    if step < warmup_steps:
        return np.interp(step, [0, warmup_steps], [0, peak_rate])
    angle = np.interp(step, [warmup_steps, total_steps], [0, np.pi / 2])
    return peak_rate * np.cos(angle) ** 2 + final_rate * np.sin(angle) ** 2


# %% schedules.warmup_cosine: NumPy in float32
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    step = np.float32(step)
    rise = step / np.float32(max(warmup_steps, 1))
    t = np.clip((step - warmup_steps) / np.float32(total_steps - warmup_steps), 0, 1)
    fall = np.float32(0.5) * (1 + np.cos(np.float32(np.pi) * t, dtype=np.float32))
    fallen = np.float32(final_rate) + np.float32(peak_rate - final_rate) * fall
    return np.where(step < warmup_steps, np.float32(peak_rate) * rise, fallen).item()


# %% schedules.warmup_cosine: Keras' CosineDecay, translated
def warmup_cosine(step, total_steps, warmup_steps, peak_rate, final_rate=0.0):
    decay = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else peak_rate,
        total_steps - warmup_steps,
        alpha=final_rate / peak_rate,
        warmup_target=peak_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
    return float(decay(step))


# %% schedules.WarmupCosine: minimum of two curves
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, total_steps, warmup_steps, peak_rate, final_rate=0.0):
        self.total_steps, self.warmup_steps = total_steps, warmup_steps
        self.peak_rate, self.final_rate = peak_rate, final_rate

    def __call__(self, step):
        step = keras.ops.cast(step, keras.config.floatx())
        share = keras.ops.maximum(step - self.warmup_steps, 0.0)
        share = keras.ops.minimum(share / (self.total_steps - self.warmup_steps), 1.0)
        angle = share * (np.pi / 2)
        height = keras.ops.square(keras.ops.cos(angle))
        rate = self.final_rate + (self.peak_rate - self.final_rate) * height
        if self.warmup_steps:
            rate = rate * keras.ops.minimum(step / self.warmup_steps, 1.0)
        return rate

    def get_config(self):
        names = ("total_steps", "warmup_steps", "peak_rate", "final_rate")
        return {name: getattr(self, name) for name in names}


# %% schedules.WarmupCosine: settings in a dict, arguments of any kind
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, total_steps, warmup_steps, peak_rate, final_rate=0.0, name="WarmupCosine"):
        super().__init__()
        self.config = {
            "total_steps": total_steps,
            "warmup_steps": warmup_steps,
            "peak_rate": peak_rate,
            "final_rate": final_rate,
            "name": name,
        }

    def __call__(self, step):
        ops, c = keras.ops, self.config
        step, warmup, total = (
            ops.cast(v, "float32") for v in (step, c["warmup_steps"], c["total_steps"])
        )
        rise = c["peak_rate"] * step / warmup
        t = ops.minimum((step - warmup) / (total - warmup), 1)
        fall = (c["peak_rate"] - c["final_rate"]) * (0.5 + 0.5 * ops.cos(np.pi * t))
        return ops.where(ops.less(step, warmup), rise, c["final_rate"] + fall)

    def get_config(self):
        return dict(self.config)


# %% schedules.WarmupCosine: CosineDecay inside
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, total_steps, warmup_steps, peak_rate, final_rate=0.0):
        super().__init__()
        self._settings = (total_steps, warmup_steps, peak_rate, final_rate)
        self._decay = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup_steps else peak_rate,
            total_steps - warmup_steps,
            alpha=final_rate / peak_rate,
            warmup_target=peak_rate if warmup_steps else None,
            warmup_steps=warmup_steps,
        )

    def __call__(self, step):
        return self._decay(step)

    def get_config(self):
        total_steps, warmup_steps, peak_rate, final_rate = self._settings
        return {
            "total_steps": total_steps,
            "warmup_steps": warmup_steps,
            "peak_rate": peak_rate,
            "final_rate": final_rate,
        }


# %% schedules.WarmupCosine: keras.ops.cond, and a from_config of its own
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, total_steps, warmup_steps, peak_rate, final_rate=0.0):
        super().__init__()
        self.total, self.warmup = total_steps, warmup_steps
        self.peak, self.final = float(peak_rate), float(final_rate)

    def _up(self, step):
        return self.peak * step / max(self.warmup, 1)

    def _down(self, step):
        t = keras.ops.minimum((step - self.warmup) / (self.total - self.warmup), 1.0)
        return self.final + (self.peak - self.final) * 0.5 * (1.0 + keras.ops.cos(t * math.pi))

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        return keras.ops.cond(
            step < self.warmup, lambda: self._up(step), lambda: self._down(step)
        )

    def get_config(self):
        return {"settings": [self.total, self.warmup, self.peak, self.final]}

    @classmethod
    def from_config(cls, config):
        return cls(*config["settings"])


# %% schedules.ReduceOnPlateau: infinities and an operator
class ReduceOnPlateau:
    def __init__(
        self, learning_rate, patience=3, factor=0.5, mode="max", min_delta=1e-4, min_rate=0.0
    ):
        self.rate = learning_rate
        self.patience, self.factor, self.min_rate = patience, factor, min_rate
        if mode == "max":
            self.better = lambda new, best: new - min_delta > best
            self.best = -np.inf
        else:
            self.better = lambda new, best: new + min_delta < best
            self.best = np.inf
        self.left = patience

    def update(self, metric):
        if self.better(metric, self.best):
            self.best, self.left = metric, self.patience
            return self.rate
        self.left -= 1
        if self.left == 0:
            self.left = self.patience
            self.rate = min(self.rate, max(self.rate * self.factor, self.min_rate))
        return self.rate


# %% schedules.ReduceOnPlateau: the whole history, every time
class ReduceOnPlateau:
    def __init__(
        self, learning_rate, patience=3, factor=0.5, mode="max", min_delta=1e-4, min_rate=0.0
    ):
        self.start = learning_rate
        self.patience, self.factor, self.mode = patience, factor, mode
        self.min_delta, self.min_rate = min_delta, min_rate
        self.metrics = []

    def update(self, metric):
        self.metrics.append(metric if self.mode == "max" else -metric)
        rate, best, since = self.start, self.metrics[0], 0
        for value in self.metrics[1:]:
            since += 1
            if value - best > self.min_delta:
                best, since = value, 0
            if since == self.patience:
                since = 0
                if rate > self.min_rate:
                    rate = max(rate * self.factor, self.min_rate)
        return rate


# %% schedules.ReduceOnPlateau: Keras' callback inside
class ReduceOnPlateau:
    def __init__(
        self, learning_rate, patience=3, factor=0.5, mode="max", min_delta=1e-4, min_rate=0.0
    ):
        self.callback = keras.callbacks.ReduceLROnPlateau(
            "metric",
            factor=factor,
            patience=patience,
            mode=mode,
            min_delta=min_delta,
            min_lr=min_rate,
        )
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(learning_rate), "mse")
        self.model = model
        self.callback.set_model(model)
        self.callback.on_train_begin()
        self.epoch = 0

    def update(self, metric):
        self.callback.on_epoch_end(self.epoch, {"metric": metric})
        self.epoch += 1
        return float(self.model.optimizer.learning_rate)


# %% schedules.ReduceOnPlateau: float32 throughout
class ReduceOnPlateau:
    def __init__(
        self, learning_rate, patience=3, factor=0.5, mode="max", min_delta=1e-4, min_rate=0.0
    ):
        f = np.float32
        self.rate, self.factor, self.floor = f(learning_rate), f(factor), f(min_rate)
        self.delta, self.sign = f(min_delta), f(1 if mode == "max" else -1)
        self.patience, self.bad, self.best = patience, 0, None

    def update(self, metric):
        value = self.sign * np.float32(metric)
        improved = self.best is None or value - self.best > self.delta
        self.best = value if improved else self.best
        self.bad = 0 if improved else self.bad + 1
        if self.bad == self.patience:
            self.bad = 0
            if self.rate > self.floor:
                self.rate = np.maximum(self.rate * self.factor, self.floor)
        return self.rate


# %% schedules.StopEarly: infinities and an operator
class StopEarly:
    def __init__(self, patience=5, mode="min", min_delta=0.0):
        import operator

        self.patience = patience
        self.op = operator.lt if mode == "min" else operator.gt
        self.delta = min_delta if mode == "min" else -min_delta
        self.best = float("inf") if mode == "min" else float("-inf")
        self.wait = 0

    def update(self, metric):
        self.wait += 1
        if self.op(metric + self.delta, self.best):
            self.best, self.wait = metric, 0
        return self.wait >= self.patience


# %% schedules.StopEarly: epoch numbers, a NumPy truth value
class StopEarly:
    def __init__(self, patience=5, mode="min", min_delta=0.0):
        self.patience, self.min_delta = patience, min_delta
        self.sign = {"min": -1.0, "max": 1.0}[mode]
        self.epoch = self.best_epoch = 0
        self.best = None

    def update(self, metric):
        self.epoch += 1
        score = self.sign * metric
        if self.best is None or score - self.best > self.min_delta:
            self.best, self.best_epoch = score, self.epoch
        return np.bool_(self.epoch - self.best_epoch >= self.patience)


# %% schedules.StopEarly: Keras' callback inside
class StopEarly:
    def __init__(self, patience=5, mode="min", min_delta=0.0):
        self.callback = keras.callbacks.EarlyStopping(
            "metric", patience=patience, mode=mode, min_delta=min_delta
        )
        self.callback.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
        self.callback.model.stop_training = False
        self.callback.on_train_begin()
        self.epoch = 0

    def update(self, metric):
        self.callback.on_epoch_end(self.epoch, {"metric": metric})
        self.epoch += 1
        return self.callback.model.stop_training


# %% schedules.StopEarly: the whole history, every time
class StopEarly:
    def __init__(self, patience=5, mode="min", min_delta=0.0):
        self.patience, self.mode, self.min_delta = patience, mode, min_delta
        self.seen = []

    def update(self, metric):
        self.seen.append(metric)
        best, at = self.seen[0], 0
        for epoch, value in enumerate(self.seen):
            gain = best - value if self.mode == "min" else value - best
            if gain > self.min_delta:
                best, at = value, epoch
        return len(self.seen) - 1 - at >= self.patience


# %% schedules.training_callbacks: on the loss, the other way round
def training_callbacks():
    reduce = keras.callbacks.ReduceLROnPlateau("val_accuracy", 0.5, 3, min_lr=1e-6)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=5, restore_best_weights=True)
    return [reduce, stop]


# %% schedules.training_callbacks: every setting, and one callback more
def training_callbacks():
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", mode="min", min_delta=1e-3, patience=10, restore_best_weights=True
    )
    reduce = keras.callbacks.ReduceLROnPlateau(
        monitor="val_accuracy", mode="max", factor=0.5, patience=3, min_delta=1e-3, verbose=0
    )
    return [keras.callbacks.TerminateOnNaN(), stop, reduce]


# %% schedules.training_callbacks: its own classes
def training_callbacks():
    class Stop(keras.callbacks.EarlyStopping):
        pass

    class Halve(keras.callbacks.ReduceLROnPlateau):
        def __init__(self):
            super().__init__(monitor="val_accuracy", factor=0.5, patience=3)

    return [Stop(monitor="val_accuracy", patience=7, restore_best_weights=True), Halve()]


# %% schedules.training_callbacks: appended, a tuple
def training_callbacks():
    from keras.callbacks import EarlyStopping, ReduceLROnPlateau

    callbacks = ()
    callbacks += (EarlyStopping("val_accuracy", 0, 6, 0, "auto", None, True),)
    callbacks += (ReduceLROnPlateau("val_accuracy", factor=0.5, patience=3, mode="auto"),)
    return callbacks


# %% schedules.train: unpacked by hand
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    x_train, y_train = training
    x_validation, y_validation = validation
    run = model.fit(
        x=x_train,
        y=y_train,
        batch_size=batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=callbacks or [],
        validation_data=(x_validation, y_validation),
    )
    return run.history


# %% schedules.train: no shuffling, a dict of its own
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    run = model.fit(
        training[0],
        training[1],
        batch_size,
        epochs,
        0,
        callbacks=callbacks,
        validation_data=(validation[0], validation[1]),
        validation_batch_size=256,
        shuffle=False,
    )
    curves = {}
    for name in run.history:
        curves[name] = [np.float64(value) for value in run.history[name]]
    return curves


# %% schedules.train: a tf.data pipeline
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(tuple(training))
    data = data.shuffle(len(training[0]), seed=1).batch(batch_size)
    watched = tf.data.Dataset.from_tensor_slices(tuple(validation)).batch(batch_size)
    return model.fit(
        data, validation_data=watched, epochs=epochs, callbacks=callbacks, verbose=0
    ).history


# %% schedules.train: collects the curves with a callback
def train(model, training, validation, epochs=30, batch_size=64, callbacks=None):
    curves = {}

    class Curves(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            for name, value in logs.items():
                curves.setdefault(name, []).append(float(value))

    model.fit(
        *training,
        validation_data=tuple(validation),
        epochs=epochs,
        batch_size=batch_size,
        callbacks=[*(callbacks or []), Curves()],
        verbose=2,
    )
    return curves
