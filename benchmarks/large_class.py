"""Measure the cost of a class of thousands beside the grading itself, with made-up results.

    python -m benchmarks.large_class reports [--students 1000] [--students 10000]
    python -m benchmarks.large_class tasks [--count 10000]

`reports` writes results, publishes them in a process of its own, and prints seconds, peak memory
and bytes. `tasks` runs tasks that do nothing on threads of this machine and on a Dask scheduler
with two workers.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cifar_lab.grading.results import Results
from cifar_lab.grading.workers import executor
from tests.lab.reports.made_up_class import results_of_class

app = typer.Typer(help=__doc__, rich_markup_mode=None, pretty_exceptions_enable=False)
AT_A_TIME = 190  # students with different names in one made-up class
PUBLISH = (
    "import sys; from pathlib import Path; from benchmarks import large_class as l; "
    "l.publish(Path(sys.argv[1]))"
)


@app.command()
def reports(students: Annotated[list[int] | None, typer.Option("--students")] = None) -> None:
    """Publish made-up results of classes of several sizes."""
    print(f"{'students':>9} {'seconds':>8} {'peak MiB':>9} {'KiB a result':>13} {'grades.csv':>11}")
    for count in students or [1000, 10_000]:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            sizes = [write(out, one) for one in made_up(count)]
            done = subprocess.run(
                [sys.executable, "-c", PUBLISH, out], check=True, stdout=subprocess.PIPE, text=True
            )
            cost = json.loads(done.stdout)
            table, page = ((out / name).stat().st_size for name in ("grades.csv", "class.html"))
        print(
            f"{count:>9,} {cost['seconds']:>8.1f} {cost['peak'] / 2**10:>9.0f} "
            f"{sum(sizes) / count / 2**10:>13.0f} {table / 2**10:>7.0f} KiB"
            f"  class.html {page / 2**20:.1f} MiB",
            flush=True,
        )


def made_up(count: int) -> Iterator[Results]:
    """Yield the results of so many students, each with a name of their own."""
    for start in range(0, count, AT_A_TIME):
        results = results_of_class(min(AT_A_TIME, max(3, count - start)), seed=start)
        for number, one in enumerate(results[: count - start], start):
            yield replace(one, name=f"{number:06}-{one.name}")


def write(out: Path, results: Results) -> int:
    """Write results as grading does; return their size in bytes."""
    file = out / "results" / f"{results.name}.json"
    file.parent.mkdir(exist_ok=True)
    results.write(file)
    return file.stat().st_size


def publish(out: Path) -> None:
    """Publish the results in a folder; print seconds and the peak of memory in KiB."""
    from cifar_lab.reports import write

    began = time.perf_counter()
    write.publish(map(Results.read, sorted((out / "results").iterdir())), out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": time.perf_counter() - began, "peak": peak}))


@app.command()
def tasks(count: Annotated[int, typer.Option("--count")] = 10_000) -> None:
    """Run tasks that do nothing, on threads and on Dask."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        for title, address in (("threads", None), ("Dask", cluster.scheduler_address)):
            with executor(2, address) as pool:
                began = time.perf_counter()
                results = [
                    future.result() for future in [pool.submit(int, n) for n in range(count)]
                ]
                seconds = time.perf_counter() - began
            assert results == list(range(count))
            print(f"{title:>8}: {1000 * seconds / count:.3f} ms for a task")


if __name__ == "__main__":
    app()
