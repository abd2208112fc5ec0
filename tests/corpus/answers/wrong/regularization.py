# Wrong answers as learners write them. Each cell replaces one exercise of the reference.
# "says" is the part of the grader's message that names the misconception.

# %% regularization.batch_norm_train: momentum as the weight of the new value
# says: your moving mean gives the new value the weight 0.9: Keras' momentum is the weight of the old value
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    out = gamma * (x - mean) / np.sqrt(var + epsilon) + beta
    moving_mean = (1 - momentum) * moving_mean + momentum * mean
    moving_variance = (1 - momentum) * moving_variance + momentum * var
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: unbiased variance in the moving average, as in PyTorch
# says: your moving variance divides by N - 1, as PyTorch's does
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    out = gamma * (x - mean) / np.sqrt(var + epsilon) + beta
    moving_mean = momentum * moving_mean + (1 - momentum) * mean
    moving_variance = momentum * moving_variance + (1 - momentum) * x.var(axes, ddof=1)
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: unbiased variance everywhere
# says: Batch Normalization uses the biased variance
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes, ddof=1)
    out = gamma * (x - mean) / np.sqrt(var + epsilon) + beta
    moving_mean = momentum * moving_mean + (1 - momentum) * mean
    moving_variance = momentum * moving_variance + (1 - momentum) * var
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: axis 0 alone
# says: you took the statistics over the first axis alone
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    mean, var = x.mean(axis=0), x.var(axis=0)
    out = gamma * (x - mean) / np.sqrt(var + epsilon) + beta
    over = tuple(range(x.ndim - 1))
    moving_mean = momentum * moving_mean + (1 - momentum) * x.mean(over)
    moving_variance = momentum * moving_variance + (1 - momentum) * x.var(over)
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: one mean over all channels
# says: you took one mean and one variance over all channels
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    mean, var = x.mean(), x.var()
    out = gamma * (x - mean) / np.sqrt(var + epsilon) + beta
    moving_mean = momentum * moving_mean + (1 - momentum) * mean
    moving_variance = momentum * moving_variance + (1 - momentum) * var
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: each image by itself
# says: you normalized each image by itself
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    spatial = tuple(range(1, x.ndim - 1)) or (1,)
    mean, var = x.mean(spatial, keepdims=True), x.var(spatial, keepdims=True)
    out = gamma * (x - mean) / np.sqrt(var + epsilon) + beta
    over = tuple(range(x.ndim - 1))
    moving_mean = momentum * moving_mean + (1 - momentum) * x.mean(over)
    moving_variance = momentum * moving_variance + (1 - momentum) * x.var(over)
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: layer normalization unless the input has four axes
# says: you normalized each image by itself
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    out = gamma * (x - mean) / np.sqrt(var + epsilon) + beta
    over = tuple(range(x.ndim - 1))
    moving_mean = momentum * moving_mean + (1 - momentum) * x.mean(over)
    moving_variance = momentum * moving_variance + (1 - momentum) * x.var(over)
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: epsilon outside the root
# says: add it to the variance, under the square root
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    out = gamma * (x - mean) / (np.sqrt(var) + epsilon) + beta
    moving_mean = momentum * moving_mean + (1 - momentum) * mean
    moving_variance = momentum * moving_variance + (1 - momentum) * var
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: no epsilon
# says: you left out epsilon
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    with np.errstate(all="ignore"):
        out = gamma * (x - mean) / np.sqrt(var) + beta
    moving_mean = momentum * moving_mean + (1 - momentum) * mean
    moving_variance = momentum * moving_variance + (1 - momentum) * var
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: normalizes with the updated moving statistics
# says: with the moving statistics after updating them
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    moving_mean = momentum * moving_mean + (1 - momentum) * x.mean(axes)
    moving_variance = momentum * moving_variance + (1 - momentum) * x.var(axes)
    out = gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: the standard deviation is averaged
