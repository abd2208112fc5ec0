# %% [markdown]
# # Lesson 3: Batch Normalization and dropout
#
# Lesson 2's network learns its training pictures by heart, and it takes its time. Two ideas
# changed both: **Batch Normalization** keeps the numbers between the layers in a range where
# learning is easy, and **dropout** makes learning by heart hard. They share a trait that trips up
# everyone once: both do one thing in training and another at test time.
#
# **You will** write both by hand in NumPy, wrap Batch Normalization into a Keras layer of your
# own, and build the network that the rest of the course trains. All of it goes into
# `cifar_course/regularization.py`.
#
# **You will learn** what a batch's statistics are and over which axes they run, why a layer keeps
# moving averages, what `momentum` means in Keras (and what it means in PyTorch), why dropout
# divides by `1 - rate`, how a Keras layer keeps its state, and why the accuracy of such a network
# looks dreadful in its first steps.
#
# **You need** lessons 1 and 2, or at least their ideas: where a function of lesson 1 is used, the
# reference steps in if yours is not there yet. About two hours.

# %%
from cifar_lab.check import borrow, card, check, start

start(3)

# %%
import math

import keras
import matplotlib.pyplot as plt
import numpy as np

from cifar_lab import plots
from cifar_lab.data import load

prepare = borrow("normalization.prepare")
data = load().sample(train=2500, test=100)
training, validation, _ = prepare(
    data.x_train, data.y_train, data.x_test, data.y_test, validation_fraction=0.2
)
pictures = training[0][:750]
as_array = keras.ops.convert_to_numpy
print(f"{len(training[0])} training and {len(validation[0])} validation pictures: {data.name}")

# %% [markdown]
# ## 1. Numbers that will not sit still
#
# Lesson 1 standardised the pictures once and for all. But only the first layer sees pictures. The
# second sees what the first makes of them, and the first *changes* with every step of training.
#
# Here is a convolution with four filters. On the left, what it hands on with the weights it starts
# with. On the right, what the same pictures give after its weights have doubled and its biases
# have moved, as they may in training.

# %%
keras.utils.set_random_seed(4)
convolution = keras.layers.Conv2D(4, 3)
early = as_array(convolution(pictures))
kernel, bias = convolution.get_weights()
convolution.set_weights([2 * kernel, bias + np.array([-4, 0, 3, 6])])
late = as_array(convolution(pictures))

plots.distributions(
    {"at the start": early, "weights doubled, biases moved": late},
    unit="output of the convolution",
)
plt.show()

# %% [markdown]
# *How often each output occurs, one line per channel. Look at how far apart the four lines are on
# the right, and how wide: the next layer, tuned to the left picture, now sees mostly large
# numbers of one sign. Its ReLU would silence channel 0 and pass channel 3 unchanged.*
#
# > **Puzzle.** Nothing was learnt between the two pictures: doubling a channel and shifting it
# > carries no information. Which two numbers per channel would you have to know to undo it?

# %% [markdown]
# ## 2. Normalise with the batch
#
# You know them from lesson 1: a mean and a standard deviation. The idea of Ioffe and Szegedy
# ("Batch Normalization", 2015, algorithm 1) is to take them anew from every batch, inside the
# network. For each channel, over all $N$ values in the batch, from all images, rows and columns:
#
# $$\mu = \frac{1}{N}\sum_i x_i \qquad \sigma^2 = \frac{1}{N}\sum_i (x_i - \mu)^2 \qquad
# y_i = \gamma\,\frac{x_i - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# - One $\mu$ and one $\sigma^2$ **per channel**, over all axes *but the last*. A channel is one
#   filter's answer everywhere, so it is scaled alike everywhere.
# - $\varepsilon$ stands under the root, with the variance: a channel that is constant in this batch
#   becomes zero, not 0/0.
# - $\gamma$ and $\beta$ are learnt. If the network wants a channel to be wide or off centre, it can
#   say so with two numbers, and need not move a thousand weights for it.
#
# At test time there may be no batch to speak of: one picture, alone. So during training the layer
# keeps a **moving average** of both statistics, to be used later:
#
# $$\text{moving} \leftarrow m\cdot\text{moving} + (1 - m)\cdot\text{this batch's}$$
#
# The *momentum* $m$ weighs the **old** value; with Keras' 0.99, each batch contributes one per
# cent.
#
# **Mistakes people make.** Half of all explanations on the internet are about PyTorch, which
# differs from Keras in all three conventions, and calls them by the same names:
#
# | | Keras, and this course | PyTorch |
# |---|---|---|
# | `momentum` is the weight of | the old value (0.99) | the new value (0.1) |
# | $\varepsilon$, by default | 0.001 | 0.00001 |
# | variance that is averaged | biased: divided by $N$ | unbiased: divided by $N - 1$ |

