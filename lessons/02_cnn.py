# %% [markdown]
# # Lesson 2: A convolutional network by hand
#
# A convolutional network combines four small ideas: look at one small window at a time, use the
# same weights in every window, keep only the largest values, and turn scores into probabilities. In
# this lesson you write each of them in NumPy, compare it with Keras, and then build the whole
# network in a dozen lines of Keras.
#
# **You will** write eight functions in `cifar_course/cnn.py`: six in NumPy, two in Keras.
#
# **You will learn** how large the output of a convolution is and why, what a kernel responds to,
# what pooling throws away, how to compute a softmax that does not overflow, what cross-entropy
# measures, and which layers of a network have most of its parameters.
#
# **You need** NumPy, and from lesson 1 the shape `(n, height, width, channels)`. The lesson takes
# about two hours, and `conv2d` is the largest part of it.

# %%
from cifar_lab.notebook import borrow, card, check, start

start(2)

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from cifar_lab import plots
from cifar_lab.data import load

data = load().sample(train=2000, test=500)
print(f"Data: {data.name}")

# %% [markdown]
# ## 1. Why not just a Dense layer?
#
# A Dense layer has a weight for every pair of an input and an output. For our images:

# %% tags=["nbval-check-output"]
inputs = 32 * 32 * 3
print(f"one image: {inputs:,} numbers")
print(f"a Dense layer of 1,000 units: {inputs * 1000 + 1000:,} weights and biases")

# %% [markdown]
# Three million numbers to learn, and the layer still knows nothing about images. Shuffle the pixels
# of all images in the same way, and it learns exactly as well as before. To us, the shuffled images
# are noise.
#
# Two things are true of images, and a Dense layer has to learn both from the data:
#
# - **Neighbors belong together.** Whether a pixel lies on an edge depends on the pixels around it,
#   not on a pixel at the other end of the image.
# - **An object is the same object everywhere.** An edge on the left looks like an edge on the
#   right.
#
# A *convolution* has both built in. A small table of weights, the **kernel**, looks at one small
# window at a time, and the *same* kernel looks at every window (LeCun, Bottou, Bengio and Haffner,
# "Gradient-based learning applied to document recognition", 1998).

# %% [markdown]
# ## 2. How many places are there?
#
# First a question: a kernel of 3 pixels moves along a row of 8 pixels, 2 pixels at a time. At how
# many places does it stop? Guess first, then run the cell.

# %%
plots.kernel_places(size=8, kernel_size=3, stride=2)
plt.show()

# %% [markdown]
# *One row of 8 pixels (blue, numbered) and every place (orange) where a kernel of 3 pixels stops if
# it moves with a stride of 2. Look at the right end: with "valid" padding the kernel never covers
# pixel 7, because the whole kernel does not fit there. With "same" padding a zero (white) is added,
# and a fourth place covers pixel 7.*
#
# Keras has two kinds of **padding**:
#
# - `"valid"`: no padding. The kernel stops only where it fits completely. The first place begins at
#   pixel 0, and no place begins after pixel $n - k$. Count one place for each whole stride between
#   the two, *and one for the place at 0*:
#   $$\left\lfloor \frac{n - k}{s} \right\rfloor + 1$$
# - `"same"`: zeros around the image, just enough for one place in every $s$ pixels (section 3
#   explains on which side). With a stride of 1 the size stays the *same*. In general it is
#   $$\left\lceil \frac{n}{s} \right\rceil$$
#
# Here $n$ is the size of the image, $k$ the size of the kernel, and $s$ the stride;
# $\lfloor\cdot\rfloor$ rounds down and $\lceil\cdot\rceil$ rounds up. (Dumoulin and Visin, "A guide
# to convolution arithmetic for deep learning", 2016, has many more figures.) What should happen if
# the kernel does not fit at all, for example a kernel of 5 pixels in a row of 4 pixels? An output
# of 0 rows would cause an error later, in a distant part of the program. Report the mistake at
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
# **A common mistake:** padding with `kernel_size // 2` zeros on both sides, as formulas for odd
# kernels suggest. For a kernel of 4 pixels and a stride of 1, this is one zero too many, and the
# output grows by one.