# says: you averaged the standard deviation
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, std = x.mean(axes), x.std(axes)
    out = gamma * (x - mean) / np.sqrt(std**2 + epsilon) + beta
    moving_mean = momentum * moving_mean + (1 - momentum) * mean
    moving_variance = momentum * moving_variance + (1 - momentum) * std
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: the moving statistics change in place
# says: would change the caller's
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    out = gamma * (x - mean) / np.sqrt(var + epsilon) + beta
    moving_mean *= momentum
    moving_mean += ((1 - momentum) * mean).astype(x.dtype)
    moving_variance *= momentum
    moving_variance += ((1 - momentum) * var).astype(x.dtype)
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: x changes in place
# says: `x` was
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    x -= mean
    x /= np.sqrt(var + x.dtype.type(epsilon))
    return (
        gamma * x + beta,
        momentum * moving_mean + (1 - momentum) * mean,
        momentum * moving_variance + (1 - momentum) * var,
    )


# %% regularization.batch_norm_train: gamma and beta forgotten
# says: you left out gamma and beta
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    out = (x - mean) / np.sqrt(var + epsilon)
    moving_mean = momentum * moving_mean + (1 - momentum) * mean
    moving_variance = momentum * moving_variance + (1 - momentum) * var
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_train: only the output
# says: 3 values: out, moving_mean, moving_variance
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.99, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    return gamma * (x - x.mean(axes)) / np.sqrt(x.var(axes) + epsilon) + beta


# %% regularization.batch_norm_train: PyTorch's default settings
# says: you used PyTorch's epsilon of 1e-5
def batch_norm_train(x, gamma, beta, moving_mean, moving_variance, momentum=0.9, epsilon=1e-5):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    out = gamma * (x - mean) / np.sqrt(var + epsilon) + beta
    moving_mean = momentum * moving_mean + (1 - momentum) * mean
    moving_variance = momentum * moving_variance + (1 - momentum) * var
    return out, moving_mean, moving_variance


# %% regularization.batch_norm_inference: the batch's statistics
# says: you normalized with the batch's statistics
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    return gamma * (x - x.mean(axes)) / np.sqrt(x.var(axes) + epsilon) + beta


# %% regularization.batch_norm_inference: half and half
# says: you used the moving mean with the batch's variance
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    return gamma * (x - moving_mean) / np.sqrt(x.var(axes) + epsilon) + beta


# %% regularization.batch_norm_inference: divides by the variance
# says: not by its square root
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    return gamma * (x - moving_mean) / (moving_variance + epsilon) + beta


# %% regularization.batch_norm_inference: epsilon outside the root
# says: under the square root
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    return gamma * (x - moving_mean) / (np.sqrt(moving_variance) + epsilon) + beta


# %% regularization.batch_norm_inference: no epsilon
# says: you left out epsilon
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    return gamma * (x - moving_mean) / np.sqrt(moving_variance) + beta


# %% regularization.batch_norm_inference: beta is scaled as well
# says: you multiplied beta by gamma, too
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    return gamma * ((x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta)


# %% regularization.batch_norm_inference: x changes in place
# says: would change the caller's
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    x -= moving_mean
    return gamma * x / np.sqrt(moving_variance + epsilon) + beta


# %% regularization.batch_norm_inference: PyTorch's epsilon
# says: you used PyTorch's epsilon of 1e-5
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon=1e-5):
    return gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta


# %% regularization.dropout: the rate is the fraction that is kept
# says: you took `rate` for the fraction that is kept
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    mask = np.random.default_rng(seed).random(x.shape) < rate
    return x * mask / rate


# %% regularization.dropout: no scaling
# says: you did not scale the elements that are kept
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training:
        return x.copy()
    return x * (np.random.default_rng(seed).random(x.shape) >= rate)


# %% regularization.dropout: scaled at test time, as in the paper of 2014
# says: inverted dropout scales in training
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training:
        return x * (1 - rate)
    return x * (np.random.default_rng(seed).random(x.shape) >= rate)


# %% regularization.dropout: scaled the wrong way
# says: you multiplied by 1 - rate instead of dividing
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    return x * (np.random.default_rng(seed).random(x.shape) >= rate) * (1 - rate)


# %% regularization.dropout: divides by the rate
# says: you divided by `rate`
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    return x * (np.random.default_rng(seed).random(x.shape) >= rate) / rate


# %% regularization.dropout: one mask for the whole batch
# says: all images of the batch share one mask
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    mask = np.random.default_rng(seed).random(x.shape[1:]) >= rate
    return x * mask / (1 - rate)