# %%
card("regularization.batch_norm_train")

# %% tags=["nbval-check-output"]
check("regularization.batch_norm_train")

# %% [markdown]
# What does your function make of the two pictures from above?

# %%
from cifar_course.regularization import batch_norm_train

ones, zeros = np.ones(4), np.zeros(4)
early_normalised, *_ = batch_norm_train(early, ones, zeros, zeros, ones)
late_normalised, *_ = batch_norm_train(late, ones, zeros, zeros, ones)
plots.distributions(
    {"at the start": early_normalised, "weights doubled, biases moved": late_normalised},
    unit="normalised output",
)
plt.show()

# %% tags=["nbval-check-output"]
print("the two agree:", np.allclose(early_normalised, late_normalised, atol=0.05))
print("shape kept:", late_normalised.shape == late.shape)

# %% [markdown]
# *The same two sets after Batch Normalization. Look at left and right: they are the same picture.
# Doubling and shifting a channel leaves no trace, so the next layer need not chase after it.*
#
# That is also why a convolution in front of a BatchNormalization needs no bias: the mean takes it
# away again, and $\beta$ does its work.
#
# (Why this helps is still debated. The paper said it calms the *distributions*; Santurkar and
# others, "How Does Batch Normalization Help Optimization?", 2018, found that it makes the *loss*
# smoother, so that larger steps are safe. That it helps, nobody doubts.)
#
# ### How fast do the moving statistics arrive?
#
# They start at 0 (mean) and 1 (variance), and approach the truth step by step. Feed your function
# one batch of 16 pictures after the other, and watch the moving mean of channel 3:

# %%
random = np.random.default_rng(0)
batches = [late[random.choice(len(late), 16, replace=False), ::3, ::3] for _ in range(400)]
curves = {}
for momentum in (0.9, 0.99, 0.999):
    mean, variance, path = zeros, ones, [0.0]
    for batch in batches:
        _, mean, variance = batch_norm_train(batch, ones, zeros, mean, variance, momentum)
        path.append(mean[3])
    curves[f"momentum {momentum}"] = path
own = [batch[..., 3].mean() for batch in batches]
plots.moving_statistics(curves, own, true=late[..., 3].mean(), unit="mean of channel 3")
plt.show()

# %% [markdown]
# *The moving mean over 400 steps. Look at when each line reaches the black one, and how calm it is
# there: 0.9 arrives at once and trembles with every batch, 0.999 is perfectly calm and has not
# arrived. 0.99 is the compromise.*
#
# After $n$ steps the share $m^n$ of the starting value is still there. When is it below one per
# cent?

# %% tags=["nbval-check-output"]
for momentum in (0.9, 0.99, 0.999):
    print(f"momentum {momentum:<5}: {math.ceil(math.log(0.01) / math.log(momentum)):>5,} steps")

# %% [markdown]
# Keep the middle number in mind: section 7 is about it.

# %% [markdown]
# ## 3. At test time: nobody else counts
#
# What if you went on using the batch's statistics at test time? Take one picture, and put it into
# two batches: with the seven darkest pictures, and with the seven brightest.

# %%
order = np.argsort(pictures.mean((1, 2, 3)))
for name, company in (("darkest", order[:7]), ("brightest", order[-7:])):
    batch = late[[order[400], *company]]
    out, *_ = batch_norm_train(batch, ones, zeros, zeros, ones)
    print(f"among the {name:>9} pictures, its channel 0 has a mean of {out[0, ..., 0].mean():+.2f}")

# %% [markdown]
# The same picture, and two different answers. A verdict that depends on who else is in the queue is
# no verdict. So at test time the moving statistics take the place of the batch's, and each picture
# stands for itself:
#
# $$y = \gamma\,\frac{x - \text{moving mean}}{\sqrt{\text{moving variance} + \varepsilon}} + \beta$$

# %%
card("regularization.batch_norm_inference")

# %% tags=["nbval-check-output"]
check("regularization.batch_norm_inference")

# %% tags=["nbval-check-output"]
from cifar_course.regularization import batch_norm_inference

