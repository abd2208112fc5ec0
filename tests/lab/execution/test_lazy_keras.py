"""Exercises that need NumPy alone are judged without Keras, and answers that use it still work."""

import json
import subprocess
import sys

import pytest

from cifar_lab.course import syllabus

JUDGE = """
import json, sys
from pathlib import Path
from cifar_lab.course import syllabus
from cifar_lab.grading.run import judge
verdicts = judge(Path(sys.argv[1]), syllabus.find(sys.argv[2:]))
print(json.dumps({
    "imported": sorted({"keras", "tensorflow"} & set(sys.modules)),
    "status": {id: verdict.status for id, verdict in verdicts.items()},
    "message": [v.first_failure.message for v in verdicts.values() if v.first_failure],
}))
"""


def judged(folder, *names):
    """Judge in a process that has not imported Keras."""
    arguments = [sys.executable, "-c", JUDGE, str(folder), *names]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def numpy_only(module):
    return [e.id for e in syllabus.lesson(module).exercises if not e.keras]


def test_no_answer_of_the_reference_that_needs_numpy_alone_imports_keras(reference):
    names = [id for module in syllabus.modules() for id in numpy_only(module)]
    found = judged(reference, *names)
    assert set(found["status"]) == set(names) and set(found["status"].values()) == {"passed"}
    assert found["imported"] == []


USING_KERAS = {
    "names of Keras that were looked up at the top": """
from keras import ops as top
from keras.layers import Layer

def softmax(logits: keras.KerasTensor | None):
    assert not isinstance(logits, Layer) and isinstance(keras.layers.ReLU(), Layer)
    return top.convert_to_numpy(top.softmax(top.cast(logits, "float32")))
""",
    "an object that was made at the top": """
LAYER = keras.layers.Softmax(dtype="float64")

def softmax(logits):
    return LAYER(np.asarray(logits))
""",
    "a layer of their own": """
class Own(keras.layers.Layer):
    def __init__(self):
        super().__init__(dtype="float64")

    def call(self, x):
        return keras.ops.softmax(x)

def softmax(logits):
    return Own()(np.asarray(logits, dtype="float64"))
""",
    "a class that only the real Keras can be the base of": """
class Meta(type):
    pass

class Own(keras.layers.Layer, metaclass=Meta):
    pass
""",
}


@pytest.mark.parametrize("title", USING_KERAS)
def test_an_answer_that_uses_keras_passes(submission_with, reference, title):
    text = (reference / "cifar_course" / "cnn.py").read_text(encoding="utf-8")
    found = judged(submission_with(cnn=text + USING_KERAS[title]), "cnn.softmax")
    assert found["status"] == {"cnn.softmax": "passed"}, found["message"]
    assert "keras" in found["imported"]


def test_a_module_with_a_mistake_at_the_top_does_not_import_keras(submission_with, reference):
    text = (reference / "cifar_course" / "cnn.py").read_text(encoding="utf-8")
    for line, name in (("sixty_four = thrity_two\n", "NameError"), ("def f(:\n", "SyntaxError")):
        found = judged(submission_with(cnn=text + line), "cnn.softmax")
        assert found["imported"] == [] and name in found["message"][0]
