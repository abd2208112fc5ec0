"""Lesson 2: convolution arithmetic, a network's parts by hand, and the network in Keras."""

import itertools

import numpy as np
import pytest
from hypothesis.strategies import booleans, integers, sampled_from
from scipy.signal import correlate
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_error, expect_left_alone
from cifar_lab.testing.model_checks import Compiling
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator, images_like_cifar
from cifar_lab.verifier.rebuild import structure

# --- oracles: what is right, from SciPy or plain counting; held against Keras' own layers --------


def output_size(size, kernel_size, stride, padding):
    """The places of the kernel, counted one by one."""
    last = size if padding == "same" else size - kernel_size + 1
    return len(range(0, last, stride))


def zeros_around(size, kernel_size, stride):
    """How many zeros "same" puts before and after `size` pixels; the odd one comes after."""
    places = output_size(size, kernel_size, stride, "same")
    total = max((places - 1) * stride + kernel_size - size, 0)
    return total // 2, total - total // 2


def convolution(images, kernels, bias, stride=1, padding="valid", zeros=zeros_around, **pad):
    """SciPy's cross-correlation of each image with each kernel, every stride-th place."""
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
    """Window by window."""
    rows, columns = images.shape[1] // pool_size, images.shape[2] // pool_size
    result = np.empty((len(images), rows, columns, images.shape[3]), images.dtype)
    for i, j in itertools.product(range(rows), range(columns)):
        window = images[:, i * pool_size :, j * pool_size :][:, :pool_size, :pool_size]
        result[:, i, j] = reduce(window, axis=(1, 2))
    return result


def softmax(logits):
    """SciPy's, row by row."""
    return scipy_softmax(np.asarray(logits, np.float64), axis=-1)


def crossentropy(targets, probabilities):
    """The mean surprise; nothing is clipped, so no probability may be 0."""
    true_class = np.asarray(probabilities, np.float64)[np.asarray(targets, bool)]
    return -np.mean(np.log(true_class))


# --- conv_output_size ----------------------------------------------------------------------------


