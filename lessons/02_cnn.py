# %% [markdown]
# # Lesson 2: A convolutional network by hand
#
# A convolutional network is four small ideas stacked on top of each other: look at a small window,
# use the same window everywhere, keep the largest answer, and turn scores into probabilities. In
# this lesson you write each of them in NumPy, hold it against Keras, and then build the whole
# network in a dozen lines of Keras.
#
# **You will** write eight functions in `cifar_course/cnn.py`: six in NumPy, two in Keras.
#
# **You will learn** how large a convolution's output is and why, what a kernel sees, what pooling
# throws away, how to compute a softmax that survives large numbers, what cross-entropy measures,
# and where a network's parameters sit.
#
# **You need** lesson 1's idea of `(n, height, width, channels)`, and NumPy. About two hours, the
# largest part of it for `conv2d`.

# %%
from cifar_lab.check import borrow, card, check, start

start(2)

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from cifar_lab import plots
from cifar_lab.data import load

data = load().sample(train=2000, test=500)
print(f"The pictures: {data.name}")

# %% [markdown]
# ## 1. Why not just a Dense layer?
#
# A Dense layer gives every output a weight for every input. For our pictures:

# %% tags=["nbval-check-output"]
inputs = 32 * 32 * 3
print(f"one picture: {inputs:,} numbers")
print(f"a Dense layer of 1,000 units: {inputs * 1000 + 1000:,} weights and biases")

# %% [markdown]
# Three million numbers to learn, and the layer still knows nothing about pictures. Shuffle the
# pixels of all pictures in the same way, and it learns exactly as well as before. To us, the
# shuffled pictures are noise.
#
# Two things are true of pictures that a Dense layer has to find out by itself:
#
# - **Neighbours belong together.** Whether a pixel lies on an edge is decided by the pixels
#   around it, not by one at the other end.
# - **A thing is the same thing everywhere.** An edge at the left looks like an edge at the right.
#
# A *convolution* builds in both. A small table of weights, the **kernel**, looks at one small
# window at a time, and the *same* kernel looks at every window (LeCun, Bottou, Bengio and
# Haffner, "Gradient-based learning applied to document recognition", 1998).

# %% [markdown]
# ## 2. How many places are there?
#
# Before we compute anything: if a kernel of 3 pixels moves along a row of 8 pixels, 2 at a time,
# how often does it stop? Guess first, then run the cell.

# %%
plots.kernel_places(size=8, kernel_size=3, stride=2)
plt.show()

# %% [markdown]
# *One row of 8 pixels (blue, numbered) and every place (orange) where a kernel of 3 stops with a
# stride of 2. Look at the right end: with "valid" padding pixel 7 is never seen, because no whole
# kernel fits there. With "same" padding a zero (white) is added, and a fourth place sees it.*
#
# Keras knows two kinds of **padding**:
#
# - `"valid"`: none. The kernel stops only where it fits whole. The last place begins at pixel
#   $n - k$, and there is one place for each stride up to there, *and the one at 0*:
#   $$\left\lfloor \frac{n - k}{s} \right\rfloor + 1$$
# - `"same"`: zeros around the picture, just enough for one place in every $s$ pixels (section 3 says
#   on which side). With a stride of 1 the size stays the *same*; in general it is
#   $$\left\lceil \frac{n}{s} \right\rceil$$
#
# Here $n$ is the size, $k$ the kernel's size, $s$ the stride; $\lfloor\cdot\rfloor$ rounds down,
# $\lceil\cdot\rceil$ up. (Dumoulin and Visin, "A guide to convolution arithmetic for deep
# learning", 2016, has all the pictures.) What should happen if nothing fits, a kernel of 5 in 4
# pixels? An output of 0 rows would travel on through the program and fail far away. Say so at
# once: raise `ValueError`.

# %%
card("cnn.conv_output_size")

# %% tags=["nbval-check-output"]
check("cnn.conv_output_size")

# %% tags=["nbval-check-output"]
from cifar_course.cnn import conv_output_size

print("size kernel stride   valid  same")
for size, kernel_size, stride in ((32, 3, 1), (32, 3, 2), (32, 5, 1), (33, 3, 2), (224, 7, 2)):
    sizes = [conv_output_size(size, kernel_size, stride, p) for p in ("valid", "same")]
    print(f"{size:4} {kernel_size:6} {stride:6} {sizes[0]:7} {sizes[1]:5}")

