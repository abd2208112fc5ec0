# %% [markdown]
# # Lesson 3: Batch Normalization and dropout
#
# Lesson 2's network learns slowly, and in the end it memorizes its training images. Two ideas help:
# **Batch Normalization** keeps the numbers between the layers in a range where learning is easy,
# and **dropout** makes memorizing hard. They have one thing in common that confuses everyone once:
# they behave differently in training and at test time.
#
# **You will** write both by hand in NumPy, turn Batch Normalization into a Keras layer of your own,
# and build the network that the rest of the course trains. All of this goes into
# `cifar_course/regularization.py`.
#
# **You will learn** what the statistics of a batch are and over which axes you compute them, why a
# layer keeps moving averages, what `momentum` means in Keras (and what it means in PyTorch), why
# dropout divides by `1 - rate`, how a Keras layer keeps its state, and why the accuracy of such a
# network looks terrible in its first steps.
#
# **You need** lessons 1 and 2, or at least their ideas. If your `prepare` of lesson 1 is not ready
# yet, this notebook uses the reference's and says so. The lesson takes about two hours.

# %%
from cifar_lab.notebook import borrow, card, check, start

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
images = training[0][:750]
as_array = keras.ops.convert_to_numpy
print(f"{len(training[0])} training and {len(validation[0])} validation images: {data.name}")

# %% [markdown]
# ## 1. Numbers that will not stay where they are
#
# In lesson 1 you standardized the images once and for all. But only the first layer gets the
# images. The second layer gets the outputs of the first, and the first layer *changes* with every
# step of training.
#
# Here is a convolution with four filters. The left panel shows its outputs for some images, with
# the weights that it has at the start. The right panel shows its outputs for the same images after
# its weights have doubled and its biases have shifted, as can happen in training.

# %%
keras.utils.set_random_seed(4)
convolution = keras.layers.Conv2D(4, 3)
early = as_array(convolution(images))
kernel, bias = convolution.get_weights()
convolution.set_weights([2 * kernel, bias + np.array([-4, 0, 3, 6])])
late = as_array(convolution(images))

plots.distributions(
    {"at the start": early, "weights doubled, biases shifted": late},
    unit="output of the convolution",
)
plt.show()

# %% [markdown]
# *How often each output occurs, one line per channel. Look at how far apart the four lines are in
# the right panel, and how wide they are. The next layer has adapted to the values on the left, and
# now it gets mostly large numbers, and in most channels almost all of them have the same sign. A
# ReLU would set channel 0 almost entirely to zero and leave channel 3 unchanged.*
#
# > **Puzzle.** The network learned nothing between the left and the right panel: doubling and
# > shifting a channel adds no information. Which two numbers per channel do you have to know to
# > undo the change?

# %% [markdown]
# ## 2. Normalize with the batch
#
# You know these two numbers from lesson 1: a mean and a standard deviation. The idea of Ioffe and
# Szegedy ("Batch Normalization", 2015, algorithm 1) is to compute them inside the network, again
# for every batch. For each channel, over all $N$ values in the batch, that is, over all images,
# rows and columns:
#
# $$\mu = \frac{1}{N}\sum_i x_i \qquad \sigma^2 = \frac{1}{N}\sum_i (x_i - \mu)^2 \qquad
# y_i = \gamma\,\frac{x_i - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# - There is one $\mu$ and one $\sigma^2$ **per channel**, computed over all axes *but the last*. A
#   channel is the output of one filter at all places, so all places are scaled alike.
# - $\varepsilon$ is added to the variance, under the square root. A channel that is constant in
#   this batch is normalized to zero, and there is no 0/0.
# - $\gamma$ and $\beta$ are learned. If the network needs a channel that is wide or not centered on
#   zero, it learns these two numbers and does not have to change a thousand weights.
#
# At test time there may be no batch, only a single image. So during training the layer keeps a
# **moving average** of both statistics and uses it later:
#
# $$\text{moving} \leftarrow m\cdot\text{moving} + (1 - m)\cdot\text{this batch's}$$
#
# The *momentum* $m$ is the weight of the **old** value. With Keras' 0.99, each batch contributes
# one percent.
#
# **A common mistake:** mixing up Keras and PyTorch. Many explanations on the internet are about
# PyTorch, which differs from Keras in three conventions but uses the same names:
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
# Apply your function to both outputs from section 1:

