"""A test sees a submission through proxies: values, arguments, exceptions, handles."""

import numpy as np
import pytest

from cifar_lab.course import syllabus
from cifar_lab.execution import protocol
from cifar_lab.execution.worker import Worker
from cifar_lab.testing.expect import Mismatch, expect_left_alone
from cifar_lab.testing.learner import Failure, GradingError, Learner, LearnerError


@pytest.fixture
def learner_of(tmp_path):
    """Make a learner whose modules have the given text."""

    def make(**texts: str) -> Learner:
        package = tmp_path / "cifar_course"
        package.mkdir(exist_ok=True)
        for module, text in texts.items():
            (package / f"{module}.py").write_text(text, encoding="utf-8")
        return Learner(Worker(tmp_path, syllabus.modules()).handle)

    return make


def test_changed_arguments_are_seen_and_the_tests_own_never_change(learner_of):
    learner = learner_of(cnn="def double(x, parts):\n    x *= 2\n    parts['a'][0] = -1\n")
    x, parts = np.arange(3.0), {"a": np.zeros(2)}
    learner.cnn.double(x, parts=parts)
    assert [array.tolist() for array in learner.arguments] == [[0, 2, 4], [-1, 0]]
    assert x.tolist() == [0, 1, 2] and parts["a"].tolist() == [0, 0]


def test_an_untouched_argument_was_left_alone(learner_of):
    learner = learner_of(cnn="def twice(x):\n    return x * 2\n")
    x = np.arange(3.0)
    assert learner.cnn.twice(x).tolist() == [0, 2, 4]
    expect_left_alone(learner, x=x, because="it is the caller's")


@pytest.mark.parametrize(
    "change", ["x[1] = 9", "x.shape = -1", "x[0] = np.nan", "x.resize(9, refcheck=False)"]
)
def test_a_changed_argument_was_not_left_alone(learner_of, change):
    learner = learner_of(cnn=f"import numpy as np\ndef f(y, x):\n    {change}\n")
    y, x = np.ones(2), np.zeros((2, 3))
    learner.cnn.f(y, x)
    with pytest.raises(Mismatch, match=r"^After the call, `x` was"):
        expect_left_alone(learner, y=y, x=x, because="it is the caller's")
    assert x.shape == (2, 3) and not x.any()


def test_an_argument_of_another_dtype_was_not_left_alone():
    x = np.zeros(20)
    changed = protocol.encode({"result": None, "arguments": [x.astype(np.float32)]})
    learner = Learner(lambda frame: changed)
    learner.cnn.f(x)
    with pytest.raises(Mismatch, match="`x` was float32 array"):
        expect_left_alone(learner, x=x, because="it is the caller's")


def test_a_call_that_failed_leaves_no_arguments(learner_of):
    learner = learner_of(cnn="def f(x):\n    pass\ndef g(x):\n    raise ValueError\n")
    learner.cnn.f(np.ones(2))
    with pytest.raises(LearnerError):
        learner.cnn.g(np.ones(2))
    assert learner.arguments == []


def test_an_exception_is_names_message_and_lines(learner_of):
    text = "class Odd(ValueError):\n    pass\n\ndef f(x):\n    raise Odd('x is odd')\n"
    with pytest.raises(LearnerError) as caught:
        learner_of(cnn=text).cnn.f(1)
    error = caught.value
    assert error.types == ["ValueError", "Exception", "BaseException", "object"]
    assert error.message == "x is odd"
    assert error.lines == [["cnn.py", 5, "raise Odd('x is odd')"]]


def test_described_calls_are_one_call_for_messages(learner_of):
    learner = learner_of(cnn="def f(x):\n    return x\n\ndef g():\n    raise ValueError\n")
    with learner.described("f, twice"):
        assert learner.last_call == "f, twice"
        learner.cnn.f(1), learner.cnn.f(2)
        assert learner.last_call == "f, twice"
    assert learner.last_call == "f, twice"
    learner.cnn.f(3)
    assert learner.last_call == "cnn.f(3)"


def test_an_exception_names_its_own_call_in_a_description(learner_of):
    learner = learner_of(cnn="def g():\n    raise ValueError\n\ndef f():\n    return 1\n")
    with pytest.raises(LearnerError) as caught, learner.described("g, and more"):
        learner.cnn.g()
    assert caught.value.call == "cnn.g()" and learner.last_call == "g, and more"
    learner.cnn.f()
    assert learner.last_call == "cnn.f()"


