# %% [markdown]
# # Lesson 4: Learning rates and when to stop
#
# You have pictures and a network. What is left are three decisions that no layer makes for you:
# how long a step to take, when to take shorter ones, and when to stop. In this lesson you make
# them by formula, by rule, and in the end by two of Keras' callbacks, which by then hold no
# secrets.
#
# **You will** write two formulas, a Keras schedule, two rules about plateaus, and the training run
# that the whole course uses, in `cifar_course/schedules.py`.
#
# **You will learn** what a learning rate that is too high or too low looks like, why one warms up,
# what *patience* counts, and why the last weights are seldom the best.
#
# **You need** lesson 1 for the data and the idea of a training step from lesson 2. About 100
# minutes.

# %%
from cifar_lab.notebook import borrow, card, check, start

start(4)

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from cifar_lab import plots
from cifar_lab.data import load

prepare = borrow("normalization.prepare")
data = load().sample(train=2000, test=500)
training, validation, test = prepare(
    data.x_train, data.y_train, data.x_test, data.y_test, validation_fraction=0.25
)
print(f"{len(training[0])} pictures to learn from, {len(validation[0])} to watch ({data.name})")

# %% [markdown]
# ## 1. One number, three fates
#
# Training moves every weight $w$ against the slope of the loss $L$, by a step whose length you
# choose: the learning rate $\eta$. In its plainest form (Goodfellow, Bengio and Courville, *Deep
# Learning*, 2016, section 8.3.1)
#
# $$w \leftarrow w - \eta \, \frac{\partial L}{\partial w}$$
#
# > **Puzzle.** Below, one and the same small network learns the same pictures three times. Only
# > the rate differs: 0.0001, 0.003 and 0.1. Before you run the cell: what will the three loss
# > curves look like? Which of the two wrong ones will be *worse after six epochs*?


# %%
def small_network(rate: float | keras.optimizers.schedules.LearningRateSchedule) -> keras.Model:
    """So small that an epoch takes about a second; the same weights at each call."""
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    return model


epochs = range(1, 7)
fates = {
    f"rate {rate:g}": small_network(rate).fit(*training, epochs=6, batch_size=64, verbose=0)
    for rate in (1e-4, 3e-3, 1e-1)
}
plots.lines(
    {name: (epochs, run.history["loss"]) for name, run in fates.items()},
    xlabel="epoch",
    ylabel="training loss (nats)",
    title=f"Three learning rates ({data.name})",
    ylim=(0, 4),
)
plt.show()

# %% [markdown]
# *Training loss over six epochs. Look at where the three lines end. Guessing costs $\ln 10$, about
# 2.30. The low rate goes the right way, and would need many times as many epochs. The high rate
# begins far above the picture: its first steps threw the weights so far off that the network has
# stopped listening to its input. It comes back to guessing, and no number of epochs helps.*
#
# So the best rate is as high as the network can bear. And that changes on the way: at the start
# the weights are random and slopes are steep; near the end, steps that are too long keep jumping
# over the valley that they look for. Hence *schedules*: rates that change.
#
# > **A mistake people make.** `model.compile(optimizer, loss, ["accuracy"])` sets *loss weights*,
# > the third parameter in line, and fails much later with a message about strings. `metrics=` is a
# > keyword: write it.

# %% [markdown]
# ## 2. Stairs
#
# The oldest schedule is a staircase: stay, then fall by a factor $\gamma$ every $k$ epochs. With
# the initial rate $\eta_0$ and epochs $e$ counted from 0:
#
# $$\eta(e) = \eta_0 \cdot \gamma^{\lfloor e / k \rfloor}$$
#
# The brackets $\lfloor\,\rfloor$ round *down*: nine tenths of a step are no step.

# %%
card("schedules.step_decay")

# %% tags=["nbval-check-output"]
check("schedules.step_decay")

# %% tags=["nbval-check-output"]
from cifar_course.schedules import step_decay

for epoch in (0, 9, 10, 19, 20):
    print(f"epoch {epoch:>2}: {step_decay(epoch, 0.001):.5f}")

# %% [markdown]
# **A mistake people make:** `epoch / every` instead of `epoch // every`. The stairs become a slide,
# and nothing fails: the rate is right at every tenth epoch, and lower than you think in between.

# %%
stairs = np.arange(30)
plots.lines(
    {
        "factor 0.5, every 10": (stairs, [step_decay(e, 0.001) for e in stairs]),
        "factor 0.7, every 5": (stairs, [step_decay(e, 0.001, 0.7, 5) for e in stairs]),
    },
    xlabel="epoch",
    ylabel="learning rate",
    title="Two staircases",
    steps=True,
    ylim=(0, None),
)
plt.show()