# %%
from cifar_course.regularization import batch_norm_train

ones, zeros = np.ones(4), np.zeros(4)
early_normalized, *_ = batch_norm_train(early, ones, zeros, zeros, ones)
late_normalized, *_ = batch_norm_train(late, ones, zeros, zeros, ones)
plots.distributions(
    {"at the start": early_normalized, "weights doubled, biases shifted": late_normalized},
    unit="normalized output",
)
plt.show()

# %% tags=["nbval-check-output"]
print("the two agree:", np.allclose(early_normalized, late_normalized, atol=0.05))
print("shape kept:", late_normalized.shape == late.shape)

# %% [markdown]
# *The same two outputs after Batch Normalization. Compare the left and the right panel: they look
# the same. Doubling and shifting a channel now has almost no effect, so the next layer does not
# have to adapt to it.*
#
# This is also why a convolution directly before a BatchNormalization needs no bias: subtracting the
# mean removes the bias again, and $\beta$ does its work.
#
# (Why Batch Normalization helps is still debated. Its authors said that it makes the
# *distributions* more stable. Santurkar and others, "How Does Batch Normalization Help
# Optimization?", 2018, found that it makes the *loss* smoother, so that larger steps are safe.
# Nobody doubts that it helps.)
#
# ### How fast do the moving statistics adapt?
#
# They start at 0 (mean) and 1 (variance), and approach the true values step by step. Give your
# function one batch of 16 images after the other, and watch the moving mean of channel 3:

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
batch_means = [batch[..., 3].mean() for batch in batches]
plots.moving_statistics(curves, batch_means, true=late[..., 3].mean(), unit="mean of channel 3")
plt.show()

# %% [markdown]
# *The moving mean over 400 steps. Look at when each line reaches the black one, and how much it
# varies there. With 0.9 the moving mean arrives very soon and then changes a little with every
# batch. With 0.999 it is perfectly smooth and has not arrived after 400 steps. 0.99 is the
# compromise.*
#
# After $n$ steps, the starting value still has the weight $m^n$. After how many steps is this
# weight below one percent?

# %% tags=["nbval-check-output"]
for momentum in (0.9, 0.99, 0.999):
    print(f"momentum {momentum:<5}: {math.ceil(math.log(0.01) / math.log(momentum)):>5,} steps")

# %% [markdown]
# Remember the number in the middle: you will need it in section 7.

# %% [markdown]
# ## 3. At test time: every image on its own
#
# What happens if you still use the batch's statistics at test time? Take one image, and put it into
# two batches: one with the seven darkest images, and one with the seven brightest.

# %%
order = np.argsort(images.mean((1, 2, 3)))
for name, others in (("darkest", order[:7]), ("brightest", order[-7:])):
    batch = late[[order[400], *others]]
    out, *_ = batch_norm_train(batch, ones, zeros, zeros, ones)
    print(f"among the {name:>9} images, its channel 0 has a mean of {out[0, ..., 0].mean():+.2f}")

# %% [markdown]
# It is the same image, but there are two different results. Imagine an exam in which your grade
# depends on who sits next to you! So at test time the layer uses the moving statistics in place of
# the batch's, and the result for an image does not depend on any other image:
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
print("the same alone and in a batch:", np.allclose(alone, together[:1], atol=1e-4))

# %% [markdown]
# So everything depends on the moving statistics. What if training stops early? Here is the output
# of your function for the same images, with the moving statistics after 10, 100 and 400 steps
# (momentum 0.99):

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
# still close to 0 and 1, so the outputs are hardly normalized, and the next layer gets numbers that
# it never got in training. The outputs look as they did in training only in the right panel.*

