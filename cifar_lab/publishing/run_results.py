"""RESULTS.md: a table of the full runs, each stored as a file in `records/runs/`.

Files of runs that were made with older versions of the course lack some entries.
"""

import json
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.files import read_json, write_whole

RUNS = syllabus.ROOT / "records" / "runs"
PAGE = syllabus.ROOT / "RESULTS.md"
BEGIN, END = "<!-- table: python -m cifar_lab.maintain results -->", "<!-- end of table -->"
COLUMNS = (
    *("recipe", "data", "seed", "image size", "epochs", "peak rate", "minutes"),
    *("train", "validation", "test", "original's test", "backend", "hardware", "date"),
)


def keep(run: Path) -> Path:
    """Copy `metrics.json` of a finished run into `records/runs/`.

    Returns:
        The copy.
    """
    metrics = read_json(run / "metrics.json", "Train again, in another folder")
    del metrics["data_source"]  # a path on somebody's machine
    parts = (
        *(metrics["recipe"], metrics["data"], metrics["backend"]),
        *(f"epochs{metrics['epochs_run']}", f"seed{metrics['seed']}"),
    )
    if "peak_rate" in metrics:  # of the recipes with a schedule
        parts += (f"peak{metrics['peak_rate']:g}",)
    file = RUNS / ("-".join(parts).lower().replace(" ", "-") + ".json")
    write_whole(file, json.dumps(metrics, indent=1) + "\n")
    return file


def table() -> str:
    """Return the runs as a Markdown table, the best test accuracy of each recipe first."""
    remedy = "Get it back from git, or delete it"
    runs = [read_json(file, remedy) for file in sorted(RUNS.glob("*.json"))]
    runs.sort(key=lambda run: (run["recipe"], -run["test_accuracy"]))
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, runs)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def page() -> str:
    """Return the text of RESULTS.md with an up-to-date table."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _row(run: dict) -> tuple[str, ...]:
    floor = syllabus.threshold(f"{run['recipe'].partition('-')[0]}_full_run")
    return (
        run["recipe"],
        run["data"],
        str(run["seed"]),
        str(run.get("image_size", 32)),
        str(run["epochs_run"]),
        f"{run['peak_rate']:g}" if "peak_rate" in run else "–",
        f"{run['seconds'] / 60:.{1 if run['seconds'] < 600 else 0}f}",
        *(f"{run[f'{part}_accuracy']:.2%}" for part in ("train", "validation")),
        f"**{run['test_accuracy']:.2%}**",
        f"{floor:.2%}",
        f"{run['backend']}, Keras {run['keras']}",
        run["hardware"],
        run["date"],
    )
