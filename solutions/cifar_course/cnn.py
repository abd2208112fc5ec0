"""Lesson 2: a convolutional network, first by hand in NumPy, then in Keras."""

import keras
import numpy as np
from jaxtyping import Float, Shaped


def conv_output_size(size: int, kernel_size: int, stride: int = 1, padding: str = "valid") -> int:
    """Return the number of rows (or columns) that a convolution outputs.

    "valid" uses only the places where the whole kernel fits into the input. "same" pads the
    input with zeros, so that a stride of 1 keeps the size and a stride of s keeps every s-th
    place.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).

    Args:
        size: Rows (or columns) of the input, in pixels.
        kernel_size: Rows (or columns) of the kernel, in pixels.
        stride: Pixels from one place of the kernel to the next.
        padding: "valid" or "same".

    Returns:
        Rows (or columns) of the output, in pixels.

    Raises:
        ValueError: `padding` is neither "valid" nor "same", or the kernel does not fit into
            the input ("valid").
    """
    # <answer>
    if padding == "same":
        return -(-size // stride)  # rounds up: a last, partly padded window still counts
    if padding != "valid":
        raise ValueError(f'padding must be "valid" or "same", not {padding!r}')
    if kernel_size > size:
        raise ValueError(f"a kernel of {kernel_size} does not fit into {size} pixels")
    return (size - kernel_size) // stride + 1
    # </answer>


def conv2d(
    images: Shaped[np.ndarray, "images height width in_channels"],
    kernels: Float[np.ndarray, "kernel_height kernel_width in_channels out_channels"],
    bias: Float[np.ndarray, " out_channels"],
    stride: int = 1,
    padding: str = "valid",
) -> Float[np.ndarray, "images out_height out_width out_channels"]:
    """Return the convolution of `images` with `kernels`, without an activation.

    The result is that of `keras.layers.Conv2D`. At each place of the kernel, the overlapping
    numbers are multiplied and summed over rows, columns and input channels, and the bias is
    added. The kernel is not flipped: neural networks compute a cross-correlation and call it
    convolution.

        out[n, i, j, f] = bias[f] + sum over r, c, k of
                          images[n, i*stride + r, j*stride + c, k] * kernels[r, c, k, f]

    Source: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 9.1.

    Args:
        images: uint8 or floating, channels last.
        kernels: Floating; they need not be square.
        bias: One number per output channel.
        stride: Pixels from one place of the kernel to the next, along rows and columns alike.
        padding: "valid" adds nothing. "same" adds as many zeros as the output size needs,
            half of them on each side; if their number is odd, the extra row goes below and
            the extra column to the right.

    Returns:
        A new floating array. For values from -1 to 1 it agrees with a float64 computation to
        1e-4, for larger values to 1e-5 of the largest output.
    """
    # <answer>
    kernel_height, kernel_width = kernels.shape[:2]
    out_height = conv_output_size(images.shape[1], kernel_height, stride, padding)
    out_width = conv_output_size(images.shape[2], kernel_width, stride, padding)
    if padding == "same":
        rows = max((out_height - 1) * stride + kernel_height - images.shape[1], 0)
        columns = max((out_width - 1) * stride + kernel_width - images.shape[2], 0)
        # rounded down above and left, so that the odd zero goes below and right
        above, left = rows // 2, columns // 2
        images = np.pad(images, ((0, 0), (above, rows - above), (left, columns - left), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(
        images, (kernel_height, kernel_width), axis=(1, 2)
    )[:, ::stride, ::stride]
    return np.einsum("nijkrc,rckf->nijf", windows, kernels, optimize=True) + bias
    # </answer>


def max_pool2d(
    images: Shaped[np.ndarray, "images height width channels"], pool_size: int = 2
) -> Shaped[np.ndarray, "images out_height out_width channels"]:
    """Return the largest value of each `pool_size` x `pool_size` window, per channel.

    Windows do not overlap. Rows and columns at the lower and right edge that do not fill a
    window are dropped.

    Args:
        images: Any dtype whose values can be compared, channels last.
        pool_size: Rows, and columns, of a window, in pixels.

    Returns:
        A new array with the dtype of `images` and one value per window and channel.
    """
    # <answer>
    n, height, width, channels = images.shape
    rows, columns = height // pool_size, width // pool_size
    whole = images[:, : rows * pool_size, : columns * pool_size]
    # each spatial axis becomes (window, place within the window); the maximum is over the latter
    return whole.reshape(n, rows, pool_size, columns, pool_size, channels).max(axis=(2, 4))
    # </answer>


def softmax(logits: Float[np.ndarray, "n classes"]) -> Float[np.ndarray, "n classes"]:
    """Turn each row of logits into probabilities that sum to one.

        softmax(z)[k] = exp(z[k]) / sum over j of exp(z[j])

    Source: Bridle, "Probabilistic interpretation of feedforward classification network
    outputs" (1990).

    Args:
        logits: Any real numbers, one row per image. Logits of +-10,000 must neither overflow
            nor give 0/0.

    Returns:
        A new floating array of the same shape.
    """
    # <answer>
    # the same factor in numerator and denominator cancels, and the largest term becomes exp(0)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
    # </answer>


def categorical_crossentropy(
    targets: Float[np.ndarray, "n classes"], probabilities: Float[np.ndarray, "n classes"]
) -> float:
    """Return the cross-entropy loss in nats, averaged over the batch.

        loss = -(1/n) * sum over rows i of log(probabilities[i, true class of i])

    The logarithm is the natural one. Rows are used as they are: they are not divided by their
    sum.

    Source: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 6.2.1.

    Args:
        targets: One-hot rows.
        probabilities: The network's predictions, one row per image. A probability of exactly
            0 for the true class must cost something finite, more than 10.

    Returns:
        The mean over the rows, a `float`.
    """
    # <answer>
    # log(0) is -inf: one such image would make the loss of the whole batch infinite or NaN
    safe = np.maximum(probabilities, 1e-12)
    return float(-np.sum(targets * np.log(safe), axis=-1).mean())
    # </answer>


def conv2d_parameter_count(
    kernel_size: int, in_channels: int, filters: int, use_bias: bool = True
) -> int:
    """Return the number of parameters of a convolution with square kernels.

    Args:
        kernel_size: Rows, and columns, of a kernel.
        in_channels: Channels of the input.
        filters: Kernels, and therefore channels of the output.
        use_bias: If true, each filter has a bias, too.

    Returns:
        All numbers that the layer learns, weights and biases.
    """
    # <answer>
    per_filter = kernel_size * kernel_size * in_channels + use_bias  # True counts as 1
    return per_filter * filters
    # </answer>


def build_cnn(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    filters: tuple[int, int, int] = (64, 128, 256),
) -> keras.Model:
    """Build a plain CNN: three blocks of convolution, ReLU and max-pooling, then a softmax.

    Each block is a 3x3 "same" convolution with ReLU, then 2x2 max-pooling. Flatten and one
    Dense layer with a softmax follow the third block.

    Args:
        input_shape: (height, width, channels) of one image.
        num_classes: Outputs of the softmax.
        filters: Filters of the three convolutions, in order.

    Returns:
        A functional or Sequential `keras.Model`, not compiled, from `(n, *input_shape)` to
        `(n, num_classes)`.
    """
    # <answer>
    x = inputs = keras.Input(input_shape)
    for count in filters:
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)
    # </answer>


def compile_cnn(model: keras.Model, learning_rate: float = 1e-3) -> keras.Model:
    """Compile a network with Adam, categorical cross-entropy and accuracy.

    Args:
        model: A classifier with softmax outputs, to be trained on one-hot labels.
        learning_rate: Adam's learning rate.

    Returns:
        The same model, compiled.
    """
    # <answer>
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
    # </answer>