statistics = late.mean((0, 1, 2)), late.var((0, 1, 2))
together = batch_norm_inference(late[:8], ones, zeros, *statistics)
alone = batch_norm_inference(late[:1], ones, zeros, *statistics)
print("alone as in company:", np.allclose(alone, together[:1], atol=1e-4))

# %% [markdown]
# So all depends on the moving statistics. What if training stops early? Here is what your function
# makes of the same outputs with the statistics that 10, 100 and 400 steps leave (momentum 0.99):

# %%
mean, variance, panels = zeros, ones, {}
for step, batch in enumerate(batches, start=1):
    _, mean, variance = batch_norm_train(batch, ones, zeros, mean, variance)
    if step in (10, 100, 400):
        panels[f"after {step} steps"] = batch_norm_inference(late, ones, zeros, mean, variance)
plots.distributions(panels, unit="output in inference mode")
plt.show()

# %% [markdown]
# *The outputs in inference mode. Look at the left panel: after 10 steps the moving statistics are
# still nearly 0 and 1, so that hardly anything is normalised, and the next layer sees numbers that
# it never saw in training. Only on the right is the picture what it was in training.*

# %% [markdown]
# ## 4. Dropout: learning by heart, made hard
#
# A large network can store its training pictures one by one. One way to do so is a conspiracy:
# a unit that reacts to one picture alone, and others that correct for it everywhere else. Dropout
# breaks conspiracies. At every training step each number is silenced with probability $p$, the
# *rate*, on its own, so that no unit can rely on any other:
#
# $$y_i = \frac{b_i\,x_i}{1 - p} \qquad b_i = 0 \text{ with probability } p,\;
# 1 \text{ otherwise}$$
#
# (Srivastava and others, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
# 2014.)
#
# > **Puzzle.** Where does the $1 - p$ come from? With $p = 0.8$ only a fifth of the numbers are
# > left. The next layer adds up its inputs: how large is the sum in training, compared with the sum
# > at test time, where nothing is silenced?
#
# Because of that factor the expected value of $y_i$ is $x_i$, and at test time dropout does nothing
# at all. This is called *inverted* dropout. (The paper scaled at test time instead, and that is the
# form that many textbooks show.)
#
# **Mistakes people make.** `rate` is the share that is *dropped*; the first TensorFlow asked for
# the share that is *kept*, and at 0.5 nobody notices. One mask for a whole batch lets all pictures
# of a batch lose the same units. And a generator without a seed cannot be checked.

# %%
card("regularization.dropout")

# %% tags=["nbval-check-output"]
check("regularization.dropout")

# %%
from cifar_course.regularization import dropout

rates = (0.0, 0.25, 0.4, 0.5, 0.8)
picture = (pictures[0] - pictures[0].min()) / np.ptp(pictures[0])  # from z-scores to 0..1
feature_map = np.maximum(early[0, ..., 1], 0)  # the map of a filter, after its ReLU
plots.dropped(
    {
        "a picture": [dropout(picture, rate, training=True, seed=1) for rate in rates],
        "its feature map": [dropout(feature_map, rate, training=True, seed=1) for rate in rates],
    },
    titles=[f"rate {rate:g}" for rate in rates],
)
plt.show()

# %% [markdown]
# *A picture and one of its feature maps under your dropout. Look at two things from left to right:
# more and more numbers are black (in the picture, each of the three colours of a pixel on its own),
# and the survivors become brighter. You still recognise the shape for quite a while: so must the
# network, from whatever is left.*

# %%
maps = np.maximum(early[:50], 0)
shares = np.arange(0, 0.95, 0.1)
scaled = [dropout(maps, rate, training=True).mean() for rate in shares]
unscaled = [mean * (1 - rate) for mean, rate in zip(scaled, shares, strict=True)]
plots.kept_mean(shares, {"divided by 1 - rate": scaled, "not divided": unscaled}, maps.mean())
plt.show()

# %% [markdown]
# *The mean of 50 pictures' feature maps after dropout. Look at the blue line: it stays on the black
# one at every rate, so that training and test time see the same mean. Without the division
# (orange) the next layer would be tuned to a signal that is five times too weak at a rate of 0.8.*

# %% tags=["nbval-check-output"]
silent = dropout(np.ones(100_000), 0.25, training=True) == 0
print("share dropped at a rate of 0.25:", silent.mean().round(2))
print("dropped at test time:", int((dropout(np.ones(1000), 0.25, training=False) == 0).sum()))