# %% [markdown]
# ## 3. What a kernel responds to
#
# Now the computation. At each place, lay the kernel over the image, multiply the numbers that lie
# on top of each other, and add up all products, *over all input channels too*:
#
# $$\text{out}_{n,i,j,f} = b_f + \sum_{r}\sum_{c}\sum_{k}
# \text{images}_{n,\; i s + r,\; j s + c,\; k} \cdot \text{kernels}_{r,c,k,f}$$
#
# Read it aloud once: *for image n, row i, column j and filter f, start from the bias, and add up
# the products over kernel rows r, kernel columns c and input channels k.* Seven indices, and that
# is all there is.
#
# > **Puzzle.** Lay this kernel over each 3 x 3 window of an image. What is its output where all
# > pixels are equal? Where the image gets darker from left to right? Where it gets darker from top
# > to bottom?
# >
# > ```
# > 1  0 -1
# > 1  0 -1
# > 1  0 -1
# > ```
#
# Two traps before you start:
#
# - **Nothing is flipped.** In mathematics, a *convolution* flips the kernel first. Neural networks
#   do not, so strictly speaking they compute a *cross-correlation* (Goodfellow, Bengio and
#   Courville, "Deep Learning", 2016, section 9.1). A network can learn a kernel in either
#   orientation, so nobody notices the difference, until they compare with `scipy.signal.convolve`.
# - **Where does the odd zero go?** With `"same"`, the last place ends at $(\text{out} - 1)\,s + k$.
#   The pixels that the image lacks are zeros: half of them go before the image, half of them after
#   it. If their number is odd, the extra zero goes after the image, that is, *below it or to the
#   right of it*. In the figure above there is only one zero, and it is on the right.

# %%
card("cnn.conv2d")

# %% tags=["nbval-check-output"]
check("cnn.conv2d")

# %% [markdown]
# Does your function compute what Keras computes? Create a Keras layer with random weights, and
# apply your function to the same images with the same weights:

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
# Now apply four kernels, made by hand, to one image in gray:

# %%
vertical = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]]) / 3
by_hand = {
    "vertical edges": vertical,
    "horizontal edges": vertical.T,
    "corners": np.array([[1, 0, -1], [0, 0, 0], [-1, 0, 1]]) / 2,
    "blur": np.ones((3, 3)) / 9,
}
image = data.x_train[data.y_train == 3][0]
gray = image.mean(axis=-1) / 127.5 - 1
four = np.stack(list(by_hand.values()), axis=-1)
maps = conv2d(gray[None, :, :, None], four[:, :, None], np.zeros(4), padding="same")
plots.feature_maps(gray, four, maps[0], list(by_hand))
plt.show()

# %% [markdown]
# *An image, four kernels (above) and the output of your `conv2d` for each of them (below). Such an
# output is called a **feature map**. Look at the places where a map is strongly orange or purple.
# The first kernel responds only where the brightness changes from left to right: with one sign
# where the brightness falls, and with the other sign where it rises. The second kernel responds
# only where the brightness changes from top to bottom. The blur keeps most of the image and reduces
# the noise. Look also at the outermost pixels: the zeros of "same" padding create an edge that is
# not in the image.*
#
# From here on, nobody chooses kernels by hand. The network starts with random kernels and learns
# useful ones.
#
# **Common mistakes:** computing in the images' own uint8, which has neither −3 nor 300; forgetting
# that one filter reads *all* input channels; adding the bias inside the sum.

