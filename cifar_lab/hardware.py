"""The processor of this machine: every time that is published names it."""

import os
import platform
from pathlib import Path


def cpu() -> str:
    """Return the number of CPU cores and the processor's name."""
    return f"{os.cpu_count()} CPU cores ({_processor()})"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
