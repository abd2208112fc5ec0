"""Tests of schedules.warmup_cosine: a linear warm-up and half a cosine down, as a formula."""

from cifar_lab.testing.plugin import exercise

from .oracles import in_order, is_warmup_cosine, near_rates, schedules


def warms_up(learner, steps, because, *given, **settings):
    """Compare the learner's rates at several steps with the right ones."""
    given, settings = near_rates(given, settings)
    with learner.described(in_order("schedules.warmup_cosine", "step", steps, given, settings)):
        found = [learner.schedules.warmup_cosine(step, *given, **settings) for step in steps]
    is_warmup_cosine(found, steps, because, *given, **settings)


@exercise("schedules.warmup_cosine", main=True)
def test_straight_line_up_to_the_peak(learner):
    """The rate rises in a straight line from 0 at step 0 to peak_rate at warmup_steps."""
    settings = {"total_steps": 20, "warmup_steps": 5, "peak_rate": 0.3, "final_rate": 0.03}
    why = "step k of the warm-up has the rate peak_rate * k / warmup_steps"
    warms_up(learner, [0, 1, 2, 3, 4, 5], why, **settings)


@exercise("schedules.warmup_cosine", main=True)
def test_half_a_cosine_down(learner):
    """From warmup_steps to total_steps the rate falls along half a cosine to final_rate."""
    settings = {"total_steps": 24, "warmup_steps": 4, "peak_rate": 0.2, "final_rate": 0.05}
    why = "half-way between the peak at step 4 and the end at step 24 lies the mean of both rates"
    warms_up(learner, [4, 5, 9, 14, 19, 23, 24], why, **settings)


@exercise("schedules.warmup_cosine")
def test_final_rate_after_the_end(learner):
    """After total_steps the rate stays at final_rate."""
    settings = {"total_steps": 10, "warmup_steps": 2, "peak_rate": 0.5, "final_rate": 0.02}
    why = "training may last longer than planned, and the rate must not rise again"
    warms_up(learner, [9, 10, 11, 14, 18, 26, 1000], why, **settings)


@exercise("schedules.warmup_cosine")
def test_no_warm_up(learner):
    """Without a warm-up the rate starts at peak_rate."""
    settings = {"total_steps": 8, "warmup_steps": 0, "peak_rate": 0.4, "final_rate": 0.1}
    why = "warmup_steps=0 means that the peak is at step 0; there is nothing to divide by"
    warms_up(learner, [0, 1, 4, 8, 9], why, **settings)


@exercise("schedules.warmup_cosine")
def test_final_rate_is_zero_by_default(learner):
    """By default the rate falls to 0."""
    settings = {"total_steps": 12, "warmup_steps": 1, "peak_rate": 0.6}
    warms_up(learner, [0, 1, 3, 11, 12, 20], "the default of final_rate is 0.0", **settings)


@exercise("schedules.warmup_cosine")
def test_warmup_cosine_by_position(learner):
    """The settings come in the order total_steps, warmup_steps, peak_rate, final_rate."""
    warms_up(learner, [0, 2, 3, 6, 9], "the signature gives this order", 9, 3, 0.5, 0.1)


@exercise("schedules.warmup_cosine")
def test_any_warm_up_and_length(learner, for_any):
    """The formula holds for any length, warm-up and rates."""

    @for_any(drawn=schedules())
    def law(drawn):
        steps, settings = drawn
        warms_up(learner, steps, "rise and fall follow the docstring's formula", **settings)
