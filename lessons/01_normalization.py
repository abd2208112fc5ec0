# %% [markdown]
# # Lesson 1: Pixels, statistics and splits
#
# A network never sees an image. It sees numbers, and how these numbers are arranged and scaled
# decides whether it learns in minutes or not at all. In this lesson you turn the raw bytes of small
# color images into data that a network learns from easily.
#
# **You will** write five short functions in `cifar_course/normalization.py`, with NumPy alone.
#
# **You will learn** what the mean and the standard deviation of a channel tell you, how uint8
# arithmetic goes wrong without a warning, how to split data so that every image keeps its label,
# and what *leakage* is.
#
# **You need** NumPy's indexing and broadcasting. The lesson takes about an hour.
#
# The first cell prints whose functions this notebook uses. Edit `cifar_course/normalization.py` in
# your editor, save the file, and run the cells again: the notebook uses the new version at once.
# `check` judges an exercise; its hints are folded below the verdict. `hint` and `solution`, from the
# same module, print a hint and, once your answer passes, the one of the course.

# %%
from cifar_lab.notebook import card, check, start

start(1)

# %%
import matplotlib.pyplot as plt
import numpy as np

from cifar_lab import plots
from cifar_lab.data import load

data = load()
print(f"Data: {data.name}")

# %% [markdown]
# ## 1. A first look at the data
#
# If CIFAR-10 is on this machine, `load` has read it. Otherwise you are looking at the synthetic
# dataset: ten classes of shapes that the course draws itself, so that everything works offline. All
# the ideas are the same, but the accuracies are not. For this reason, the course names the dataset
# next to every accuracy.
#
# In both cases, `images` has the shape `(n, height, width, channels)`. This order is called
# *channels last*, and it is Keras' default. Each number is the brightness of one color at one
# place, from 0 to 255.
#
# **Whose images are these?** The synthetic dataset belongs to the course. CIFAR-10 has no clear
# license: its images were collected from the internet for *80 Million Tiny Images*, a dataset that
# its authors have withdrawn. Learn with them and compare methods, but do not publish them as yours.

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
# *Three images of each class. Look at how little the color tells you: within one class it changes
# from image to image, so a network has to learn about shapes.*

# %% [markdown]
# ## 2. Two numbers per channel
#
# Do the three channels look alike? Count how often each brightness occurs:

# %%
plots.channel_histograms(images, unit="brightness (0 to 255)")
plt.show()

# %% [markdown]
# *The share of pixels at each brightness, one line per channel. Look at the centers and the widths:
# they differ from channel to channel.*
#
# The first layer of a network starts with weights of about the same size for all channels. So a
# channel that is brighter on average, or varies more, has more influence than the others, for no
# good reason. There is a second problem: no pixel value is negative, so a single image moves all
# weights of one unit in a dense first layer in the same direction, up or down. A batch of images
# makes this effect weaker, but the steps of training still tend to zig-zag (LeCun, Bottou, Orr and
# Müller, "Efficient BackProp", 1998, section 4.3).
#
# The solution begins with two numbers for each channel $c$, computed over all images $i$, rows $y$
# and columns $x$, that is, over all $N$ pixels:
#
# $$\mu_c = \frac{1}{N}\sum_{i,y,x} p_{iyxc} \qquad
# \sigma_c = \sqrt{\frac{1}{N}\sum_{i,y,x} (p_{iyxc} - \mu_c)^2}$$
#
# Why not two numbers for each place in the image? A convolution treats all places alike, so all
# places must be scaled alike. And why divide by $N$ and not by $N - 1$? You describe exactly these
# pixels; you do not estimate a larger population. (With fifty million pixels nobody could tell the
# difference, with two pixels everybody can.)
#
# > **Puzzle.** `images.astype("float32").sum(axis=(0, 1, 2))` of CIFAR-10's 50,000 training images
# > gives 4294967296 for every channel. The true sums are about six billion, and they differ from
# > each other. Where does that number come from? A float32 has 24 bits for its digits. Once a
# > running sum has reached $2^{32}$, the next float32 is 512 away, and adding a pixel, at most 255,
# > changes nothing. (Without `axis`, NumPy adds in pairs and the result is right, but this is luck
# > and not safety.)

# %%
card("normalization.channel_statistics")

# %% tags=["nbval-check-output"]
check("normalization.channel_statistics")

# %% [markdown]
# **A common mistake:** `images.mean(axis=0)` gives a *mean image*, one number per pixel and
# channel. Many people used it in the past. It needs $32 \cdot 32 \cdot 3$ numbers instead of 3, and
# it treats each place differently, while a convolution relies on treating all places alike.

# %%
from cifar_course.normalization import channel_statistics

mean, std = channel_statistics(images)
for channel, m, s in zip(("red", "green", "blue"), mean, std, strict=True):
    print(f"{channel:>5}: mean {m:6.2f}   standard deviation {s:5.2f}   ({data.name})")