# %% [markdown]
# ## 4. Keep the largest
#
# Once a kernel has found an edge, does it matter whether the edge is at column 13 or 14? Hardly. So
# a network can look at each 2 x 2 window of a feature map and keep only its largest value:
# *max-pooling*. The numbers of rows and columns are halved, and three quarters of the values
# disappear. A 3 x 3 kernel of the next convolution then covers an area of the unpooled map that is
# twice as high and twice as wide.
#
# > **Puzzle.** A map of 5 x 5 is pooled with windows of 2 x 2. What happens to the fifth row? And
# > what is the largest of −3, −2, −5 and −4, if your loop starts with `best = 0`?

# %%
card("cnn.max_pool2d")

# %% tags=["nbval-check-output"]
check("cnn.max_pool2d")

# %%
from cifar_course.cnn import max_pool2d

corner = image[None, 8:15, 8:15, :1]
plots.pooling(corner[0, ..., 0], max_pool2d(corner)[0, ..., 0], pool_size=2)
plt.show()

# %% [markdown]
# *Seven rows and seven columns of an image's red channel (left), and the result of max-pooling
# (right). Look at one window (orange lines) and find its largest number on the right. The last row
# and the last column do not fill a window, so they are dropped.*

# %% tags=["nbval-check-output"]
shapes = [np.zeros((1, 32, 32, 1))]
while shapes[-1].shape[1] > 1:
    shapes.append(max_pool2d(shapes[-1]))
print("32 x 32, pooled again and again:", [s.shape[1] for s in shapes])

# %% [markdown]
# ## 5. From scores to probabilities
#
# The last layer of the network computes one score for each class, a **logit**. A logit can be any
# real number, and a higher one means a more likely class. To become probabilities, the scores must
# be positive and add up to one. `exp` makes them positive, and dividing by the sum does the rest:
#
# $$\text{softmax}(z)_k = \frac{e^{z_k}}{\sum_j e^{z_j}}$$
#
# (Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.)
# Written like this, it takes one line of code. Try it on larger numbers:

# %% tags=["nbval-check-output"]
with np.errstate(all="ignore"):
    for logits in (np.array([1.0, 2.0, 3.0]), np.array([1001.0, 1002.0, 1003.0])):
        powers = np.exp(logits)
        print(logits, "->", powers.round(2), "->", (powers / powers.sum()).round(3))

# %% [markdown]
# In the second row all scores are 1,000 higher. The probabilities should be the same, but the
# result is `nan`: *not a number*. $e^{1003}$ is larger than any float64, so it becomes infinity,
# and infinity divided by infinity is not defined. For scores near −1,000 the opposite happens: all
# powers become 0, and the result is 0/0.
#
# > **Puzzle.** Multiply the numerator and the denominator of the formula by the same $e^{-m}$. What
# > happens to the exponents? Which $m$ makes sure that nothing overflows, *and* that the sum in the
# > denominator is at least 1?

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
# *Five scores (left), and the probabilities that softmax makes of them (right). Look at the first
# and the last class: their scores differ by 0.5, so their probabilities differ by a factor of
# $e^{0.5}$, about 1.6. A class with a negative score still gets a small probability.*
#
# **A common mistake:** subtracting the largest logit of the *whole batch*. If all logits of a row
# are far below it, this row underflows to 0/0, although its image is perfectly innocent.

# %% [markdown]
# ## 6. How surprised are you?
#
# A network sees an image of a cat and gives the class "cat" a probability of 70 %. How good is
# that? And how bad would 1 % be? The **cross-entropy** measures the *surprise* at the true class of
# each image, and takes the mean:
#
# $$\text{loss} = -\frac{1}{n}\sum_{i=1}^{n} \log p_{i,\;\text{true class of } i}$$
#
# This is the negative log-likelihood of the labels, averaged over the images (Goodfellow, Bengio
# and Courville, 2016, section 6.2.1): a network with a smaller loss gives a higher probability to
# the true labels, taken together. With one-hot targets, the loss of one image is a sum over classes
# in which all terms but one are multiplied by zero.
#
# And what if the network gives the true class a probability of exactly 0 %? $-\log 0$ is infinite,
# and one such image would make the mean over all images meaningless. So a probability below a tiny
# minimum is replaced by this minimum, which is too small to change anything else.

