# Right answers that are written differently from the reference. Each cell replaces one exercise of
# the reference and must earn all points.

# %% regularization.batch_norm_train: through E[x^2] - E[x]^2, in float64
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    values = x.astype(np.float64)
    axes = tuple(range(x.ndim - 1))
    mean = values.mean(axes)
    variance = (values**2).mean(axes) - mean**2
    out = (values - mean) / (variance + epsilon) ** 0.5 * gamma + beta
    new_mean = moving_mean + (1 - momentum) * (mean - moving_mean)
    new_variance = moving_variance + (1 - momentum) * (variance - moving_variance)
    return out, new_mean, new_variance


# %% regularization.batch_norm_train: flattened, float32 all the way, a list
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    rows = x.astype(np.float32).reshape(-1, x.shape[-1])
    mean = rows.sum(0) / np.float32(len(rows))
    variance = ((rows - mean) ** 2).sum(0) / np.float32(len(rows))
    scale = np.float32(gamma) / np.sqrt(variance + np.float32(epsilon))
    out = (rows * scale + (np.float32(beta) - mean * scale)).reshape(x.shape)
    m = np.float32(momentum)
    return [out, m * moving_mean + (1 - m) * mean, m * moving_variance + (1 - m) * variance]


# %% regularization.batch_norm_train: channel by channel
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    out = np.empty(x.shape)
    means, variances = moving_mean.copy(), moving_variance.copy()
    for c in range(x.shape[-1]):
        channel = x[..., c]
        mean, std = channel.mean(), channel.std()
        out[..., c] = gamma[c] * (channel - mean) / np.sqrt(std**2 + epsilon) + beta[c]
        means[c] = momentum * moving_mean[c] + (1 - momentum) * mean
        variances[c] = momentum * moving_variance[c] + (1 - momentum) * std**2
    return out, means, variances


# %% regularization.batch_norm_train: einsum
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    rows = x.reshape(-1, x.shape[-1])
    mean = np.einsum("nc->c", rows) / len(rows)
    centered = rows - mean
    variance = np.einsum("nc,nc->c", centered, centered) / len(rows)
    out = np.einsum("nc,c->nc", centered, gamma / np.sqrt(variance + epsilon)).reshape(x.shape) + beta
    return (
        out,
        np.average([moving_mean, mean], axis=0, weights=[momentum, 1 - momentum]),
        np.average([moving_variance, variance], axis=0, weights=[momentum, 1 - momentum]),
    )


# %% regularization.batch_norm_inference: one scale and one shift
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    scale = gamma / np.sqrt(moving_variance + epsilon)
    return x * scale + (beta - moving_mean * scale)


# %% regularization.batch_norm_inference: float32
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    x = np.float32(x)
    root = np.sqrt(np.float32(moving_variance) + np.float32(epsilon))
    return np.float32(gamma) * ((x - np.float32(moving_mean)) / root) + np.float32(beta)


# %% regularization.batch_norm_inference: float64, with a power
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    variance = np.asarray(moving_variance, float)
    return (x.astype(float) - moving_mean) * np.power(variance + epsilon, -0.5) * gamma + beta


# %% regularization.batch_norm_inference: channel by channel
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    out = np.zeros_like(x)
    for c in range(x.shape[-1]):
        z = (x[..., c] - moving_mean[c]) / np.sqrt(moving_variance[c] + epsilon)
        out[..., c] = gamma[c] * z + beta[c]
    return out


# %% regularization.dropout: bernoulli draws
def dropout(x, rate, training, seed=0):
    if rate < 0 or rate >= 1:
        raise ValueError("rate")
    if not training:
        return x
    keep = np.random.default_rng(seed).binomial(1, 1 - rate, size=x.shape)
    return x * keep / (1 - rate)


# %% regularization.dropout: the old generator
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x
    out = x / (1 - rate)
    out[np.random.RandomState(seed).uniform(size=x.shape) < rate] = 0
    return out


# %% regularization.dropout: Python's generator
def dropout(x, rate, training, seed=0):
    import random

    if rate < 0:
        raise ValueError("rate")
    if rate >= 1:
        raise ValueError("rate")
    if not training:
        return x.copy()
    generator = random.Random(seed)
    keep = np.array([generator.random() >= rate for _ in range(x.size)]).reshape(x.shape)
    return np.where(keep, x, 0) * (1 / (1 - rate))