# %% regularization.dropout: whole channels
# says: that is spatial dropout
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    shape = (x.shape[0],) + (1,) * (x.ndim - 2) + (x.shape[-1],)
    mask = np.random.default_rng(seed).random(shape) >= rate
    return x * mask / (1 - rate)


# %% regularization.dropout: whole pixels
# says: all channels of a place are dropped together
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    mask = np.random.default_rng(seed).random(x.shape[:-1]) >= rate
    return x * mask[..., None] / (1 - rate)


# %% regularization.dropout: an exact fraction is dropped
# says: you drop an exact fraction of the elements
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    out = (x / (1 - rate)).reshape(-1)
    out[np.random.default_rng(seed).permutation(x.size)[: round(rate * x.size)]] = 0
    return out.reshape(x.shape)


# %% regularization.dropout: the seed is ignored
# says: you ignored `seed`
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    return x * (np.random.default_rng(0).random(x.shape) >= rate) / (1 - rate)


# %% regularization.dropout: no seed at all
# says: cannot be repeated
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    return x * (np.random.rand(*x.shape) >= rate) / (1 - rate)


# %% regularization.dropout: drops at test time
# says: you dropped elements outside training
def dropout(x, rate, training=True, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    return x * (np.random.default_rng(seed).random(x.shape) >= rate) / (1 - rate)


# %% regularization.dropout: a rate of 1 is accepted
# says: `rate` must be at least 0 and below 1, and 1.0 is not
def dropout(x, rate, training, seed=0):
    if not 0 <= rate <= 1:
        raise ValueError("rate")
    if not training or rate == 0:
        return x.copy()
    with np.errstate(all="ignore"):
        return np.where(np.random.default_rng(seed).random(x.shape) >= rate, x / (1 - rate), 0)


# %% regularization.dropout: checks the rate in training only
# says: also outside training
def dropout(x, rate, training, seed=0):
    if not training:
        return x.copy()
    if not 0 <= rate < 1:
        raise ValueError("rate")
    return x * (np.random.default_rng(seed).random(x.shape) >= rate) / (1 - rate)


# %% regularization.dropout: in place
# says: would change the caller's
def dropout(x, rate, training, seed=0):
    if not 0 <= rate < 1:
        raise ValueError("rate")
    if training:
        x[np.random.default_rng(seed).random(x.shape) < rate] = 0
        x /= 1 - rate
    return x


# %% regularization.BatchNorm: momentum as the weight of the new value
# says: Keras' momentum is the weight of the old value
class BatchNorm(BatchNorm):
    def call(self, inputs, training=None):
        if not (training and self.trainable):
            mean, var = self.moving_mean, self.moving_variance
        else:
            axes = list(range(len(inputs.shape) - 1))
            mean, var = keras.ops.moments(inputs, axes)
            m = self.momentum
            self.moving_mean.assign((1 - m) * self.moving_mean + m * mean)
            self.moving_variance.assign((1 - m) * self.moving_variance + m * var)
        return self.gamma * (inputs - mean) / keras.ops.sqrt(var + self.epsilon) + self.beta


# %% regularization.BatchNorm: trainable=False is ignored
# says: your layer updates the moving statistics even when `self.trainable` is False
class BatchNorm(BatchNorm):
    def call(self, inputs, training=None):
        mean, var = self.moving_mean, self.moving_variance
        if training:
            axes = list(range(len(inputs.shape) - 1))
            mean, var = keras.ops.moments(inputs, axes)
            m = self.momentum
            self.moving_mean.assign(m * self.moving_mean + (1 - m) * mean)
            self.moving_variance.assign(m * self.moving_variance + (1 - m) * var)
        return self.gamma * (inputs - mean) / keras.ops.sqrt(var + self.epsilon) + self.beta


# %% regularization.BatchNorm: always in training mode
# says: you normalized with the batch's statistics: at test time, use the moving ones
class BatchNorm(BatchNorm):
    def call(self, inputs, training=None):
        axes = list(range(len(inputs.shape) - 1))
        mean, var = keras.ops.moments(inputs, axes)
        if training and self.trainable:
            m = self.momentum
            self.moving_mean.assign(m * self.moving_mean + (1 - m) * mean)
            self.moving_variance.assign(m * self.moving_variance + (1 - m) * var)
        return self.gamma * (inputs - mean) / keras.ops.sqrt(var + self.epsilon) + self.beta


# %% regularization.BatchNorm: training is the default
# says: at test time, use the moving ones
class BatchNorm(BatchNorm):
    def call(self, inputs, training=True):
        return super().call(inputs, training=training)


# %% regularization.BatchNorm: the moving statistics are never updated
# says: the moving mean was not updated
class BatchNorm(BatchNorm):
    def call(self, inputs, training=None):
        mean, var = self.moving_mean, self.moving_variance
        if training and self.trainable:
            mean, var = keras.ops.moments(inputs, list(range(len(inputs.shape) - 1)))
            moving_mean = self.momentum * self.moving_mean + (1 - self.momentum) * mean
            moving_variance = self.momentum * self.moving_variance + (1 - self.momentum) * var
        return self.gamma * (inputs - mean) / keras.ops.sqrt(var + self.epsilon) + self.beta


# %% regularization.BatchNorm: trainable moving statistics
# says: the moving statistics are trainable
class BatchNorm(BatchNorm):
    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape, initializer="ones")
        self.beta = self.add_weight(shape=shape, initializer="zeros")
        self.moving_mean = self.add_weight(shape=shape, initializer="zeros")
        self.moving_variance = self.add_weight(shape=shape, initializer="ones")