# %% [markdown]
# ## 5. A layer with a memory
#
# The mathematics is a function; the bookkeeping is a layer. `batch_norm_train` is handed four
# arrays and returns two of them anew, and somebody has to keep them from call to call, save them
# with the model, and tell the optimizer which of them to learn. In Keras that is what a `Layer` is
# for, and there are four places to fill in:
#
# - `__init__` keeps the settings, and nothing else: the shape of the input is not known yet.
# - `build(input_shape)` makes the weights, once, when the shape is known: `self.add_weight(...)`.
#   With `trainable=False` the optimizer keeps its hands off: that is for the moving statistics.
# - `call(inputs, training=None)` computes. Inside `fit` the inputs are symbols of a compiled graph,
#   not numbers, so use `keras.ops` instead of NumPy, and `weight.assign(...)` instead of
#   `weight = ...`, which would only rebind a Python name.
# - `get_config` returns the settings, its parent's (`name`, `trainable` and others) included. A saved
#   model holds the weights and this dictionary: what it does not mention is lost, and comes back as
#   the default, without a warning.
#
# One more rule is Keras' own, and lesson 5 depends on it: a BatchNormalization with
# `trainable = False` runs in **inference mode, even when called with** `training=True`. Frozen
# means frozen: moving statistics that drift would change a layer that was to be left alone.

# %%
card("regularization.BatchNorm")

# %% tags=["nbval-check-output"]
check("regularization.BatchNorm")

# %% tags=["nbval-check-output"]
from cifar_course.regularization import BatchNorm

ours, theirs = BatchNorm(), keras.layers.BatchNormalization()
for mode in (True, False):
    found, wanted = (as_array(layer(late[:16], training=mode)) for layer in (ours, theirs))
    print(f"training={mode}: like Keras' own layer: {np.allclose(found, wanted, atol=1e-3)}")
learnt = sum(math.prod(weight.shape) for weight in ours.trainable_weights)
kept = sum(math.prod(weight.shape) for weight in ours.non_trainable_weights)
print(f"for 4 channels it learns {learnt} numbers and keeps {kept} more")

# %% [markdown]
# From here on we use `keras.layers.BatchNormalization`: you know now what is in it, and anyone can
# load a model that is made of Keras' own layers.

# %% [markdown]
# ## 6. The network of this course
#
# Lesson 2's three blocks, with a BatchNormalization after every convolution and Dropout at 0.25,
# 0.4 and 0.5. The rates rise towards the output: early maps are few, and everything is built on them;
# late ones are many, and say similar things. That is a habit that has served well, not a law.
#
# Some choices are left to you. The paper normalises *before* the ReLU; after it works about as
# well. But mind the order of the two newcomers: dropout *before* a BatchNormalization changes the
# variance that it measures in training and not at test time (Li and others, "Understanding the
# Disharmony between Dropout and Batch Normalization by Variance Shift", 2019), so within a block
# dropout comes last. Some of it reaches the next block's BatchNormalization all the same; only
# dropout after the last one is free of it.

# %%
card("regularization.build_regularized_cnn")

# %% tags=["nbval-check-output"]
check("regularization.build_regularized_cnn")

# %% tags=["nbval-check-output"]
from cifar_course.regularization import build_regularized_cnn

for layer in build_regularized_cnn().layers:
    print(f"{type(layer).__name__:20}{layer.output.shape[1:]}")

# %% [markdown]
# ## 7. Why is it so bad at first?
#
# Sooner or later everyone meets this: the training accuracy rises from the first steps, and the
# validation accuracy sits at chance. It looks like overfitting, within seconds. Let us see what it
# is. The network below has BatchNormalization and no dropout, and we ask it about *the same
# training pictures* in both modes. To make it plain, somebody forgot lesson 1: it gets raw pixels,
# 0 to 255.


# %%
def small_network(input_shape, filters, normalised):
    """Three blocks, with or without BatchNormalization, and no dropout."""
    network = keras.Sequential([keras.Input(input_shape)])
    for count in filters:
        network.add(keras.layers.Conv2D(count, 3, padding="same"))
        if normalised:
            network.add(keras.layers.BatchNormalization())
        network.add(keras.layers.ReLU())
        network.add(keras.layers.MaxPooling2D())
    network.add(keras.layers.Flatten())
    network.add(keras.layers.Dense(10, activation="softmax"))
    return network


def compiled(network, rate):
    """Ready to train, with Adam at this learning rate."""
    network.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    return network