# %%
card("cnn.categorical_crossentropy")

# %% tags=["nbval-check-output"]
check("cnn.categorical_crossentropy")

# %%
from cifar_course.cnn import categorical_crossentropy

given = np.linspace(0.005, 1, 200)
costs = [categorical_crossentropy(np.array([[1, 0]]), np.array([[p, 1 - p]])) for p in given]
plots.surprise(given, costs, chance=0.1)
plt.show()

# %% [markdown]
# *The loss of one image, as a function of the probability that the network gives its true class.
# Look at the left end: it is very expensive to be sure and wrong. The orange dot is a network that
# knows nothing and gives each of ten classes 10 %: its loss is $\log 10 \approx 2.30$. Remember
# this number: the loss of a new network should start near it.*
#
# **Common mistakes:** summing over the batch, so that the loss grows with the batch size; taking
# the mean over images *and* classes, which makes the loss ten times too small; dividing each row by
# its sum first, as Keras' own function does, which hides a forgotten softmax.

# %% [markdown]
# ## 7. Where are the parameters?
#
# A convolution learns the numbers in its kernels, and one bias for each filter. Every place uses
# the same numbers (*weight sharing*), so their count does not depend on the size of the image. But
# remember that the kernel of a filter is as *deep* as its input: on 64 channels, a 3 x 3 kernel has
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
    "(section 1: Dense, image to 1,000)": 32 * 32 * 3 * 1000 + 1000,
}
plots.parameter_counts(list(counts), list(counts.values()))
plt.show()
print(f"the network that you are about to build: {sum(list(counts.values())[:4]):,} in all")

# %% [markdown]
# *How many numbers each layer of the next section's network learns, on an axis where each step is a
# factor of ten. Look at the last bar, the Dense layer of section 1: it alone learns more than seven
# times as many numbers as the whole network.*

# %% [markdown]
# ## 8. The network
#
# Now Keras does the arithmetic, and you decide the structure. There are three blocks, each with a
# 3 x 3 "same" convolution, a **ReLU**, and 2 x 2 max-pooling. Then *Flatten* puts all maps into one
# long row, and a Dense layer with a softmax computes the probabilities:
#
# ```
# 32 x 32 x 3  ─ conv, ReLU ─ 32 x 32 x 64  ─ pool ─ 16 x 16 x 64
#              ─ conv, ReLU ─ 16 x 16 x 128 ─ pool ─  8 x 8 x 128
#              ─ conv, ReLU ─  8 x 8 x 256  ─ pool ─  4 x 4 x 256
#              ─ Flatten ─ 4096 ─ Dense, softmax ─ 10
# ```
#
# ReLU is $\max(0, x)$, and it looks too simple to matter. But without it, three convolutions can do
# no more than a single linear map (leaving pooling aside): a linear map of a linear map is a linear
# map, however many you stack. With ReLU, each layer can build on what the layer before it has
# *found*: edges, then corners, then shapes.
#
# The maps get smaller from block to block, and the number of filters grows: there are few kinds of
# edges but many kinds of objects.

# %%
card("cnn.build_cnn")

# %% tags=["nbval-check-output"]
check("cnn.build_cnn")

# %% tags=["nbval-check-output"]
from cifar_course.cnn import build_cnn

network = build_cnn()
larger = build_cnn((64, 64, 3))
print("from", network.input_shape, "to", network.output_shape)
print(f"{network.count_params():,} parameters; for 64 x 64 images {larger.count_params():,}")

# %% [markdown]
# The images are twice as high and twice as wide, and the three convolutions do not have a single
# parameter more. Only the Dense layer grows, because Flatten gives it four times as many numbers.
#
# **Common mistakes:** forgetting `padding="same"` (then each convolution makes the maps two pixels
# smaller); leaving out `keras.Input`, so that the model has no weights until it gets its first
# batch; a `sigmoid` at the end, which allows all classes to be likely at once.