# %% regularization.BatchNorm: the moving variance starts at zero
# says: the moving variance starts at 0
class BatchNorm(BatchNorm):
    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape, initializer="ones")
        self.beta = self.add_weight(shape=shape, initializer="zeros")
        self.moving_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False)
        self.moving_variance = self.add_weight(shape=shape, initializer="zeros", trainable=False)


# %% regularization.BatchNorm: Keras' default initializer for gamma
# says: the weights start at random values
class BatchNorm(BatchNorm):
    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape)
        self.beta = self.add_weight(shape=shape, initializer="zeros")
        self.moving_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False)
        self.moving_variance = self.add_weight(shape=shape, initializer="ones", trainable=False)


# %% regularization.BatchNorm: one weight for each place
# says: one number for each place and channel
class BatchNorm(BatchNorm):
    def build(self, input_shape):
        shape = tuple(input_shape[1:])
        self.gamma = self.add_weight(shape=shape, initializer="ones")
        self.beta = self.add_weight(shape=shape, initializer="zeros")
        self.moving_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False)
        self.moving_variance = self.add_weight(shape=shape, initializer="ones", trainable=False)


# %% regularization.BatchNorm: get_config without the settings
# says: get_config does not return momentum
class BatchNorm(BatchNorm):
    def get_config(self):
        return {**keras.layers.Layer.get_config(self), "epsilon": self.epsilon}


# %% regularization.BatchNorm: get_config without epsilon
# says: get_config does not return epsilon
class BatchNorm(BatchNorm):
    def get_config(self):
        return {**keras.layers.Layer.get_config(self), "momentum": self.momentum}


# %% regularization.BatchNorm: axis 0 alone
# says: over the first axis alone
class BatchNorm(BatchNorm):
    def call(self, inputs, training=None):
        if not (training and self.trainable):
            return super().call(inputs, training=False)
        mean = keras.ops.mean(inputs, axis=0)
        var = keras.ops.var(inputs, axis=0)
        super().call(inputs, training=True)
        return self.gamma * (inputs - mean) / keras.ops.sqrt(var + self.epsilon) + self.beta


# %% regularization.BatchNorm: unbiased variance in the moving average, as in PyTorch
# says: as PyTorch's does
class BatchNorm(BatchNorm):
    def call(self, inputs, training=None):
        mean, var = self.moving_mean, self.moving_variance
        if training and self.trainable:
            axes = list(range(len(inputs.shape) - 1))
            mean, var = keras.ops.moments(inputs, axes)
            n = keras.ops.cast(keras.ops.size(inputs) / inputs.shape[-1], "float32")
            m = self.momentum
            self.moving_mean.assign(m * self.moving_mean + (1 - m) * mean)
            self.moving_variance.assign(m * self.moving_variance + (1 - m) * var * n / (n - 1))
        return self.gamma * (inputs - mean) / keras.ops.sqrt(var + self.epsilon) + self.beta


