# %% [markdown]
# # Lesson 1: Pixels, statistics and splits
#
# A network never sees a picture. It sees numbers, and how these numbers are laid out and scaled
# decides whether it learns in minutes or not at all. In this lesson you take a set of small
# colour pictures from raw bytes to data that every later lesson trains on.
#
# **You will** write five short functions in `cifar_course/normalization.py`, with NumPy alone.
#
# **You will learn** what a channel's mean and standard deviation say, why uint8 arithmetic
# betrays you, how to split data so that pairs stay pairs, and what *leakage* is.
#
# **You need** NumPy's indexing and broadcasting. About an hour.
#
# The first cell says whose functions this notebook uses. Edit `cifar_course/normalization.py` in
# your editor, save, and run the cells again: the change is picked up at once.

# %%
from cifar_lab.check import card, check, start

start(1)

# %%
import matplotlib.pyplot as plt
import numpy as np

from cifar_lab import plots
from cifar_lab.data import load

data = load()
print(f"The pictures: {data.name}")

# %% [markdown]
# ## 1. What is in the box
#
# If CIFAR-10 is on this machine, `load` has read it. Otherwise you are looking at a set of ten
# kinds of shapes that the course draws itself, so that everything works offline. All the ideas
# are the same; the accuracies are not, so every accuracy in this course says which data it is on.
#
# Either way, `images` has the shape `(n, height, width, channels)`: *channels last*, as Keras
# wants it. One number is the brightness of one colour at one place, 0 to 255.

# %% tags=["nbval-check-output"]
images, labels = data.x_train[:4000], data.y_train[:4000]
print("images", images.shape, images.dtype, "from", images.min(), "to", images.max())
print("labels", labels.shape, "classes", np.unique(labels).tolist())

# %%
figure, axes = plt.subplots(3, 10, figsize=(9, 3.1))
for column, name in enumerate(data.class_names):
    plots.image_grid(axes[:, column], images[labels == column][:3])
    axes[0, column].set_title(name, fontsize="small")
plt.show()

# %% [markdown]
# *Three pictures of each class. Look at how little the colour says: within one class it changes
# from picture to picture, so a network has to find out about shapes.*

# %% [markdown]
# ## 2. One number per channel
#
# Do the three channels look alike? Count how often each brightness occurs:

# %%
plots.channel_histograms(images, unit="brightness (0 to 255)")
plt.show()

# %% [markdown]
# *Share of pixels at each brightness, one line per channel. Look at the centres and the widths:
# they differ from channel to channel.*
#
# The first layer of a network multiplies all of them by weights of about the same size. A channel
# that is brighter on average, or varies more, is heard louder for no good reason. And because all
# pixel values are positive, one picture pulls all weights of a unit of a dense layer in the same
# direction, up or down. A batch of pictures softens this, but steps still tend to zig-zag (LeCun,
# Bottou, Orr and Müller, "Efficient BackProp", 1998, section 4.3).
#
# The cure begins with two numbers for each channel $c$, over all images $i$, rows $y$ and
# columns $x$, in all $N$ pixels:
#
# $$\mu_c = \frac{1}{N}\sum_{i,y,x} p_{iyxc} \qquad
# \sigma_c = \sqrt{\frac{1}{N}\sum_{i,y,x} (p_{iyxc} - \mu_c)^2}$$
#
# Not one number per pixel: a convolution treats every place alike, so every place must be scaled
# alike. And divided by $N$, not $N - 1$: we describe these pixels and do not estimate a larger
# population (with fifty million pixels nobody could tell, with two pixels everybody can).
#
# > **Puzzle.** `images.astype("float32").sum(axis=(0, 1, 2))` of CIFAR-10's 50,000 training images
# > gives 4294967296 for every channel; the true sums are about six thousand million, and differ.
# > Why that number? A float32 has 24 bits for its digits. Once a running sum has passed $2^{32}$, its
# > neighbours are 512 apart, and adding a pixel, 255 at most, changes nothing. (Without `axis`, NumPy
# > adds in pairs and comes out right: luck, not safety.)

# %%
card("normalization.channel_statistics")

# %% tags=["nbval-check-output"]
check("normalization.channel_statistics")

# %% [markdown]
# **A mistake people make:** `images.mean(axis=0)` gives a *mean picture*, one number per pixel and
# channel. It was common once. It costs $32 \cdot 32 \cdot 3$ numbers instead of 3, and it breaks
# the very symmetry that convolutions rely on.

# %%
from cifar_course.normalization import channel_statistics

mean, std = channel_statistics(images)
for channel, m, s in zip(("red", "green", "blue"), mean, std, strict=True):
    print(f"{channel:>5}: mean {m:6.2f}   standard deviation {s:5.2f}   ({data.name})")

# %% [markdown]
# For all 50,000 training images of CIFAR-10 you would see 125.3, 123.0 and 113.9, with
# standard deviations 63.0, 62.1 and 66.7. Divided by 255, these are the 0.491, 0.482, 0.447 and
# 0.247, 0.243, 0.262 that you meet all over the internet.

# %% [markdown]
# ## 3. Standardise
#
# Subtract the mean, divide by the standard deviation, for each channel:
#
# $$z = \frac{p - \mu_c}{\sigma_c}$$
#
# A *z-score* says how many standard deviations a value lies from its channel's mean. What can go
# wrong in so short a formula? Look:

# %% tags=["nbval-check-output"]
pixel = np.array([3], dtype=np.uint8)
print("3 - 5 in uint8:", pixel - np.uint8(5))
print("3 - 5 in float:", pixel - 5.0)