# %% [markdown]
# ## 9. Ready to train
#
# The layers say what the network computes. `compile` adds how it learns: the **optimizer**, the
# **loss** that the optimizer minimizes, and the **metrics** that people want to read. Our optimizer
# is *Adam* (Kingma and Ba, 2015), which scales the step of each weight by the recent size of that
# weight's own gradients. Almost everybody starts with the learning rate that its authors suggest,
# 0.001.
#
# Two mistakes are so common here that you should know them in advance:
#
# - `optimizer="adam"` is Adam with a learning rate of 0.001, whatever learning rate you had in
#   mind.
# - `model.compile(optimizer, loss, ["accuracy"])` sets the *loss weights*, Keras' third argument,
#   and fails much later with a message about strings. Write `metrics=["accuracy"]`.

# %%
card("cnn.compile_cnn")

# %% tags=["nbval-check-output"]
check("cnn.compile_cnn")

# %% [markdown]
# ## 10. Let it learn
#
# Everything is ready. You use `prepare` from lesson 1, 1,800 training images, and a network so
# small that two processor cores train it while you watch. What should the loss be before the first
# step?

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
print(f"loss before training: {before:.2f}; with 10 % for each of ten classes: {np.log(10):.2f}")

history = network.fit(
    x_train,
    y_train,
    validation_data=(x_validation, y_validation),
    epochs=8,
    batch_size=64,
    verbose=0,
).history
plots.learning_curves(history, title=f"A small CNN on 1,800 images ({data.name})")
plt.show()

# %% [markdown]
# *Loss and accuracy after each pass over the training images (an epoch). Look at the end: the blue
# line (training) still improves, while the orange one (validation) improves much less. The gap
# comes from memorizing the training images; lesson 3 is about that. Do not be surprised by the
# beginning, where validation is better than training. Keras averages the training values over the
# whole epoch, while the network is still improving, and measures validation at the end of the
# epoch.*

# %%
predicted = network.predict(x_test, verbose=0).argmax(axis=-1)
truth = y_test.argmax(axis=-1)
print(f"test accuracy {np.mean(predicted == truth):.1%} on 500 images ({data.name})")

counted = np.zeros((10, 10), int)
np.add.at(counted, (truth, predicted), 1)
plots.confusion(counted, data.class_names)
plt.show()

# %% [markdown]
# *The confusion matrix: how many images of each true class (row) got each predicted class (column).
# On the diagonal the network is right. Look at the largest numbers off the diagonal: would you,
# too, confuse these classes at this size?*
#
# Last, look inside the network. The kernels of the first layer are plain numbers, so *your*
# `conv2d` can use them:

# %%
first = next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D))
kernels, bias = first.get_weights()
one = x_test[truth == 3][:1]
maps = np.maximum(conv2d(one, kernels, bias, padding="same"), 0)
plots.gray_maps((one[0] - one.min()) / np.ptp(one), maps[0])
plt.show()

# %% [markdown]
# *A test image, and the feature maps of the first eleven learned filters, after ReLU: computed by
# your function, from the network's own weights. In each map, white is the largest output and black
# the smallest. Look for filters that respond to edges of one direction only, and for filters that
# respond to the brightness or the color of whole areas. Compare them with the kernels of section 3:
# nobody made these by hand.*
#
# ## What you have now
#
# You have written every part of a convolutional network by hand, once. From here on you may use
# Keras with a clear conscience. Given enough time, the network of section 8 memorizes even the
# 50,000 training images of CIFAR-10, and this does not make it better on other images. In lesson 3
# you make memorizing harder.
#
# **Think it over.** Your `conv2d` and Keras' agree to four digits, but Keras' is many times faster.
# Which of your loops, or which of your copies, costs the most time?
