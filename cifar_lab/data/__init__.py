"""CIFAR-10 if it is on this machine, otherwise the synthetic dataset; ImageNet's weights."""

from cifar_lab.data.dataset import (
    CIFAR10,
    SYNTHETIC,
    DataError,
    Dataset,
    describe,
    download,
    load,
    locate,
)

__all__ = [
    "CIFAR10",
    "SYNTHETIC",
    "DataError",
    "Dataset",
    "describe",
    "download",
    "load",
    "locate",
]
