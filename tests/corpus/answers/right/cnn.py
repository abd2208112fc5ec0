# Right answers that are written differently from the reference. Each cell replaces one exercise of
# the reference and must earn all points.

# %% cnn.conv_output_size: counted
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding == "same":
        return len(range(0, size, stride))
    if padding == "valid" and kernel_size <= size:
        return len(range(0, size - kernel_size + 1, stride))
    raise ValueError(f"nothing fits, or unknown padding {padding!r}")


# %% cnn.conv_output_size: rounded up with math.ceil
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    import math

    room = {"valid": size - kernel_size + 1, "same": size}
    if padding not in room or room[padding] <= 0:
        raise ValueError("padding or size")
    return math.ceil(room[padding] / stride)


# %% cnn.conv_output_size: a NumPy integer
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding == "valid":
        if size < kernel_size:
            raise ValueError("the kernel is larger than the image")
        return np.int64((size - kernel_size + stride) // stride)
    if padding == "same":
        return np.ceil(size / stride).astype(int)
    raise ValueError(padding)


# %% cnn.conv_output_size: Keras asked
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    layer = keras.layers.Conv1D(1, kernel_size, strides=stride, padding=padding or "none")
    if padding not in ("valid", "same"):
        raise ValueError(padding)
    return layer.compute_output_shape((1, size, 1))[1]


# %% cnn.conv2d: one kernel entry at a time
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    n, height, width, _ = images.shape
    kh, kw, _, filters = kernels.shape
    oh = conv_output_size(height, kh, stride, padding)
    ow = conv_output_size(width, kw, stride, padding)
    if padding == "same":
        rows, cols = max((oh - 1) * stride + kh - height, 0), max((ow - 1) * stride + kw - width, 0)
        images = np.pad(
            images, ((0, 0), (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2), (0, 0))
        )
    out = np.zeros((n, oh, ow, filters)) + bias
    for r in range(kh):
        for c in range(kw):
            shifted = images[:, r : r + stride * oh : stride, c : c + stride * ow : stride]
            out += shifted[:, :oh, :ow] @ kernels[r, c]
    return out


# %% cnn.conv2d: plain loops
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    n, height, width, channels = images.shape
    kh, kw, _, filters = kernels.shape
    oh = conv_output_size(height, kh, stride, padding)
    ow = conv_output_size(width, kw, stride, padding)
    above = max((oh - 1) * stride + kh - height, 0) // 2 if padding == "same" else 0
    left = max((ow - 1) * stride + kw - width, 0) // 2 if padding == "same" else 0
    out = np.empty((n, oh, ow, filters))
    for a in range(n):
        for i in range(oh):
            for j in range(ow):
                total = np.array(bias, float)
                for r in range(kh):
                    for c in range(kw):
                        y, x = i * stride + r - above, j * stride + c - left
                        if 0 <= y < height and 0 <= x < width:
                            total += images[a, y, x].astype(float) @ kernels[r, c]
                out[a, i, j] = total
    return out


# %% cnn.conv2d: windows as rows of a matrix, in float32
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = images.astype(np.float32)
    n, height, width, channels = images.shape
    kh, kw, _, filters = kernels.shape
    oh, ow = (conv_output_size(s, k, stride, padding) for s, k in ((height, kh), (width, kw)))
    if padding == "same":
        sides = []
        for size, k, o in ((height, kh, oh), (width, kw, ow)):
            total = max((o - 1) * stride + k - size, 0)
            sides.append((total // 2, total - total // 2))
        images = np.pad(images, [(0, 0), *sides, (0, 0)])
    rows = np.stack(
        [
            images[:, i * stride : i * stride + kh, j * stride : j * stride + kw].reshape(n, -1)
            for i in range(oh)
            for j in range(ow)
        ],
        axis=1,
    )
    out = rows @ kernels.reshape(-1, filters).astype(np.float32) + bias.astype(np.float32)
    return out.reshape(n, oh, ow, filters)


# %% cnn.conv2d: Keras' function
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images, kernels, bias = (np.asarray(part, "float32") for part in (images, kernels, bias))
    return keras.ops.conv(images, kernels, strides=stride, padding=padding) + bias


# %% cnn.conv2d: SciPy's convolution with a flipped kernel
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    from scipy.signal import convolve2d

    x = np.asarray(images, float)
    if padding == "same":
        for axis in (1, 2):
            size, k = images.shape[axis], kernels.shape[axis - 1]
            total = max((conv_output_size(size, k, stride, "same") - 1) * stride + k - size, 0)
            sides = [(0, 0)] * 4
            sides[axis] = (total // 2, -(-total // 2))
            x = np.pad(x, sides)
    flipped = kernels[::-1, ::-1]
    maps = [
        [
            sum(convolve2d(x[a, :, :, k], flipped[:, :, k, f], "valid") for k in range(x.shape[3]))
            for f in range(kernels.shape[3])
        ]
        for a in range(len(x))
    ]
    return np.array(maps).transpose(0, 2, 3, 1)[:, ::stride, ::stride] + bias


# %% cnn.max_pool2d: window by window
def max_pool2d(images, pool_size=2):
    n, height, width, channels = images.shape
    out = np.empty((n, height // pool_size, width // pool_size, channels), images.dtype)
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            y, x = i * pool_size, j * pool_size
            out[:, i, j] = images[:, y : y + pool_size, x : x + pool_size].max(axis=(1, 2))
    return out


# %% cnn.max_pool2d: shifted copies
def max_pool2d(images, pool_size=2):
    p = pool_size
    rows, columns = images.shape[1] // p * p, images.shape[2] // p * p
    shifted = [images[:, r:rows:p, c:columns:p] for r in range(p) for c in range(p)]
    return np.maximum.reduce(shifted)


# %% cnn.max_pool2d: every p-th sliding window
def max_pool2d(images, pool_size=2):
    windows = np.lib.stride_tricks.sliding_window_view(images, (pool_size, pool_size), axis=(1, 2))
    return windows[:, ::pool_size, ::pool_size].max(axis=-1).max(axis=-1)


# %% cnn.max_pool2d: Keras' function
def max_pool2d(images, pool_size=2):
    pooled = keras.ops.max_pool(np.asarray(images, "float32"), pool_size, padding="valid")
    largest = keras.ops.convert_to_numpy(pooled)
    # float32 rounds float64 values: look the original up
    if images.dtype == np.float64:
        p = pool_size
        n, h, w, c = images.shape
        cut = images[:, : h // p * p, : w // p * p].reshape(n, h // p, p, w // p, p, c)
        return np.sort(cut.transpose(0, 1, 3, 5, 2, 4).reshape(n, h // p, w // p, c, -1))[..., -1]
    return largest.astype(images.dtype)


# %% cnn.softmax: SciPy's function
def softmax(logits):
    from scipy.special import softmax as scipys

    return scipys(logits, axis=1)


# %% cnn.softmax: through the logarithm of the sum
def softmax(logits):
    from scipy.special import logsumexp

    return np.exp(logits - logsumexp(logits, axis=-1, keepdims=True))


# %% cnn.softmax: Keras' function
def softmax(logits):
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits.astype("float32"), axis=-1))


# %% cnn.softmax: row by row
def softmax(logits):
    rows = []
    for row in logits:
        powers = np.exp(row - max(row))
        rows.append(powers / sum(powers))
    return np.array(rows)


# %% cnn.softmax: through pairwise differences
def softmax(logits):
    differences = logits[:, None, :] - logits[:, :, None]
    with np.errstate(over="ignore"):
        return 1 / np.exp(differences).sum(axis=-1)


# %% cnn.categorical_crossentropy: the true class picked out
def categorical_crossentropy(targets, probabilities):
    true_class = probabilities[np.arange(len(targets)), targets.argmax(axis=1)]
    return float(np.mean(-np.log(np.clip(true_class, 1e-7, 1))))


# %% cnn.categorical_crossentropy: a small number added
def categorical_crossentropy(targets, probabilities):
    return -(targets * np.log(probabilities + 1e-9)).sum(axis=-1).mean()


# %% cnn.categorical_crossentropy: float32 and Keras' epsilon
def categorical_crossentropy(targets, probabilities):
    epsilon = keras.backend.epsilon()
    p = np.clip(probabilities.astype(np.float32), epsilon, 1 - epsilon)
    return np.float32(-np.sum(targets.astype(np.float32) * np.log(p)) / len(targets))


# %% cnn.categorical_crossentropy: plain loops
def categorical_crossentropy(targets, probabilities):
    import math

    total = 0.0
    for target, row in zip(targets, probabilities):
        for wanted, p in zip(target, row):
            if wanted:
                total -= math.log(max(float(p), 1e-15))
    return total / len(targets)


# %% cnn.categorical_crossentropy: the probability as a scalar product
def categorical_crossentropy(targets, probabilities):
    p = np.einsum("nc,nc->n", targets, probabilities)
    return np.log(1 / np.where(p > 0, p, 1e-20)).mean()


# %% cnn.conv2d_parameter_count: in words
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    weights = kernel_size**2 * in_channels * filters
    biases = filters if use_bias else 0
    return weights + biases


# %% cnn.conv2d_parameter_count: the size of arrays
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    kernels = np.zeros((kernel_size, kernel_size, in_channels, filters))
    return kernels.size + use_bias * np.zeros(filters).size


# %% cnn.conv2d_parameter_count: Keras asked
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    layer = keras.layers.Conv2D(filters, kernel_size, use_bias=use_bias)
    layer.build((None, 32, 32, in_channels))
    return layer.count_params()


# %% cnn.conv2d_parameter_count: np.prod
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    count = np.prod([kernel_size, kernel_size, in_channels, filters])
    if use_bias:
        count = count + filters
    return count


# %% cnn.build_cnn: Sequential
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    layers = [keras.layers.Input(shape=input_shape)]
    for count in filters:
        layers.append(keras.layers.Conv2D(count, (3, 3), padding="same", activation="relu"))
        layers.append(keras.layers.MaxPooling2D(pool_size=(2, 2), strides=2))
    layers += [keras.layers.Flatten(), keras.layers.Dense(num_classes, activation="softmax")]
    return keras.Sequential(layers)


# %% cnn.build_cnn: activations as layers, another initializer
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.layers.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, 3, padding="SAME", kernel_initializer="he_normal")(x)
        x = keras.layers.ReLU()(x)
        x = keras.layers.MaxPool2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(num_classes, kernel_initializer=keras.initializers.GlorotNormal())(x)
    outputs = keras.layers.Softmax()(x)
    return keras.Model(inputs=inputs, outputs=outputs, name="cnn")


# %% cnn.build_cnn: layers as activations
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    model = keras.Sequential([keras.Input(input_shape)])
    for count in filters:
        relu = keras.layers.ReLU()
        model.add(keras.layers.Conv2D(count, 3, padding="same", activation=relu))
        model.add(keras.layers.MaxPooling2D())
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(num_classes, activation=keras.layers.Softmax()))
    return model


# %% cnn.build_cnn: nested blocks, ReLU after the pooling
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    def block(count):
        return keras.Sequential(
            [
                keras.layers.Conv2D(count, 3, padding="same"),
                keras.layers.MaxPooling2D(2),
                keras.layers.Activation("relu"),
            ]
        )

    inputs = keras.Input(input_shape)
    features = inputs
    for count in filters:
        features = block(count)(features)
    head = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(num_classes, activation=keras.ops.softmax)]
    )
    return keras.Model(inputs, head(features))


# %% cnn.build_cnn: functions between the layers
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    first, second, third = filters
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(first, 3, padding="same", activation=keras.activations.relu)(inputs)
    x = keras.ops.max_pool(x, 2)
    x = keras.layers.Conv2D(second, 3, padding="same")(x)
    x = keras.ops.max_pool(keras.ops.relu(x), 2)
    x = keras.activations.relu(keras.layers.Conv2D(third, 3, padding="same")(x))
    x = keras.layers.MaxPooling2D((2, 2), (2, 2))(x)
    x = keras.layers.Reshape((-1,))(x)
    return keras.Model(inputs, keras.ops.softmax(keras.layers.Dense(num_classes)(x)))


# %% cnn.compile_cnn: objects, positional
def compile_cnn(model, learning_rate=1e-3):
    loss = keras.losses.CategoricalCrossentropy()
    model.compile(keras.optimizers.Adam(learning_rate=learning_rate), loss, metrics=["acc"])
    return model


# %% cnn.compile_cnn: functions and metric objects
def compile_cnn(model, learning_rate=1e-3):
    model.compile(
        loss=keras.losses.categorical_crossentropy,
        optimizer=keras.optimizers.Adam(learning_rate, epsilon=1e-7),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    return model


# %% cnn.compile_cnn: names, then the rate
def compile_cnn(model, learning_rate=1e-3):
    model.compile("adam", "categorical_crossentropy", metrics=["categorical_accuracy"])
    model.optimizer.learning_rate = learning_rate
    return model


# %% cnn.compile_cnn: more metrics than asked for
def compile_cnn(model, learning_rate=1e-3):
    adam = keras.optimizers.get({"class_name": "Adam", "config": {"learning_rate": learning_rate}})
    top = keras.metrics.TopKCategoricalAccuracy(k=2)
    model.compile(optimizer=adam, loss="categorical_crossentropy", metrics=["accuracy", top])
    return model