# %% regularization.dropout: the global generator, seeded
def dropout(x, rate, training, seed=0):
    if not (rate >= 0 and rate < 1):
        raise ValueError("rate")
    if not training or rate == 0:
        return 1.0 * x
    np.random.seed(seed)
    return (np.random.rand(*x.shape) > rate).astype(np.float32) / (1 - rate) * x


# %% regularization.dropout: choice, in float32
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training:
        return np.array(x)
    rng = np.random.Generator(np.random.Philox(seed + 1000))
    factors = np.array([0, 1 / (1 - rate)], np.float32)
    return x * rng.choice(factors, size=x.shape, p=[rate, 1 - rate])


# %% regularization.BatchNorm: with keras.ops.moments and add_update written out
class BatchNorm(keras.layers.Layer):
    def __init__(self, momentum=0.99, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, input_shape):
        channels = input_shape[-1]
        self.moving_var = self.add_weight(
            shape=(channels,), initializer=keras.initializers.Ones(), trainable=False
        )
        self.moving_avg = self.add_weight(shape=(channels,), initializer="zeros", trainable=False)
        self.shift = self.add_weight(shape=(channels,), initializer="zeros")
        self.scale = self.add_weight(shape=(channels,), initializer="ones")
        self.built = True

    def call(self, inputs, training=False):
        if training and self.trainable:
            mean, var = keras.ops.moments(inputs, axes=list(range(len(inputs.shape) - 1)))
            self.moving_avg.assign(self.moving_avg + (1 - self.momentum) * (mean - self.moving_avg))
            self.moving_var.assign(self.moving_var + (1 - self.momentum) * (var - self.moving_var))
        else:
            mean, var = self.moving_avg, self.moving_var
        return (inputs - mean) * keras.ops.rsqrt(var + self.epsilon) * self.scale + self.shift

    def get_config(self):
        config = super().get_config()
        config.update(momentum=self.momentum, epsilon=self.epsilon)
        return config


