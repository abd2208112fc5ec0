# %% [markdown]
# # Lesson 5: Transfer learning with MobileNetV2
#
# In lessons 2 to 4 a network began with random numbers and learnt to see from your pictures alone.
# This one begins with a network that can see already. It was trained on other pictures, of other
# things; you keep what it knows about edges, textures and shapes, and teach it your classes.
#
# **You will** write seven short functions in `cifar_course/transfer.py`: from pixels on the base's
# own scale to careful fine-tuning.
#
# **You will learn** what borrowed features are worth, why a picture of 32x32 must grow, what the
# wrong pixel range costs, why BatchNormalization stays frozen, and what a rate that is right for a
# new head does to an old base.
#
# **You need** lesson 1 for the data, lesson 3 for BatchNormalization's two modes, lesson 4 for
# learning rates. About two hours.

# %%
from cifar_lab.notebook import borrow, card, check, start

start(5)

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from cifar_lab import plots
from cifar_lab.data import load
from cifar_lab.training.pretraining import base_for

one_hot = borrow("normalization.one_hot")
data = load().sample(train=600, test=500)
x_train, x_validation = data.x_train[:400], data.x_train[400:]
y_train, y_validation = one_hot(data.y_train[:400], 10), one_hot(data.y_train[400:], 10)
print(f"{len(x_train)} pictures to learn from, {len(x_validation)} to watch ({data.name})")

# %% [markdown]
# Four hundred pictures, forty of each class: this is where transfer shines, for seldom does
# anybody have fifty thousand.
#
# ## 1. A base that can see
#
# MobileNetV2 (Sandler et al., 2018) was trained on ImageNet: over a million photographs of a
# thousand things. Cut off its last layer, which names those things, and what is left turns a picture
# into a map of *features*. That is the **base**. What you put on top, for your own classes, is the
# **head**.
#
# The next cell gets a base. With CIFAR-10 and ImageNet's weights on your machine
# (`cifar-course data --download`), it is MobileNetV2 itself. Otherwise the course makes one on the
# spot, in about a minute: a small network learns to tell ten *other* drawn shapes apart, none of
# which you have. It is small, but the transfer is real: everything below works in the same way.

# %%
base = base_for(data)
size = base.input_shape[1]
print(f"It takes {size}x{size} pixels and returns maps of {base.output_shape[1:]}.")

# %% [markdown]
# ## 2. The base's own scale
#
# A network's preprocessing is part of its weights. MobileNetV2 learnt with pixels from $-1$ to
# $1$, so its first convolution expects exactly that:
#
# $$x = \frac{p}{127.5} - 1$$
#
# Not the mean and standard deviation of lesson 1: those were *your* statistics, for *your* network.
#
# > **Puzzle.** Feed it pixels from 0 to 1 instead. Nothing fails, for they are numbers like
# > others. What does a picture look like to the base?

# %%
card("transfer.scale_pixels")

# %% tags=["nbval-check-output"]
check("transfer.scale_pixels")

# %% tags=["nbval-check-output"]
from cifar_course.transfer import scale_pixels

print(scale_pixels(np.array([0, 51, 127.5, 204, 255])))

# %% [markdown]
# What does a wrong scale cost, and what a wrong size? The quickest way to ask is a **linear
# probe**: let the frozen base turn pictures into features, average each feature over the map, and
# train nothing but one softmax layer on them. What this layer can tell apart, the features tell
# apart.
#
# Here are four ways to hand the same pictures over, and a fifth bar: the small network of lesson
# 4, which learns from the same 400 pictures from scratch.


# %%
def enlarged(pictures: np.ndarray, to: int) -> np.ndarray:
    """Pictures of to x to pixels, bicubic."""
    return np.array(keras.ops.image.resize(pictures.astype("float32"), (to, to), "bicubic"))


def pasted(pictures: np.ndarray, onto: int) -> np.ndarray:
    """The pictures as small as they are, in the middle of a grey one."""
    margin = (onto - 32) // 2
    sides = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    return np.pad(pictures.astype("float32"), sides, constant_values=127.5)


def probed(prepare_pixels) -> float:
    """The test accuracy of one softmax layer on the base's averaged features."""
    keras.utils.set_random_seed(5)
    features = [
        base.predict(prepare_pixels(x), verbose=0).mean((1, 2)) for x in (x_train, data.x_test)
    ]
    mean, std = features[0].mean(0), features[0].std(0) + 1e-6
    train_features, test_features = ((f - mean) / std for f in features)
    probe = keras.Sequential([keras.layers.Dense(10, activation="softmax")])
    probe.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    probe.fit(train_features, y_train, epochs=60, batch_size=50, verbose=0)
    return float(np.mean(probe.predict(test_features, verbose=0).argmax(1) == data.y_test))


