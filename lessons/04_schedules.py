# %% [markdown]
# # Lesson 4: Learning rates and when to stop
#
# You have images and a network. Three decisions remain, and no layer makes them for you: how long
# each training step should be, when the steps should get shorter, and when to stop. In this lesson
# you make these decisions with formulas, then with rules, and finally with two of Keras' callbacks.
# By then, the callbacks have no secrets left.
#
# **You will** write two formulas, a Keras schedule, two rules about plateaus, and the training
# function of this course, in `cifar_course/schedules.py`.
#
# **You will learn** how to recognize a learning rate that is too high or too low, why training
# often starts with a warm-up, what *patience* counts, and why the last weights are rarely the best.
#
# **You need** lesson 1 for the data, and the idea of a training step from lesson 2. This lesson
# takes about 100 minutes.

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
print(f"{len(training[0])} training images, {len(validation[0])} validation images ({data.name})")

# %% [markdown]
# ## 1. One number, three outcomes
#
# Training moves every weight $w$ against the gradient of the loss $L$. The **learning rate** $\eta$
# scales the length of each step, and you choose it. In its simplest form, a step is (Goodfellow,
# Bengio and Courville, *Deep Learning*, 2016, section 8.3.1)
#
# $$w \leftarrow w - \eta \, \frac{\partial L}{\partial w}$$
#
# > **Puzzle.** In the next cell, the same small network learns the same images three times. Only
# > the learning rate differs: 0.0001, 0.003 and 0.1. Before you run the cell, predict the three
# > loss curves. Two of the rates are bad choices. Which of these two gives the *higher loss after
# > six epochs*?


# %%
def small_network(rate: float | keras.optimizers.schedules.LearningRateSchedule) -> keras.Model:
    """Return a compiled network with the same initial weights at each call.

    The network is so small that an epoch takes about a second.
    """
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
runs = {
    f"rate {rate:g}": small_network(rate).fit(*training, epochs=6, batch_size=64, verbose=0)
    for rate in (1e-4, 3e-3, 1e-1)
}
plots.lines(
    {name: (epochs, run.history["loss"]) for name, run in runs.items()},
    xlabel="epoch",
    ylabel="training loss (nats)",
    title=f"Three learning rates ({data.name})",
    ylim=(0, 4),
)
plt.show()

# %% [markdown]
# *Training loss over six epochs. Look at where the three lines end. Guessing gives a loss of
# $\ln 10$, about 2.30. The line of the low rate goes down, but it would need many times as many
# epochs. The line of the high rate begins far above the top of the figure: its first steps change
# the weights so much that the network's output hardly depends on the image. The loss then comes
# back to that of guessing, and more epochs do not help.*
#
# So the best learning rate is the highest one that keeps training stable. This limit changes during
# training. At the start, the weights are random and the gradients are large. Near the end, steps
# that are too long jump over the minimum again and again. This is why there are *schedules*:
# learning rates that change during training.
#
# > **A mistake people make.** `model.compile(optimizer, loss, ["accuracy"])` does not set metrics.
# > The third parameter of `compile` is *loss weights*, and training fails much later with a message
# > about strings. Write the keyword: `metrics=["accuracy"]`.

# %% [markdown]
# ## 2. A staircase
#
# The oldest schedule, *step decay*, looks like a staircase: the rate stays the same for $k$ epochs,
# then it is multiplied by a factor $\gamma$, and so on. With the initial rate $\eta_0$ and epochs
# $e$ counted from 0:
#
# $$\eta(e) = \eta_0 \cdot \gamma^{\lfloor e / k \rfloor}$$
#
# The brackets $\lfloor\,\rfloor$ round *down*: nine tenths of a step count as no step.

# %%
card("schedules.step_decay")

# %% tags=["nbval-check-output"]
check("schedules.step_decay")

# %% tags=["nbval-check-output"]
from cifar_course.schedules import step_decay

for epoch in (0, 9, 10, 19, 20):
    print(f"epoch {epoch:>2}: {step_decay(epoch, 0.001):.5f}")