# %%
keras.utils.set_random_seed(5)
network = compiled(small_network((32, 32, 3), (8, 16, 32), normalised=True), rate=5e-3)
x, y = data.x_train[:750].astype(np.float32), np.eye(10)[data.y_train[:750]]
steps, right = range(0, 241, 20), {"with the batch's statistics": [], "in inference mode": []}
for step in range(241):
    if step in steps:
        before = network.get_weights()
        for name, mode in zip(right, (True, False), strict=True):
            guesses = as_array(network(x[:250], training=mode)).argmax(1)
            right[name].append((guesses == y[:250].argmax(1)).mean())
        network.set_weights(before)  # the look in training mode moved the statistics
    chosen = random.choice(len(x), 16, replace=False)
    network.train_on_batch(x[chosen], y[chosen])
plots.two_modes(steps, right, title=f"250 training pictures ({data.name})")
plt.show()

# %% [markdown]
# *Accuracy of one and the same network on the same 250 training pictures. Look at the distance
# between the lines: in the first steps the network is good, but only with the batch's statistics.
# In inference mode it stays near chance (0.1), until the moving statistics have caught up.*
#
# It cannot be overfitting, because the pictures are those it learns from. It is section 3 again:
# the moving mean starts at 0 and the true one is far away, at 0.99 it takes 459 steps to forget
# where it started, and the weights that it should describe keep moving meanwhile. With
# standardised pictures it starts closer and catches up sooner; deep inside the network nobody
# standardises for you.
#
# With CIFAR-10's 45,000 pictures and batches of 64, an epoch has 704 steps, and nobody notices.
# With a small set and a short run it ruins the result: **give a network with BatchNormalization at
# least 400 steps before you judge it.**

# %% [markdown]
# ## 8. Does it help?
#
# Now the race, with a trap. Three in ten training pictures get a random label. About 73 per cent
# of the labels are then still right, so whoever knows more of them than that has learnt mistakes
# by heart. The 500 validation pictures keep their true labels.
#
# (The pictures are halved in size first, so that the race takes seconds.)


# %%
def half_size(pictures):
    """The mean of every 2x2 pixels."""
    return pictures.reshape(len(pictures), 16, 2, 16, 2, 3).mean((2, 4))


x, y = half_size(training[0]), training[1].copy()
trapped = random.choice(len(y), round(0.3 * len(y)), replace=False)
y[trapped] = np.eye(10)[random.integers(0, 10, len(trapped))]
still_right = (y.argmax(1) == training[1].argmax(1)).mean()

shape, filters = (16, 16, 3), (16, 32, 64)
networks = {
    "plain": lambda: small_network(shape, filters, normalised=False),
    "with BatchNormalization and dropout": lambda: build_regularized_cnn(shape, 10, filters),
}
histories = {}
for name, build in networks.items():
    keras.utils.set_random_seed(6)
    run = compiled(build(), rate=2e-3).fit(
        x,
        y,
        validation_data=(half_size(validation[0]), validation[1]),
        epochs=20,
        batch_size=32,
        verbose=0,
    )
    histories[name] = run.history
plots.compared_curves(
    histories,
    limit=still_right,
    title=f"2,000 training pictures, 3 in 10 labels random ({data.name})",
)
plt.show()

# %% [markdown]
# *Accuracy over the epochs; the dotted line is the share of training labels that are right. Look at
# the left panel first: training goes on rising past the dotted line, which it can do only by
# learning mistakes, and from about there validation goes down. On the right, training stays well
# below the line, and validation is still on its way up at the end.*
#
# Three readings that people get wrong:
#
# - "Validation lies *above* training, so something is broken." Keras measures the training accuracy
#   with dropout at work, and here on labels that are partly wrong.
# - "The gap is small, so the network is good." A network that has learnt nothing has no gap at all.
#   What counts is the height of the dashed line.
# - "Regularisation is free." Look at the first epochs: the plain network is far ahead. Dropout
#   needs more steps and larger networks. The full run of this course takes both.
#
# Had somebody stopped the plain network in time, it would have done as well here, or better. How to
# know when: that is lesson 4.

# %% [markdown]
# ## What you have now
#
# A network that is normalised and hard to lead astray. Run `cifar-course` in a terminal to see the
# board. Lesson 4 decides how fast it learns, and when to stop.
#
# **Think it over.** With a batch of one picture, what does `batch_norm_train` make of an input of
# shape `(1, channels)`? And of `(1, 32, 32, channels)`? Which of the two would you dare to train
# with?
