"""Tests of cnn.conv2d_parameter_count."""

import numpy as np
from hypothesis.strategies import booleans, integers

from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise


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