def test_a_long_message_is_cut(learner_of):
    with pytest.raises(LearnerError) as caught:
        learner_of(cnn="def f():\n    raise ValueError('x' * 10**6)\n").cnn.f()
    assert len(caught.value.message) == 2_000


@pytest.mark.parametrize("way", ["exit()", "raise SystemExit", "raise BaseException('out')"])
def test_leaving_is_an_exception_like_any_other(learner_of, way):
    with pytest.raises(LearnerError):
        learner_of(cnn=f"def f():\n    {way}\n").cnn.f()


@pytest.mark.parametrize(("sent", "kind"), [(None, Failure), (b"no frame", GradingError)])
def test_a_refused_request_that_is_no_frame_is_a_grading_error(monkeypatch, sent, kind):
    refusal = protocol.encode({"refused": "what?"})
    if sent:
        monkeypatch.setattr(protocol, "encode", lambda *args: sent)
    with pytest.raises(kind):
        Learner(lambda frame: refusal).cnn.f()


def test_a_handle_that_learner_code_made_up_is_a_failure(learner_of):
    text = (
        "from cifar_lab.execution.protocol import Handle\ndef f():\n    return Handle('model', 9)\n"
    )
    learner = learner_of(cnn=text)
    model = learner.cnn.f()
    with pytest.raises(Failure, match="there is no model 9"):
        model.predict(np.zeros(3))


def test_an_exception_without_a_text(learner_of):
    text = "class Odd(Exception):\n    def __str__(self):\n        raise SystemExit\n"
    with pytest.raises(LearnerError, match="cannot be described"):
        learner_of(cnn=text + "def f():\n    raise Odd\n").cnn.f()


def test_an_unknown_object_is_refused_with_a_reason(learner_of):
    with pytest.raises(LearnerError, match="not something that a test can judge"):
        learner_of(cnn="def f():\n    return object()\n").cnn.f()


@pytest.mark.parametrize("style", ["from .cnn import one", "from cifar_course.cnn import one"])
def test_sister_modules_are_the_submissions_own(learner_of, style):
    learner = learner_of(
        cnn="def one():\n    return 'mine'\n",
        schedules=f"def f():\n    {style}\n    return one()\n",
    )
    assert learner.schedules.f() == "mine"


def test_a_module_outside_the_five_is_not_found(learner_of):
    learner = learner_of(cnn="from cifar_course import helpers\n", helpers="x = 1\n")
    with pytest.raises(LearnerError, match="helpers"):
        learner.cnn.f()


def test_a_broken_module_leaves_its_sisters_alone(learner_of):
    learner = learner_of(cnn="def f(:\n", schedules="def g():\n    return 1\n")
    assert learner.schedules.g() == 1
    with pytest.raises(LearnerError) as caught:
        learner.cnn.f()
    assert caught.value.types[0] == "SyntaxError"
    assert caught.value.lines[-1][:2] == ["cnn.py", 1]


def test_a_module_is_imported_once_even_if_it_fails(learner_of, tmp_path):
    note = tmp_path / "note"
    text = f"open({str(note)!r}, 'a').write('x')\nraise RuntimeError\n"
    learner = learner_of(cnn=text)
    for _ in range(2):
        with pytest.raises(LearnerError):
            learner.cnn.f()
    assert note.read_text(encoding="utf-8") == "x"


def test_what_the_process_knows_as_cifar_course_stays(learner_of):
    import cifar_course

    learner_of(cnn="def f():\n    return 1\n").cnn.f()
    import cifar_course as after

    assert after is cifar_course


def test_rules_are_handles_with_the_method_update(learner_of):
    text = """
class R:
    n = 0

    def update(self, x):
        self.n += x
        return self.n

def make():
    return R()
"""
    learner = learner_of(schedules=text)
    rule = learner.schedules.make()
    assert (rule.kind, rule.update(2), rule.update(3)) == ("rule", 2, 5)
    with pytest.raises(LearnerError, match="has no method delete"):
        rule.delete()


def test_models_are_handles_and_keep_their_identity(learner_of):
    learner = learner_of(cnn="def same(model):\n    return model\n")
    model = learner.tools.small_model()
    again = learner.cnn.same(model)
    assert model.kind == "model" and again == model and model != learner.tools.small_model()
    assert model.predict(np.zeros((2, 4), np.float32)).shape == (2, 3)