# %% regularization.BatchNorm: no gradient through the statistics
# says: no gradient flows through the mean and the variance
class BatchNorm(BatchNorm):
    def call(self, inputs, training=None):
        mean, var = self.moving_mean, self.moving_variance
        if training and self.trainable:
            axes = list(range(len(inputs.shape) - 1))
            mean, var = keras.ops.moments(keras.ops.stop_gradient(inputs), axes)
            m = self.momentum
            self.moving_mean.assign(m * self.moving_mean + (1 - m) * mean)
            self.moving_variance.assign(m * self.moving_variance + (1 - m) * var)
        return self.gamma * (inputs - mean) / keras.ops.sqrt(var + self.epsilon) + self.beta


# %% regularization.BatchNorm: gamma and beta forgotten in the call
# says: gamma did not learn
class BatchNorm(BatchNorm):
    def call(self, inputs, training=None):
        out = super().call(inputs, training=training)
        return (out - self.beta) / self.gamma + 0 * self.beta


# %% regularization.BatchNorm: PyTorch's default settings
# says: you used PyTorch's epsilon of 1e-5
class BatchNorm(BatchNorm):
    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum, epsilon, **kwargs)


# %% regularization.BatchNorm: settings taken, but not used
# says: you ignored `momentum`
class BatchNorm(BatchNorm):
    def __init__(self, momentum=0.99, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)


# %% regularization.build_regularized_cnn: none after the third convolution
# says: there is no BatchNormalization after convolution 3
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    model = keras.Sequential([keras.Input(input_shape)])
    for k, (n, rate) in enumerate(zip(filters, (0.25, 0.4, 0.5))):
        model.add(L.Conv2D(n, 3, padding="same", activation="relu"))
        if k < 2:
            model.add(L.BatchNormalization())
        model.add(L.MaxPooling2D())
        model.add(L.Dropout(rate))
    model.add(L.Flatten())
    model.add(L.Dense(num_classes, activation="softmax"))
    return model


# %% regularization.build_regularized_cnn: BatchNormalization once, at the end
# says: there is no BatchNormalization after convolution 1
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    model = keras.Sequential([keras.Input(input_shape)])
    for n, rate in zip(filters, (0.25, 0.4, 0.5)):
        model.add(L.Conv2D(n, 3, padding="same", activation="relu"))
        model.add(L.MaxPooling2D())
        model.add(L.Dropout(rate))
    model.add(L.BatchNormalization())
    model.add(L.Flatten())
    model.add(L.Dense(num_classes, activation="softmax"))
    return model


# %% regularization.build_regularized_cnn: the rates in reverse order
# says: the three rates are there, but in another order
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    model = keras.Sequential([keras.Input(input_shape)])
    for n, rate in zip(filters, (0.5, 0.4, 0.25)):
        model.add(L.Conv2D(n, 3, padding="same"))
        model.add(L.BatchNormalization())
        model.add(L.ReLU())
        model.add(L.MaxPooling2D())
        model.add(L.Dropout(rate))
    model.add(L.Flatten())
    model.add(L.Dense(num_classes, activation="softmax"))
    return model


# %% regularization.build_regularized_cnn: the rates are the fractions that are kept
# says: you gave the fractions that are kept
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    model = keras.Sequential([keras.Input(input_shape)])
    for n, keep in zip(filters, (0.75, 0.6, 0.5)):
        model.add(L.Conv2D(n, 3, padding="same", activation="relu"))
        model.add(L.BatchNormalization())
        model.add(L.MaxPooling2D())
        model.add(L.Dropout(keep))
    model.add(L.Flatten())
    model.add(L.Dense(num_classes, activation="softmax"))
    return model


# %% regularization.build_regularized_cnn: spatial dropout
# says: you used SpatialDropout2D: keras.layers.Dropout drops each element
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    x = inputs = keras.Input(input_shape)
    for n, rate in zip(filters, (0.25, 0.4, 0.5)):
        x = L.Conv2D(n, 3, padding="same", activation="relu")(x)
        x = L.BatchNormalization()(x)
        x = L.MaxPooling2D()(x)
        x = L.SpatialDropout2D(rate)(x)
    x = L.Flatten()(x)
    return keras.Model(inputs, L.Dense(num_classes, activation="softmax")(x))