# %% [markdown]
# **A mistake people make:** padding `kernel_size // 2` on both sides, as formulas for odd kernels
# tell you. For a kernel of 4 that is one zero too many, and the output grows by one.

# %% [markdown]
# ## 3. What a kernel sees
#
# Now the computation. At each place the kernel is laid over the picture, the numbers that lie on
# top of each other are multiplied, and everything is added up, *over all input channels too*:
#
# $$\text{out}_{n,i,j,f} = b_f + \sum_{r}\sum_{c}\sum_{k}
# \text{images}_{n,\; i s + r,\; j s + c,\; k} \cdot \text{kernels}_{r,c,k,f}$$
#
# Read it aloud once: *for picture n, row i, column j and filter f, start from the bias, and add
# up the products over kernel rows r, kernel columns c and input channels k.* Six indices, and
# that is all there is.
#
# > **Puzzle.** This kernel is laid over each 3 x 3 window of a picture. What does it answer where
# > the picture is flat? Where it gets darker from left to right? Where it gets darker downwards?
# >
# > ```
# > 1  0 -1
# > 1  0 -1
# > 1  0 -1
# > ```
#
# Two traps before you start:
#
# - **Nothing is flipped.** In mathematics a *convolution* turns the kernel around first. Networks
#   do not, so strictly they compute a *cross-correlation* (Goodfellow, Bengio and Courville, "Deep
#   Learning", 2016, section 9.1). A learned kernel can be learned either way round, so nobody
#   minds, until they compare with `scipy.signal.convolve`.
# - **Where does the odd zero go?** With `"same"`, the last place ends at
#   $(\text{out} - 1)\,s + k$. The zeros that are missing go half before, half after; if their
#   number is odd, the extra one goes *below and to the right*. In the figure above it is one zero
#   in all, and it sits on the right.

# %%
card("cnn.conv2d")

# %% tags=["nbval-check-output"]
check("cnn.conv2d")

# %% [markdown]
# Does it do what Keras does? Take a layer of Keras with its random weights, and use yours on the
# same numbers:

# %% tags=["nbval-check-output"]
from cifar_course.cnn import conv2d

some = (data.x_train[:4] / 127.5 - 1).astype("float32")
layer = keras.layers.Conv2D(8, (3, 5), strides=2, padding="same")
theirs = keras.ops.convert_to_numpy(layer(some))
kernels, bias = layer.get_weights()
ours = conv2d(some, kernels, bias, stride=2, padding="same")
print("images", some.shape, "kernels", kernels.shape, "bias", bias.shape)
print("ours", ours.shape, "theirs", theirs.shape)
print("they agree:", np.allclose(ours, theirs, atol=1e-4))

# %% [markdown]
# And now look through four kernels, made by hand, at one picture in grey:

# %%
vertical = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]]) / 3
by_hand = {
    "vertical edges": vertical,
    "horizontal edges": vertical.T,
    "corners": np.array([[1, 0, -1], [0, 0, 0], [-1, 0, 1]]) / 2,
    "blur": np.ones((3, 3)) / 9,
}
picture = data.x_train[data.y_train == 3][0]
grey = picture.mean(axis=-1) / 127.5 - 1
four = np.stack(list(by_hand.values()), axis=-1)
maps = conv2d(grey[None, :, :, None], four[:, :, None], np.zeros(4), padding="same")
plots.feature_maps(grey, four, maps[0], list(by_hand))
plt.show()

# %% [markdown]
# *A picture, four kernels (above) and what your `conv2d` makes of it with each (below). Such a
# result is called a **feature map**. Look at where each map is strongly orange or purple: the first
# kernel answers only where brightness changes from left to right, with one sign where it falls and
# the other where it rises; the second only where it changes downwards. The blur keeps everything
# but the noise. Look also at the outermost pixels: the zeros of "same" padding make an edge there
# that is not in the picture.*
#
# Nobody will choose kernels by hand from here on. The network starts with random ones and learns
# those that are of use.
#
# **Mistakes people make:** computing in the pictures' own uint8, where neither −3 nor 300 exists;
# forgetting that one filter reads *all* input channels; adding the bias inside the sum.

