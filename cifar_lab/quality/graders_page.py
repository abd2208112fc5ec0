"""GRADERS.md: how good the graders are, from what was measured and what can be counted."""

from collections import Counter

from cifar_lab.course import syllabus
from cifar_lab.quality import grading_tests, margins, scores
from cifar_lab.quality.answers import answers

PAGE = syllabus.ROOT / "GRADERS.md"

TEXT = """\
# How good the graders are

Written by `python -m cifar_lab.maintain graders`; `python -m cifar_lab.maintain check` fails when a
figure is out of step.

## Exercise by exercise

{exercises}

- **tests**: the laws that an exercise is judged by; a parametrised test counts once.
- **mutants**: the reference with one small error each (an operator, a constant, a default, an
  argument, a keyword, an axis, a bound, a statement), made by `cifar_lab/quality/operators.py`. The
  exercise's own tests, those that train a network aside, must **kill** each: fail on it, or stop
  it after two minutes. What they leave is **equivalent** where `tests/corpus/mutants.toml` argues so for
  every kind of input, and **alive** otherwise. `python -m cifar_lab.maintain mutants` runs those
  whose reference or tests have changed; the date is that of the run.
- **wrong**: wrong answers as learners write them (`tests/corpus/answers/wrong/`); each must fail with the
  message that names its misconception. **right**: right answers, written differently
  (`tests/corpus/answers/right/`); each must earn all points. `pytest tests/lab/quality/test_answers.py` judges them.

One test of each function is for any input: hypothesis draws sizes, dtypes, settings and histories
within the contract (`cifar_lab/testing/strategies.py`), and a learner sees the smallest that breaks the
law. Two proofs go further with the right answers: `pytest -m proof tests/lab/quality/test_fairness.py` judges
each with 20 seeds and its tests in 20 orders, and the reference with one thread and with four;
`pytest -m proof tests/lab/test_second_backend.py` judges builders, layers and schedules on JAX.

The mutants were run on: {hardware}.

{left_out}

## Margins of the trainings

{margins}

Each value is what one training of the reference reached; the seeds count from 0, and margins are in
standard deviations between the mean and the threshold (at least {enough}).
`python -m cifar_lab.maintain margins` measures them.

## Mutants that no test can kill

{equivalents}
"""


def page() -> str:
    """The whole page."""
    kept = scores.stored()
    return TEXT.format(
        exercises=_exercises(kept),
        hardware="; ".join(sorted({entry["hardware"] for entry in kept.values()})),
        left_out="\n".join(
            ["Not mutated, for the catalogue of wrong answers covers them:", ""]
            + [f"- `{id}`: {why}." for id, why in scores.said()["left_out"].items()]
        ),
        margins=_margins(),
        enough=margins.ENOUGH,
        equivalents="\n".join(
            f"- `{entry['exercise']}`: `{entry['change']}`. " + " ".join(entry["cases"])
            for entry in scores.said()["equivalent"]
        ),
    )


def problems() -> list[str]:
    """What is out of step, or not good enough."""
    found = []
    kept = scores.stored()
    for exercise in scores.eligible():
        entry = kept.get(exercise.id)
        if entry is None or entry["key"] != scores.key(exercise):
            found.append(
                f"{exercise.id}: its mutants were not run since it or its tests changed: "
                f"python -m cifar_lab.maintain mutants {exercise.id}"
            )
            continue
        alive = entry["survivors"].keys() - scores.equivalent(exercise)
        found += [f"{exercise.id}: {entry['survivors'][id]} is alive" for id in sorted(alive)]
        idle = scores.equivalent(exercise) - entry["survivors"].keys()
        found += [f"{exercise.id}: mutant {id} is listed, and no survivor" for id in sorted(idle)]
    missing = syllabus.trained_thresholds() - {margin.threshold for margin in margins.stored()}
    found += [f"{name} has no margin: python -m cifar_lab.maintain margins" for name in missing]
    for margin in margins.stored():
        if margin.deviations < margins.ENOUGH:
            found.append(f"{margin.exercise}: a margin of {margin.deviations:.1f} is too small")
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        found.append("GRADERS.md is not up to date: python -m cifar_lab.maintain graders")
    return found


def _exercises(kept: dict[str, dict]) -> str:
    wrong, right = (Counter(a.exercise for a in answers(kind)) for kind in ("wrong", "right"))
    rows, totals = [], Counter()
    for id, exercise in syllabus.exercises().items():
        counts = {
            "tests": len(grading_tests.tests(exercise)),
            **_counts(kept.get(id), scores.equivalent(exercise)),
            "wrong": wrong[id],
            "right": right[id],
        }
        totals.update({name: count for name, count in counts.items() if count != "–"})
        when = kept[id]["date"] if id in kept else "–"
        rows.append([f"`{id}`", *map(str, counts.values()), when])
    rows.append(["**all**", *(f"**{totals[name]}**" for name in counts), ""])
    return _table(["exercise", *counts, "date"], rows)


def _counts(entry: dict | None, listed: set[str]) -> dict[str, object]:
    if entry is None:
        return dict.fromkeys(("mutants", "killed", "equivalent", "alive"), "–")
    survivors = entry["survivors"].keys()
    return {
        "mutants": entry["killed"] + len(survivors),
        "killed": entry["killed"],
        "equivalent": len(survivors & listed),
        "alive": len(survivors - listed),
    }


def _margins() -> str:
    head = ["exercise", "threshold", "seeds", "mean", "deviation", "worst", "margin", "date"]
    rows = [
        [
            f"`{m.exercise}`",
            f"{m.threshold} {m.bound:g}",
            str(len(m.values)),
            *(f"{value:.3f}" for value in (m.mean, m.deviation, m.worst)),
            f"{m.deviations:.1f}",
            m.date,
            m.hardware,
        ]
        for m in margins.stored()
    ]
    return _table([*head, "hardware"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