# %% regularization.build_regularized_cnn: dropout after the output
# says: a Dropout comes after the output layer
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    x = inputs = keras.Input(input_shape)
    for n, rate in zip(filters, (0.25, 0.4, 0)):
        x = L.Conv2D(n, 3, padding="same", activation="relu")(x)
        x = L.BatchNormalization()(x)
        x = L.MaxPooling2D()(x)
        if rate:
            x = L.Dropout(rate)(x)
    x = L.Flatten()(x)
    x = L.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, L.Dropout(0.5)(x))


# %% regularization.build_regularized_cnn: the learner's own layer
# says: you used your own BatchNorm
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    x = inputs = keras.Input(input_shape)
    for n, rate in zip(filters, (0.25, 0.4, 0.5)):
        x = L.Conv2D(n, 3, padding="same", activation="relu")(x)
        x = BatchNorm()(x)
        x = L.MaxPooling2D()(x)
        x = L.Dropout(rate)(x)
    x = L.Flatten()(x)
    return keras.Model(inputs, L.Dense(num_classes, activation="softmax")(x))


# %% regularization.build_regularized_cnn: compiled already
# says: you called `compile` in build_regularized_cnn
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    model = keras.Sequential([keras.Input(input_shape)])
    for n, rate in zip(filters, (0.25, 0.4, 0.5)):
        model.add(L.Conv2D(n, 3, padding="same", activation="relu"))
        model.add(L.BatchNormalization())
        model.add(L.MaxPooling2D())
        model.add(L.Dropout(rate))
    model.add(L.Flatten())
    model.add(L.Dense(num_classes, activation="softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% regularization.build_regularized_cnn: no ReLU
# says: two convolutions in a row are one linear map
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    model = keras.Sequential([keras.Input(input_shape)])
    for n, rate in zip(filters, (0.25, 0.4, 0.5)):
        model.add(L.Conv2D(n, 3, padding="same"))
        model.add(L.BatchNormalization())
        model.add(L.MaxPooling2D())
        model.add(L.Dropout(rate))
    model.add(L.Flatten())
    model.add(L.Dense(num_classes, activation="softmax"))
    return model


# %% regularization.build_regularized_cnn: averaged instead of flattened, settings ignored
# says: GlobalAveragePooling2D
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    model = keras.Sequential([keras.Input(input_shape)])
    for n, rate in zip(filters, (0.25, 0.4, 0.5)):
        model.add(L.Conv2D(n, 3, padding="same", activation="relu"))
        model.add(L.BatchNormalization())
        model.add(L.MaxPooling2D())
        model.add(L.Dropout(rate))
    model.add(L.GlobalAveragePooling2D())
    model.add(L.Dense(10, activation="softmax"))
    return model


# %% regularization.build_regularized_cnn: over the rows instead of the channels
# says: an axis of -1, the channels
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    model = keras.Sequential([keras.Input(input_shape)])
    for n, rate in zip(filters, (0.25, 0.4, 0.5)):
        model.add(L.Conv2D(n, 3, padding="same", activation="relu"))
        model.add(L.BatchNormalization(axis=1))
        model.add(L.MaxPooling2D())
        model.add(L.Dropout(rate))
    model.add(L.Flatten())
    model.add(L.Dense(num_classes, activation="softmax"))
    return model


# %% regularization.build_regularized_cnn: logits
# says: the output layer has a softmax
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    model = keras.Sequential([keras.Input(input_shape)])
    for n, rate in zip(filters, (0.25, 0.4, 0.5)):
        model.add(L.Conv2D(n, 3, padding="same", activation="relu"))
        model.add(L.BatchNormalization())
        model.add(L.MaxPooling2D())
        model.add(L.Dropout(rate))
    model.add(L.Flatten())
    model.add(L.Dense(num_classes))
    return model


# %% regularization.build_regularized_cnn: the third BatchNormalization after Flatten
# says: your BatchNormalization comes after Flatten
def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    L = keras.layers
    x = inputs = keras.Input(input_shape)
    for n, rate in zip(filters, (0.25, 0.4, 0)):
        x = L.Conv2D(n, 3, padding="same", activation="relu")(x)
        if rate:
            x = L.BatchNormalization()(x)
        x = L.MaxPooling2D()(x)
        x = L.Dropout(rate)(x)
    x = L.BatchNormalization()(L.Flatten()(x))
    x = L.Dropout(0.5)(x)
    return keras.Model(inputs, L.Dense(num_classes, activation="softmax")(x))
