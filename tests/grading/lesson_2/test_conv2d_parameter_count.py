"""Tests of `cnn.conv2d_parameter_count`: the weights and biases of a convolution."""

import numpy as np
from hypothesis.strategies import booleans, integers

from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import pick


@exercise("cnn.conv2d_parameter_count", main=True)
def test_weights_and_biases(learner):
    """Each filter has kernel_size x kernel_size x in_channels weights and one bias."""
    cases = [(3, 4, 8), (1, 5, 2), (5, 1, 3), (3, 3, 64)]
    drawn = pick([], lambda random: random.integers(1, (12, 600, 600), (4, 3)).tolist())
    for kernel_size, in_channels, filters in (*cases, *drawn):
        weights = kernel_size * kernel_size * in_channels * filters
        result = learner.cnn.conv2d_parameter_count(kernel_size, in_channels, filters)
        expect(result).to_equal(
            weights + filters,
            because=f"each of the {filters} filters has {kernel_size} x {kernel_size} x "
            f"{in_channels} weights and one bias",
            mistakes={
                "you forgot the biases: use_bias is True by default": weights,
                "you counted one bias for the whole layer: each filter has its own": weights + 1,
                "you counted one bias for each input channel": weights + in_channels,
                "you left out the input channels": kernel_size**2 * filters + filters,
                "you counted kernel_size only once: kernels are square": (
                    kernel_size * in_channels * filters + filters
                ),
                "you counted a bias for every weight": 2 * weights,
            },
        )


@exercise("cnn.conv2d_parameter_count")
def test_without_bias(learner):
    """Biases count only if `use_bias` is true."""
    kernel_size, in_channels, filters = pick(
        [3, 3, 8], lambda random: random.integers(2, (12, 600, 600)).tolist()
    )
    weights = kernel_size**2 * in_channels * filters
    for use_bias, right in ((False, weights), (True, weights + filters)):
        result = learner.cnn.conv2d_parameter_count(
            kernel_size, in_channels, filters, use_bias=use_bias
        )
        expect(result).to_equal(
            right,
            because=f"use_bias={use_bias} {'adds' if use_bias else 'leaves out'} one bias for "
            f"each of the {filters} filters",
            mistakes={"you ignored `use_bias`": 2 * weights + filters - right},
        )


@exercise("cnn.conv2d_parameter_count")
def test_any_layer(learner, for_any):
    """The count is right for any kernel size, channels and filters, with and without biases."""

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
            because="each filter has kernel_size x kernel_size x in_channels weights, and a bias "
            "if use_bias is true",
        )
