"""Frames and messages arrive whole, in time, and within their limits."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cifar_lab.execution import protocol
from cifar_lab.execution.errors import FrameTooLargeError
from cifar_lab.execution.protocol import ControlChannel


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("frame", [protocol.NEXT_TEST, b"x", bytes(3 * 2**20)], ids=len)
def test_a_frame_arrives_whole(ends, frame):
    ours, theirs = ends
    thread = threading.Thread(target=protocol.send_frame, args=(ours, frame))
    thread.start()
    assert protocol.receive_frame(theirs, deadline=time.monotonic() + 30) == frame
    thread.join()


def test_frames_do_not_run_into_each_other(ends):
    ours, theirs = ends
    for frame in (b"one", b"", b"two"):
        protocol.send_frame(ours, frame)
    assert [protocol.receive_frame(theirs) for _ in range(3)] == [b"one", b"", b"two"]


def test_a_frame_that_is_too_large_is_not_received(ends):
    ours, theirs = ends
    protocol.send_frame(ours, b"12345")
    with pytest.raises(FrameTooLargeError) as caught:
        protocol.receive_frame(theirs, max_bytes=4)
    assert caught.value.length == 5
    assert theirs.recv(9) == b"12345"


def test_a_deadline_is_for_the_whole_frame(ends):
    """A sender of one byte after another does not move it."""
    ours, theirs = ends
    ended = threading.Event()

    def send_slowly() -> None:
        for byte in struct.pack("<Q", 100) + bytes(100):
            if ended.wait(0.05):
                return
            ours.sendall(bytes([byte]))

    thread = threading.Thread(target=send_slowly)
    thread.start()
    with pytest.raises(TimeoutError):
        protocol.receive_frame(theirs, deadline=time.monotonic() + 0.3)
    ended.set()
    thread.join()


def test_a_closed_end_is_an_error(ends):
    ours, theirs = ends
    ours.sendall(b"1234")
    ours.close()
    with pytest.raises(ConnectionError):
        protocol.receive_frame(theirs)
    with pytest.raises(ConnectionError):
        ControlChannel(theirs).receive()


def test_messages_arrive_one_at_a_time(ends):
    ours, theirs = map(ControlChannel, ends)
    for number in range(3):
        ours.send({"number": number})
    assert [theirs.receive()[0]["number"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(TimeoutError):
        theirs.receive(seconds=0.1)


def test_a_descriptor_arrives_with_its_message(ends):
    ours, theirs = ControlChannel(ends[0]), ControlChannel(ends[1], max_descriptors=1)
    read_end, write_end = os.pipe()
    ours.send({"do": "session"}, [write_end])
    message, (received,) = theirs.receive()
    assert message == {"do": "session"}
    os.write(received, b"through the other one")
    assert os.read(read_end, 99) == b"through the other one"
    for descriptor in (read_end, write_end, received):
        os.close(descriptor)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_an_end_that_expects_no_descriptor_gets_none(ends):
    ours, theirs = map(ControlChannel, ends)
    before = open_descriptors()
    with socket.socket() as extra:
        ours.send({}, [extra.fileno()])
        assert theirs.receive() == ({}, [])
    assert open_descriptors() == before