# %% [markdown]
# **A mistake people make:** `epoch / every` instead of `epoch // every`. The staircase becomes a
# slide, and no error appears: the rate is right at every tenth epoch, and lower than you think in
# between.

# %%
first_epochs = np.arange(30)
plots.lines(
    {
        "factor 0.5, every 10": (first_epochs, [step_decay(e, 0.001) for e in first_epochs]),
        "factor 0.7, every 5": (first_epochs, [step_decay(e, 0.001, 0.7, 5) for e in first_epochs]),
    },
    xlabel="epoch",
    ylabel="learning rate",
    title="Two staircases",
    steps=True,
    ylim=(0, None),
)
plt.show()

# %% [markdown]
# *Your staircases. Look at the blue line at epoch 10: this is the first epoch with the lower rate,
# so ten epochs, 0 to 9, have the initial rate.*

# %% [markdown]
# ## 3. Up along a line, down along a cosine
#
# The staircase has two problems. It *begins* at full speed, when the weights are random, the
# gradients are large, and Adam's running averages come from very few batches. And somebody has to
# choose the height and the length of its steps.
#
# A **warm-up** solves the first problem: the rate rises in a straight line from 0 to its peak
# during the first few hundred steps (Goyal et al., "Accurate, large minibatch SGD", 2017, section
# 2.2). **Cosine annealing** solves the second: the rate falls smoothly along half a cosine, slowly
# at first, fast in the middle, slowly at the end (Loshchilov and Hutter, "SGDR", 2017, formula 5).
# The formula counts training steps $s$ (batches, not epochs!). The warm-up takes $W$ steps, and
# there are $T$ steps in all:
#
# $$\eta(s) = \begin{cases}
# \eta_\text{peak} \cdot s / W & s < W \\
# \eta_\text{final} + (\eta_\text{peak} - \eta_\text{final}) \cdot \frac{1}{2}(1 + \cos \pi t) &
# s \ge W, \quad t = \min\left(\frac{s - W}{T - W},\, 1\right)
# \end{cases}$$
#
# Five points help you read it. The rate is 0 at step 0. It is the peak rate at $W$, and the mean of
# peak and final rate halfway between $W$ and $T$. It is the final rate at $T$, and it does not
# change after $T$.
#
# > **Puzzle.** After $\pi$, the cosine rises again. What would happen to training after step $T$
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
# *Your formula with three settings. Look at the right end: all three lines reach their final rate
# at step 1000, however long the warm-up is, because the warm-up is part of `total_steps`. After
# that, they stay constant.*
#
# **Mistakes people make** come from Keras' own `CosineDecay`, which defines two settings in a
# different way. Its `alpha` is a *fraction* of the peak, but your `final_rate` is a rate. And its
# `decay_steps` *excludes* the warm-up: 1000 decay steps after a warm-up of 100 end at step 1100.

# %% tags=["nbval-check-output"]
keras_schedule = keras.optimizers.schedules.CosineDecay(
    initial_learning_rate=0.0,
    decay_steps=1000 - 100,
    alpha=0.001 / 0.003,
    warmup_target=0.003,
    warmup_steps=100,
)
for step in (0, 50, 100, 550, 1000, 1200):
    yours = warmup_cosine(step, 1000, 100, 0.003, 0.001)
    print(f"step {step:>4}: yours {yours:.6f}   Keras {float(keras_schedule(step)):.6f}")

# %% [markdown]
# ## 4. A schedule that an optimizer can use
#
# Your `warmup_cosine` takes a number. An optimizer needs something else: an object that it can call
# with its step counter, thousands of times, inside compiled training. There, the step is a
# *tensor*: it stands for a number, but the number is not known yet. Python's `if` needs the number
# immediately, so it does not work here. `keras.ops.where(condition, a, b)` works: it computes
# **both** `a` and `b` and then selects one. This means that a division by zero happens even if its
# result is not selected. With Python numbers, it raises an error immediately. With tensors, it
# gives an infinity or a NaN, and `where` then discards it.
#
# A schedule also needs `get_config`. When Keras saves a model, it also saves the optimizer, and the
# optimizer's schedule as a dict of settings. When Keras loads the model, it calls your class with
# exactly this dict as keyword arguments. (Pass the class to Keras:
# `load_model(..., custom_objects={"WarmupCosine": WarmupCosine})`.)

