"""Laws that hold for whatever hypothesis draws; the smallest input that breaks one is shown.

@for_any(size=integers(1, 40), stride=integers(1, 6))
def law(size, stride):
    expect(learner.cnn.conv_output_size(size, 3, stride)).to_equal(...)
"""

from collections.abc import Callable

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.errors import Flaky
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants

from cifar_lab.testing.learner import Learner

# hypothesis likes to draw numbers that it finds in the source of whatever is imported, learner code
# included, and keeps them in a folder: one seed would not always mean the same inputs
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
    """A decorator that holds a law, here and now, against inputs that are drawn.

    Args:
        learner: The submission that the law asks.
        seed: Decides on the inputs.

    Returns:
        `for_any(examples=20, **inputs)`: a strategy for each argument of the law.
    """

    def drawn(examples: int = 20, **inputs) -> Callable[[Callable], None]:
        return lambda law: _hold(law, inputs, hypothesis.settings(RULES, max_examples=examples))

    def _hold(law: Callable, inputs: dict, settings: hypothesis.settings) -> None:
        failures = []

        def guarded(**values):
            if learner.failure is not None:  # it answers no more: there is nothing smaller to find
                raise learner.failure
            try:
                law(**values)
            except Exception as error:
                failures.append((error, learner.last_call))
                raise

        try:
            hypothesis.seed(seed)(settings(hypothesis.given(**inputs)(guarded)))()
        except Flaky:  # the same input, another answer
            error, learner.last_call = failures[-1]
            raise error from None

    return drawn