# %% [markdown]
# uint8 knows no negative numbers: it wraps around to 254, without a warning. And the operators
# `-=` and `/=` write into the caller's array, who will not thank you. One more: what if a channel
# never varies, like the third channel of a grey-scale film? Then $\sigma_c = 0$, and $0/0$ is NaN.
# One NaN spreads to all that is computed from it. With luck the loss turns NaN at once; without,
# ReLU and pooling swallow it, and the network learns nothing from any picture. Such a channel has
# told the network nothing in training, so it becomes all zeros, even in later pictures that do vary
# there.

# %%
card("normalization.standardize")

# %% tags=["nbval-check-output"]
check("normalization.standardize")

# %%
from cifar_course.normalization import standardize

standardized = standardize(images, mean, std)
plots.channel_histograms(standardized, unit="z-score (standard deviations from the mean)")
plt.show()

# %% [markdown]
# *The same pixels after standardising. Look at the horizontal axis: all three channels are now
# centred on 0 with the same width. The shapes of the curves have not changed, only their place
# and scale: nothing was lost.*

# %%
figure, axes = plt.subplots(1, 8, figsize=(9, 1.5))
shown = (standardized[:4] - standardized.min()) / np.ptp(standardized)
plots.image_grid(axes, [*images[:4], *shown], titles=["raw"] * 4 + ["z-scores"] * 4)
plt.show()

# %% [markdown]
# *Four pictures, and their z-scores squeezed back into what a screen can show. You recognise all
# of them: standardising moves numbers, it does not remove information.*

# %% [markdown]
# ## 4. Labels are not numbers
#
# Class 9 is not three times class 3, and the average of "circle" and "star" is not what stands
# between them in the list. So each label becomes a direction of its own, a row of zeros with a
# single one: *one-hot*. The loss of lesson 2 compares such a row with the network's ten
# probabilities.
#
# Keras' own CIFAR-10 loader returns labels as a *column*, `(n, 1)`. Many an evening was lost to
# this: comparing a column with a row does not fail, it *broadcasts*.

# %% tags=["nbval-check-output"]
column, row = np.array([[1], [2], [3]]), np.array([1, 2, 3])
print("three labels equal to three labels:", (column == row).shape, "comparisons")
print("an 'accuracy' of", (column == row).mean().round(3))

# %%
card("normalization.one_hot")

# %% tags=["nbval-check-output"]
check("normalization.one_hot")

# %%
from cifar_course.normalization import one_hot

figure, axis = plt.subplots(figsize=(5, 2.6))
axis.imshow(one_hot(labels[:8], 10), cmap="Blues", vmin=0, vmax=1)
axis.set(xlabel="class", ylabel="image", xticks=range(10), yticks=range(8))
plt.show()

# %% [markdown]
# *Eight labels, one-hot. Look at a row: exactly one dark square, at the label.*

# %% [markdown]
# ## 5. Hold some back
#
# A network can learn its training images by heart. To notice, you need images that it has never
# learnt from. In this course there are three parts: **training** to learn from, **validation** to
# make decisions with (when to stop, which rate), and **test** to look at once, at the end.
#
# Files are often sorted by class, so the choice must be random; but a result that cannot be
# repeated cannot be checked, so it must be random *from a seed*. And whatever you do to the
# images, you must do to the labels.
#
# > **Puzzle.** You shuffle the images, then shuffle the labels with the same generator. How well can
# > the best network that could ever be trained on the result do on pictures it has not seen?

# %%
card("normalization.train_validation_split")

# %% tags=["nbval-check-output"]
check("normalization.train_validation_split")

# %%
from cifar_course.normalization import train_validation_split

x_train, y_train, x_validation, y_validation = train_validation_split(images, labels)
plots.class_counts(
    {"training": y_train, "validation": y_validation}, data.class_names, unit="share of the part"
)
plt.show()

# %% [markdown]
# *How the classes share out. Look at the dark and light bars of one class: they are about equal,
# because the choice was random. Ten per cent of 4,000 is only 400, so small differences are
# chance, not a fault.*
#
# (And the puzzle: every image carries a random label, so on new pictures no network can do better
# than chance, 10 % with ten classes. These very pictures it can still learn by heart: lesson 3.)

# %% [markdown]
# ## 6. The order of things
#
# Now put it together. There is one decision left, and it is the one that people get wrong in
# published papers: *whose* mean and standard deviation?
#
# When the network is in use, pictures arrive one by one, and nobody knows tomorrow's. So the
# scaling must be fixed beforehand, from the training part alone: **split first, measure
# afterwards**. Statistics that have seen the validation or test images carry information about
# them into training. This is *leakage*. Here it is a trickle; with rarer features, or with
# feature selection, it has made chance look like knowledge (Kapoor and Narayanan, "Leakage and
# the reproducibility crisis in machine-learning-based science", 2023).

# %%
card("normalization.prepare")

# %% tags=["nbval-check-output"]
check("normalization.prepare")

# %% tags=["nbval-check-output"]
from cifar_course.normalization import prepare

parts = prepare(images, labels, data.x_test[:1000], data.y_test[:1000])
for name, (x, y) in zip(("training", "validation", "test"), parts, strict=True):
    print(f"{name:>10}: x {x.shape} {x.dtype}, y {y.shape} {y.dtype}")

# %%
for name, (x, _) in zip(("training", "validation", "test"), parts, strict=True):
    means = ", ".join(f"{value:+.3f}" for value in x.mean((0, 1, 2)))
    print(f"{name:>10}: channel means {means}")

# %% [markdown]
# The training part is centred exactly, the others nearly: just as it should be.
#
# ## What you have now
#
# Run `cifar-course` in a terminal to see the board. Everything from here on begins with
# `prepare`. In lesson 2 you build the network that eats its output.
#
# **Think it over.** A colleague standardises every image with its *own* mean and standard
# deviation. Which information does the network lose? When might that be a good idea?