# %% [markdown]
# ## 4. Keep the largest
#
# Once a kernel has found an edge, does it matter whether it was at column 13 or 14? Hardly. So a
# network can afford to look at each 2 x 2 window of a feature map and keep only its largest value:
# *max-pooling*. Rows and columns are halved, three quarters of the numbers disappear, and the next
# convolution sees twice as far with the same 3 x 3 kernel.
#
# > **Puzzle.** A map of 5 x 5 is pooled with windows of 2 x 2. What happens to the fifth row? And
# > what is the largest of −3, −2, −5 and −4, if your loop starts with `best = 0`?

# %%
card("cnn.max_pool2d")

# %% tags=["nbval-check-output"]
check("cnn.max_pool2d")

# %%
from cifar_course.cnn import max_pool2d

corner = picture[None, 8:15, 8:15, :1]
plots.pooling(corner[0, ..., 0], max_pool2d(corner)[0, ..., 0], pool_size=2)
plt.show()

# %% [markdown]
# *Seven rows and columns of a picture's red channel, and what is left of them. Look at one window
# (orange lines) and find its largest number on the right. The last row and column fill no window:
# they are dropped.*

# %% tags=["nbval-check-output"]
shapes = [np.zeros((1, 32, 32, 1))]
while shapes[-1].shape[1] > 1:
    shapes.append(max_pool2d(shapes[-1]))
print("32 x 32, pooled again and again:", [s.shape[1] for s in shapes])

# %% [markdown]
# ## 5. From scores to probabilities
#
# At its end the network has one score for each class, a **logit**: any real number, the higher the
# likelier. To become probabilities, scores must be positive and add up to one. `exp` makes them
# positive, and dividing by the sum does the rest:
#
# $$\text{softmax}(z)_k = \frac{e^{z_k}}{\sum_j e^{z_j}}$$
#
# (Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.)
# Written down like this, it takes one line. Try it on larger numbers:

# %% tags=["nbval-check-output"]
with np.errstate(all="ignore"):
    for logits in (np.array([1.0, 2.0, 3.0]), np.array([1001.0, 1002.0, 1003.0])):
        powers = np.exp(logits)
        print(logits, "->", powers.round(2), "->", (powers / powers.sum()).round(3))

# %% [markdown]
# The second row asks the same question, all scores are only 1,000 higher, and the answer is
# `nan`: *not a number*. $e^{1003}$ is larger than any float64, so it becomes infinity, and
# infinity divided by infinity means nothing. At the other end, for scores of −1,000, it is 0/0.
#
# > **Puzzle.** Multiply the numerator and the denominator of the formula by the same $e^{-m}$.
# > What happens to the exponents? Which $m$ makes sure that nothing overflows, *and* that the sum
# > below is at least 1?

# %%
card("cnn.softmax")

# %% tags=["nbval-check-output"]
check("cnn.softmax")

# %%
from cifar_course.cnn import softmax

scores = np.array([[2.0, 1.0, 0.1, -1.5, 2.5]])
plots.logits_and_probabilities(scores[0], softmax(scores)[0], data.class_names[:5])
plt.show()

# %% [markdown]
# *Five scores, and the probabilities that they become. Look at the first and the last class: their
# scores differ by half a point, and the probabilities by a factor of $e^{0.5}$, about 1.6. A
# negative score still gets something.*
#
# **A mistake people make:** subtracting the largest logit of the *whole batch*. A row that lies far
# below it underflows to 0/0, and it is the row of an innocent picture.

# %% [markdown]
# ## 6. How surprised are you?
#
# The network said 70 % cat, and it was a cat. How good is that? And how bad is 1 %? The
# **cross-entropy** charges each picture the *surprise* at the truth:
#
# $$\text{loss} = -\frac{1}{n}\sum_{i=1}^{n} \log p_{i,\;\text{true class of } i}$$
#
# This is the negative log-likelihood of the labels (Goodfellow, Bengio and Courville, 2016,
# section 6.2.1): the network that makes it small is the one under which the labels are most
# likely. With one-hot targets it is a sum over classes in which all terms but one are
# multiplied by zero.
#
# And what if the network says exactly 0 %, and is wrong? $-\log 0$ is infinite, and one such
# picture would make the mean of all others meaningless. So the probabilities are kept away from 0
# by a tiny floor, too low to change anything else.

