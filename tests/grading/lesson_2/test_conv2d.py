"""Tests of `cnn.conv2d`: a window times the kernel, summed, with the padding of Keras."""

import numpy as np
import pytest
from hypothesis.strategies import integers, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import images_like_cifar

from .oracles import convolution, numbers, zeros_around


def expect_convolution(learner, images, kernels, bias, *, because, name_mistakes=True, **settings):
    """Check that `conv2d` agrees with the oracle as closely as the contract asks."""
    right = convolution(images, kernels, bias, **settings)
    largest = max(np.abs(images).max(), np.abs(kernels).max(), np.abs(bias).max())
    result = learner.cnn.conv2d(images, kernels, bias, **settings)
    expect(result).to_be_close(
        right,
        because=because,
        rtol=0,
        atol=1e-4 if largest <= 1 else 1e-5 * np.abs(right).max(),
        mistakes=convolution_mistakes(images, kernels, bias, settings) if name_mistakes else None,
    )
    expect(result).to_have_dtype(
        "floating", because="the kernels are floating, and so are their sums"
    )


def convolution_mistakes(images, kernels, bias, settings):
    """Return what each misconception would compute, as functions that are called only if needed."""

    def changed(images=images, kernels=kernels, bias=bias, **other):
        return lambda: convolution(images, kernels, bias, **{**settings, **other})

    right = changed()
    channels, entries = images.shape[-1], kernels[..., 0].size
    wrong = {
        "you flipped the kernel: networks compute a cross-correlation": changed(
            kernels=kernels[::-1, ::-1]
        ),
        "you forgot the bias": changed(bias=0 * bias),
        "you subtracted the bias": changed(bias=-bias),
        "you read only the first input channel: sum over all of them": changed(
            images[..., :1], kernels[:, :, :1]
        ),
        "you took the mean over the input channels: the formula has a sum": changed(
            kernels=kernels / channels
        ),
        "you took the mean of each window: the formula has a sum": changed(
            kernels=kernels / entries
        ),
        "you added the bias once per input channel": changed(bias=bias * channels),
        "you added the bias once per kernel entry": changed(bias=bias * entries),
        "you applied a ReLU: the activation comes later": lambda: np.maximum(right(), 0),
        "your result has the images' dtype, which cannot hold these numbers": (
            lambda: right().astype(np.int64).astype(images.dtype)
        ),
        "you left out the stride": changed(stride=1),
    }
    if kernels.shape[0] == kernels.shape[1]:
        wrong["you swapped rows and columns of the kernel"] = changed(
            kernels=kernels.swapaxes(0, 1)
        )
    if settings.get("padding") == "same":
        wrong |= padding_mistakes(changed)
    return wrong


def padding_mistakes(changed):
    """Return what misconceptions about "same" would compute."""
    return {
        "you put the odd zero above and to the left: it belongs below and to the right": changed(
            zeros=lambda *sizes: zeros_around(*sizes)[::-1]
        ),
        "you padded as for stride 1: the number of zeros depends on the stride": changed(
            zeros=lambda size, kernel_size, stride: zeros_around(size, kernel_size, 1)
        ),
        "you padded kernel_size // 2 on both sides: one zero too many for an even kernel": changed(
            zeros=lambda size, kernel_size, stride: (kernel_size // 2, kernel_size // 2)
        ),
        "you put all zeros below and to the right: half of them belong above and left": changed(
            zeros=lambda *sizes: (0, sum(zeros_around(*sizes)))
        ),
        "you repeated the pixels at the edge: the padding is zeros": changed(mode="edge"),
        "you mirrored the image at its edge: the padding is zeros": changed(mode="reflect"),
        'you computed "valid"': changed(padding="valid"),
    }


@exercise("cnn.conv2d", constant=True)
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


@exercise("cnn.conv2d", main=True)
def test_the_kernel_is_not_flipped(learner):
    """The kernel is not flipped: its entry at row 0, column 2 reads the pixel two to the right."""
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


@exercise("cnn.conv2d", main=True)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_sum_over_input_channels(learner, padding):
    """Every filter reads all input channels and makes one output channel."""
    expect_convolution(
        learner,
        numbers(2, 6, 7, 3),
        numbers(3, 2, 3, 4, seed=1),
        numbers(4, seed=2),
        padding=padding,
        because="each filter has its own kernel and bias, and sums over rows, columns and all "
        "input channels",
    )


@exercise("cnn.conv2d")
@pytest.mark.parametrize("stride", [2, 3])
def test_stride_skips_places(learner, stride):
    """With a stride of s, the kernel visits every s-th row and column, starting with the first."""
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
    """With "same" and stride 1, the size stays; an odd zero goes below and to the right."""
    expect_convolution(
        learner,
        numbers(2, 5, 6, 2),
        numbers(*kernel_shape, 2, 3, seed=1),
        numbers(3, seed=2),
        padding="same",
        because="a kernel of k rows needs k - 1 rows of zeros: (k - 1) // 2 above, the rest below "
        "(columns likewise)",
    )


@exercise("cnn.conv2d")
@pytest.mark.parametrize("stride", [3, 2])
def test_same_padding_with_a_stride(learner, stride):
    """With "same" and a stride above 1, only as many zeros as the last window needs are added."""
    # the first sizes tell padding as for stride 1 from an odd zero on the wrong side
    for height, width in ((9, 12), (6, 7), (8, 10), (11, 5)):
        for kernel_shape in ((3, 3), (2, 5), (1, 4), (4, 1)):
            expect_convolution(
                learner,
                numbers(1, height, width, 2),
                numbers(*kernel_shape, 2, 2, seed=1),
                numbers(2, seed=2),
                stride=stride,
                padding="same",
                because="an output of `out` rows needs (out - 1) * stride + k rows of input; the "
                "missing ones are zeros, half of them above, an odd one below (columns likewise)",
            )


@exercise("cnn.conv2d")
def test_uint8_images(learner):
    """uint8 images are convolved in floating point, accurate to 1e-5 of the largest output."""
    images = images_like_cifar(count=2, height=8, width=9)
    for padding in ("valid", "same"):
        expect_convolution(
            learner,
            images,
            numbers(3, 3, 3, 2, seed=1).astype(np.float32),
            np.array([-40.5, 20.25], np.float32),
            padding=padding,
            because="uint8 holds no negative numbers and none above 255",
        )


@exercise("cnn.conv2d")
def test_any_sizes(learner, for_any):
    """Any sizes, strides, channels and dtypes agree with SciPy's cross-correlation."""

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
        if padding == "valid":  # the kernel must fit into the image
            size = np.maximum(size, kernel_size)
        expect_convolution(
            learner,
            numbers(count, *size, channels, seed=seed).astype(dtype),
            numbers(*kernel_size, channels, filters, seed=seed + 1).astype(dtype),
            numbers(filters, seed=seed + 2).astype(dtype),
            stride=stride,
            padding=padding,
            name_mistakes=False,  # so small an input can match several
            because="the formula in the docstring holds for every size",
        )


@exercise("cnn.conv2d")
def test_the_arguments_are_left_alone(learner):
    """The caller's images, kernels and bias are the same before and after."""
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
