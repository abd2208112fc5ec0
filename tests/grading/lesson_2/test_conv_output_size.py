"""Tests of `cnn.conv_output_size`: the rows (or columns) that a convolution outputs."""

import numpy as np
from hypothesis.strategies import integers, sampled_from

from cifar_lab.testing.expect import expect, expect_error
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import pick

from .oracles import output_size


def drawn_cases(padding):
    """Return sizes, kernels and strides that only a graded run has."""

    def draw(random):
        kernels, more, strides = (random.integers(low, high, 4) for low, high in RANGES)
        sizes = kernels + more if padding == "valid" else 1 + more
        return np.stack([sizes, kernels, strides], -1).tolist()

    return pick([], draw)


RANGES = ((1, 14), (0, 60), (1, 9))  # of kernels, further pixels, strides


@exercise("cnn.conv_output_size", main=True)
def test_valid_counts_the_places_where_the_kernel_fits(learner):
    """With "valid", the result is the number of places, a stride apart, where the kernel fits."""
    for size, kernel_size, stride in [
        *[(12, 5, 2), (32, 3, 1), (11, 4, 3), (7, 2, 5), (9, 1, 1)],
        *drawn_cases("valid"),
    ]:
        right = output_size(size, kernel_size, stride, "valid")
        result = learner.cnn.conv_output_size(size, kernel_size, stride=stride, padding="valid")
        expect(result).to_equal(
            right,
            because=f"in {size} pixels, a kernel of {kernel_size} fits at "
            f"{', '.join(map(str, range(0, size - kernel_size + 1, stride)))}",
            mistakes={
                "you counted the steps between places, not the places: add 1": right - 1,
                "you rounded up: a window that does not fit completely does not count": (
                    -(-(size - kernel_size) // stride) + 1
                ),
                "you left out the stride": size - kernel_size + 1,
                'you computed "same"': -(-size // stride),
            },
        )


@exercise("cnn.conv_output_size", main=True)
def test_same_keeps_every_stride_th_place(learner):
    """With "same", the result is size / stride, rounded up, whatever the kernel."""
    cases = [
        (11, 5, 2),
        (32, 3, 1),
        (32, 3, 2),
        (12, 4, 2),
        (10, 3, 4),
        (9, 2, 3),
        (3, 5, 1),
        (1, 7, 2),
        *drawn_cases("same"),
    ]
    for size, kernel_size, stride in cases:
        result = learner.cnn.conv_output_size(size, kernel_size, stride=stride, padding="same")
        expect(result).to_equal(
            output_size(size, kernel_size, stride, "same"),
            because=f"the padding makes room for the kernel at every multiple of {stride} from 0 "
            f"to {size - 1}: the size of the kernel does not matter",
            mistakes={
                "you rounded down: the last, partly padded window counts, too": size // stride,
                'you returned the size itself: "same" keeps it only if the stride is 1': size,
                "you padded kernel_size // 2 on both sides, one too many for an even kernel": (
                    (size + 2 * (kernel_size // 2) - kernel_size) // stride + 1
                ),
                'you computed "valid"': (size - kernel_size) // stride + 1,
            },
        )


@exercise("cnn.conv_output_size", constant=True)
def test_stride_one_and_valid_by_default(learner):
    """By default, the stride is 1 and the padding is "valid"."""
    expect(learner.cnn.conv_output_size(10, 3)).to_equal(
        8, because='the signature says stride=1, padding="valid", as in Keras'
    )
    expect(learner.cnn.conv_output_size(10, 3, 2)).to_equal(
        4, because='the third argument is the stride; the padding is still "valid"'
    )
    expect(learner.cnn.conv_output_size(10, 3, padding="same")).to_equal(
        10, because="the stride is 1 by default"
    )


@exercise("cnn.conv_output_size", constant=True)
def test_a_size_is_a_whole_number(learner):
    """The result is an int, not a float."""
    for padding in ("valid", "same"):
        result = learner.cnn.conv_output_size(9, 4, stride=2, padding=padding)
        whole = np.asarray(result).dtype.kind in "iu" and np.ndim(result) == 0
        expect(result).to_satisfy(
            whole,
            f"the int {output_size(9, 4, 2, padding)}",
            because="a number of rows is used in shapes and in range(), which take no floats",
            mistake="you divided with `/`: `//` divides whole numbers"
            if isinstance(result, float)
            else None,
        )


@exercise("cnn.conv_output_size", constant=True)
def test_a_kernel_that_does_not_fit(learner):
    """With "valid", a kernel as large as the input fits once; a larger one raises ValueError."""
    call = learner.cnn.conv_output_size
    expect(call(5, 5, padding="valid")).to_equal(
        1, because="a kernel of 5 fits into 5 pixels exactly once"
    )
    for stride in (1, 3):
        expect_error(
            ValueError,
            lambda stride=stride: call(4, 5, stride=stride, padding="valid"),
            because="a kernel of 5 fits nowhere into 4 pixels, and an output of 0 rows or fewer "
            "would fail much later, with a message about something else",
        )


@exercise("cnn.conv_output_size", constant=True)
def test_unknown_padding(learner):
    """A padding that is neither "valid" nor "same" raises ValueError."""
    for padding in ("full", "reflect", ""):
        expect_error(
            ValueError,
            lambda padding=padding: learner.cnn.conv_output_size(8, 3, padding=padding),
            because="a misspelled padding must not silently be taken for another one",
        )


@exercise("cnn.conv_output_size")
def test_any_output_size(learner, for_any):
    """Any size, kernel, stride and padding give the number of places, or ValueError."""

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
            expect_error(
                ValueError,
                call,
                because=f"a kernel of {kernel_size} does not fit into {size} pixels",
            )
            return
        right = output_size(size, kernel_size, stride, padding)
        expect(call()).to_equal(
            right, because="the size is the number of places of the kernel, counted one by one"
        )