def from_scratch() -> float:
    """The test accuracy of lesson 4's small network, trained on the same pictures."""
    keras.utils.set_random_seed(5)
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile(keras.optimizers.Adam(0.003), "categorical_crossentropy")
    network.fit(x_train, y_train, epochs=20, batch_size=50, verbose=0)
    return float(np.mean(network.predict(data.x_test, verbose=0).argmax(1) == data.y_test))


worth = {
    "no base: a small network from scratch": from_scratch(),
    "base, enlarged, -1 to 1": probed(lambda x: scale_pixels(enlarged(x, size))),
    "base, enlarged, 0 to 1": probed(lambda x: enlarged(x, size) / 255),
    "base, enlarged, 0 to 255": probed(lambda x: enlarged(x, size)),
    "base, not enlarged, -1 to 1": probed(lambda x: scale_pixels(pasted(x, size))),
}
plots.accuracies(
    worth,
    chance=0.1,
    title=f"500 new pictures ({data.name}), learnt from {len(x_train)}",
)
plt.show()

# %% [markdown]
# *Look at the first two bars: same pictures, same labels, and the second network never trained a
# single convolution on them. Then look down: a wrong scale or a wrong size throws part of it away,
# and no error message tells you.*
#
# **Why must 32x32 grow?** A base has learnt how many pixels wide an edge, a wheel, an eye is. And
# each of its strides halves the map: MobileNetV2 halves five times, so that 32 pixels end as a map
# of 1x1, where 224 end as 7x7. Enlarging adds no information. It brings things to the size at which
# the base knows them.

# %% [markdown]
# ## 3. More pictures out of the same ones
#
# A dog that is mirrored, turned by a few degrees, moved by three pixels or a little nearer is
# still a dog. **Augmentation** draws such changes anew for each picture in each epoch: the network
# never sees quite the same picture twice, and cannot learn it by heart. At test time nothing is
# changed.
#
# Keras has layers for it. Each takes a *factor*, and each factor is a share of something: of a full
# turn for `RandomRotation` (0.05 is 18 degrees to either side), of the height and the width for
# `RandomTranslation`, of the size for `RandomZoom`.
#
# > **Puzzle.** `RandomFlip()` without an argument flips in both directions. For which of
# > CIFAR-10's classes is an upside-down picture still a likely one? And for which pictures in the
# > world would it be right?

# %%
card("transfer.build_augmentation")

# %% tags=["nbval-check-output"]
check("transfer.build_augmentation")

# %%
from cifar_course.transfer import build_augmentation

augmentation = build_augmentation(seed=5)
rows = {}
for number in range(3):
    copies = np.repeat(x_train[number : number + 1], 8, axis=0).astype("float32")
    changed = np.array(augmentation(copies, training=True))
    label = data.class_names[int(y_train[number].argmax())]
    rows[f"{label}: as it is, and seven draws"] = np.concatenate([copies[:1], changed[1:]])
plots.picture_rows(rows)
plt.show()

# %% [markdown]
# *Three pictures of the training data, the first of each row as it is. Look for the mirrored ones,
# and at the rims: where a shifted picture has no pixels, the layer has to invent some, and mirrors
# those that it has.*

# %% [markdown]
# ## 4. A head on a frozen base
#
# Now put it together. Follow one pixel of value 255 on its way: it is augmented at 32x32 (where that
# is cheap), enlarged with the others to the size that the base takes, scaled to 1, and enters the
# base. What leaves the base is a map of features. Its average over the map is one number for each
# channel (GlobalAveragePooling2D), and a small classifier does the rest: a Dense layer with ReLU
# and an L2 penalty, BatchNormalization, Dropout, softmax.
#
# The base is **frozen**: `base.trainable = False`. A new head starts with random numbers, and its
# first gradients are large and point nowhere in particular. Let them into the base, and they break
# what took days to learn. Since lesson 3 you also know what `trainable=False` means to
# BatchNormalization: it uses its moving statistics, and leaves them alone.
#
# `base.input_shape` says which size the base takes. Ask it; 224 is only MobileNetV2's default. And
# while the model is being put together there are no pixels yet, only tensors that stand for them:
# your `scale_pixels` is for arrays; inside, `keras.layers.Rescaling` does the same.

