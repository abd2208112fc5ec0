"""The full-run thresholds: hours on a CPU, minutes on a GPU. They carry no points."""

import pytest

from cifar_lab.course import syllabus


@pytest.mark.grading
@pytest.mark.gpu
@pytest.mark.parametrize("recipe", [["transfer"], ["transfer", "--fast"]], ids="-".join)
def test_transfer_reaches_the_original_accuracy(full_run, recipe):
    """Trained as in `cifar-course train transfer`, MobileNetV2 reaches 88.76 % on CIFAR-10."""
    accuracy = full_run(*recipe)
    wanted = syllabus.threshold("transfer_full_run")
    assert accuracy >= wanted, f"{accuracy:.2%} on CIFAR-10's test images; {wanted:.2%} are wanted"


@pytest.mark.grading
@pytest.mark.gpu
def test_cnn_reaches_the_original_accuracy(full_run):
    """Trained as in `cifar-course train cnn`, the network reaches 80.24 % on CIFAR-10."""
    accuracy = full_run("cnn")
    wanted = syllabus.threshold("cnn_full_run")
    assert accuracy >= wanted, f"{accuracy:.2%} on CIFAR-10's test images; {wanted:.2%} are wanted"
