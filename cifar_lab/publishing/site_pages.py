"""The pages of the site that are generated: syllabus, exercises with hints, common mistakes."""

import ast
from collections.abc import Iterator
from pathlib import Path

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.syllabus import Exercise, Lesson
from cifar_lab.quality.answers import answers

FIGURE = "_generated/dependencies.png"
SPACING = 2.6  # of the columns of the figure, where a row is 1 high


def pages() -> dict[str, str]:
    """Return the Markdown text of each generated page, by its path in Sphinx's source folder."""
    made = {"_generated/syllabus.md": _syllabus(), "mistakes.md": _mistakes()}
    return made | {f"exercises/{lesson.module}.md": _exercises(lesson) for lesson in _lessons()}


def _lessons() -> tuple[Lesson, ...]:
    return syllabus.lessons()


def _syllabus() -> str:
    rows = ["| lesson | exercises | points | minutes |", "|---|---|---|---|"]
    for lesson in _lessons():
        title = f"[{lesson.number}. {lesson.title}](/lessons/{lesson.notebook}.ipynb)"
        names = f"[{len(lesson.exercises)}](/exercises/{lesson.module}.md)"
        rows.append(f"| {title} | {names} | {lesson.points:g} | {lesson.minutes} |")
    return "\n".join(rows) + "\n"


def _exercises(lesson: Lesson) -> str:
    head = (
        f"# Exercises of lesson {lesson.number}\n\n"
        f"[{lesson.title}](/lessons/{lesson.notebook}.ipynb), `cifar_course/{lesson.module}.py`. "
        f"`cifar-course check {lesson.number}` judges them.\n"
    )
    return head + "".join(_exercise(exercise) for exercise in lesson.exercises)


def _exercise(exercise: Exercise) -> str:
    kind = "class" if _is_class(exercise) else "function"
    options = "\n   :members:\n   :special-members: __call__" if kind == "class" else ""
    hints = "\n".join(
        f"<details>\n<summary>Hint {level}</summary>\n\n{hint}\n\n</details>\n"
        for level, hint in enumerate(exercise.hints, start=1)
    )
    points = f"{exercise.points:g} point" + ("s" if exercise.points != 1 else "")
    return f"""
## {exercise.name}

{points}, about {exercise.minutes} minutes, difficulty {exercise.difficulty} of 5.
Hard: {exercise.hard}.

```{{eval-rst}}
.. auto{kind}:: cifar_course.{exercise.id}{options}
```

{hints}"""


def _is_class(exercise: Exercise) -> bool:
    module = ast.parse(stubs.stub(exercise.module))
    return any(isinstance(n, ast.ClassDef) and n.name == exercise.name for n in module.body)


def _mistakes() -> str:
    """Return the wrong answers that the grading tests know, without their code."""
    text = (
        "# Common mistakes\n\nThe course knows these wrong answers and names the mistake when it "
        "sees one. They are what to look for when you walk around in class.\n"
    )
    wrong = answers("wrong")
    for lesson in _lessons():
        text += f"\n## Lesson {lesson.number}: {lesson.title}\n"
        for exercise in lesson.exercises:
            titles = dict.fromkeys(a.title for a in wrong if a.exercise == exercise.id)
            text += f"\n`{exercise.name}`\n" + "".join(f"\n- {_escaped(title)}" for title in titles)
            text += "\n"
    return text


def _escaped(title: str) -> str:
    return "".join(f"\\{sign}" if sign in "*_`<$[" else sign for sign in title)


# --- which exercise uses which ------------------------------------------------------------------


def dependencies() -> dict[str, set[str]]:
    """Return, for each exercise, those whose answers the reference uses in its own answer."""
    return {id: set(_used_by(exercise)) for id, exercise in syllabus.exercises().items()}


def _used_by(exercise: Exercise) -> Iterator[str]:
    module = ast.parse(stubs.reference(exercise.module))
    names = {e.name: e.id for e in syllabus.exercises().values() if e.module == exercise.module}
    for node in module.body:
        if isinstance(node, ast.ImportFrom):
            sister = (node.module or "").removeprefix("cifar_course.")
            for alias in node.names:
                if f"{sister}.{alias.name}" in syllabus.exercises():
                    names[alias.asname or alias.name] = f"{sister}.{alias.name}"
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == exercise.name:
            used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
            yield from (names[name] for name in sorted(used & names.keys()) if name != node.name)


def draw_dependencies(file: Path) -> None:
    """Draw a column per lesson, a box per exercise, an arrow from an exercise to its users."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 4), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    places = {
        exercise.id: (column * SPACING, -row)
        for column, lesson in enumerate(_lessons())
        for row, exercise in enumerate(lesson.exercises)
    }
    for column, lesson in enumerate(_lessons()):
        axes.text(column * SPACING, 1, f"Lesson {lesson.number}", ha="center", weight="bold")
    for id, (x, y) in places.items():
        box = {"boxstyle": "round", "facecolor": "#e8eef7", "edgecolor": "#5b7ba8"}
        name = id.partition(".")[2]
        axes.text(x, y, name, ha="center", va="center", fontsize=7.5, bbox=box)
    for user, used in dependencies().items():
        for id in used:
            _draw_arrow(axes, places[id], places[user])
    lowest = min(y for _, y in places.values())
    axes.set(xlim=(-SPACING / 2, SPACING * (len(_lessons()) - 0.5)), ylim=(lowest - 0.6, 1.6))
    axes.axis("off")
    figure.savefig(file)


def _draw_arrow(axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow between two boxes, around those between them in the same column."""
    (x0, y0), (x1, y1) = start, end
    bend = 0.0 if x0 != x1 or y0 - y1 == 1 else -1.5
    style = {"arrowstyle": "->", "color": "#b04a2f", "shrinkA": 8, "shrinkB": 8}
    axes.annotate("", end, start, arrowprops=style | {"connectionstyle": f"arc3,rad={bend}"})
