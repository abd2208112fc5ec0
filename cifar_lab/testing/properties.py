"""Laws for all inputs that hypothesis draws; the smallest input that breaks one is shown.

@for_any(size=integers(1, 40), stride=integers(1, 6))
def law(size, stride):
    expect(learner.cnn.conv_output_size(size, 3, stride)).to_equal(...)
"""

from collections.abc import Callable
from contextlib import suppress

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.errors import Flaky

from cifar_lab.testing.learner import Learner

# hypothesis also draws numbers from the source of imported modules, learner code among them, and
# keeps them in a folder: with these, one seed would not always mean the same inputs. The names are
# private: in a version without them laws are judged all the same, and a test says what is lost
with suppress(ImportError, TypeError):
    from hypothesis.internal.conjecture.providers import HypothesisProvider
    from hypothesis.internal.constants_ast import Constants

    HypothesisProvider._local_constants = Constants()

RULES = hypothesis.settings(
    database=None,  # a verdict does not depend on earlier ones
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    verbosity=Verbosity.quiet,
    print_blob=False,
)


def for_any(learner: Learner, seed: int) -> Callable:
    """Return a decorator that checks a law at once, on inputs that hypothesis draws.

    Args:
        learner: The submission that the law calls.
        seed: Decides on the inputs.

    Returns:
        `for_any(examples=20, **inputs)`: a strategy for each argument of the law.
    """

    def drawn(examples: int = 20, **inputs) -> Callable[[Callable], None]:
        return lambda law: _check(law, inputs, hypothesis.settings(RULES, max_examples=examples))

    def _check(law: Callable, inputs: dict, settings: hypothesis.settings) -> None:
        failures = []

        def guarded(**values):
            if learner.failure is not None:  # it no longer answers, so no smaller input is found
                raise learner.failure
            try:
                law(**values)
            except Exception as error:
                failures.append((error, learner.last_call))
                raise

        try:
            hypothesis.seed(seed)(settings(hypothesis.given(**inputs)(guarded)))()
        except Flaky:  # the same input, another answer
            error, call = failures[-1]
            with learner.described(call):
                raise error from None

    return drawn
