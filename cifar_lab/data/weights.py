"""MobileNetV2 with its ImageNet weights, if they are on this machine."""

from pathlib import Path

from cifar_lab.course.errors import CourseError
from cifar_lab.data.cifar10 import GET_IT, download_timeout
from cifar_lab.execution.keras_import import import_keras, keras_home

NAME = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"


class WeightsError(CourseError):
    """The weights cannot be used; the message names the file and the remedy."""


def file() -> Path:
    """Return the path at which Keras keeps the weights, even if they are not there."""
    return keras_home() / "models" / NAME


def mobilenet(image_size: int):
    """Return MobileNetV2 without its top for square images, with its ImageNet weights.

    The weights are those learned at 224 pixels, whatever the size: a convolution's weights do not
    depend on it, and one file serves all sizes.

    Args:
        image_size: Pixels of a side; at least 32.

    Raises:
        WeightsError: The weights are not there, or not readable.
    """
    if not file().exists():
        raise WeightsError(
            f"{file()}: MobileNetV2's ImageNet weights are not there. To get them (9 MB), "
            f"{GET_IT}, or copy that file from a machine that has it."
        )
    import_keras()  # not at the top: `file` and `describe` work without it
    import keras

    shape = (image_size, image_size, 3)
    try:
        return keras.applications.MobileNetV2(shape, include_top=False, weights=str(file()))
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{file()}: these are not MobileNetV2's weights, or not all of them ({error}). "
            f"Delete the file and {GET_IT}."
        ) from error


def describe() -> str:
    """Return a line that says if the weights are there, and where."""
    if file().exists():
        return f"MobileNetV2's ImageNet weights: {file()}"
    return f"MobileNetV2's ImageNet weights are not there. For `train transfer`, {GET_IT} (9 MB)."


def download() -> Path:
    """Fetch the weights through Keras unless they are there, and return their file.

    Raises:
        WeightsError: The download failed.
    """
    if not file().exists():
        import_keras()
        import keras

        try:
            with download_timeout():
                keras.applications.MobileNetV2((224, 224, 3), include_top=False, weights="imagenet")
        except Exception as error:  # Keras raises a bare Exception where there is no network
            raise WeightsError(
                f"{file()}: the download failed ({error}). Check the network and run the command "
                "again, or copy that file from a machine that has it."
            ) from error
    return file()