# %% [markdown]
# *Your staircases. Look at epoch 10: the step belongs to the epoch that it begins, so ten epochs,
# 0 to 9, have the first rate.*

# %% [markdown]
# ## 3. Up in a line, down along a cosine
#
# Two things trouble the staircase. It *begins* at full speed, when the weights are random, their
# slopes steep, and Adam's running averages have seen next to nothing. And somebody has to choose
# its steps.
#
# The first is cured by a **warm-up**: let the rate rise in a straight line from 0 to its peak
# during the first few hundred steps (Goyal et al., "Accurate, large minibatch SGD", 2017, section
# 2.2). The second by **cosine annealing**: let it fall smoothly along half a cosine, slow at
# first, fast in the middle, slow at the end (Loshchilov and Hutter, "SGDR", 2017, formula 5). In
# steps (batches!) $s$, with a warm-up of $W$ steps, $T$ steps in all:
#
# $$\eta(s) = \begin{cases}
# \eta_\text{peak} \cdot s / W & s < W \\
# \eta_\text{final} + (\eta_\text{peak} - \eta_\text{final}) \cdot \frac{1}{2}(1 + \cos \pi t) &
# s \ge W, \quad t = \min\left(\frac{s - W}{T - W},\, 1\right)
# \end{cases}$$
#
# Read it by its landmarks: 0 at step 0, the peak at $W$, the mean of peak and final rate half-way
# between $W$ and $T$, the final rate at $T$, and after $T$ nothing moves any more.
#
# > **Puzzle.** $\cos$ goes on after $\pi$: it rises again. What would training beyond $T$ do
# > without the $\min$?

# %%
card("schedules.warmup_cosine")

# %% tags=["nbval-check-output"]
check("schedules.warmup_cosine")

# %%
from cifar_course.schedules import warmup_cosine

steps = np.arange(0, 1201, 5)
plots.lines(
    {
        name: (steps, [warmup_cosine(int(s), 1000, warmup, 0.003, final) for s in steps])
        for name, warmup, final in (
            ("warm-up of 100 steps", 100, 0.0),
            ("no warm-up", 0, 0.0),
            ("warm-up of 300, final 0.001", 300, 0.001),
        )
    },
    xlabel="step (batches seen)",
    ylabel="learning rate",
    title="Three settings of your warmup_cosine, total_steps = 1000",
)
plt.show()

# %% [markdown]
# *Your formula with three settings. Look at the ends: whatever the warm-up, all three arrive at
# step 1000, because the warm-up is part of `total_steps`; and after that they stay where they are.*
#
# **Mistakes people make** come from Keras' own `CosineDecay`, which means two things differently.
# Its `alpha` is a *fraction* of the peak, where your `final_rate` is a rate. And its `decay_steps`
# *excludes* the warm-up: 1000 there, with a warm-up of 100, end at step 1100.

# %% tags=["nbval-check-output"]
theirs = keras.optimizers.schedules.CosineDecay(
    initial_learning_rate=0.0,
    decay_steps=1000 - 100,
    alpha=0.001 / 0.003,
    warmup_target=0.003,
    warmup_steps=100,
)
for step in (0, 50, 100, 550, 1000, 1200):
    yours = warmup_cosine(step, 1000, 100, 0.003, 0.001)
    print(f"step {step:>4}: yours {yours:.6f}   Keras, asked rightly {float(theirs(step)):.6f}")

# %% [markdown]
# ## 4. A schedule that an optimizer can use
#
# A formula is a function of a number. An optimizer asks for something else: an object that it can
# call with its step counter, in the middle of compiled training, thousands of times. There, the
# step is a *tensor*: a place where a number will be, not the number. Python's `if` needs the
# number now, so it cannot be used; `keras.ops.where(condition, a, b)` can. It computes **both**
# `a` and `b` and then picks. So a division by zero happens even where it is not picked: of Python's
# numbers it is an error at once, of tensors it makes an infinity or a NaN, which `where` drops.
#
# The other half is `get_config`: a model that is saved saves its optimizer, and its optimizer's
# schedule as a dict of settings. When it is loaded, Keras calls your class with just this dict, as
# keywords. (It has to know the class: `load_model(..., custom_objects={"WarmupCosine":
# WarmupCosine})`.)

# %%
card("schedules.WarmupCosine")

# %% tags=["nbval-check-output"]
check("schedules.WarmupCosine")

# %% [markdown]
# Does it help? Let the small network learn twice: at a constant rate that is a little too high
# for it, and with your schedule, whose *peak* is that rate.

# %%
from cifar_course.schedules import WarmupCosine