# %% [markdown]
# For all 50,000 training images of CIFAR-10 the means are 125.3, 123.0 and 113.9, and the standard
# deviations are 63.0, 62.1 and 66.7. Divided by 255, these are the 0.491, 0.482, 0.447 and 0.247,
# 0.243, 0.262 that you find all over the internet.

# %% [markdown]
# ## 3. Standardize
#
# Subtract the mean and divide by the standard deviation, for each channel:
#
# $$z = \frac{p - \mu_c}{\sigma_c}$$
#
# The result is called a *z-score*. It says how many standard deviations a value is away from its
# channel's mean. What can go wrong in such a short formula? Look:

# %% tags=["nbval-check-output"]
pixel = np.array([3], dtype=np.uint8)
print("3 - 5 in uint8:", pixel - np.uint8(5))
print("3 - 5 in float:", pixel - 5.0)

# %% [markdown]
# uint8 has no negative numbers: the result wraps around to 254, without a warning. A second trap:
# the operators `-=` and `/=` write into the caller's array, and the caller will not thank you. A
# third one: what if a channel never varies, for example the blue channel of photos taken in pure
# red light? Then $\sigma_c = 0$, and $0/0$ is NaN. One NaN spreads to everything that is computed
# from it. If you are lucky, the loss becomes NaN at once. If you are not, ReLU and pooling may hide
# the NaN, and the network learns nothing from any image. A constant channel carries no information
# during training, so `standardize` sets it to zero, even in later images in which the channel does
# vary.

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
# *The same pixels after standardizing. Look at the horizontal axis: all three channels are now
# centered on 0 and have the same width. The shapes of the curves have not changed, only their
# position and their scale: no information is lost.*

# %%
figure, axes = plt.subplots(1, 8, figsize=(9, 1.5))
shown = (standardized[:4] - standardized.min()) / np.ptp(standardized)
plots.image_grid(axes, [*images[:4], *shown], titles=["raw"] * 4 + ["z-scores"] * 4)
plt.show()

# %% [markdown]
# *Four images, and their z-scores rescaled to the range that a screen can show. You recognize all
# of them: standardizing changes the numbers, but it does not remove information.*

# %% [markdown]
# ## 4. Labels are not numbers
#
# In CIFAR-10 an automobile is class 1, a cat is class 3 and a dog is class 5, but the average of an
# automobile and a dog is not a cat. So a label must not be used as a number. Each label becomes a
# row of zeros with a single one, at the label's place. This is called *one-hot* encoding. The loss
# of lesson 2 compares such a row with the ten probabilities that the network computes.
#
# Keras' own CIFAR-10 loader returns labels as a *column*, `(n, 1)`. This has cost many people an
# evening: NumPy does not complain if you compare a column with a row. It *broadcasts* them.

# %% tags=["nbval-check-output"]
column, row = np.array([[1], [2], [3]]), np.array([1, 2, 3])
print("three labels compared with three labels:", (column == row).shape, "comparisons")
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
# *Eight one-hot labels. Look at one row: it has exactly one dark square, at the label's place.*

# %% [markdown]
# ## 5. Hold some images back
#
# A network can memorize its training images. To detect this, you need images that it has never
# learned from. This course uses three parts: **training** to learn from, **validation** to make
# decisions with (when to stop, which learning rate), and **test** to measure the accuracy once, at
# the end.
#
# Files are often sorted by class, so the choice must be random. But nobody can check a result that
# nobody can repeat, so it must be random *from a seed*. And whatever you do to the images, you must
# also do to the labels.
#
# > **Puzzle.** You shuffle the images, then you shuffle the labels with the same random generator.
# > Now you train the best network in the world on the result. What accuracy can it reach on images
# > that it has not seen?

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
# *How the images of each part are distributed over the classes. Look at the dark and the light bar
# of one class: they are about equally high, because the choice was random. The validation part has
# only 400 images, ten percent of 4,000, so small differences are due to chance and are not an
# error.*
#
# (The answer to the puzzle: every image has a random label, so on new images no network can be
# better than chance, which is 10 % with ten classes. But a network can still memorize these
# training images: see lesson 3.)

# %% [markdown]
# ## 6. The right order
#
# Now put everything together. One decision is left, and even published papers get it wrong: *whose*
# mean and standard deviation do you use?
#
# When the network is in use, images arrive one by one, and nobody knows tomorrow's images. So you
# must fix the scaling in advance, from the training part alone: **split first, measure
# afterwards**. If the statistics include the validation or test images, they carry information
# about these images into training. This is called *leakage*. Here its effect is tiny. With rarer
# features, or with feature selection, leakage has made pure chance look like knowledge (Kapoor and
# Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science", 2023).

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
# The means of the training part are zero, apart from rounding. The means of the other two parts are
# only close to zero. That is exactly as it should be.
#
# ## What you have now
#
# Run `cifar-course` in a terminal to see the board. Lessons 2, 3 and 4 all use `prepare`. In lesson
# 2 you build a network and feed it with the result.
#
# **Think it over.** A colleague standardizes every image with its *own* mean and standard
# deviation. Which information does the network lose? When might that be a good idea?
