# Wrong answers as learners write them. Each cell replaces one exercise of the reference.
# "says" is the part of the grader's message that names the misconception.

# %% cnn.conv_output_size: steps counted instead of places
# says: add 1
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding == "same":
        return int(np.ceil(size / stride))
    if padding != "valid" or kernel_size > size:
        raise ValueError
    return (size - kernel_size) // stride


# %% cnn.conv_output_size: "valid" rounds up
# says: you rounded up
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding not in ("valid", "same") or (padding == "valid" and kernel_size > size):
        raise ValueError
    if padding == "same":
        return int(np.ceil(size / stride))
    return int(np.ceil((size - kernel_size) / stride)) + 1


# %% cnn.conv_output_size: the stride is left out
# says: you left out the stride
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding not in ("valid", "same") or (padding == "valid" and kernel_size > size):
        raise ValueError
    return -(-size // stride) if padding == "same" else size - kernel_size + 1


# %% cnn.conv_output_size: "same" rounds down
# says: you rounded down
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding not in ("valid", "same") or (padding == "valid" and kernel_size > size):
        raise ValueError
    return size // stride if padding == "same" else (size - kernel_size) // stride + 1


# %% cnn.conv_output_size: "same" always keeps the size
# says: keeps it only if the stride is 1
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding == "same":
        return size
    if padding != "valid" or kernel_size > size:
        raise ValueError
    return (size - kernel_size) // stride + 1


# %% cnn.conv_output_size: half a kernel of padding on both sides
# says: one too many for an even kernel
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding not in ("valid", "same") or (padding == "valid" and kernel_size > size):
        raise ValueError
    around = kernel_size // 2 if padding == "same" else 0
    return (size + 2 * around - kernel_size) // stride + 1


# %% cnn.conv_output_size: a float
# says: take no floats
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding not in ("valid", "same") or (padding == "valid" and kernel_size > size):
        raise ValueError
    return np.ceil(size / stride) if padding == "same" else (size - kernel_size) // stride + 1


# %% cnn.conv_output_size: no check if the kernel fits
# says: fits nowhere into 4 pixels
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding not in ("valid", "same"):
        raise ValueError
    return -(-size // stride) if padding == "same" else max(0, (size - kernel_size) // stride + 1)


# %% cnn.conv_output_size: a kernel as large as the input is refused
# says: It raised ValueError
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding not in ("valid", "same") or (padding == "valid" and kernel_size >= size):
        raise ValueError
    return -(-size // stride) if padding == "same" else (size - kernel_size) // stride + 1


# %% cnn.conv_output_size: every padding but "same" is "valid"
# says: misspelled padding
def conv_output_size(size, kernel_size, stride=1, padding="valid"):
    if padding == "same":
        return -(-size // stride)
    if kernel_size > size:
        raise ValueError
    return (size - kernel_size) // stride + 1


# %% cnn.conv_output_size: another default
# says: as in Keras
def conv_output_size(size, kernel_size, stride=1, padding="same"):
    if padding not in ("valid", "same") or (padding == "valid" and kernel_size > size):
        raise ValueError
    return -(-size // stride) if padding == "same" else (size - kernel_size) // stride + 1


# %% cnn.conv2d: half a kernel of padding on both sides
# says: kernel_size // 2 on both sides
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images, (height, width) = images.astype(float), kernels.shape[:2]
    if padding == "same":
        rows, columns = (height // 2, height // 2), (width // 2, width // 2)
        images = np.pad(images, ((0, 0), rows, columns, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(images, (height, width), axis=(1, 2))
    return np.einsum("nyxchw,hwcf->nyxf", windows[:, ::stride, ::stride], kernels) + bias


# %% cnn.conv2d: the kernel is flipped
# says: you flipped the kernel
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    from scipy.signal import convolve

    if padding == "same":
        sides = []
        for size, k in zip(images.shape[1:3], kernels.shape[:2]):
            total = max((-(-size // stride) - 1) * stride + k - size, 0)
            sides.append((total // 2, total - total // 2))
        images = np.pad(images, ((0, 0), *sides, (0, 0)))
    out = [
        [
            sum(convolve(i[..., c], kernels[..., c, f], "valid") for c in range(i.shape[-1]))
            for f in range(kernels.shape[-1])
        ]
        for i in images.astype(float)
    ]
    return np.moveaxis(np.array(out), 1, -1)[:, ::stride, ::stride] + bias


# %% cnn.conv2d: no bias
# says: you forgot the bias
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    kh, kw = kernels.shape[:2]
    if padding == "same":
        rows = max((-(-images.shape[1] // stride) - 1) * stride + kh - images.shape[1], 0)
        cols = max((-(-images.shape[2] // stride) - 1) * stride + kw - images.shape[2], 0)
        images = np.pad(
            images, ((0, 0), (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2), (0, 0))
        )
    windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))
    return np.einsum("nijkrc,rckf->nijf", windows[:, ::stride, ::stride], kernels)


# %% cnn.conv2d: the bias once per input channel
# says: once per input channel
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    kh, kw, channels, filters = kernels.shape
    if padding == "same":
        rows = max((-(-images.shape[1] // stride) - 1) * stride + kh - images.shape[1], 0)
        cols = max((-(-images.shape[2] // stride) - 1) * stride + kw - images.shape[2], 0)
        images = np.pad(
            images, ((0, 0), (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2), (0, 0))
        )
    windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))
    windows = windows[:, ::stride, ::stride]
    out = 0
    for k in range(channels):
        out = out + np.einsum("nijrc,rcf->nijf", windows[:, :, :, k], kernels[:, :, k]) + bias
    return out


# %% cnn.conv2d: the odd zero above and to the left
# says: it belongs below and to the right
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    kh, kw = kernels.shape[:2]
    if padding == "same":
        rows = max((-(-images.shape[1] // stride) - 1) * stride + kh - images.shape[1], 0)
        cols = max((-(-images.shape[2] // stride) - 1) * stride + kw - images.shape[2], 0)
        images = np.pad(
            images, ((0, 0), (rows - rows // 2, rows // 2), (cols - cols // 2, cols // 2), (0, 0))
        )
    windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))
    return np.einsum("nijkrc,rckf->nijf", windows[:, ::stride, ::stride], kernels) + bias


# %% cnn.conv2d: half a kernel of zeros for every stride
# says: you padded as for stride 1
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    kh, kw = kernels.shape[:2]
    if padding == "same":
        above, left = (kh - 1) // 2, (kw - 1) // 2
        images = np.pad(images, ((0, 0), (above, kh - 1 - above), (left, kw - 1 - left), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))
    return np.einsum("nijkrc,rckf->nijf", windows[:, ::stride, ::stride], kernels) + bias


# %% cnn.conv2d: the edge is repeated
# says: you repeated the pixels at the edge
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    kh, kw = kernels.shape[:2]
    if padding == "same":
        rows = max((-(-images.shape[1] // stride) - 1) * stride + kh - images.shape[1], 0)
        cols = max((-(-images.shape[2] // stride) - 1) * stride + kw - images.shape[2], 0)
        sides = (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2)
        images = np.pad(images, ((0, 0), *sides, (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))
    return np.einsum("nijkrc,rckf->nijf", windows[:, ::stride, ::stride], kernels) + bias


# %% cnn.conv2d: the stride is left out
# says: you left out the stride
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    kh, kw = kernels.shape[:2]
    if padding == "same":
        images = np.pad(
            images, ((0, 0), ((kh - 1) // 2, kh // 2), ((kw - 1) // 2, kw // 2), (0, 0))
        )
    windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))
    return np.einsum("nijkrc,rckf->nijf", windows, kernels) + bias


# %% cnn.conv2d: mean instead of sum
# says: you took the mean of each window
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    n, height, width, _ = images.shape
    kh, kw, _, filters = kernels.shape
    oh = conv_output_size(height, kh, stride, padding)
    ow = conv_output_size(width, kw, stride, padding)
    if padding == "same":
        rows, cols = (
            max((o - 1) * stride + k - s, 0) for o, k, s in ((oh, kh, height), (ow, kw, width))
        )
        images = np.pad(
            images, ((0, 0), (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2), (0, 0))
        )
    out = np.zeros((n, oh, ow, filters))
    for i in range(oh):
        for j in range(ow):
            window = images[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            for f in range(filters):
                out[:, i, j, f] = (window * kernels[..., f]).mean((1, 2, 3)) + bias[f]
    return out


# %% cnn.conv2d: only the first input channel
# says: sum over all of them
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    kh, kw = kernels.shape[:2]
    if padding == "same":
        rows = max((-(-images.shape[1] // stride) - 1) * stride + kh - images.shape[1], 0)
        cols = max((-(-images.shape[2] // stride) - 1) * stride + kw - images.shape[2], 0)
        images = np.pad(
            images, ((0, 0), (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2), (0, 0))
        )
    windows = np.lib.stride_tricks.sliding_window_view(images[..., 0], (kh, kw), axis=(1, 2))
    return np.einsum("nijrc,rcf->nijf", windows[:, ::stride, ::stride], kernels[:, :, 0]) + bias


# %% cnn.conv2d: written into an array like the images
# says: cannot hold these numbers
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    n, height, width, _ = images.shape
    kh, kw, _, filters = kernels.shape
    oh = conv_output_size(height, kh, stride, padding)
    ow = conv_output_size(width, kw, stride, padding)
    rows, cols = (
        max((o - 1) * stride + k - s, 0) if padding == "same" else 0
        for o, k, s in ((oh, kh, height), (ow, kw, width))
    )
    images = np.pad(
        images, ((0, 0), (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2), (0, 0))
    )
    out = np.zeros((n, oh, ow, filters), images.dtype)
    for i in range(oh):
        for j in range(ow):
            window = images[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            sums = np.tensordot(window.astype(float), kernels, 3) + bias
            out[:, i, j] = sums.astype(int) if images.dtype == np.uint8 else sums
    return out


# %% cnn.conv2d: a ReLU on top
# says: the activation comes later
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    kh, kw = kernels.shape[:2]
    if padding == "same":
        rows = max((-(-images.shape[1] // stride) - 1) * stride + kh - images.shape[1], 0)
        cols = max((-(-images.shape[2] // stride) - 1) * stride + kw - images.shape[2], 0)
        images = np.pad(
            images, ((0, 0), (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2), (0, 0))
        )
    windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))
    out = np.einsum("nijkrc,rckf->nijf", windows[:, ::stride, ::stride], kernels) + bias
    return np.maximum(out, 0)


# %% cnn.conv2d: the caller's bias changes
# says: never changes the caller's
def conv2d(images, kernels, bias, stride=1, padding="valid"):
    images = np.asarray(images, float)
    kh, kw = kernels.shape[:2]
    if padding == "same":
        rows = max((-(-images.shape[1] // stride) - 1) * stride + kh - images.shape[1], 0)
        cols = max((-(-images.shape[2] // stride) - 1) * stride + kw - images.shape[2], 0)
        images = np.pad(
            images, ((0, 0), (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2), (0, 0))
        )
    windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))
    out = np.einsum("nijkrc,rckf->nijf", windows[:, ::stride, ::stride], kernels)
    out += bias
    bias -= bias.mean()
    return out


# %% cnn.max_pool2d: the mean
# says: you took the mean of each window
def max_pool2d(images, pool_size=2):
    n, height, width, channels = images.shape
    rows, columns, p = height // pool_size, width // pool_size, pool_size
    whole = images[:, : rows * p, : columns * p].reshape(n, rows, p, columns, p, channels)
    return whole.mean((2, 4)).astype(images.dtype)


# %% cnn.max_pool2d: one pixel of each window
# says: never looked at the others
def max_pool2d(images, pool_size=2):
    rows, columns = images.shape[1] // pool_size, images.shape[2] // pool_size
    return images[:, : rows * pool_size : pool_size, : columns * pool_size : pool_size]


# %% cnn.max_pool2d: overlapping windows
# says: your windows overlap
def max_pool2d(images, pool_size=2):
    windows = np.lib.stride_tricks.sliding_window_view(images, (pool_size, pool_size), axis=(1, 2))
    return windows.max((-2, -1))


# %% cnn.max_pool2d: incomplete windows are kept
# says: you kept incomplete windows
def max_pool2d(images, pool_size=2):
    n, height, width, channels = images.shape
    out = np.empty((n, -(-height // pool_size), -(-width // pool_size), channels), images.dtype)
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            window = images[:, i * pool_size :, j * pool_size :][:, :pool_size, :pool_size]
            out[:, i, j] = window.max((1, 2))
    return out


# %% cnn.max_pool2d: the search starts from zero
# says: negative values came out as zeros
def max_pool2d(images, pool_size=2):
    n, height, width, channels = images.shape
    rows, columns = height // pool_size, width // pool_size
    out = np.zeros((n, rows, columns, channels), images.dtype)
    for i in range(rows * pool_size):
        for j in range(columns * pool_size):
            place = out[:, i // pool_size, j // pool_size]
            np.maximum(place, images[:, i, j], out=place)
    return out


# %% cnn.max_pool2d: float64 for every input
# says: nothing is computed
def max_pool2d(images, pool_size=2):
    n, height, width, channels = images.shape
    out = np.zeros((n, height // pool_size, width // pool_size, channels))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            window = images[:, i * pool_size :, j * pool_size :][:, :pool_size, :pool_size]
            out[:, i, j] = window.max((1, 2))
    return out


# %% cnn.max_pool2d: always two
# says: you ignored `pool_size`
def max_pool2d(images, pool_size=2):
    n, height, width, channels = images.shape
    whole = images[:, : height // 2 * 2, : width // 2 * 2]
    return whole.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


# %% cnn.max_pool2d: in place
# says: returns a new array
def max_pool2d(images, pool_size=2):
    rows, columns = images.shape[1] // pool_size, images.shape[2] // pool_size
    whole = images[:, : rows * pool_size, : columns * pool_size]
    best = whole[:, ::pool_size, ::pool_size]
    for r in range(pool_size):
        for c in range(pool_size):
            np.maximum(best, whole[:, r::pool_size, c::pool_size], out=best)
    return best


# %% cnn.max_pool2d: one maximum over all channels
# says: over all channels
def max_pool2d(images, pool_size=2):
    n, height, width, channels = images.shape
    rows, columns, p = height // pool_size, width // pool_size, pool_size
    whole = images[:, : rows * p, : columns * p].reshape(n, rows, p, columns, p, channels)
    largest = whole.max((2, 4, 5))
    return np.repeat(largest[..., None], channels, axis=-1)


# %% cnn.softmax: exp overflows
# says: subtract each row's largest logit first
def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


# %% cnn.softmax: one shift for the whole batch
# says: largest logit of the whole batch
def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum(axis=-1, keepdims=True)


# %% cnn.softmax: normalized over the batch
# says: you normalized over the whole batch
def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


# %% cnn.softmax: columns instead of rows
# says: you normalized the columns
def softmax(logits):
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)


# %% cnn.softmax: a sigmoid
# says: you applied a sigmoid
def softmax(logits):
    return 1 / (1 + np.exp(-logits))


# %% cnn.softmax: its logarithm
# says: the logarithm of the softmax
def softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


# %% cnn.softmax: in place
# says: would change the caller's
def softmax(logits):
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits.copy()


# %% cnn.softmax: clipped logits
# says: only differences count
def softmax(logits):
    powers = np.exp(np.clip(logits, -500, 500))
    return powers / powers.sum(axis=1, keepdims=True)


# %% cnn.categorical_crossentropy: the sum
# says: you summed over the batch
def categorical_crossentropy(targets, probabilities):
    return -np.sum(targets * np.log(np.maximum(probabilities, 1e-12)))


# %% cnn.categorical_crossentropy: a mean over the classes as well
# says: sum over the classes first
def categorical_crossentropy(targets, probabilities):
    return -np.mean(targets * np.log(np.clip(probabilities, 1e-12, 1)))


# %% cnn.categorical_crossentropy: base 2
# says: to base 2
def categorical_crossentropy(targets, probabilities):
    return -np.sum(targets * np.log2(np.clip(probabilities, 1e-12, 1)), axis=1).mean()


# %% cnn.categorical_crossentropy: no minus
# says: the sign is wrong
def categorical_crossentropy(targets, probabilities):
    return np.sum(targets * np.log(np.clip(probabilities, 1e-12, 1)), axis=1).mean()


# %% cnn.categorical_crossentropy: one loss per image
# says: one loss for each image
def categorical_crossentropy(targets, probabilities):
    return -np.sum(targets * np.log(np.clip(probabilities, 1e-12, 1)), axis=1)


# %% cnn.categorical_crossentropy: the logarithm of zero
# says: you took the logarithm of 0
def categorical_crossentropy(targets, probabilities):
    true_class = probabilities[np.arange(len(targets)), targets.argmax(1)]
    return -np.log(true_class).mean()


# %% cnn.categorical_crossentropy: zero times infinity
# says: you took the logarithm of 0
def categorical_crossentropy(targets, probabilities):
    return -(targets * np.log(probabilities)).sum(1).mean()


# %% cnn.categorical_crossentropy: a high floor
# says: clip the probabilities at too large a value
def categorical_crossentropy(targets, probabilities):
    return -(targets * np.log(np.maximum(probabilities, 1e-3))).sum(1).mean()


# %% cnn.categorical_crossentropy: Keras' function, which renormalizes
# says: you divided each row by its sum
def categorical_crossentropy(targets, probabilities):
    loss = keras.losses.CategoricalCrossentropy()
    return float(loss(targets.astype("float32"), probabilities.astype("float32")))


# %% cnn.categorical_crossentropy: a second softmax
# says: the rows are probabilities already
def categorical_crossentropy(targets, probabilities):
    logs = np.log(softmax(probabilities))
    return -(targets * logs).sum(1).mean()


# %% cnn.categorical_crossentropy: binary
# says: binary cross-entropy
def categorical_crossentropy(targets, probabilities):
    p = np.clip(probabilities, 1e-7, 1 - 1e-7)
    return -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).sum(1).mean()


# %% cnn.categorical_crossentropy: clips in place
# says: clip a copy of the probabilities
def categorical_crossentropy(targets, probabilities):
    np.clip(probabilities, 1e-7, 1 - 1e-7, out=probabilities)
    return -(targets * np.log(probabilities)).sum(1).mean()


# %% cnn.conv2d_parameter_count: no biases
# says: you forgot the biases
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    return kernel_size**2 * in_channels * filters


# %% cnn.conv2d_parameter_count: one bias for the layer
# says: one bias for the whole layer
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    return kernel_size**2 * in_channels * filters + use_bias


# %% cnn.conv2d_parameter_count: the input channels are left out
# says: you left out the input channels
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    return (kernel_size**2 + use_bias) * filters


# %% cnn.conv2d_parameter_count: kernels of one dimension
# says: kernels are square
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    return (kernel_size * in_channels + use_bias) * filters


# %% cnn.conv2d_parameter_count: always with biases
# says: you ignored `use_bias`
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    return (kernel_size**2 * in_channels + 1) * filters


# %% cnn.conv2d_parameter_count: biases counted for the input
# says: one bias for each input channel
def conv2d_parameter_count(kernel_size, in_channels, filters, use_bias=True):
    return kernel_size**2 * in_channels * filters + use_bias * in_channels


# %% cnn.build_cnn: no ReLU
# says: there is no ReLU
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    model = keras.Sequential([keras.Input(input_shape)])
    for count in filters:
        model.add(keras.layers.Conv2D(count, 3, padding="same"))
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(num_classes, activation="softmax"))
    return model


# %% cnn.build_cnn: no softmax
# says: the outputs are logits
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    model = keras.Sequential([keras.Input(input_shape)])
    for count in filters:
        model.add(keras.layers.Conv2D(count, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(num_classes))
    return model


# %% cnn.build_cnn: sigmoid outputs
# says: went through a sigmoid
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    model = keras.Sequential([keras.Input(input_shape)])
    for count in filters:
        model.add(keras.layers.Conv2D(count, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(num_classes, activation="sigmoid"))
    return model


# %% cnn.build_cnn: no padding
# says: the convolutions do not pad
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, (3, 3), activation="relu")(x)
        x = keras.layers.MaxPooling2D((2, 2))(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% cnn.build_cnn: no pooling after the last convolution
# says: only two blocks pool
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    conv = lambda count: keras.layers.Conv2D(count, 3, padding="same", activation="relu")
    return keras.Sequential(
        [
            keras.Input(input_shape),
            conv(filters[0]),
            keras.layers.MaxPooling2D(),
            conv(filters[1]),
            keras.layers.MaxPooling2D(),
            conv(filters[2]),
            keras.layers.Flatten(),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


# %% cnn.build_cnn: average pooling
# says: AveragePooling2D
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% cnn.build_cnn: strides instead of pooling
# says: there is no pooling
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% cnn.build_cnn: two convolutions a block
# says: each block has two convolutions
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% cnn.build_cnn: global average pooling
# says: GlobalAveragePooling2D
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% cnn.build_cnn: filters are constants
# says: you ignored `filters`
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in (64, 128, 256):
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% cnn.build_cnn: always ten classes
# says: you ignored `num_classes`
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


# %% cnn.build_cnn: no input
# says: begin with keras.Input(input_shape)
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    model = keras.Sequential()
    for count in filters:
        model.add(keras.layers.Conv2D(count, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(num_classes, activation="softmax"))
    return model


# %% cnn.build_cnn: compiled already
# says: you called `compile` in build_cnn
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))
    return compile_cnn(model)


# %% cnn.build_cnn: dropout before its lesson
# says: this is the plain network
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Dropout(0.2)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% cnn.build_cnn: weights that stay zero
# says: its weights cannot change
def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(
            count, 3, padding="same", activation="relu", kernel_initializer="zeros"
        )(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% cnn.compile_cnn: plain gradient descent
# says: Adam scales each weight's step
def compile_cnn(model, learning_rate=1e-3):
    optimizer = keras.optimizers.SGD(learning_rate)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


# %% cnn.compile_cnn: the learning rate does not reach Adam
# says: you ignored `learning_rate`
def compile_cnn(model, learning_rate=1e-3):
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


# %% cnn.compile_cnn: the metrics by position
# says: write metrics=[...]
def compile_cnn(model, learning_rate=1e-3):
    model.compile(
        keras.optimizers.Adam(learning_rate), "categorical_crossentropy", ["accuracy"]
    )
    return model


# %% cnn.compile_cnn: a sparse loss
# says: the loss is sparse
def compile_cnn(model, learning_rate=1e-3):
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


# %% cnn.compile_cnn: squared error
# says: you chose the mean squared error
def compile_cnn(model, learning_rate=1e-3):
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate), loss="mse", metrics=["accuracy"]
    )
    return model


# %% cnn.compile_cnn: binary cross-entropy
# says: you chose the binary cross-entropy
def compile_cnn(model, learning_rate=1e-3):
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    return model


# %% cnn.compile_cnn: a loss for logits
# says: a second softmax is taken
def compile_cnn(model, learning_rate=1e-3):
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    return model


# %% cnn.compile_cnn: no metrics
# says: you named no metrics
def compile_cnn(model, learning_rate=1e-3):
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate), loss="categorical_crossentropy"
    )
    return model


# %% cnn.compile_cnn: numbers compared one by one
# says: number by number
def compile_cnn(model, learning_rate=1e-3):
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=[keras.metrics.Accuracy()],
    )
    return model


# %% cnn.compile_cnn: no return
# says: is there a `return`?
def compile_cnn(model, learning_rate=1e-3):
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )


# %% cnn.compile_cnn: a copy
# says: leave the caller's model uncompiled
def compile_cnn(model, learning_rate=1e-3):
    copy = keras.models.clone_model(model)
    copy.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return copy


# %% cnn.compile_cnn: another default
# says: your default is not the signature's
def compile_cnn(model, learning_rate=0.01):
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