batches = -(-len(training[0]) // 64)
schedule = WarmupCosine(total_steps=10 * batches, warmup_steps=batches, peak_rate=0.01)
runs = {
    "constant rate 0.01": small_network(0.01),
    "WarmupCosine, peak 0.01": small_network(schedule),
}
losses = {
    name: model.fit(
        *training, validation_data=validation, epochs=10, batch_size=64, verbose=0
    ).history["loss"]
    for name, model in runs.items()
}
plots.lines(
    {name: (range(1, 11), loss) for name, loss in losses.items()},
    xlabel="epoch",
    ylabel="training loss (nats)",
    title=f"With and without a schedule ({data.name})",
    yscale="log",
)
plt.show()

# %% [markdown]
# *Training loss, on a logarithmic axis. Look at how the lines part in the second half: steps that
# stay as long as they were overshoot about as often as they help, while the schedule's steps get
# shorter and shorter, and go on down. (This is the training loss. Whether new pictures profit is
# another question: see section 6.)*
#
# **A mistake people make:** a schedule *and* a callback that sets the rate. The rate has one owner;
# an optimizer that was built from a schedule refuses everybody else.

# %% tags=["nbval-check-output"]
optimizer = keras.optimizers.Adam(WarmupCosine(1000, 100, 0.001))
try:
    optimizer.learning_rate = 0.0005  # this is what ReduceLROnPlateau does
except TypeError as refusal:
    print("refused:", type(refusal).__name__)

# %% [markdown]
# ## 5. React, instead of planning ahead
#
# A schedule is a plan made before the first step. But *you* do not know how many epochs your
# network needs. The other way is to watch: as long as the validation accuracy gets better, leave
# the rate alone; once it has stopped getting better, take shorter steps.
#
# "Has stopped getting better" takes three definitions. An **improvement** beats the *best* value
# so far (not yesterday's!) by more than `min_delta`. The **wait** counts the epochs in a row
# without one. When the wait reaches the **patience**, the rate drops and the wait starts again
# from 0. This is the rule of `keras.callbacks.ReduceLROnPlateau` (without its cooldown).
#
# > **Puzzle.** Patience 3. The accuracies are 50, 60, 58, 59, 60, 61, 60, 60, 60 %. After which
# > epochs does the rate drop? Take a pencil; the wait goes 0, 0, 1, 2, ...

# %%
card("schedules.ReduceOnPlateau")

# %% tags=["nbval-check-output"]
check("schedules.ReduceOnPlateau")

# %% tags=["nbval-check-output"]
from cifar_course.schedules import ReduceOnPlateau

rule = ReduceOnPlateau(learning_rate=0.001, patience=3)
for epoch, accuracy in enumerate((0.50, 0.60, 0.58, 0.59, 0.60, 0.61, 0.60, 0.60, 0.60), start=1):
    print(f"epoch {epoch}: accuracy {accuracy:.2f}, then the rate is {rule.update(accuracy):.6f}")

# %% [markdown]
# Did you have the first one? The 60 % of epoch 5 equal the best value and do not beat it: the wait
# is 3, and the rate drops, one epoch before the 61 %. Rules are not wise. The second drop comes
# after epoch 9. Here is a longer history, made up to look like a real one:

# %%
accuracies = [0.31, 0.44, 0.52, 0.57, 0.60, 0.59, 0.61, 0.60, 0.61, 0.60, 0.66, 0.67, 0.67]
accuracies += [0.66, 0.67, 0.69, 0.70, 0.69, 0.70, 0.70, 0.70, 0.71]
rule = ReduceOnPlateau(learning_rate=0.001, patience=3)
plots.plateaus(
    accuracies,
    rates=[rule.update(accuracy) for accuracy in accuracies],
    best=np.maximum.accumulate(accuracies),
)
plt.show()

# %% [markdown]
# *Your rule at work on a made-up history. Look at the dotted lines: each stands three epochs after
# the grey line last went up. Then look at the blue line after each drop: in real runs, too, a lower
# rate often brings a jump, for steps that are short enough finally reach the floor of the valley.*

# %% [markdown]
# ## 6. Know when to stop
#
# Training loss nearly always falls. The *validation* loss falls, and then rises: from that epoch
# on the network learns its training pictures by heart. So: stop when the validation loss has
# stopped improving (Prechelt, "Early stopping, but when?", 1998). It is the same rule with the
# same wait; only the end is another one, and the usual metric is a loss, where *smaller* is
# better.
#
# How much patience? Too little, and one unlucky epoch ends everything. Too much only costs time, as
# long as you keep the weights of the best epoch.

# %%
card("schedules.StopEarly")

# %% tags=["nbval-check-output"]
check("schedules.StopEarly")

# %% tags=["nbval-check-output"]
from cifar_course.schedules import StopEarly


def epoch_of_stop(losses: list[float], patience: int) -> int | None:
    """The epoch, from 1, after which the rule stops; None if it never does."""
    rule = StopEarly(patience=patience)
    return next((epoch for epoch, loss in enumerate(losses, start=1) if rule.update(loss)), None)


validation_losses = [1.90, 1.52, 1.31, 1.33, 1.20, 1.12, 1.14, 1.15, 1.04, 1.07, 1.01, 1.05]
validation_losses += [1.08, 1.06, 1.12, 1.15, 1.19, 1.22]
stops = {f"patience {p}": epoch_of_stop(validation_losses, p) for p in (1, 2, 5)}
print(stops)

# %%
plots.stopping(validation_losses, stops)
plt.show()

# %% [markdown]
# *One made-up validation loss, and where three patiences stop. Look at the star: with a patience
# of 1 or 2 the run ends at a bump, long before the best epoch. With 5 it passes the bumps, and
# ends five epochs too late: that is what it costs to know.*
#
# **Mistakes people make:** watching an accuracy in mode `"min"` (the first epoch is then the best
# one for ever); comparing with the previous epoch, so that every second epoch of a zigzag looks
# like progress; and keeping the *last* weights, which are `patience` epochs past their best.

# %% [markdown]
# ## 7. The two callbacks
#
# Now you know what they do, let Keras do it. A *callback* is an object that `fit` tells about
# every epoch; it may look on and interfere. You need two, and their order of events matters: the
# rate should be reduced, and have time to help, *before* training stops. So ReduceLROnPlateau gets
# a patience of 3, and EarlyStopping more than that.
#
# Mind the defaults. `EarlyStopping()` alone has a patience of 0 and leaves the last weights in
# place; `ReduceLROnPlateau()` alone divides by 10 and watches the loss.

# %%
card("schedules.training_callbacks")

# %% tags=["nbval-check-output"]
check("schedules.training_callbacks")

# %% [markdown]
# ## 8. The run
#
# One function is left, the one that every full run of this course goes through. `fit` does the
# work; what is yours is to hand it the right things, and to return plain lists, which can be
# plotted and saved without Keras.
#
# Validation data are *watched*: measured after every epoch, never learnt from. You have them
# already, split off in lesson 1 *before* the statistics were taken, so `validation_split`, which
# would cut another piece off the end of the training data, is not what you want.

# %%
card("schedules.train")

# %% tags=["nbval-check-output"]
check("schedules.train")

# %%
from cifar_course.schedules import train, training_callbacks

callbacks = training_callbacks()
(stopper,) = (c for c in callbacks if isinstance(c, keras.callbacks.EarlyStopping))
model = small_network(0.003)
history = train(model, training, validation, epochs=30, batch_size=64, callbacks=callbacks)
plots.training_run(
    history, stopper.monitor, title=f"A small network on 1,500 pictures ({data.name})"
)
plt.show()

# %% [markdown]
# *A run with your two callbacks. Look at the validation loss first: it turns up while the training
# loss goes on falling, and the gap between the accuracies opens: learning by heart. Then look at
# the rate: three epochs without a better validation accuracy, and it halves. The dotted line is
# the epoch whose weights the model has now.*

# %%
best = max(history["val_accuracy"])
last = history["val_accuracy"][-1]
now = model.evaluate(*validation, verbose=0, return_dict=True)["accuracy"]
right = model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]
print(f"validation accuracy, on the {data.name}:")
print(f"  the best epoch {best:.3f}, the last one {last:.3f}, the weights in the model {now:.3f}")
print(f"test accuracy, on the {data.name}: {right:.3f}")

# %% [markdown]
# The weights are those of the best epoch by the metric that your EarlyStopping watches. And the
# best validation accuracy flatters: it was chosen as the best of many. The test pictures were
# never asked for an opinion, so theirs is the number to report.
#
# ## What you have now
#
# Four lessons, one command. In a terminal,
#
#     cifar-course train cnn
#
# takes *your* `prepare`, `build_regularized_cnn`, `compile_cnn`, `train` and `training_callbacks`,
# and trains on all the pictures that there are. It shows progress, saves curves, metrics and
# predictions, and if you interrupt it, the same command goes on where it stopped. On CIFAR-10 this
# is hours of work for a laptop; what the reference reached, on which data and on which machine, is
# in the README's results.
#
# **Think it over.** Your two callbacks have seen the validation pictures after every epoch, and
# chose the weights by them. In which sense has the network now learnt from these pictures, too?