# %% regularization.BatchNorm: keras.ops.batch_normalization, flattened statistics
class BatchNorm(keras.layers.Layer):
    def __init__(self, momentum=0.99, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self._m = float(momentum)
        self._e = float(epsilon)

    def build(self, input_shape):
        def weight(start, learn):
            return self.add_weight(shape=(input_shape[-1],), initializer=start, trainable=learn)

        self.gamma, self.beta = weight("ones", True), weight("zeros", True)
        self.mean, self.var = weight("zeros", False), weight("ones", False)

    def call(self, inputs, training=None):
        mean, var = self.mean.value, self.var.value
        if training is True and self.trainable:
            rows = keras.ops.reshape(inputs, (-1, inputs.shape[-1]))
            mean = keras.ops.mean(rows, axis=0)
            var = keras.ops.mean(keras.ops.square(rows - mean), axis=0)
            self.mean.assign(self._m * self.mean.value + (1 - self._m) * mean)
            self.var.assign(self._m * self.var.value + (1 - self._m) * var)
        return keras.ops.batch_normalization(
            inputs, mean, var, axis=-1, offset=self.beta, scale=self.gamma, epsilon=self._e
        )

    def get_config(self):
        return {"momentum": self._m, "epsilon": self._e} | super().get_config()


# %% regularization.BatchNorm: broadcast weights, registered, variance by keepdims
@keras.saving.register_keras_serializable(package="lesson3")
class BatchNorm(keras.layers.Layer):
    def __init__(self, momentum=0.99, epsilon=1e-3, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        self.axes = tuple(range(len(input_shape) - 1))
        shape = (1,) * len(self.axes) + (input_shape[-1],)
        self.moving_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False)
        self.moving_variance = self.add_weight(shape=shape, initializer="ones", trainable=False)
        self.gamma = self.add_weight(shape=shape, initializer="ones")
        self.beta = self.add_weight(shape=shape, initializer="zeros")
        super().build(input_shape)

    def _update(self, moving, value):
        moving.assign(moving * self.momentum + value * (1.0 - self.momentum))
        return value

    def call(self, inputs, training=None):
        if not training or not self.trainable:
            mean, variance = self.moving_mean, self.moving_variance
        else:
            mean = self._update(
                self.moving_mean, keras.ops.mean(inputs, axis=self.axes, keepdims=True)
            )
            variance = self._update(
                self.moving_variance, keras.ops.var(inputs, axis=self.axes, keepdims=True)
            )
        x_hat = (inputs - mean) / keras.ops.sqrt(variance + self.epsilon)
        return keras.ops.add(keras.ops.multiply(self.gamma, x_hat), self.beta)

    def get_config(self):
        base = super().get_config()
        return dict(base, momentum=self.momentum, epsilon=self.epsilon)


# %% regularization.BatchNorm: two methods, weights made in the first call's build
class BatchNorm(keras.layers.Layer):
    def __init__(self, momentum=0.99, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        n = input_shape[-1]
        self.gamma = self.add_weight(name="g", shape=(n,), initializer="ones", trainable=True)
        self.beta = self.add_weight(name="b", shape=(n,), initializer="zeros", trainable=True)
        self.mean = self.add_weight(name="m", shape=(n,), initializer="zeros", trainable=False)
        self.var = self.add_weight(name="v", shape=(n,), initializer="ones", trainable=False)

    def learn(self, x):
        axes = [axis for axis in range(keras.ops.ndim(x)) if axis < keras.ops.ndim(x) - 1]
        mean = keras.ops.mean(x, axis=axes)
        var = keras.ops.mean(x * x, axis=axes) - mean * mean
        self.mean.assign(keras.ops.stop_gradient(self.momentum * self.mean + (1 - self.momentum) * mean))
        self.var.assign(keras.ops.stop_gradient(self.momentum * self.var + (1 - self.momentum) * var))
        return mean, var

    def call(self, inputs, training=None):
        learning = bool(training) and self.trainable
        mean, var = self.learn(inputs) if learning else (self.mean, self.var)
        scale = self.gamma / keras.ops.sqrt(var + self.epsilon)
        return inputs * scale + (self.beta - mean * scale)

    def get_config(self):
        config = super().get_config()
        config["momentum"] = self.momentum
        config["epsilon"] = self.epsilon
        return config


# %% regularization.build_regularized_cnn: Sequential, after the ReLU
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    layers = keras.layers
    model = keras.Sequential([layers.Input(shape=input_shape)])
    for n, rate in zip(filters, [0.25, 0.4, 0.5]):
        model.add(layers.Conv2D(n, (3, 3), activation="relu", padding="same"))
        model.add(layers.BatchNormalization())
        model.add(layers.MaxPooling2D((2, 2)))
        model.add(layers.Dropout(rate))
    model.add(layers.Flatten())
    model.add(layers.Dense(num_classes, activation="softmax"))
    return model


# %% regularization.build_regularized_cnn: nested blocks, a hidden Dense with its own dropout
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    def block(n, rate):
        return keras.Sequential(
            [
                keras.layers.Conv2D(n, 3, padding="same"),
                keras.layers.BatchNormalization(),
                keras.layers.Activation("relu"),
                keras.layers.MaxPooling2D(),
                keras.layers.Dropout(rate),
            ]
        )

    inputs = keras.Input(input_shape)
    x = inputs
    for n, rate in zip(filters, (0.1, 0.25, 0.4)):
        x = block(n, rate)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Dense(num_classes)(x)
    return keras.Model(inputs, keras.layers.Softmax()(x))


# %% regularization.build_regularized_cnn: functional, shared pooling, functions as ReLU
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    pool = L.MaxPooling2D(2)
    inputs = keras.Input(shape=input_shape)
    x = L.Conv2D(filters[0], 3, padding="same")(inputs)
    x = L.Dropout(0.25)(pool(keras.ops.relu(L.BatchNormalization()(x))))
    x = L.Conv2D(filters[1], 3, padding="same")(x)
    x = L.Dropout(0.4)(pool(keras.activations.relu(L.BatchNormalization(axis=3)(x))))
    x = L.Conv2D(filters[2], 3, padding="same")(x)
    x = pool(L.BatchNormalization()(L.ReLU()(x)))
    x = L.Dropout(0.5)(L.Flatten()(x))
    return keras.Model(inputs=inputs, outputs=L.Dense(num_classes, "softmax")(x))


# %% regularization.build_regularized_cnn: a functional block inside, BatchNormalization after pooling
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers

    def features():
        x = image = keras.Input(input_shape)
        for n in filters[:2]:
            x = L.Conv2D(n, 3, padding="same", activation="relu")(x)
            x = L.MaxPool2D()(x)
            x = L.BatchNormalization()(x)
        x = L.Dropout(0.25)(x)
        x = L.Conv2D(filters[2], 3, padding="same", activation=keras.activations.relu)(x)
        x = L.BatchNormalization()(x)
        return keras.Model(image, L.MaxPool2D()(x))

    return keras.Sequential(
        [
            keras.Input(input_shape),
            features(),
            L.Dropout(0.4),
            L.Flatten(),
            L.Dropout(0.5),
            L.Dense(num_classes),
            L.Activation("softmax"),
        ]
    )