# %%
card("transfer.build_transfer_model")

# %% tags=["nbval-check-output"]
check("transfer.build_transfer_model")

# %%
from cifar_course.transfer import build_transfer_model

keras.utils.set_random_seed(5)
model = build_transfer_model(base)
free = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
print(f"{model.count_params():,} numbers, of which {free:,} learn now")

# %% [markdown]
# ## 5. What is frozen can be computed once
#
# A frozen base says the same about a picture in epoch 1 and in epoch 50. So ask it once, and keep
# the answer: **cached features**. Training the head on them takes seconds, for it never touches
# the base again. The price: what is cached cannot be augmented any more.

# %%
card("transfer.cache_features")

# %% tags=["nbval-check-output"]
check("transfer.cache_features")

# %%
from cifar_course.transfer import cache_features

pixels = keras.Input((32, 32, 3))
grown = keras.layers.Resizing(size, size, interpolation="bicubic")(pixels)
maps = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(grown))
extractor = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(maps))
features = cache_features(extractor, data.x_test)
print("features of the test pictures:", features.shape)

# %% [markdown]
# Which pictures does the base find alike? For three of them, here are the four whose features
# point in the most similar direction. Nobody has told it this course's ten classes.

# %%
length = np.linalg.norm(features, axis=1, keepdims=True)
alike = (features / length) @ (features / length).T
rows = {}
for number in (0, 1, 2):
    nearest = np.argsort(-alike[number])[:5]
    names = ", ".join(data.class_names[label] for label in data.y_test[nearest])
    rows[names] = data.x_test[nearest]
plots.picture_rows(rows)
plt.show()

# %% [markdown]
# *The first picture of each row, then its four nearest in the base's features. Look at what is
# the same in a row and what is not: what the base has learnt to ignore does not count here.*

# %% [markdown]
# ## 6. Thaw the top, carefully
#
# The first layers of a base see edges and colours, which all pictures share. The last ones see
# what *its* classes needed. So once the head has settled, let the last layers learn, too, in small
# steps: **fine-tuning**. The full run of this course thaws the last 20 of MobileNetV2's 154. Which
# ones are they?

# %% tags=["nbval-check-output"]
whole = keras.applications.MobileNetV2((96, 96, 3), include_top=False, weights=None)
print(f"{len(whole.layers)} layers; the last 20:")
for layer in whole.layers[-20:]:
    print(f"  {type(layer).__name__:<20}{layer.name}")
del whole

# %% [markdown]
# Two and a bit blocks: each widens its channels (`expand`), looks around in each channel
# (`depthwise`) and narrows them again (`project`), with BatchNormalization after each.
#
# Those BatchNormalization layers are the trap. Thawed, they follow *your* batches again, and the
# statistics of a million pictures drift towards those of a few dozen (MobileNetV2's momentum is
# 0.999: in an epoch of 700 steps, half of what they knew is replaced). Calling the base with
# `training=False` does not prevent it: in Keras 3.15, `fit` overrides that inside a functional
# model. A layer whose own `trainable` is False keeps its statistics, whatever anybody says. So:
# **thaw the last layers, except BatchNormalization.**
#
# There are two switches: the base's own and each layer's, and a layer learns only if both are on.
# Switching the base's from off to on switches all of its layers' on, too. But where it is on
# already, `base.trainable = True` does nothing at all (TensorFlow skips an assignment that changes
# nothing), and layers that were frozen one by one stay frozen. So set every layer's yourself.
#
# > **Puzzle.** `layers[-20:]` are the last twenty. What is `layers[-0:]`?

# %%
card("transfer.unfreeze_last")

# %% tags=["nbval-check-output"]
check("transfer.unfreeze_last")

# %% [markdown]
# And small steps. At lesson 4's rate of 0.001 Adam moves a weight by up to about 0.001 in each step,
# even where its gradient is tiny; after a few hundred steps a convolution whose weights are a few
# hundredths large is another one. Fine-tuning takes a tenth of that or less, and cuts gradients that
# are too long: with `clipnorm=c`, a gradient $g$ with $\lVert g \rVert > c$ becomes $c \, g / \lVert
# g \rVert$ (Pascanu, Mikolov and Bengio, 2013). Keras does so for each array of weights by itself,
# whose direction stays; `global_clipnorm` does it for all of them together, as the paper has it.
#
# One thing more: the first step after `compile` fixes what learns. After thawing, compile again;
# otherwise nothing changes and nobody tells you, or Keras complains of an "Unknown variable".