# %% [markdown]
# ## 4. Dropout makes memorizing hard
#
# A large network can memorize its training images one by one. One way to do so is a small
# conspiracy, called *co-adaptation*: one unit responds to a single image, and other units correct
# the effect of this unit on all other images. Dropout breaks such conspiracies. At every training
# step, each number is set to zero with probability $p$, the *rate*, independently of all others, so
# that no unit can rely on any other:
#
# $$y_i = \frac{b_i\,x_i}{1 - p} \qquad b_i = 0 \text{ with probability } p,\;
# 1 \text{ otherwise}$$
#
# (Srivastava and others, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
# 2014.)
#
# > **Puzzle.** Why do we divide by $1 - p$? With $p = 0.8$ only a fifth of the numbers are left.
# > The next layer adds up its inputs. Without the division, how large is this sum in training,
# > compared with the sum at test time, when nothing is set to zero?
#
# Because of the division, the expected value of $y_i$ is $x_i$, and at test time dropout does
# nothing at all. This is called *inverted* dropout. (The paper scaled at test time instead, and
# many textbooks show this form.)
#
# **Common mistakes.** `rate` is the fraction that is *dropped*; early versions of TensorFlow asked
# for the fraction that is *kept*, and at 0.5 nobody notices the difference. If a whole batch shares
# one mask, all its images lose the same units. And if the generator has no seed, nobody can check
# its results.

# %%
card("regularization.dropout")

# %% tags=["nbval-check-output"]
check("regularization.dropout")

# %%
from cifar_course.regularization import dropout

rates = (0.0, 0.25, 0.4, 0.5, 0.8)
image = (images[0] - images[0].min()) / np.ptp(images[0])  # from z-scores to 0..1
feature_map = np.maximum(early[0, ..., 1], 0)  # the map of a filter, after its ReLU
plots.dropped(
    {
        "an image": [dropout(image, rate, training=True, seed=1) for rate in rates],
        "its feature map": [dropout(feature_map, rate, training=True, seed=1) for rate in rates],
    },
    titles=[f"rate {rate:g}" for rate in rates],
)
plt.show()

# %% [markdown]
# *An image and one of its feature maps after your dropout. Look at two things from left to right:
# more and more numbers are black (in the image, dropout treats each of the three colors of a pixel
# on its own), and the numbers that are left become brighter. You still recognize the shape at quite
# high rates. The network has to do the same with the numbers that are left.*

# %%
maps = np.maximum(early[:50], 0)
all_rates = np.arange(0, 0.95, 0.1)
scaled = [dropout(maps, rate, training=True).mean() for rate in all_rates]
unscaled = [mean * (1 - rate) for mean, rate in zip(scaled, all_rates, strict=True)]
plots.kept_mean(all_rates, {"divided by 1 - rate": scaled, "not divided": unscaled}, maps.mean())
plt.show()

# %% [markdown]
# *The mean of the feature maps of 50 images after dropout. Look at the blue line: it stays close to
# the black one at every rate, so the mean is the same in training and at test time. Without the
# division (orange) and with a rate of 0.8, the next layer would learn from a signal that is five
# times weaker than at test time.*

# %% tags=["nbval-check-output"]
dropped = dropout(np.ones(100_000), 0.25, training=True) == 0
print("fraction dropped at a rate of 0.25:", dropped.mean().round(2))
print("dropped at test time:", int((dropout(np.ones(1000), 0.25, training=False) == 0).sum()))

