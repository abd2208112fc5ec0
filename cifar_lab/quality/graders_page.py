"""Write GRADERS.md: how good the graders are, as measured and counted."""

from collections import Counter

from cifar_lab.course import syllabus
from cifar_lab.quality import grading_tests, margins, scores
from cifar_lab.quality.answers import answers

PAGE = syllabus.ROOT / "GRADERS.md"

TEXT = """\
# How good the graders are

Written by `python -m cifar_lab.maintain graders`; `python -m cifar_lab.maintain check` fails if a
figure is out of date.

## Exercise by exercise

{exercises}

- **tests**: the laws that an exercise is judged by; a parametrized test counts once.
- **mutants**: versions of the reference that differ from it in one place, where a mutation
  operator (`cifar_lab/quality/operators.py`) replaced, swapped or dropped an operator, a constant,
  a default, an argument, a keyword, an axis, a bound or a statement. The exercise's own tests,
  except those that train a network, must **kill** each mutant: a test fails, or the run does not
  end within two minutes. A mutant that survives is **equivalent** if `tests/corpus/mutants.toml`
  shows for every kind of input that it is correct, and **alive** otherwise.
  `python -m cifar_lab.maintain mutants` runs the mutants of every exercise whose reference, tests
  or shared checks have changed; the date is that of the run.
- **wrong**: wrong answers as learners write them (`tests/corpus/answers/wrong/`). Each must fail
  with a message that names its misconception; `tests/corpus/messages/` holds the first message of
  each. **right**: right answers that are written differently (`tests/corpus/answers/right/`). Each
  must earn all points. `pytest tests/lab/quality/test_answers.py` judges them.

One test of each function takes any input: hypothesis draws sizes, dtypes, settings and histories
within the contract (`cifar_lab/testing/strategies.py`), and a learner sees the smallest input that
breaks the law. Two proofs judge the right answers under more conditions.
`pytest -m proof tests/lab/quality/test_fairness.py` judges each answer with 20 seeds and its tests
in 20 orders, and the reference with one thread and with four.
`pytest -m proof tests/lab/test_second_backend.py` judges builders, layers and schedules on JAX.

The mutants were run on: {hardware}.

{left_out}

## Margins of the training runs

{margins}

Each value comes from one training run of the reference; the seeds count from 0. A margin is the
distance from the mean to the threshold in standard deviations, and must be at least {enough}.
`python -m cifar_lab.maintain margins` measures them.

## Mutants that no test can kill

{equivalents}
"""


def page() -> str:
    """Return the text of the page."""
    kept = scores.stored()
    return TEXT.format(
        exercises=_exercises(kept),
        hardware="; ".join(sorted({entry["hardware"] for entry in kept.values()})),
        left_out="\n".join(
            ["Not mutated, because the catalogue of wrong answers covers them:", ""]
            + [f"- `{id}`: {why}." for id, why in scores.decisions()["left_out"].items()]
        ),
        margins=_margins(),
        enough=margins.ENOUGH,
        equivalents="\n".join(
            f"- `{entry['exercise']}`: `{entry['change']}`. " + " ".join(entry["cases"])
            for entry in scores.decisions()["equivalent"]
        ),
    )


def problems() -> list[str]:
    """Return what is out of date or not good enough."""
    found = []
    kept = scores.stored()
    for exercise in scores.eligible():
        entry = kept.get(exercise.id)
        if entry is None or entry["key"] != scores.key(exercise):
            found.append(
                f"{exercise.id}: it or its tests changed after its mutants ran: "
                f"python -m cifar_lab.maintain mutants {exercise.id}"
            )
            continue
        alive = entry["survivors"].keys() - scores.equivalent(exercise)
        found += [f"{exercise.id}: {entry['survivors'][id]} is alive" for id in sorted(alive)]
        idle = scores.equivalent(exercise) - entry["survivors"].keys()
        found += [
            f"{exercise.id}: mutant {id} is listed as equivalent, but does not survive"
            for id in sorted(idle)
        ]
    missing = syllabus.trained_thresholds() - {margin.threshold for margin in margins.stored()}
    found += [
        f"the threshold {name} has no margin: python -m cifar_lab.maintain margins"
        for name in missing
    ]
    for margin in margins.stored():
        if margin.deviations < margins.ENOUGH:
            found.append(
                f"{margin.exercise}: a margin of {margin.deviations:.1f} is too small; "
                f"at least {margins.ENOUGH} is needed"
            )
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