# %%
card("transfer.compile_for_fine_tuning")

# %% tags=["nbval-check-output"]
check("transfer.compile_for_fine_tuning")

# %%
card("transfer.fine_tuning_callbacks")

# %% tags=["nbval-check-output"]
check("transfer.fine_tuning_callbacks")

# %% [markdown]
# Three runs, on the same pictures with the same head. The first leaves the base frozen
# throughout. The second thaws the base's last third after six epochs and goes on carefully, with
# your functions. The third goes on as people do who are in a hurry: everything thawed,
# BatchNormalization included, at a rate of 0.01, nothing clipped.

# %%
from cifar_course.transfer import (
    compile_for_fine_tuning,
    fine_tuning_callbacks,
    unfreeze_last,
)

HEAD, FINE = 6, 8
pretrained = base.get_weights()


def trained(continue_with) -> tuple[list[float], float]:
    """Validation accuracies over all epochs, and the test accuracy in the end."""
    keras.utils.set_random_seed(5)
    base.set_weights(pretrained)
    model = compile_for_fine_tuning(build_transfer_model(base), learning_rate=0.003)
    settings = {"validation_data": (x_validation, y_validation), "batch_size": 32, "verbose": 0}
    first = model.fit(x_train, y_train, epochs=HEAD, **settings)
    continue_with(model)
    callbacks = fine_tuning_callbacks()
    second = model.fit(x_train, y_train, epochs=FINE, callbacks=callbacks, **settings)
    predicted = model.predict(data.x_test, verbose=0).argmax(1)
    curve = first.history["val_accuracy"] + second.history["val_accuracy"]
    return curve, float(np.mean(predicted == data.y_test))


def frozen(model: keras.Model) -> None:
    """The base stays as it is."""
    compile_for_fine_tuning(model, learning_rate=0.0003)


def careful(model: keras.Model) -> None:
    """The last third of the base learns, in small steps."""
    unfreeze_last(base, len(base.layers) // 3)
    compile_for_fine_tuning(model, learning_rate=0.0003)


def in_a_hurry(model: keras.Model) -> None:
    """Everything learns, in large steps."""
    base.trainable = True
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])


runs = {
    "frozen throughout": trained(frozen),
    "thawed with care": trained(careful),
    "thawed in a hurry": trained(in_a_hurry),
}
base.set_weights(pretrained)
plots.lines(
    {name: (range(1, HEAD + FINE + 1), curve) for name, (curve, _) in runs.items()},
    xlabel=f"epoch (from {HEAD + 1} on, the runs differ)",
    ylabel="validation accuracy",
    title=f"Three ways to go on ({data.name}, {len(x_train)} pictures)",
    ylim=(0, 1),
)
plt.show()

# %% [markdown]
# *Validation accuracy over the epochs. Up to epoch 6 the three runs are one and the same. Look at
# epoch 7: the run in a hurry falls, because steps that are far too long change what the base knew.
# Then compare the careful run with the frozen one, which goes on at the same rate.*
#
# Thawing has to earn its place. Where the base's features suffice, as they nearly do for the drawn
# set, made by the same hand as the pictures that its base has seen, there is little left to gain,
# and a few hundred pictures are soon learnt by heart. It pays where your pictures differ from those
# that the base knows, as CIFAR-10's differ from ImageNet's, and where you have many.

# %%
for name, (_, accuracy) in runs.items():
    print(f"{name:<20} {accuracy:.1%} of 500 new pictures, on the {data.name}")

# %% [markdown]
# ## What you have now
#
# In a terminal,
#
#     cifar-course train transfer
#
# takes *your* functions and trains the whole thing on MobileNetV2 at 224x224, as the original did:
# three epochs of the head, ten of the last 20 layers. On two cores that is an hour or several, for
# every picture goes through the whole network in every epoch. And
#
#     cifar-course train transfer --fast
#
# uses what section 5 says: it runs the frozen part once over each picture and its mirror image,
# keeps what comes out, and trains only what is behind it. `RESULTS.md` says what each of them
# reached, on which data, on which machine, in which time.
#
# **Think it over.** The base has seen a million photographs, some of dogs, cats and trucks. Is the
# test accuracy that you measure still one on *unseen* pictures? What would you have to know about
# ImageNet to be sure?