# %% [markdown]
# ## 5. A layer with state
#
# So far, your Batch Normalization is a function. It gets four arrays besides its input, `gamma`,
# `beta` and the two moving statistics, and it returns new values for the last two. Something has to
# keep these arrays from call to call, save them with the model, and tell the optimizer which of
# them to learn. In Keras this is the job of a `Layer`. You fill in four methods:
#
# - `__init__` stores the settings, and nothing else: the shape of the input is not known yet.
# - `build(input_shape)` creates the weights, once, when the shape is known: `self.add_weight(...)`.
#   The optimizer does not change a weight with `trainable=False`: use it for the moving statistics.
# - `call(inputs, training=None)` computes the output. Inside `fit`, the inputs are symbols of a
#   compiled graph and not numbers. So use `keras.ops` instead of NumPy, and `weight.assign(...)`
#   instead of `weight = ...`, which would only rebind a Python name.
# - `get_config` returns the settings, including those of the parent class (`name`, `trainable` and
#   others). A saved model contains the weights and this dictionary. A setting that is missing from
#   the dictionary is lost and comes back as the default, without a warning.
#
# Keras has one more rule, and lesson 5 depends on it: a BatchNormalization with `trainable = False`
# runs in **inference mode, even when you call it with** `training=True`. Frozen means frozen: if
# the moving statistics drifted, they would change a layer that should stay as it is.

# %%
card("regularization.BatchNorm")

# %% tags=["nbval-check-output"]
check("regularization.BatchNorm")

# %% tags=["nbval-check-output"]
from cifar_course.regularization import BatchNorm

ours, theirs = BatchNorm(), keras.layers.BatchNormalization()
for mode in (True, False):
    found, wanted = (as_array(layer(late[:16], training=mode)) for layer in (ours, theirs))
    print(f"training={mode}: same as Keras' own layer: {np.allclose(found, wanted, atol=1e-3)}")
learned = sum(math.prod(weight.shape) for weight in ours.trainable_weights)
kept = sum(math.prod(weight.shape) for weight in ours.non_trainable_weights)
print(f"for 4 channels it learns {learned} numbers and keeps {kept} more")

# %% [markdown]
# From here on you use `keras.layers.BatchNormalization`: you now know what is in it, and anyone can
# load a model that consists of Keras' own layers.

# %% [markdown]
# ## 6. The network of this course
#
# The network has lesson 2's three blocks, with a BatchNormalization after every convolution and
# Dropout at 0.25, 0.4 and 0.5. The rates rise toward the output: there are few early maps, and
# everything is built on them; there are many late maps, and many of them contain similar
# information. This is a habit that works well, not a law.
#
# You have some choices. The paper normalizes *before* the ReLU; normalizing after it works about as
# well. But be careful with the order of the two new layers. Dropout *before* a BatchNormalization
# changes the variance that this layer measures in training, but there is no such change at test
# time (Li and others, "Understanding the Disharmony between Dropout and Batch Normalization by
# Variance Shift", 2019). So within a block, dropout comes last. Some of the effect still reaches
# the BatchNormalization of the next block. Only dropout after the last BatchNormalization is free
# of it.

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
# Sooner or later everyone sees this: the training accuracy rises from the first steps, and the
# validation accuracy stays at chance level. It looks like overfitting, after a few seconds of
# training. What is it really? The network below has BatchNormalization and no dropout, and you
# measure its accuracy on *the same training images* in both modes. To make the effect large,
# somebody forgot lesson 1: the network gets raw pixels, 0 to 255.


# %%
def small_network(input_shape, filters, normalized):
    """Build three blocks, with or without BatchNormalization, and no dropout."""
    network = keras.Sequential([keras.Input(input_shape)])
    for count in filters:
        network.add(keras.layers.Conv2D(count, 3, padding="same"))
        if normalized:
            network.add(keras.layers.BatchNormalization())
        network.add(keras.layers.ReLU())
        network.add(keras.layers.MaxPooling2D())
    network.add(keras.layers.Flatten())
    network.add(keras.layers.Dense(10, activation="softmax"))
    return network


def compiled(network, rate):
    """Compile the network with Adam at this learning rate, and return it."""
    network.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    return network


