"""Fixtures for the tests of the data: an empty Keras home, no network, small batches."""

import socket

import pytest

from cifar_lab.data import cifar10

from .batches import ROWS, make_folder, make_tarball


@pytest.fixture
def isolated(monkeypatch, tmp_path):
    """Provide an empty Keras home, batches of 20 images, and no network."""

    def refuse(*_, **__):
        raise AssertionError("a test used the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(cifar10, "ROWS", ROWS)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("CIFAR_COURSE_DATA", raising=False)


@pytest.fixture
def folder(tmp_path):
    """Write a folder of small batches."""
    return make_folder(tmp_path / "here" / cifar10.FOLDER)


@pytest.fixture
def tarball(tmp_path, folder):
    """Write a tarball of small batches."""
    return make_tarball(tmp_path / "cifar-10-python.tar.gz", folder)
