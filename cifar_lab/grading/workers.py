"""Run a function on many tasks: on threads of this machine, or on the workers of a Dask scheduler.

On one machine there is no scheduler, because its port would be open to every user of the machine,
and who connects to it can run code as the instructor.
"""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

from cifar_lab.course.errors import CourseError
from cifar_lab.grading import neutral


class NoDask(CourseError):
    """A scheduler is named, and Dask is not installed."""


@contextlib.contextmanager
def executor(workers: int, scheduler: str | None) -> Iterator[Executor]:
    """Provide an executor; at the end, wait for what runs and drop what has not begun.

    Args:
        workers: Number of tasks at a time on this machine.
        scheduler: Address of a Dask scheduler to use instead.

    Raises:
        NoDask: Dask is needed and not installed.
    """
    if scheduler is None:
        pool = ThreadPoolExecutor(workers)
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
        return
    with neutral.hidden(("DASK_",)):  # Dask reads its settings when it is imported
        try:
            from distributed import Client
        except ModuleNotFoundError as missing:
            raise NoDask(
                '--scheduler needs Dask: python -m pip install -c constraints.txt -e ".[class]"'
            ) from missing
    with Client(scheduler) as client:
        yield client.get_executor(pure=False)
