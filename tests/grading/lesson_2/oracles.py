"""Right answers of lesson 2, computed with NumPy and SciPy, and random numbers for its tests.

`tests/lab/oracles/test_cnn.py` compares the right answers with Keras' own layers.
"""

import itertools

import numpy as np
from scipy.signal import correlate
from scipy.special import softmax as scipy_softmax

from cifar_lab.testing.samples import generator


def numbers(*shape, seed=0):
    """Return random numbers from -1 to 1."""
    return generator(seed).uniform(-1, 1, shape)


def output_size(size, kernel_size, stride, padding):
    """Count the places of the kernel along one axis, one by one."""
    last = size if padding == "same" else size - kernel_size + 1
    return len(range(0, last, stride))


def zeros_around(size, kernel_size, stride):
    """Return how many zeros "same" puts before and after `size` pixels; an odd one goes after."""
    places = output_size(size, kernel_size, stride, "same")
    total = max((places - 1) * stride + kernel_size - size, 0)
    return total // 2, total - total // 2


def convolution(images, kernels, bias, stride=1, padding="valid", zeros=zeros_around, **pad):
    """Cross-correlate each image with each kernel, using SciPy, and keep every stride-th place.

    `zeros` and `pad` (settings of `np.pad`) are there for misconceptions about "same".
    """
    images = np.asarray(images, np.float64)
    if padding == "same":
        sides = [zeros(images.shape[axis + 1], kernels.shape[axis], stride) for axis in (0, 1)]
        images = np.pad(images, ((0, 0), *sides, (0, 0)), **pad)
    maps = [
        [
            correlate(image, kernel, mode="valid", method="direct")[::stride, ::stride, 0]
            for image in images
        ]
        for kernel in np.moveaxis(kernels, -1, 0).astype(np.float64)
    ]
    return np.moveaxis(np.array(maps), 0, -1) + bias


def pooled(images, pool_size=2, reduce=np.max):
    """Reduce the windows one by one; incomplete ones at the edge are dropped."""
    rows, columns = images.shape[1] // pool_size, images.shape[2] // pool_size
    result = np.empty((len(images), rows, columns, images.shape[3]), images.dtype)
    for i, j in itertools.product(range(rows), range(columns)):
        window = images[:, i * pool_size :, j * pool_size :][:, :pool_size, :pool_size]
        result[:, i, j] = reduce(window, axis=(1, 2))
    return result


def softmax(logits):
    """Return SciPy's softmax of each row."""
    return scipy_softmax(np.asarray(logits, np.float64), axis=-1)


def crossentropy(targets, probabilities):
    """Return the mean of -log(probability of the true class).

    Nothing is clipped, so the true class's probability must not be 0.
    """
    true_class = np.asarray(probabilities, np.float64)[np.asarray(targets, bool)]
    return -np.mean(np.log(true_class))


def weight_shapes(
    input_shape,
    num_classes,
    filters,
    *,
    pools=3,
    lost=0,
    flat=None,
    kernel=3,
    bias=True,
    twice=False,
):
    """Return the sorted shapes of all weights of the network.

    The keyword-only settings are those of misconceptions.
    """
    height, width, channels = input_shape
    shapes = []
    for count in filters:
        for _ in range(1 + twice):
            shapes += [[kernel, kernel, channels, count]] + [[count]] * bias
            channels = count
    if flat is None:
        rows, columns = (size_after_blocks(size, pools, lost) for size in (height, width))
        flat = rows * columns * channels
    return sorted([*shapes, [flat, num_classes], [num_classes]])


def size_after_blocks(size, pools, lost):
    """Return the rows (or columns) after three blocks.

    Each convolution loses `lost` of them, and the first `pools` blocks halve the rest.
    """
    for block in range(3):
        size = (size - lost) // (2 if block < pools else 1)
    return size


def forward(weights, images, *, activation=None, pool=np.max, zeros=zeros_around, head=softmax):
    """Compute the network's outputs for these weights.

    The keyword-only settings are those of misconceptions.
    """
    by_shape = {array.shape: array.astype(np.float64) for array in weights}
    kernels = sorted((shape for shape in by_shape if len(shape) == 4), key=lambda shape: shape[2])
    (dense,) = (shape for shape in by_shape if len(shape) == 2)
    x = images.astype(np.float64)
    for shape in kernels:
        x = convolution(x, by_shape[shape], by_shape[shape[3:]], padding="same", zeros=zeros)
        x = np.maximum(x, 0) if activation is None else activation(x)
        x = x[:, ::2, ::2] if pool is None else pooled(x, reduce=pool)
    return head(x.reshape(len(x), -1) @ by_shape[dense] + by_shape[dense[1:]])