# %%
card("cnn.categorical_crossentropy")

# %% tags=["nbval-check-output"]
check("cnn.categorical_crossentropy")

# %%
from cifar_course.cnn import categorical_crossentropy

share = np.linspace(0.005, 1, 200)
costs = [categorical_crossentropy(np.array([[1, 0]]), np.array([[p, 1 - p]])) for p in share]
plots.surprise(share, costs, chance=0.1)
plt.show()

# %% [markdown]
# *What a picture costs, over the probability that its true class was given. Look at the left end:
# being sure and wrong is expensive without limit. The orange dot is a network that knows nothing
# and gives each of ten classes 10 %: it pays $\log 10 \approx 2.30$. Remember this number: a fresh
# network's loss should begin near it.*
#
# **Mistakes people make:** summing over the batch, so that the loss grows with the batch size;
# taking the mean over pictures *and* classes, which makes it ten times too small; dividing each
# row by its sum first, as Keras' own function does: it hides a forgotten softmax.

# %% [markdown]
# ## 7. Where are the parameters?
#
# A convolution learns the numbers in its kernels, and one bias for each filter. Every place uses
# the same ones (*weight sharing*), so the size of the picture does not matter. But remember that
# the kernel of a filter is as *deep* as what it reads: on 64 channels, a 3 x 3 kernel holds
# 576 numbers, not nine.

# %%
card("cnn.conv2d_parameter_count")

# %% tags=["nbval-check-output"]
check("cnn.conv2d_parameter_count")

# %%
from cifar_course.cnn import conv2d_parameter_count

counts = {
    "convolution, 3 to 64 channels": conv2d_parameter_count(3, 3, 64),
    "convolution, 64 to 128": conv2d_parameter_count(3, 64, 128),
    "convolution, 128 to 256": conv2d_parameter_count(3, 128, 256),
    "Dense, 4 x 4 x 256 to 10 classes": 4 * 4 * 256 * 10 + 10,
    "(section 1: Dense, picture to 1,000)": 32 * 32 * 3 * 1000 + 1000,
}
plots.parameter_counts(list(counts), list(counts.values()))
plt.show()
print(f"the network that you are about to build: {sum(list(counts.values())[:4]):,} in all")

# %% [markdown]
# *How many numbers each layer of the next section's network learns, on an axis where each step is
# a factor of ten. Look at the last bar, the Dense layer of section 1: it alone learns more than
# seven times as many as the whole network.*

# %% [markdown]
# ## 8. The network
#
# Now Keras does the arithmetic, and you decide the structure. Three blocks, each a 3 x 3 "same"
# convolution, a **ReLU**, and 2 x 2 max-pooling; then the maps are laid out in one long row
# (*Flatten*), and a Dense layer with a softmax gives the probabilities:
#
# ```
# 32 x 32 x 3  ─ conv, ReLU ─ 32 x 32 x 64  ─ pool ─ 16 x 16 x 64
#              ─ conv, ReLU ─ 16 x 16 x 128 ─ pool ─  8 x 8 x 128
#              ─ conv, ReLU ─  8 x 8 x 256  ─ pool ─  4 x 4 x 256
#              ─ Flatten ─ 4096 ─ Dense, softmax ─ 10
# ```
#
# ReLU is $\max(0, x)$ and looks like nothing. Leave it out, and three convolutions collapse: a
# linear map of a linear map is a linear map, however many you stack (pooling aside). With it, each
# layer can build on what the one before has *found*: edges, then corners, then shapes.
#
# As the pictures get smaller, the filters get more: there are few kinds of edges but many kinds
# of things.

# %%
card("cnn.build_cnn")

# %% tags=["nbval-check-output"]
check("cnn.build_cnn")

# %% tags=["nbval-check-output"]
from cifar_course.cnn import build_cnn

network = build_cnn()
larger = build_cnn((64, 64, 3))
print("from", network.input_shape, "to", network.output_shape)
print(f"{network.count_params():,} parameters; for 64 x 64 pictures {larger.count_params():,}")

