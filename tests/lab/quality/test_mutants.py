"""The grading tests kill the mutants of the reference, and GRADERS.md says so."""

import ast
import random

import pytest

from cifar_lab.course import stubs
from cifar_lab.quality import graders_page, run_mutants, scores
from cifar_lab.quality.margins import Margin
from cifar_lab.quality.mutants import Mutant, mutants
from cifar_lab.quality.run_mutants import killers

ID = "normalization.one_hot"
SAMPLE = 40

MODULE = '''
def scale(images, by: float = 2.0, mode="valid"):
    """Stay as it is: 1 + 1."""
    # <answer>
    if mode != "valid":
        raise ValueError(f"not {by + 1}")
    return images.sum(axis=0, keepdims=True)[1:] * by
    # </answer>
'''


def test_mutation_operators_of_every_kind():
    after = {m.change.partition(" -> ")[2] for m in mutants(MODULE, "lesson.scale")}
    assert after >= {
        "def scale(images, by=1.0, mode='valid'):",
        "if mode == 'valid':",
        "if True:",
        "raise Exception(f'not {by + 1}')",
        "pass",
        "return None",
        "return images.sum(axis=0, keepdims=True)[1:] / by",
        "return images.sum(axis=0, keepdims=True)[1:]",
        "return images.sum(axis=0, keepdims=True)[:] * by",
        "return images.sum(axis=0, keepdims=True)[2:] * by",
        "return images.sum(axis=0, keepdims=True) * by",
        "return images.sum(axis=1, keepdims=True)[1:] * by",
        "return images.sum(keepdims=True)[1:] * by",
        "return images.sum(axis=0)[1:] * by",
        "return images.mean(axis=0, keepdims=True)[1:] * by",
        "return images[1:] * by",
    }


def test_strings_and_given_code_stay():
    given = MODULE.replace("# <answer>", "given = 1 + 1\n    # <answer>")
    texts = [mutant.text for mutant in mutants(given, "lesson.scale")]
    assert all("given = 1 + 1" in text for text in texts)
    assert all("{by + 1}" in text for text in texts if "not {" in text)


def test_the_reference_survives_and_an_endless_mutant_does_not(reference, monkeypatch):
    right = stubs.reference("normalization")
    assert [killer for _, killer in killers([Mutant(ID, right, "", "")])] == [""]
    monkeypatch.setattr(run_mutants, "PATIENCE", 10)  # the server has imported everything by now
    endless = right.replace("labels = np.ravel(labels)", "while True: pass")
    assert [killer for _, killer in killers([Mutant(ID, endless, "", "")])] == ["timeout"]


@pytest.fixture(scope="module")
def unlisted(reference):
    """Return the mutants of functions without Keras that are not equivalent to the reference."""
    return [
        mutant
        for exercise in scores.eligible()
        if "keras" not in ast.unparse(_function(exercise))
        for mutant in scores.mutants_of(exercise)
        if mutant.id not in scores.equivalent(exercise)
    ]


def _function(exercise):
    body = ast.parse(stubs.reference(exercise.module)).body
    return next(node for node in body if getattr(node, "name", None) == exercise.name)


def test_a_sample_is_killed(unlisted):
    sample = random.Random(5).sample(unlisted, SAMPLE)
    sample.sort(key=lambda mutant: mutant.exercise)
    assert [mutant.diff for mutant, killer in killers(sample) if not killer] == []


def test_a_margin_is_a_distance_in_deviations():
    margin = Margin("cnn.build_cnn", "cnn_one_batch_loss", [0.1, 0.2, 0.3], "2026-01-01", "here")
    assert margin.bound == 0.5 and margin.worst == 0.3
    assert margin.deviations == pytest.approx(3.0)


def test_a_missing_margin_is_a_problem(reference, monkeypatch):
    monkeypatch.setattr(graders_page.margins, "stored", list)
    assert any("cnn_one_batch_loss has no margin" in problem for problem in graders_page.problems())


def test_page_and_figures_are_up_to_date(reference):
    assert graders_page.problems() == []


@pytest.mark.proof
@pytest.mark.parametrize("exercise", scores.eligible(), ids=lambda exercise: exercise.id)
def test_every_mutant_is_killed(exercise, reference):
    found = killers(scores.mutants_of(exercise))
    survivors = {mutant.id: mutant.diff for mutant, killer in found if not killer}
    assert survivors.keys() == scores.equivalent(exercise), survivors
