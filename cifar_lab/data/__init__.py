"""The course's data: CIFAR-10 if it is on this machine, otherwise the synthetic dataset."""

from cifar_lab.data.cifar10 import DataError, download
from cifar_lab.data.dataset import CIFAR10, SYNTHETIC, Dataset, describe, load, locate, summary

__all__ = [
    "CIFAR10",
    "SYNTHETIC",
    "DataError",
    "Dataset",
    "describe",
    "download",
    "load",
    "locate",
    "summary",
]