# %%
keras.utils.set_random_seed(5)
network = compiled(small_network((32, 32, 3), (8, 16, 32), normalized=True), rate=5e-3)
x, y = data.x_train[:750].astype(np.float32), np.eye(10)[data.y_train[:750]]
steps, accuracies = range(0, 241, 20), {"with the batch's statistics": [], "in inference mode": []}
for step in range(241):
    if step in steps:
        before = network.get_weights()
        for name, mode in zip(accuracies, (True, False), strict=True):
            predicted = as_array(network(x[:250], training=mode)).argmax(1)
            accuracies[name].append((predicted == y[:250].argmax(1)).mean())
        network.set_weights(before)  # measuring in training mode changed the moving statistics
    chosen = random.choice(len(x), 16, replace=False)
    network.train_on_batch(x[chosen], y[chosen])
plots.two_modes(steps, accuracies, title=f"250 training images ({data.name})")
plt.show()

# %% [markdown]
# *The accuracy of one and the same network on the same 250 training images. Look at the distance
# between the lines: after a few dozen steps the network is already much better than chance, but
# only with the batch's statistics. In inference mode it stays near chance (0.1) until the moving
# statistics have come closer to the true ones.*
#
# This cannot be overfitting, because these are images that the network learns from. It is the
# effect of section 3 again: the moving mean starts at 0 and the true mean is far away. With a
# momentum of 0.99 it takes 459 steps until the starting value has a weight below one percent, and
# during these steps the weights of the network change, and the true mean changes with them. With
# standardized images, the moving statistics of the first BatchNormalization start closer to the
# true ones and arrive sooner. The layers deeper inside the network do not have this advantage.
#
# With CIFAR-10's 45,000 training images and batches of 64, an epoch has 704 steps, and nobody
# notices the effect. With a small dataset and a short training run, it ruins the result: **give a
# network with BatchNormalization at least 400 steps before you judge it.**

# %% [markdown]
# ## 8. Does it help?
#
# Now two networks run a race, and the race has a trap: three in ten training images get a random
# label. Then about 73 % of the labels are still right. A network whose training accuracy is higher
# than that has memorized wrong labels. The 500 validation images keep their true labels.
#
# (First you make the images half as high and half as wide, so that the race takes seconds.)


# %%
def half_size(images):
    """Return images of half the size: each pixel is the mean of 2 x 2 pixels."""
    return images.reshape(len(images), 16, 2, 16, 2, 3).mean((2, 4))


x, y = half_size(training[0]), training[1].copy()
relabeled = random.choice(len(y), round(0.3 * len(y)), replace=False)
y[relabeled] = np.eye(10)[random.integers(0, 10, len(relabeled))]
still_right = (y.argmax(1) == training[1].argmax(1)).mean()

shape, filters = (16, 16, 3), (16, 32, 64)
networks = {
    "plain": lambda: small_network(shape, filters, normalized=False),
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
    title=f"2,000 training images, 3 in 10 labels random ({data.name})",
)
plt.show()

# %% [markdown]
# *Accuracy over the epochs; the dotted line is the fraction of training labels that are right. Look
# at the left panel first: the training accuracy rises above the dotted line, which is possible only
# by memorizing wrong labels, and meanwhile the validation accuracy falls. In the right panel, the
# training accuracy stays well below the line, and the validation accuracy is still rising at the
# end.*
#
# Three conclusions are tempting, and all three are wrong:
#
# - "Validation is *above* training, so something is broken." Keras measures the training accuracy
#   with dropout switched on, and here on labels that are partly wrong.
# - "The gap is small, so the network is good." A network that has learned nothing has no gap at
#   all. What counts is the height of the dashed line.
# - "Regularization is free." Look at the first epochs: the plain network is far ahead. Dropout
#   needs more steps and larger networks. The full training run of this course uses both.
#
# If you had stopped the plain network in time, its validation accuracy would have been as high as
# the other's here, or higher. In lesson 4 you learn when to stop.

# %% [markdown]
# ## What you have now
#
# You have a network with Batch Normalization that does not easily memorize wrong labels. Run
# `cifar-course` in a terminal to see the board. In lesson 4 you decide how fast it learns, and when
# it stops.
#
# **Think it over.** With a batch of one image, what does `batch_norm_train` return for an input of
# shape `(1, channels)`? And for one of shape `(1, 32, 32, channels)`? Which of the two would you
# dare to train with?