# %%
card("schedules.WarmupCosine")

# %% tags=["nbval-check-output"]
check("schedules.WarmupCosine")

# %% [markdown]
# Does it help? The next cell trains the small network twice: at a constant rate that is a little
# too high for it, and with your schedule, whose *peak* is the same rate.

# %%
from cifar_course.schedules import WarmupCosine

batches = -(-len(training[0]) // 64)
schedule = WarmupCosine(total_steps=10 * batches, warmup_steps=batches, peak_rate=0.01)
models = {
    "constant rate 0.01": small_network(0.01),
    "WarmupCosine, peak 0.01": small_network(schedule),
}
losses = {
    name: model.fit(
        *training, validation_data=validation, epochs=10, batch_size=64, verbose=0
    ).history["loss"]
    for name, model in models.items()
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
# *Training loss, on a logarithmic axis. Look at how the lines separate in the second half. At the
# constant rate, many steps overshoot the minimum. With the schedule, the steps get shorter and
# shorter, and the loss continues to fall. (This is the training loss. Whether the network also gets
# better on new images is another question: see section 6.)*
#
# **A mistake people make:** a schedule *and* a callback that sets the rate. Only one of them can
# control it. If an optimizer was built from a schedule, setting its rate is an error:

# %% tags=["nbval-check-output"]
optimizer = keras.optimizers.Adam(WarmupCosine(1000, 100, 0.001))
try:
    optimizer.learning_rate = 0.0005  # ReduceLROnPlateau does the same
except TypeError as error:
    print("setting the rate raises", type(error).__name__)

# %% [markdown]
# ## 5. React, instead of planning ahead
#
# A schedule is a plan that you make before the first step. But you do not know how many epochs your
# network needs. The other way is to watch the validation accuracy: as long as it improves, leave
# the rate alone; once it has stopped improving, take shorter steps.
#
# "Has stopped improving" needs three definitions. An **improvement** beats the *best* value so far
# (not the previous value!) by more than `min_delta`. The **wait** counts the epochs in a row
# without an improvement. When the wait reaches the **patience**, the rate drops and the wait starts
# again from 0. This is the rule of `keras.callbacks.ReduceLROnPlateau` (without its cooldown).
#
# > **Puzzle.** The patience is 3. The accuracies are 50, 60, 58, 59, 60, 61, 60, 60, 60 %. After
# > which epochs does the rate drop? Take a pencil; the wait goes 0, 0, 1, 2, ...

# %%
card("schedules.ReduceOnPlateau")

# %% tags=["nbval-check-output"]
check("schedules.ReduceOnPlateau")

# %% tags=["nbval-check-output"]
from cifar_course.schedules import ReduceOnPlateau

rule = ReduceOnPlateau(learning_rate=0.001, patience=3)
for epoch, accuracy in enumerate((0.50, 0.60, 0.58, 0.59, 0.60, 0.61, 0.60, 0.60, 0.60), start=1):
    print(f"epoch {epoch}: accuracy {accuracy:.2f}, next learning rate {rule.update(accuracy):.6f}")

# %% [markdown]
# Did you find the first drop? The 60 % of epoch 5 equals the best value but does not beat it. So
# the wait is 3, and the rate drops, one epoch before the 61 %. Rules are not wise. The second drop
# comes after epoch 9. The next cell uses a longer history, made up to look like a real one:

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
# *Your rule at work on a made-up history. Look at the dotted lines: each one is three epochs after
# the last rise of the gray line. Then look at the blue line after each drop. In real training runs,
# too, a lower rate often brings a jump in accuracy, because shorter steps no longer jump over the
# minimum.*

# %% [markdown]
# ## 6. Know when to stop
#
# The training loss nearly always falls. The *validation* loss falls at first, and then it rises:
# from that epoch on, the network memorizes its training images. So stop when the validation loss
# has stopped improving (Prechelt, "Early stopping, but when?", 1998). The rule and the wait are
# those of section 5. Only two things are different: the rule ends training, and the usual metric is
# a loss, where *smaller* is better.
#
# How much patience is right? With too little, one unlucky epoch ends everything. Too much only
# costs time, as long as you keep the weights of the best epoch.

# %%
card("schedules.StopEarly")

# %% tags=["nbval-check-output"]
check("schedules.StopEarly")

# %% tags=["nbval-check-output"]
from cifar_course.schedules import StopEarly


def epoch_of_stop(losses: list[float], patience: int) -> int | None:
    """Return the epoch, counted from 1, after which the rule stops, or None if it never does."""
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
# *A made-up validation loss, and the epochs at which training stops with a patience of 1, 2 and 5.
# Look at the star, the best epoch. With a patience of 1 or 2, training stops at a bump, long before
# the best epoch. With 5, it gets past the bumps and stops five epochs too late: this is the price
# for knowing which epoch was the best.*
#
# **Mistakes people make:** watching an accuracy in mode `"min"` (then the first epoch usually
# remains the best one forever); comparing with the previous epoch, so that every second epoch of a
# zigzag looks like an improvement; and keeping the *last* weights, from `patience` epochs after the
# best ones.

# %% [markdown]
# ## 7. The two callbacks
#
# Now you know what the callbacks do, so let Keras do the work. A *callback* is an object whose
# methods `fit` calls at fixed moments, such as the end of every epoch. It can observe the training
# run and change it. You need two callbacks, and their order in time matters: the rate should drop,
# and have time to help, *before* training stops. So ReduceLROnPlateau gets a patience of 3, and
# EarlyStopping a larger one.
#
# Check the defaults. `EarlyStopping()` without arguments has a patience of 0 and keeps the last
# weights; `ReduceLROnPlateau()` without arguments divides the rate by 10 and monitors the
# validation loss.

# %%
card("schedules.training_callbacks")

# %% tags=["nbval-check-output"]
check("schedules.training_callbacks")

# %% [markdown]
# ## 8. The training run
#
# One function is left. The full training runs `cifar-course train cnn` and, in lesson 5,
# `cifar-course train transfer` use it. `fit` does the work; your part is to pass the right
# arguments, and to return plain lists, which can be plotted and saved without Keras.
#
# The network never learns from validation data; `fit` only *measures* loss and accuracy on them
# after every epoch. You have these data already: in lesson 1, you split them off *before* you
# computed the statistics. So do not use `validation_split`, which would cut another piece off the
# end of the training data.

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
plots.training_run(history, stopper.monitor, title=f"A small network on 1,500 images ({data.name})")
plt.show()

# %% [markdown]
# *A training run with your two callbacks. Look at the validation loss first: it turns upward while
# the training loss continues to fall, and the gap between the two accuracies grows. The network
# memorizes. Then look at the learning rate: after three epochs without a better validation
# accuracy, it is halved. The dotted line marks the epoch whose weights the model has now.*

# %%
best = max(history["val_accuracy"])
last = history["val_accuracy"][-1]
restored = model.evaluate(*validation, verbose=0, return_dict=True)["accuracy"]
test_accuracy = model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]
print(f"validation accuracy ({data.name}):")
print(f"  best epoch {best:.3f}, last epoch {last:.3f}, weights in the model {restored:.3f}")
print(f"test accuracy ({data.name}): {test_accuracy:.3f}")

# %% [markdown]
# The model has the weights of the best epoch, by the metric that your EarlyStopping monitors. The
# best validation accuracy is too flattering, because it was chosen as the best of many. The test
# images took no part in any decision, so report the test accuracy.
#
# ## What you have now
#
# Four lessons, one command. In a terminal,
#
#     cifar-course train cnn
#
# takes *your* `prepare`, `build_regularized_cnn`, `compile_cnn`, `train` and `training_callbacks`,
# and uses the whole dataset. It shows progress, and it saves curves, metrics and predictions. If
# you interrupt it, the same command resumes where it stopped. On CIFAR-10, a laptop needs hours for
# this. The results in the README show what the reference reached, on which data and on which
# machine.
#
# **Think it over.** Your two callbacks used the validation images after every epoch, to set the
# rate and to choose the weights. In which sense has the network now learned from these images, too?