@exercise("cnn.conv_output_size")
def test_valid_counts_the_places_where_the_kernel_fits(learner):
    """With "valid", count the places, stride apart, where the kernel fits whole."""
    for size, kernel_size, stride in [(12, 5, 2), (32, 3, 1), (11, 4, 3), (7, 2, 5), (9, 1, 1)]:
        right = output_size(size, kernel_size, stride, "valid")
        result = learner.cnn.conv_output_size(size, kernel_size, stride=stride, padding="valid")
        expect(result).to_equal(
            right,
            because=f"in {size} pixels a kernel of {kernel_size} fits at "
            f"{', '.join(map(str, range(0, size - kernel_size + 1, stride)))}",
            mistakes={
                "you counted the steps between places, not the places: add 1": right - 1,
                "you rounded up: a window that does not fit whole does not count": (
                    -(-(size - kernel_size) // stride) + 1
                ),
                "you left out the stride": size - kernel_size + 1,
                'you computed "same"': -(-size // stride),
            },
        )


@exercise("cnn.conv_output_size")
def test_same_keeps_every_stride_th_place(learner):
    """With "same", the size divided by the stride and rounded up, whatever the kernel."""
    cases = [
        (11, 5, 2),
        (32, 3, 1),
        (32, 3, 2),
        (12, 4, 2),
        (10, 3, 4),
        (9, 2, 3),
        (3, 5, 1),
        (1, 7, 2),
    ]
    for size, kernel_size, stride in cases:
        result = learner.cnn.conv_output_size(size, kernel_size, stride=stride, padding="same")
        expect(result).to_equal(
            output_size(size, kernel_size, stride, "same"),
            because=f"the padding makes room for a kernel at 0, {stride}, ... up to {size - 1}: "
            "the size of the kernel does not matter",
            mistakes={
                "you rounded down: the last, partly padded window counts, too": size // stride,
                'you returned the size itself: "same" keeps it only if the stride is 1': size,
                "you padded kernel_size // 2 on both sides, one too many for an even kernel": (
                    (size + 2 * (kernel_size // 2) - kernel_size) // stride + 1
                ),
                'you computed "valid"': (size - kernel_size) // stride + 1,
            },
        )


@exercise("cnn.conv_output_size")
def test_stride_one_and_valid_unless_said(learner):
    """Without further arguments the stride is 1 and the padding "valid"."""
    expect(learner.cnn.conv_output_size(10, 3)).to_equal(
        8, because='the signature says stride=1, padding="valid", as in Keras'
    )
    expect(learner.cnn.conv_output_size(10, 3, 2)).to_equal(
        4, because='the third argument is the stride; the padding is still "valid"'
    )
    expect(learner.cnn.conv_output_size(10, 3, padding="same")).to_equal(
        10, because="the stride is 1 unless said otherwise"
    )


@exercise("cnn.conv_output_size")
def test_a_size_is_a_whole_number(learner):
    """The result is an int, not a float."""
    for padding in ("valid", "same"):
        result = learner.cnn.conv_output_size(9, 4, stride=2, padding=padding)
        whole = np.asarray(result).dtype.kind in "iu" and np.ndim(result) == 0
        expect(result).to_satisfy(
            whole,
            f"the int {output_size(9, 4, 2, padding)}",
            because="a number of rows is used as a shape and in range(), which take no floats",
            mistake="you divided with `/`: `//` divides whole numbers"
            if isinstance(result, float)
            else None,
        )


@exercise("cnn.conv_output_size")
def test_a_kernel_that_does_not_fit(learner):
    """With "valid", a kernel larger than the input raises ValueError; one as large fits once."""
    call = learner.cnn.conv_output_size
    expect(call(5, 5, padding="valid")).to_equal(1, because="5 pixels hold a kernel of 5 once")
    for stride in (1, 3):
        expect_error(
            ValueError,
            lambda stride=stride: call(4, 5, stride=stride, padding="valid"),
            because="a kernel of 5 fits nowhere into 4 pixels, and an output of 0 rows or fewer "
            "would fail much later, with a message about something else",
        )


@exercise("cnn.conv_output_size")
def test_unknown_padding(learner):
    """A padding that is neither "valid" nor "same" raises ValueError."""
    for padding in ("full", "reflect", ""):
        expect_error(
            ValueError,
            lambda padding=padding: learner.cnn.conv_output_size(8, 3, padding=padding),
            because="a misspelt padding must not silently be taken for another one",
        )


@exercise("cnn.conv_output_size")
def test_any_output_size(learner, for_any):
    """Any size, kernel, stride and padding: as many places as can be counted, or ValueError."""

    @for_any(
        examples=60,
        size=integers(1, 40),
        kernel_size=integers(1, 9),
        stride=integers(1, 6),
        padding=sampled_from(["valid", "same"]),
    )
    def law(size, kernel_size, stride, padding):
        def call():
            return learner.cnn.conv_output_size(size, kernel_size, stride, padding)

        if padding == "valid" and kernel_size > size:
            expect_error(ValueError, call, because=f"{kernel_size} does not fit into {size}")
            return
        right = output_size(size, kernel_size, stride, padding)
        expect(call()).to_equal(right, because="the places of the kernel are counted, one by one")


# --- conv2d --------------------------------------------------------------------------------------


def expect_convolution(learner, images, kernels, bias, *, because, guess=True, **settings):
    """`conv2d` agrees with the oracle as closely as the contract asks."""
    right = convolution(images, kernels, bias, **settings)
    largest = max(np.abs(images).max(), np.abs(kernels).max(), np.abs(bias).max())
    result = learner.cnn.conv2d(images, kernels, bias, **settings)
    expect(result).to_be_close(
        right,
        because=because,
        rtol=0,
        atol=1e-4 if largest <= 1 else 1e-5 * np.abs(right).max(),
        mistakes=convolution_mistakes(images, kernels, bias, settings) if guess else None,
    )
    expect(result).to_have_dtype("floating", because="sums of fractions are fractions")


def convolution_mistakes(images, kernels, bias, settings):
    """What each misconception would give; computed only where it is needed."""

    def of(images=images, kernels=kernels, bias=bias, **other):
        return lambda: convolution(images, kernels, bias, **{**settings, **other})

    channels, entries = images.shape[-1], kernels[..., 0].size
    wrong = {
        "you flipped the kernel: networks compute a cross-correlation": of(
            kernels=kernels[::-1, ::-1]
        ),
        "you forgot the bias": of(bias=0 * bias),
        "you subtracted the bias": of(bias=-bias),
        "you read the first input channel alone: sum over all of them": of(
            images[..., :1], kernels[:, :, :1]
        ),
        "you took the mean over the input channels: the formula has a sum": of(
            kernels=kernels / channels
        ),
        "you took the mean of each window: the formula has a sum": of(kernels=kernels / entries),
        "you added the bias once per input channel": of(bias=bias * channels),
        "you added the bias once per kernel entry": of(bias=bias * entries),
        "you applied a ReLU: the activation comes later": lambda: np.maximum(of()(), 0),
        "your result has the images' dtype, which cannot hold these numbers": (
            lambda: of()().astype(np.int64).astype(images.dtype)
        ),
        "you left out the stride": of(stride=1),
    }
    if kernels.shape[0] == kernels.shape[1]:
        wrong["you mixed up rows and columns of the kernel"] = of(kernels=kernels.swapaxes(0, 1))
    if settings.get("padding") == "same":
        wrong |= padding_mistakes(of)
    return wrong


def padding_mistakes(of):
    """What misconceptions about "same" would give."""
    return {
        "you put the odd zero above and to the left: it belongs below and to the right": of(
            zeros=lambda *sizes: zeros_around(*sizes)[::-1]
        ),
        "you padded as for stride 1: how many zeros are needed depends on the stride": of(
            zeros=lambda size, kernel_size, stride: zeros_around(size, kernel_size, 1)
        ),
        "you padded kernel_size // 2 on both sides: one zero too many for an even kernel": of(
            zeros=lambda size, kernel_size, stride: (kernel_size // 2, kernel_size // 2)
        ),
        "you put all zeros below and to the right: half of them belong above and left": of(
            zeros=lambda *sizes: (0, sum(zeros_around(*sizes)))
        ),
        "you repeated the pixels at the edge: the padding is zeros": of(mode="edge"),
        "you mirrored the image at its edge: the padding is zeros": of(mode="reflect"),
        'you computed "valid"': of(padding="valid"),
    }


def numbers(*shape, seed=0):
    """Random numbers from -1 to 1."""
    return generator(seed).uniform(-1, 1, shape)


@exercise("cnn.conv2d")
def test_multiply_and_sum_each_window(learner):
    """Each output is the sum of a window times the kernel, plus the bias."""
    image = np.array([[1, 2, 0], [0, 1, 3], [4, 0, 1]], np.float64).reshape(1, 3, 3, 1)
    kernel = np.array([[1, 2], [-1, 3]], np.float64).reshape(2, 2, 1, 1)
    expect_convolution(
        learner,
        image,
        kernel,
        np.array([0.5]),
        because="at the upper left, 1*1 + 2*2 + 0*(-1) + 1*3 + 0.5 = 8.5, and so on",
    )


@exercise("cnn.conv2d")
def test_the_kernel_is_not_flipped(learner):
    """A kernel with one 1 moves the image: the entry at row 0, column 2 reads to the right."""
    image = numbers(1, 4, 5, 1)
    kernel = np.zeros((2, 3, 1, 1))
    kernel[0, 2] = 1
    expect_convolution(
        learner,
        image,
        kernel,
        np.zeros(1),
        because="out[i, j] is the sum of images[i + r, j + c] * kernels[r, c]; here r=0, c=2",
    )


@exercise("cnn.conv2d")
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_sum_over_input_channels(learner, padding):
    """Every filter reads all input channels and makes one output channel."""
    expect_convolution(
        learner,
        numbers(2, 6, 7, 3),
        numbers(3, 2, 3, 4, seed=1),
        numbers(4, seed=2),
        padding=padding,
        because="the formula sums over rows, columns and input channels, for each filter "
        "with its own kernel and bias",
    )


@exercise("cnn.conv2d")
@pytest.mark.parametrize("stride", [2, 3])
def test_stride_skips_places(learner, stride):
    """With a stride of s the kernel visits every s-th row and column, from the first on."""
    for height, width in ((9, 8), (10, 11), (5, 2)):
        expect_convolution(
            learner,
            numbers(1, height, width, 2),
            numbers(3, 2, 2, 2, seed=1),
            numbers(2, seed=2),
            stride=stride,
            because="out[i, j] reads the window that begins at row i*stride, column j*stride",
        )


@exercise("cnn.conv2d")
@pytest.mark.parametrize("kernel_shape", [(3, 3), (2, 4), (4, 1), (5, 2)])
def test_same_padding_of_even_kernels(learner, kernel_shape):
    """With "same" and stride 1 the size stays; an odd zero goes below and to the right."""
    expect_convolution(
        learner,
        numbers(2, 5, 6, 2),
        numbers(*kernel_shape, 2, 3, seed=1),
        numbers(3, seed=2),
        padding="same",
        because="a kernel of k needs k - 1 zeros: (k - 1) // 2 above and left, the rest below "
        "and right",
    )


@exercise("cnn.conv2d")
@pytest.mark.parametrize("stride", [3, 2])
def test_same_padding_with_a_stride(learner, stride):
    """With "same" and a stride, only as many zeros as the last window needs are added."""
    # first where padding as for stride 1 differs from putting the odd zero on the wrong side
    for height, width in ((9, 12), (6, 7), (8, 10), (11, 5)):
        for kernel_shape in ((3, 3), (2, 5), (1, 4), (4, 1)):
            expect_convolution(
                learner,
                numbers(1, height, width, 2),
                numbers(*kernel_shape, 2, 2, seed=1),
                numbers(2, seed=2),
                stride=stride,
                padding="same",
                because="out rows need (out - 1) * stride + k pixels; what the image lacks is "
                "padded, half of it above, and an odd one below (columns likewise)",
            )


@exercise("cnn.conv2d")
def test_whole_images_of_bytes(learner):
    """uint8 images are computed in floating point, to 1e-5 of the largest output."""
    images = images_like_cifar(count=2, height=8, width=9)
    for padding in ("valid", "same"):
        expect_convolution(
            learner,
            images,
            numbers(3, 3, 3, 2, seed=1).astype(np.float32),
            np.array([-40.5, 20.25], np.float32),
            padding=padding,
            because="uint8 holds neither negative numbers nor anything above 255",
        )


@exercise("cnn.conv2d")
def test_any_sizes(learner, for_any):
    """Sizes, strides, channels and dtypes of every kind agree with SciPy's cross-correlation."""

    @for_any(
        count=integers(1, 3),
        size=strategies.shapes(2, 2, longest=9),
        kernel_size=strategies.shapes(2, 2, longest=4),
        channels=integers(1, 4),
        filters=integers(1, 4),
        stride=integers(1, 4),
        padding=sampled_from(["valid", "same"]),
        dtype=sampled_from(strategies.FLOATS),
        seed=strategies.seeds,
    )
    def law(count, size, kernel_size, channels, filters, stride, padding, dtype, seed):
        if padding == "valid":  # a kernel that fits nowhere is no convolution
            size = np.maximum(size, kernel_size)
        expect_convolution(
            learner,
            numbers(count, *size, channels, seed=seed).astype(dtype),
            numbers(*kernel_size, channels, filters, seed=seed + 1).astype(dtype),
            numbers(filters, seed=seed + 2).astype(dtype),
            stride=stride,
            padding=padding,
            guess=False,  # so small an input can fit several misconceptions
            because="the formula in the docstring holds for every size",
        )


@exercise("cnn.conv2d")
def test_the_arguments_are_left_alone(learner):
    """Images, kernels and bias are the same before and after."""
    for padding in ("valid", "same"):
        images, kernels, bias = numbers(2, 5, 5, 2), numbers(3, 3, 2, 2, seed=1), numbers(2, seed=2)
        learner.cnn.conv2d(images, kernels, bias, padding=padding)
        expect_left_alone(
            learner,
            images=images,
            kernels=kernels,
            bias=bias,
            because="conv2d returns a new array and never changes the caller's",
        )


# --- max_pool2d ----------------------------------------------------------------------------------


def expect_pooling(learner, images, because, **settings):
    """`max_pool2d` agrees with the oracle exactly, and keeps the dtype."""
    right = pooled(images, **settings)
    size = settings.get("pool_size", 2)
    overlapping = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    short = [-n % size for n in images.shape[1:3]]
    filled = [
        np.pad(images, ((0, 0), (0, short[0]), (0, short[1]), (0, 0)), mode=mode)
        for mode in ("constant", "edge")
    ]
    result = learner.cnn.max_pool2d(images, **settings)
    expect(result).to_equal(
        right,
        because=because,
        mistakes={
            "you took the mean of each window": lambda: pooled(images, reduce=np.mean, **settings),
            "you took the smallest value of each window": (
                lambda: pooled(images, reduce=np.min, **settings)
            ),
            "you kept one pixel of each window and never looked at the others": (
                lambda: images[:, : right.shape[1] * size : size, : right.shape[2] * size : size]
            ),
            "your windows overlap: the stride is pool_size": lambda: overlapping.max((-2, -1)),
            "you kept incomplete windows at the edge": lambda: pooled(filled[1], **settings),
            "you filled up incomplete windows with zeros": lambda: pooled(filled[0], **settings),
            "negative values came out as zeros: start from the window's own values, not from 0": (
                lambda: np.maximum(right, 0)
            ),
            "you took one maximum over all channels": (
                lambda: np.broadcast_to(right.max(-1, keepdims=True), right.shape)
            ),
            "you ignored `pool_size`": lambda: pooled(images),
            "you dropped the channels' axis": right[..., 0],
        },
    )
    return result


@exercise("cnn.max_pool2d")
def test_the_largest_of_each_window(learner):
    """Each 2 x 2 window, per image and channel, leaves its largest value."""
    images = generator(1).permutation(2 * 4 * 6 * 3).reshape(2, 4, 6, 3).astype(np.float32)
    expect_pooling(
        learner,
        images,
        because="windows lie side by side; each image and channel is pooled on its own",
    )


@exercise("cnn.max_pool2d")
@pytest.mark.parametrize("pool_size", [1, 2, 3, 4])
def test_incomplete_windows_are_dropped(learner, pool_size):
    """Rows and columns at the lower and right edge that fill no window are dropped."""
    images = images_like_cifar(count=2, height=7, width=9, channels=2)
    # the largest values lie in the part that is dropped
    images[:, -1], images[:, :, -1] = 255, 255
    expect_pooling(
        learner,
        images,
        pool_size=pool_size,
        because=f"7 x 9 pixels hold {7 // pool_size} x {9 // pool_size} whole windows",
    )


@exercise("cnn.max_pool2d")
def test_negative_values(learner):
    """Windows of negative values keep their largest one: there is no zero in them."""
    expect_pooling(
        learner,
        -1.0 - numbers(2, 5, 4, 2) ** 2,
        because="the maximum of -3, -2, -5 and -4 is -2; a start value or padding of 0 would win",
    )


@exercise("cnn.max_pool2d")
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_pooling_keeps_the_dtype(learner, dtype):
    """The result has the images' dtype."""
    images = images_like_cifar(count=1, height=4, width=4).astype(dtype)
    result = expect_pooling(learner, images, because="a maximum is one of the values it came from")
    expect(result).to_have_dtype(
        dtype, because="a maximum is one of the values that came in: nothing is computed"
    )


@exercise("cnn.max_pool2d")
def test_pooling_leaves_the_images_alone(learner):
    """The caller's images are the same before and after."""
    images = images_like_cifar(count=2, height=5, width=6)
    learner.cnn.max_pool2d(images, pool_size=2)
    expect_left_alone(learner, images=images, because="max_pool2d returns a new array")


@exercise("cnn.max_pool2d")
def test_any_images_and_windows(learner, for_any):
    """Images of any size, channels and dtype, windows of any size that fits."""

    @for_any(images=strategies.images(), pool_size=integers(1, 4))
    def law(images, pool_size):
        pool_size = min(pool_size, *images.shape[1:3])
        expect(learner.cnn.max_pool2d(images, pool_size)).to_equal(
            pooled(images, pool_size), because="each whole window leaves its largest value"
        )


# --- softmax -------------------------------------------------------------------------------------


def expect_softmax(learner, logits, because, mistakes=None):
    """`softmax` agrees with SciPy's."""
    with np.errstate(all="ignore"):
        powers = np.exp(logits.astype(np.float64))
        overflowing = powers / powers.sum(-1, keepdims=True)
    right = softmax(logits)
    result = learner.cnn.softmax(logits)
    expect(result).to_be_close(
        right,
        because=because,
        rtol=1e-4,
        atol=1e-6,
        mistakes={
            "exp overflowed, or every exp became 0: subtract each row's largest logit first": (
                overflowing
            ),
            "you normalised over the whole batch, not row by row (axis)": (
                lambda: scipy_softmax(logits.astype(np.float64))
            ),
            "you normalised the columns: each row is one image": (
                lambda: scipy_softmax(logits.astype(np.float64), axis=0)
            ),
            "you did not divide by the sum": lambda: powers,
            "you divided by the largest power: the sum makes a row add up to one": (
                lambda: right / right.max(-1, keepdims=True)
            ),
            "you left out the exponential": lambda: logits / logits.sum(-1, keepdims=True),
            "you applied a sigmoid to each logit": lambda: expit(logits),
            "you returned the logarithm of the softmax": lambda: np.log(right),
            "you took powers of 2: exp is a power of e": lambda: softmax(logits * np.log(2)),
            **(mistakes or {}),
        },
    )
    expect(result).to_have_dtype("floating", because="probabilities are fractions")


@exercise("cnn.softmax")
def test_each_row_is_a_distribution(learner):
    """Row by row, exp(z) divided by the sum of exp(z)."""
    for dtype in (np.float32, np.float64):
        logits = (3 * numbers(5, 4) + 0.5).astype(dtype)
        expect_softmax(
            learner, logits, because="each row is one image: its probabilities add up to one"
        )


@exercise("cnn.softmax")
@pytest.mark.parametrize("shift", [1e4, -1e4])
def test_large_logits(learner, shift):
    """Logits of +-10,000 neither overflow nor end in 0/0."""
    logits = np.array([[0.0, 1.0, -1.0], [2.0, 2.0, 0.5]]) + shift
    expect_softmax(
        learner,
        logits,
        because="a constant added to all logits cancels: only differences count",
    )


@exercise("cnn.softmax")
def test_every_row_has_its_own_scale(learner):
    """Rows far apart, and logits far apart within a row, do not disturb each other."""
    logits = np.array(
        [[1e4, 1e4 - 1, 0.0], [-1e4, -1e4 + 2, -1e4], [1e4, -1e4, 0], [0.1, 0.2, 0.3]]
    )
    with np.errstate(all="ignore"):
        powers = np.exp(logits - logits.max())
        one_shift = powers / powers.sum(-1, keepdims=True)
        powers = np.exp(logits - logits.max(0))
        by_column = powers / powers.sum(-1, keepdims=True)
    expect_softmax(
        learner,
        logits,
        because="each row is a separate image",
        mistakes={
            "you subtracted the largest logit of the whole batch, not of each row": one_shift,
            "you subtracted the largest logit of each column, not of each row": by_column,
        },
    )


@exercise("cnn.softmax")
@pytest.mark.parametrize("shape", [(1, 6), (4, 1), (3, 3)])
def test_any_number_of_rows_and_classes(learner, shape):
    """One row, one class, or as many rows as classes: the shape stays."""
    expect_softmax(
        learner, numbers(*shape), because="a row sums to one, also where it has a single class"
    )


@exercise("cnn.softmax")
def test_logits_are_left_alone(learner):
    """The caller's logits are the same before and after."""
    for dtype in (np.float32, np.float64):
        logits = numbers(3, 4).astype(dtype)
        learner.cnn.softmax(logits)
        expect_left_alone(
            learner,
            logits=logits,
            because="softmax returns a new array; `logits -= ...` would change the caller's",
        )


@exercise("cnn.softmax")
def test_any_logits(learner, for_any):
    """Logits of any size, up to 10,000 either way, in float32 and float64."""

    @for_any(
        logits=strategies.arrays(strategies.shapes(2, 2)),
        scale=sampled_from([0.01, 1, 30, 1000, 9000]),
        shift=sampled_from([0, 1000, -1000]),
    )
    def law(logits, scale, shift):
        logits = (scale * logits + shift).astype(logits.dtype)
        result = learner.cnn.softmax(logits)
        expect(result).to_be_close(
            softmax(logits), because="exp(z) over its sum, row by row", rtol=1e-3, atol=1e-5
        )


# --- categorical_crossentropy --------------------------------------------------------------------


def predictions(count=6, classes=4, seed=0):
    """One-hot targets, and probabilities that are neither sure nor hopeless."""
    targets = np.eye(classes)[generator(seed).integers(0, classes, count)]
    return targets, softmax(2 * numbers(count, classes, seed=seed + 1))


@exercise("cnn.categorical_crossentropy")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mean_negative_log_of_the_true_class(learner, dtype):
    """Minus the natural logarithm of the true class's probability, averaged over the batch."""
    targets, probabilities = (part.astype(dtype) for part in predictions())
    right, logs = crossentropy(targets, probabilities), np.log(probabilities)
    expect(learner.cnn.categorical_crossentropy(targets, probabilities)).to_be_close(
        right,
        because="each image costs -log(probability of its true class), and the loss is their mean",
        rtol=1e-4,
        mistakes={
            "you summed over the batch: take the mean": right * len(targets),
            "you averaged over images and classes: sum over the classes first": (
                right / targets.shape[1]
            ),
            "the sign is wrong: the logarithm of a probability is negative": -right,
            "you took the logarithm to base 2": right / np.log(2),
            "you took the logarithm to base 10": right / np.log(10),
            "you returned one loss for each image": -(targets * logs).sum(-1),
            "you summed the logarithms of all classes, not of the true one": -logs.sum(-1).mean(),
            "you computed the binary cross-entropy, a yes or no for each class": (
                -(targets * logs + (1 - targets) * np.log(1 - probabilities)).sum(-1).mean()
            ),
            "you averaged a binary cross-entropy, a yes or no for each class": (
                -(targets * logs + (1 - targets) * np.log(1 - probabilities)).mean()
            ),
            "you computed the squared error": ((targets - probabilities) ** 2).sum(-1).mean(),
            "you computed the mean squared error": ((targets - probabilities) ** 2).mean(),
            "you applied a softmax: the rows are probabilities already": (
                crossentropy(targets, softmax(probabilities))
            ),
            "you left out the logarithm": -(targets * probabilities).sum(-1).mean(),
            "you averaged the probabilities first: the logarithm comes before the mean": (
                -np.log((targets * probabilities).sum(-1).mean())
            ),
        },
    )


@exercise("cnn.categorical_crossentropy")
def test_any_batch(learner, for_any):
    """Any number of images and classes: the mean does not depend on the batch size."""

    @for_any(
        count=integers(1, 40),
        classes=integers(2, 10),
        dtype=sampled_from(strategies.FLOATS),
        seed=strategies.seeds,
    )
    def law(count, classes, dtype, seed):
        targets, probabilities = (p.astype(dtype) for p in predictions(count, classes, seed))
        right = crossentropy(targets, probabilities)
        expect(learner.cnn.categorical_crossentropy(targets, probabilities)).to_be_close(
            right,
            because="the loss is a mean over the images of the batch",
            rtol=1e-4,
            mistakes={"you summed over the batch: take the mean": right * count},
        )


@exercise("cnn.categorical_crossentropy")
def test_zero_for_the_true_class(learner):
    """A probability of 0 for the true class costs something finite, more than 10."""
    targets = np.eye(3)[[0, 1]]
    for row, dtype in itertools.product((0, 1), (np.float32, np.float64)):
        probabilities = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], dtype)
        probabilities[row] = (targets[row] == 0) / 2
        loss = learner.cnn.categorical_crossentropy(targets, probabilities)
        number = np.asarray(loss, np.float64) if np.ndim(loss) == 0 else np.array(np.nan)
        cost = 2 * float(number) - np.log(2)  # the other image costs log(2)
        mistake = None
        if np.isinf(cost):
            mistake = "you took the logarithm of 0"
        elif np.isnan(cost):
            mistake = "a 0 times infinity became NaN"
        elif cost <= 10:
            mistake = "the floor under the probabilities is so high that it hides grave errors"
        expect(loss).to_satisfy(
            bool(np.isfinite(cost) and cost > 10),
            "a finite loss, in which the image with probability 0 costs more than 10",
            because="one infinite image would make the loss of all the others meaningless, "
            "and a hopeless answer must still cost a lot",
            mistake=mistake,
        )


@exercise("cnn.categorical_crossentropy")
def test_zero_for_another_class(learner):
    """A probability of 0 for a wrong class costs nothing, and a sure and right answer is free."""
    targets = np.eye(3)[[0, 2]]
    for rows, right in (([[0.5, 0.5, 0], [0, 0.75, 0.25]], np.log(8) / 2), (targets, 0.0)):
        expect(learner.cnn.categorical_crossentropy(targets, np.array(rows))).to_be_close(
            right,
            because="only the true class's probability counts",
            rtol=1e-4,
            atol=1e-5,
            mistakes={"0 * log(0) became NaN: keep the probabilities away from 0": np.nan},
        )


@exercise("cnn.categorical_crossentropy")
def test_rows_are_not_renormalised(learner):
    """Rows that do not sum to one are taken as they are."""
    targets = np.eye(3)[[0, 1, 2]]
    probabilities = np.array([[0.2, 0.1, 0.1], [0.3, 0.6, 0.9], [0.05, 0.05, 0.4]])
    right = crossentropy(targets, probabilities)
    expect(learner.cnn.categorical_crossentropy(targets, probabilities)).to_be_close(
        right,
        because="making rows sum to one is the softmax's work; done here, it would hide a "
        "network that forgot its softmax",
        rtol=1e-4,
        mistakes={
            "you divided each row by its sum": crossentropy(
                targets, probabilities / probabilities.sum(-1, keepdims=True)
            ),
            "you applied a softmax: the rows are probabilities already": crossentropy(
                targets, softmax(probabilities)
            ),
        },
    )


@exercise("cnn.categorical_crossentropy")
def test_both_arguments_are_left_alone(learner):
    """Targets and probabilities are the same before and after."""
    for dtype in (np.float32, np.float64):
        targets, probabilities = (part.astype(dtype) for part in predictions())
        probabilities[0] = targets[0]
        learner.cnn.categorical_crossentropy(targets, probabilities)
        expect_left_alone(
            learner,
            targets=targets,
            probabilities=probabilities,
            because="a loss only looks; clip a copy of the probabilities",
        )


# --- conv2d_parameter_count ----------------------------------------------------------------------


@exercise("cnn.conv2d_parameter_count")
def test_weights_and_biases(learner):
    """Each filter learns kernel_size x kernel_size x in_channels weights and one bias."""
    for kernel_size, in_channels, filters in [(3, 4, 8), (1, 5, 2), (5, 1, 3), (3, 3, 64)]:
        weights = kernel_size * kernel_size * in_channels * filters
        result = learner.cnn.conv2d_parameter_count(kernel_size, in_channels, filters)
        expect(result).to_equal(
            weights + filters,
            because=f"{filters} filters of {kernel_size} x {kernel_size} x {in_channels} weights "
            "and one bias each",
            mistakes={
                "you forgot the biases: use_bias is True unless said otherwise": weights,
                "you counted one bias for the whole layer: each filter has its own": weights + 1,
                "you counted one bias for each input channel": weights + in_channels,
                "you left out the input channels": kernel_size**2 * filters + filters,
                "you counted kernel_size once: kernels are square": (
                    kernel_size * in_channels * filters + filters
                ),
                "you counted a bias for every weight": 2 * weights,
            },
        )


@exercise("cnn.conv2d_parameter_count")
def test_without_bias(learner):
    """Without biases only the weights count."""
    for use_bias, right in ((False, 216), (True, 224)):
        result = learner.cnn.conv2d_parameter_count(3, 3, 8, use_bias=use_bias)
        expect(result).to_equal(
            right,
            because=f"use_bias={use_bias} {'adds' if use_bias else 'leaves out'} one number for "
            "each of the 8 filters",
            mistakes={"you ignored `use_bias`": 440 - right},
        )


@exercise("cnn.conv2d_parameter_count")
def test_any_layer(learner, for_any):
    """Any kernel, channels and filters, with biases and without."""

    @for_any(
        kernel_size=integers(1, 9),
        in_channels=integers(1, 300),
        filters=integers(1, 300),
        use_bias=booleans(),
    )
    def law(kernel_size, in_channels, filters, use_bias):
        weights = np.zeros((kernel_size, kernel_size, in_channels, filters), np.int8).size
        result = learner.cnn.conv2d_parameter_count(kernel_size, in_channels, filters, use_bias)
        expect(result).to_equal(
            weights + (filters if use_bias else 0),
            because="each filter has kernel_size x kernel_size x in_channels weights",
        )


# --- build_cnn -----------------------------------------------------------------------------------

# sizes that differ from each other and from the defaults: each weight is known by its shape
SMALL = {"input_shape": (24, 32, 2), "num_classes": 5, "filters": (4, 6, 8)}
DEFAULTS = {"input_shape": (32, 32, 3), "num_classes": 10, "filters": (64, 128, 256)}


def after_blocks(size, pools=3, lost=0):
    """Rows (or columns) left by three blocks; `pools` of them pool, each convolution loses some."""
    for block in range(3):
        size = (size - lost) // (2 if block < pools else 1)
    return size


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
    """The shapes of all weights, sorted; the further settings are those of misconceptions."""
    height, width, channels = input_shape
    shapes = []
    for count in filters:
        for _ in range(1 + twice):
            shapes += [[kernel, kernel, channels, count]] + [[count]] * bias
            channels = count
    if flat is None:
        flat = after_blocks(height, pools, lost) * after_blocks(width, pools, lost) * channels
    return sorted([*shapes, [flat, num_classes], [num_classes]])


def expect_layers(model, settings):
    """The model has the weights of three convolutions and a Dense layer; returns them."""
    expect(model).to_be_a("model", because="build_cnn returns a keras.Model")
    weights = model.get_weights()
    filters = settings["filters"]
    named = {
        f"you ignored `{name}`": weight_shapes(**{**settings, name: default})
        for name, default in DEFAULTS.items()
    }
    expect(sorted(list(array.shape) for array in weights)).to_equal(
        weight_shapes(**settings),
        because="three 3x3 convolutions with a bias, each of which reads the channels of the one "
        "before; after three poolings (each halves rows and columns) Flatten, and one Dense",
        mistakes={
            "the model has no weights yet, because nobody told it its input's shape: begin with "
            "keras.Input(input_shape)": [],
            'the convolutions do not pad: padding="same" keeps the size': (
                weight_shapes(**settings, lost=2)
            ),
            "there is no pooling": weight_shapes(**settings, pools=0),
            "only one block pools": weight_shapes(**settings, pools=1),
            "only two blocks pool": weight_shapes(**settings, pools=2),
            "you averaged rows and columns away (GlobalAveragePooling2D), or left out Flatten": (
                weight_shapes(**settings, flat=filters[2])
            ),
            "each block has two convolutions": weight_shapes(**settings, twice=True),
            "the kernels are not 3x3": weight_shapes(**settings, kernel=5),
            "the convolutions have no bias": weight_shapes(**settings, bias=False),
            "the filters are in the wrong order": (
                weight_shapes(**{**settings, "filters": filters[::-1]})
            ),
            **named,
        },
    )
    return weights


def forward(weights, images, *, activation=None, pool=np.max, zeros=zeros_around, head=softmax):
    """What the network computes with these weights; the settings are those of misconceptions."""
    by_shape = {array.shape: array.astype(np.float64) for array in weights}
    kernels = sorted((shape for shape in by_shape if len(shape) == 4), key=lambda shape: shape[2])
    (dense,) = (shape for shape in by_shape if len(shape) == 2)
    x = images.astype(np.float64)
    for shape in kernels:
        x = convolution(x, by_shape[shape], by_shape[shape[3:]], padding="same", zeros=zeros)
        x = np.maximum(x, 0) if activation is None else activation(x)
        x = x[:, ::2, ::2] if pool is None else pooled(x, reduce=pool)
    return head(x.reshape(len(x), -1) @ by_shape[dense] + by_shape[dense[1:]])


@exercise("cnn.build_cnn")
@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        {"input_shape": (24, 24, 1), "num_classes": 3, "filters": (2, 5, 4)},
        {"input_shape": (32, 24, 3), "num_classes": 7, "filters": (8, 4, 2)},
    ],
    ids=["24x32x2", "24x24x1", "32x24x3"],
)
def test_three_convolutions_and_a_dense_layer(learner, settings):
    """The weights are those of three 3x3 "same" convolutions with bias, and of one Dense layer."""
    expect_layers(learner.cnn.build_cnn(**settings), settings)


@exercise("cnn.build_cnn")
def test_the_default_network(learner):
    """Without arguments: 32x32x3 images, ten classes, 64, 128 and 256 filters."""
    weights = expect_layers(learner.cnn.build_cnn(), DEFAULTS)
    expect(sum(array.size for array in weights)).to_equal(
        411_786, because="1,792 + 73,856 + 295,168 in the convolutions, 40,970 in the Dense layer"
    )


def some_weights(shape):
    """Kernels that keep numbers near one from layer to layer, and biases that matter."""
    random = generator(len(shape) * shape[-1])
    if len(shape) == 1:
        return random.normal(0.1, 0.3, shape)
    return random.normal(0, 2 / np.sqrt(np.prod(shape[:-1])), shape)


@exercise("cnn.build_cnn")
def test_what_the_network_computes(learner):
    """Convolution, ReLU and max-pooling, three times over; then a softmax of the Dense layer."""
    model = learner.cnn.build_cnn(**SMALL)
    weights = [some_weights(array.shape) for array in expect_layers(model, SMALL)]
    model.set_weights(weights)
    images = 2 * numbers(4, *SMALL["input_shape"])

    def of(**mistake):
        return forward(weights, images, **mistake)

    result = model.predict(images)
    expect(result).to_be_close(
        of(),
        because="each block is a convolution, then ReLU and 2x2 max-pooling; the outputs are "
        "probabilities",
        rtol=0,
        atol=3e-3,
        mistakes={
            "there is no ReLU: without it, three convolutions are one linear map": (
                lambda: of(activation=lambda x: x)
            ),
            "the activation is a sigmoid, not a ReLU": lambda: of(activation=expit),
            "the activation is tanh, not a ReLU": lambda: of(activation=np.tanh),
            "the activation is a leaky ReLU": (
                lambda: of(activation=lambda x: np.maximum(x, 0) + 0.3 * np.minimum(x, 0))
            ),
            "there is no softmax: the outputs are logits": lambda: of(head=lambda z: z),
            "the outputs went through a sigmoid: a softmax makes the classes compete": (
                lambda: of(head=expit)
            ),
            "the softmax comes twice": lambda: of(head=lambda z: softmax(softmax(z))),
            "the Dense layer has a ReLU before its softmax": (
                lambda: of(head=lambda z: softmax(np.maximum(z, 0)))
            ),
            "you average windows (AveragePooling2D): the largest value is wanted": (
                lambda: of(pool=np.mean)
            ),
            "there is no pooling: every second pixel was skipped (strides=2)": (
                lambda: of(pool=None, zeros=lambda size, kernel_size, _: zeros_around(size, 3, 2))
            ),
        },
    )


@exercise("cnn.build_cnn")
def test_the_outputs_are_probabilities(learner):
    """A fresh network's outputs are `num_classes` probabilities that sum to one."""
    model = learner.cnn.build_cnn(**SMALL)
    expect(model).to_be_a("model", because="build_cnn returns a keras.Model")
    result = model.predict(50 * numbers(3, *SMALL["input_shape"]))
    expect(result).to_have_shape((3, 5), because="one row for each image, one column per class")
    sums = np.asarray(result).sum(-1)
    expect(sums).to_be_close(
        np.ones(3), because="the last layer is a Dense layer with a softmax", rtol=0, atol=1e-3
    )


@exercise("cnn.build_cnn")
def test_plain_and_not_compiled(learner):
    """The network is not compiled, and has no dropout or normalisation."""
    model = learner.cnn.build_cnn(**SMALL)
    expect(model).to_be_a("model", because="build_cnn returns a keras.Model")
    expect(model.is_compiled()).to_equal(
        False,
        because="optimizer and loss are not part of a network: compile_cnn, the next exercise, "
        "adds them",
        mistakes={"you called `compile` in build_cnn": True},
    )
    names = [layer["class"] for layer in structure(model)]
    extra = [name for name in names if "Dropout" in name or "Normalization" in name]
    expect(extra).to_equal([], because="this is the plain network, to compare lesson 3's with")


def synthetic_images(draw, train, test):
    """Standardised images of the synthetic dataset, with one-hot labels for training."""
    (x, y), (x_test, y_test) = draw(train, test, seed=11)
    mean, std = x.mean((0, 1, 2)), x.std((0, 1, 2))
    x, x_test = (((part - mean) / std).astype(np.float32) for part in (x, x_test))
    return x, np.eye(10, dtype=np.float32)[y], x_test, y_test


def compiled(learner, filters, rate):
    """The learner's network, ready to train on images."""
    model = learner.cnn.build_cnn(filters=filters)
    expect_layers(model, {**DEFAULTS, "filters": filters})
    return learner.tools.compiled(model, rate)


@exercise("cnn.build_cnn")
@pytest.mark.trains
def test_overfits_one_batch(learner, draw):
    """Twenty steps on one batch of 20 images of the synthetic dataset: it knows them by heart."""
    x, y, _, _ = synthetic_images(draw, 20, 0)
    model = compiled(learner, (8, 8, 16), 0.01)
    with learner.described("train_on_batch twenty times, with the same 20 images"):
        losses = [model.train_on_batch(x, y)["loss"] for _ in range(20)]
    expect(losses[-1]).to_stay_below(
        "cnn_one_batch_loss",
        "a loss",
        because=f"guessing costs {np.log(10):.1f}, and a network that cannot even learn 20 "
        "images by heart is wired wrongly, or its weights cannot move",
    )


@exercise("cnn.build_cnn")
@pytest.mark.trains
def test_learns_the_synthetic_dataset(learner, draw):
    """Trained on 600 images of the synthetic dataset, the network recognises new ones."""
    x, y, x_test, y_test = synthetic_images(draw, 600, 300)
    model = compiled(learner, (8, 8, 16), 0.005)
    model.fit(x, y, epochs=4, batch_size=30)
    accuracy = float(np.mean(np.asarray(model.predict(x_test)).argmax(-1) == y_test))
    expect(accuracy).to_reach(
        "cnn_synthetic_accuracy",
        "an accuracy on 300 new images of the synthetic dataset",
        because="guessing gives 0.1, and four passes over 600 images give a sound network "
        "about 0.64",
    )


# --- compile_cnn ---------------------------------------------------------------------------------


@pytest.fixture
def compiling(learner):
    """What holds of the learner's compile_cnn."""
    return Compiling(learner, learner.cnn.compile_cnn, default_rate=1e-3)


@exercise("cnn.compile_cnn")
def test_the_same_model_comes_back(compiling):
    """The model that comes back is the one that was given, compiled."""
    compiling.expect_same_model()


@exercise("cnn.compile_cnn")
def test_adam_at_the_given_rate(compiling):
    """The optimizer is Adam, at the learning rate that was asked for, 0.001 by default."""
    compiling.expect_adam()


@exercise("cnn.compile_cnn")
def test_loss_is_categorical_crossentropy(compiling):
    """The loss is the categorical cross-entropy of one-hot labels and probabilities."""
    compiling.expect_crossentropy()


@exercise("cnn.compile_cnn")
def test_accuracy_is_reported(compiling):
    """Training reports the accuracy: the share of images whose largest output is the true class."""
    compiling.expect_accuracy()