# %% [markdown]
# Pictures of twice the size, and the three convolutions have not gained a single parameter. It is
# the Dense layer that grows, because Flatten hands it four times as many numbers.
#
# **Mistakes people make:** forgetting `padding="same"` (the maps shrink by two each time); leaving
# out `keras.Input`, so that a model has no weights until it sees its first batch; a `sigmoid` at
# the end, which lets all classes be likely at once.

# %% [markdown]
# ## 9. Ready to train
#
# A network says what is computed. `compile` adds how it learns: the **optimizer**, the **loss**
# that it makes small, and the **metrics** that people want to read. Ours is *Adam* (Kingma and Ba,
# 2015), which scales each weight's step by the recent size of that weight's own gradients; its
# authors' learning rate of 0.001 is where almost everybody starts.
#
# Two things go wrong here so often that they are worth saying beforehand:
#
# - `optimizer="adam"` is Adam at 0.001, whatever learning rate you had in mind.
# - `model.compile(optimizer, loss, ["accuracy"])` sets *loss weights*, Keras' third argument, and
#   fails much later with a message about strings. Write `metrics=["accuracy"]`.

# %%
card("cnn.compile_cnn")

# %% tags=["nbval-check-output"]
check("cnn.compile_cnn")

# %% [markdown]
# ## 10. Let it learn
#
# Everything is in place. We take lesson 1's `prepare`, a small network that two processor cores can
# train while you watch, and 1,800 pictures. What should the loss be before the first step?

# %%
from cifar_course.cnn import compile_cnn

prepare = borrow("normalization.prepare")
(x_train, y_train), (x_validation, y_validation), (x_test, y_test) = prepare(
    data.x_train, data.y_train, data.x_test, data.y_test
)

# %%
keras.utils.set_random_seed(0)
network = compile_cnn(build_cnn(filters=(16, 24, 32)), learning_rate=0.002)
before = categorical_crossentropy(y_test, network.predict(x_test, verbose=0))
print(f"loss before training: {before:.2f}; ten classes at 10 % each would cost {np.log(10):.2f}")

history = network.fit(
    x_train,
    y_train,
    validation_data=(x_validation, y_validation),
    epochs=8,
    batch_size=64,
    verbose=0,
).history
plots.learning_curves(history, title=f"A small CNN on 1,800 pictures of the {data.name}")
plt.show()

# %% [markdown]
# *Loss and accuracy after each pass over the training pictures (an epoch). Look at the end: the
# blue line goes on improving where the orange one hardly does. What the network gains there, it
# gains by learning its training pictures by heart; lesson 3 is about that. And do not wonder at the
# beginning, where the orange line is the better one: Keras averages the training numbers over the
# whole epoch, while the network is still improving, and measures validation at its end.*

# %%
said = network.predict(x_test, verbose=0).argmax(axis=-1)
truth = y_test.argmax(axis=-1)
print(f"test accuracy {np.mean(said == truth):.1%} on 500 pictures of the {data.name}")

counted = np.zeros((10, 10), int)
np.add.at(counted, (truth, said), 1)
plots.confusion(counted, data.class_names)
plt.show()

# %% [markdown]
# *Which class (row) was taken for which (column). On the diagonal the network is right. Look at the
# largest numbers beside it: are these pairs that you, too, would mistake for each other at this
# size?*
#
# Last, open the box. The first layer's kernels are plain numbers, so *your* `conv2d` can use them:

# %%
first = next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D))
kernels, bias = first.get_weights()
one = x_test[truth == 3][:1]
maps = np.maximum(conv2d(one, kernels, bias, padding="same"), 0)
plots.grey_maps((one[0] - one.min()) / np.ptp(one), maps[0])
plt.show()

# %% [markdown]
# *A test picture, and what the first eleven learnt filters make of it, after ReLU: computed by your
# function, from the network's own weights. White is strong, black is nothing. Look for filters that
# answer to edges of one direction only, and for those that answer to the brightness or the colour
# of whole areas. Compare them with section 3: nobody told them to.*
#
# ## What you have now
#
# Every part of a convolutional network, written once by hand. From here on you may use Keras with
# a good conscience. Given time, the network of section 8 learns even the 50,000 training
# pictures of CIFAR-10 by heart, and is no better at others for it. Lesson 3 holds it back.
#
# **Think it over.** Your `conv2d` and Keras' agree to four digits, but Keras' is many times
# faster. Which of your loops, or which of your copies, costs the most?
