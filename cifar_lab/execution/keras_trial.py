"""Trial of Keras in the sandbox: import it, and measure what training takes on this machine."""

import json
import os
import re
import resource
from pathlib import Path

from cifar_lab.execution import processes
from cifar_lab.execution.keras_import import load_keras

SHELL_LIMITS = ("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE")


def import_and_try_keras() -> dict:
    """Import Keras here, and train a small network in a child under the shell's limits alone.

    Returns:
        `threads` of this process after the import; `status`: the child's wait status; `hard`: the
        shell's hard limits by name; and, unless the child died, `processes` (threads included) and
        `memory` (bytes of address space) that it took.
    """
    load_keras()
    threads = processes.count_threads()
    read_end, write_end = os.pipe()
    child = processes.fork()
    if child == 0:
        try:
            processes.reset_streams_and_folder()
            os.write(write_end, json.dumps(_train()).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write_end)
    status = processes.wait_and_kill_all(child)
    with os.fdopen(read_end, "rb") as pipe:
        found = json.loads(pipe.read() or b"{}")
    return {"threads": threads, "status": status, "hard": _hard_limits(), **found}


def _hard_limits() -> dict[str, int]:
    limits = {name: resource.getrlimit(getattr(resource, name))[1] for name in SHELL_LIMITS}
    return {name: hard for name, hard in limits.items() if hard != resource.RLIM_INFINITY}


def _train() -> dict[str, int]:
    """Train a small network for one batch and validate it; return what that took."""
    import keras
    import numpy as np

    threads = []

    class ThreadCounter(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            # by now the pipelines of training and of validation are both running
            threads.append(processes.count_threads())

    layers = [
        keras.Input((8, 8, 3)),
        *(keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    data = np.zeros((8, 8, 8, 3)), np.zeros((8, 2))
    model.fit(*data, validation_data=data, verbose=0, callbacks=[ThreadCounter()])
    peak = re.search(r"VmPeak:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return {"processes": max(threads), "memory": int(peak[1]) * 1024}
