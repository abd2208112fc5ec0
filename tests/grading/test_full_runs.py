"""Full training runs, which must reach the accuracies of the two original notebooks on CIFAR-10.

They take hours on a CPU and minutes on a GPU, and carry no points.
"""

import pytest

from cifar_lab.course import syllabus


@pytest.mark.grading
@pytest.mark.gpu
@pytest.mark.parametrize("recipe", [["transfer"], ["transfer", "--fast"]], ids="-".join)
def test_transfer_reaches_the_original_accuracy(full_run, recipe):
    """After `cifar-course train transfer`, MobileNetV2 reaches 88.76 % accuracy on CIFAR-10."""
    accuracy = full_run(*recipe)
    wanted = syllabus.threshold("transfer_full_run")
    assert accuracy >= wanted, (
        f"CIFAR-10 test accuracy {accuracy:.2%}, expected at least {wanted:.2%}"
    )


@pytest.mark.grading
@pytest.mark.gpu
def test_cnn_reaches_the_original_accuracy(full_run):
    """After `cifar-course train cnn`, the network reaches 80.24 % accuracy on CIFAR-10."""
    accuracy = full_run("cnn")
    wanted = syllabus.threshold("cnn_full_run")
    assert accuracy >= wanted, (
        f"CIFAR-10 test accuracy {accuracy:.2%}, expected at least {wanted:.2%}"
    )
