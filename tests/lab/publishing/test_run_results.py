"""Finished runs are stored with the code that they trained, and the table shows old ones, too."""

import json

import pytest

from cifar_lab.course.errors import CourseError
from cifar_lab.publishing import run_results

OLD = {  # as runs were stored before they named their code
    "recipe": "cnn",
    "data": "CIFAR-10",
    "seed": 0,
    "epochs_run": 30,
    "seconds": 600.0,
    "train_accuracy": 0.9,
    "validation_accuracy": 0.85,
    "test_accuracy": 0.84,
    "backend": "tensorflow",
    "keras": "3.15.1",
    "hardware": "2 CPU cores",
    "date": "2026-11-22",
}
CODE = [{"commit": "0123-dirty", "modules": {"cnn": "4567"}, "recipe": "89ab"}]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Write a finished run, and return its folder; the stored runs are in a folder of the test."""
    monkeypatch.setattr(run_results, "RUNS", tmp_path / "runs")
    run_results.RUNS.mkdir()
    metrics = {**OLD, "seed": 1, "data_source": "/home/ada", "code": CODE}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return tmp_path


def test_a_stored_run_names_its_code_and_no_path(run):
    stored = json.loads(run_results.keep(run).read_text(encoding="utf-8"))
    assert stored["code"] == CODE
    assert "/home/ada" not in json.dumps(stored)


def test_a_damaged_run_is_named(run):
    (run / "metrics.json").write_text('{"recipe": "cn', encoding="utf-8")
    with pytest.raises(CourseError, match=r"metrics\.json is empty, cut off or damaged"):
        run_results.keep(run)
    (run_results.RUNS / "old.json").touch()
    with pytest.raises(CourseError, match=r"old\.json is empty, cut off or damaged"):
        run_results.table()


def test_the_table_shows_runs_with_and_without_code(run):
    run_results.keep(run)
    (run_results.RUNS / "old.json").write_text(json.dumps(OLD), encoding="utf-8")
    rows = run_results.table().splitlines()[2:]
    assert sorted(row.split(" | ")[2] for row in rows) == ["0", "1"]
    assert all("**84.00%**" in row for row in rows)


@pytest.mark.parametrize(("seconds", "minutes"), [(70.4, "1.2"), (599.0, "10.0"), (660.0, "11")])
def test_short_runs_have_minutes_with_a_decimal(run, seconds, minutes):
    stored = OLD | {"seconds": seconds}
    (run_results.RUNS / "old.json").write_text(json.dumps(stored), encoding="utf-8")
    (row,) = run_results.table().splitlines()[2:]
    assert row.split(" | ")[run_results.COLUMNS.index("minutes")] == minutes
