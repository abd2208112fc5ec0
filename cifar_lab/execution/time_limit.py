"""A time limit for learner code that runs in this process."""

import _thread
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

AGAIN = 0.5  # seconds until learner code that caught the interrupt is interrupted again


class TimeLimit:
    """Time that several calls of learner code have together; then they are interrupted.

    The interrupt is the KeyboardInterrupt of Ctrl-C, which Python raises between two of its own
    instructions: it does not end a computation in C that takes long.

    Args:
        seconds: The time.

    Attributes:
        is_over: True if a call was interrupted; tells its KeyboardInterrupt from a person's.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.is_over = False
        self._left = seconds

    def call(self, function: Callable, *args: Any) -> Any:
        """Return `function(*args)`.

        Raises:
            KeyboardInterrupt: The time is over, or a person pressed Ctrl-C.
        """
        if threading.current_thread() is not threading.main_thread():
            return function(*args)  # Python interrupts the main thread only
        ended, began = threading.Event(), time.monotonic()
        watch = threading.Thread(target=self._watch, args=(ended,), daemon=True)
        # a background job of a shell ignores Ctrl-C
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        watch.start()
        try:
            return function(*args)
        finally:
            ended.set()
            watch.join()
            signal.signal(signal.SIGINT, handler)
            self._left -= time.monotonic() - began

    def _watch(self, ended: threading.Event) -> None:
        wait = max(self._left, 0.0)
        while not ended.wait(wait):
            self.is_over, wait = True, AGAIN
            interrupt_main_thread()


def interrupt_main_thread() -> None:
    """Raise KeyboardInterrupt in the main thread, at once if the system has signals for threads."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:  # Windows: a sleep or a wait of the main thread ends first
        _thread.interrupt_main()
