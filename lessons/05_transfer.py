# %% [markdown]
# # Lesson 5: Transfer learning with MobileNetV2
#
# In lessons 2 to 4, a network started with random weights and learned from your images alone. In
# this lesson, you start with a network that is already trained. It was trained on other images, of
# other things. You keep what it has learned about edges, textures and shapes, and teach it your
# classes.
#
# **You will** write seven short functions in `cifar_course/transfer.py`. They scale and augment
# images, put a new classifier on a trained network, and fine-tune both.
#
# **You will learn** how much features from other images help, why an image of 32x32 must be
# enlarged, what the wrong pixel range costs, why BatchNormalization stays frozen, and why a
# learning rate that is right for new layers is too high for trained ones.
#
# **You need** lesson 1 for the data, lesson 3 for BatchNormalization's two modes, and lesson 4 for
# learning rates. This lesson takes about two hours.

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
print(f"{len(x_train)} training images, {len(x_validation)} validation images ({data.name})")

# %% [markdown]
# You have four hundred training images, forty of each class. This is where transfer learning helps
# most, and it is a common situation: people rarely have fifty thousand images.
#
# ## 1. A base that is already trained
#
# MobileNetV2 (Sandler et al., 2018) was trained on ImageNet: over a million photographs of a
# thousand classes. Remove its last layers, which do the classification. The rest turns an image
# into a map of *features*. This rest is the **base**. The layers that you put on top of it, for
# your own classes, are the **head**.
#
# The next cell gets a base. If CIFAR-10 and ImageNet's weights are on your machine
# (`cifar-course data --download`), the base is MobileNetV2 itself. Otherwise the course trains one
# now, in about a minute: a small network learns to classify ten *other* synthetic shapes, and your
# data contain none of them. This base is small, but the transfer is real: everything below works in
# the same way.

# %%
base = base_for(data)
size = base.input_shape[1]
print(f"It takes {size}x{size} pixels and returns maps of shape {base.output_shape[1:]}.")

# %% [markdown]
# ## 2. The base's own pixel range
#
# Preprocessing and weights belong together. MobileNetV2 was trained on pixels from $-1$ to $1$, so
# its first convolution needs exactly this range. A pixel $p$ from 0 to 255 becomes
#
# $$x = \frac{p}{127.5} - 1$$
#
# Do not use the mean and standard deviation of lesson 1: they were *your* statistics, for *your*
# network.
#
# > **Puzzle.** Use pixels from 0 to 1 instead. No error appears, because these numbers are valid,
# > too. What does an image look like to the base?

# %%
card("transfer.scale_pixels")

# %% tags=["nbval-check-output"]
check("transfer.scale_pixels")

# %% tags=["nbval-check-output"]
from cifar_course.transfer import scale_pixels

print(scale_pixels(np.array([0, 51, 127.5, 204, 255])))

# %% [markdown]
# What does a wrong range cost? And what does a wrong size cost? The quickest way to find out is a
# **linear probe**: the frozen base turns images into features, you average each feature over the
# map, and you train only one softmax layer on these averages. The accuracy of this layer measures
# how well the features separate the classes.
#
# The next cell gives the same images to the base in four ways. For comparison, it also trains the
# small network of lesson 4 from scratch, on the same 400 images.


# %%
def enlarge(images: np.ndarray, side: int) -> np.ndarray:
    """Return the images resized to side x side pixels, with bicubic interpolation."""
    return np.array(keras.ops.image.resize(images.astype("float32"), (side, side), "bicubic"))


def pad(images: np.ndarray, side: int) -> np.ndarray:
    """Return the images at their own size, each in the center of a gray image."""
    margin = (side - 32) // 2
    margins = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    return np.pad(images.astype("float32"), margins, constant_values=127.5)


def probe_accuracy(preprocess) -> float:
    """Return the test accuracy of one softmax layer on the base's averaged features."""
    keras.utils.set_random_seed(5)
    features = [base.predict(preprocess(x), verbose=0).mean((1, 2)) for x in (x_train, data.x_test)]
    mean, std = features[0].mean(0), features[0].std(0) + 1e-6
    train_features, test_features = ((f - mean) / std for f in features)
    probe = keras.Sequential([keras.layers.Dense(10, activation="softmax")])
    probe.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    probe.fit(train_features, y_train, epochs=60, batch_size=50, verbose=0)
    return float(np.mean(probe.predict(test_features, verbose=0).argmax(1) == data.y_test))


def accuracy_from_scratch() -> float:
    """Return the test accuracy of lesson 4's small network, trained on the same images."""
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


accuracies = {
    "no base: a small network from scratch": accuracy_from_scratch(),
    "base, enlarged, -1 to 1": probe_accuracy(lambda x: scale_pixels(enlarge(x, size))),
    "base, enlarged, 0 to 1": probe_accuracy(lambda x: enlarge(x, size) / 255),
    "base, enlarged, 0 to 255": probe_accuracy(lambda x: enlarge(x, size)),
    "base, not enlarged, -1 to 1": probe_accuracy(lambda x: scale_pixels(pad(x, size))),
}
plots.accuracies(
    accuracies,
    chance=0.1,
    title=f"Test accuracy after {len(x_train)} training images ({data.name})",
)
plt.show()

# %% [markdown]
# *Test accuracy on 500 images. Look at the first two bars: the training images and the labels are
# the same, and for the second bar no convolution was trained on them. Then look at the other bars:
# a wrong range or a wrong size loses a part of the accuracy, and no error message appears.*
#
# **Why must 32x32 grow?** A base has learned how many pixels wide an edge, a wheel or an eye is.
# And each layer with a stride of 2 halves the map. MobileNetV2 halves it five times, so 32 pixels
# end as a map of 1x1, while 224 pixels end as 7x7. Enlarging an image adds no information. It
# brings things to the size that the base has learned.

# %% [markdown]
# ## 3. More images out of the same ones
#
# A dog that is mirrored, rotated by a few degrees, shifted by three pixels or a little closer is
# still a dog. **Augmentation** draws such changes at random, for each image in each epoch. The
# network never gets quite the same image twice, so memorizing becomes much harder. At test time,
# nothing is changed.
#
# Keras has layers for augmentation. Rotation, shift and zoom take a *factor*, and each factor is a
# fraction of something different: of a full turn for `RandomRotation` (0.05 is 18 degrees in either
# direction), of the height and the width for `RandomTranslation`, and of the size for `RandomZoom`.
#
# > **Puzzle.** `RandomFlip()` without an argument flips in both directions. For which of CIFAR-10's
# > classes is an upside-down image still likely? And for which images in the world would this flip
# > be right?

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
    augmented = np.array(augmentation(copies, training=True))
    label = data.class_names[int(y_train[number].argmax())]
    rows[f"{label}: the original, and seven random changes"] = np.concatenate(
        [copies[:1], augmented[1:]]
    )
plots.image_rows(rows)
plt.show()

# %% [markdown]
# *Three training images. The first image of each row is the original. Look for the mirrored images,
# and look at the edges: where a shifted image has no pixels, the layer has to invent some, and it
# mirrors the pixels that are there.*

# %% [markdown]
# ## 4. A head on a frozen base
#
# Now put everything together. Follow an image on its way through the model. It is augmented at
# 32x32, because augmentation is cheap at this size. It is enlarged to the size that the base takes.
# Its pixels are scaled, so 255 becomes 1. The base turns it into a map of features.
# GlobalAveragePooling2D averages the map to one number for each channel. A small classifier does
# the rest: a Dense layer with ReLU and an L2 penalty, BatchNormalization, Dropout, softmax.
#
# The base is **frozen**: `base.trainable = False`. A new head starts with random weights. Its first
# gradients are large and point in no useful direction. In the base, they would destroy what took
# days to learn. From lesson 3, you also know what `trainable=False` means for BatchNormalization:
# it uses its moving statistics, and does not change them.
#
# The size that the base takes is in `base.input_shape`. Read it from there; 224 is only
# MobileNetV2's default. And while you build the model, there are no pixels yet, only tensors that
# stand for them. Your `scale_pixels` is for arrays; inside the model, `keras.layers.Rescaling` does
# the same.

# %%
card("transfer.build_transfer_model")

# %% tags=["nbval-check-output"]
check("transfer.build_transfer_model")

# %%
from cifar_course.transfer import build_transfer_model

keras.utils.set_random_seed(5)
model = build_transfer_model(base)
trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
print(f"{model.count_params():,} parameters, of which {trainable:,} are trainable now")

# %% [markdown]
# ## 5. Frozen features are computed once
#
# A frozen base returns the same features for an image in epoch 1 and in epoch 50. So compute them
# once, and keep them: these are **cached features**. Training the head on them takes seconds,
# because the base does not run again. This has a price: cached features cannot be augmented.

# %%
card("transfer.cache_features")

# %% tags=["nbval-check-output"]
check("transfer.cache_features")

# %%
from cifar_course.transfer import cache_features

pixels = keras.Input((32, 32, 3))
resized = keras.layers.Resizing(size, size, interpolation="bicubic")(pixels)
maps = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(resized))
extractor = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(maps))
features = cache_features(extractor, data.x_test)
print("features of the test images:", features.shape)

# %% [markdown]
# Which images have similar features? The next cell takes three test images. For each of them, it
# shows the four images whose features point in the most similar direction. The base has never
# learned this course's ten classes.

# %%
norms = np.linalg.norm(features, axis=1, keepdims=True)
similarity = (features / norms) @ (features / norms).T
rows = {}
for number in (0, 1, 2):
    nearest = np.argsort(-similarity[number])[:5]
    names = ", ".join(data.class_names[label] for label in data.y_test[nearest])
    rows[names] = data.x_test[nearest]
plots.image_rows(rows)
plt.show()

# %% [markdown]
# *In each row, a test image and the four images with the most similar features. Look at what is the
# same in a row and what is not: the base has learned to ignore some differences, and these do not
# count here.*

# %% [markdown]
# ## 6. Unfreeze the last layers, carefully
#
# The first layers of a base detect edges and colors, which all images have in common. The last
# layers detect what *its* classes needed. So once the head is trained, let the last layers of the
# base learn, too, in small steps. This is **fine-tuning**. The full training run of this course
# unfreezes the last 20 of MobileNetV2's 154 layers. Which layers are they?

# %% tags=["nbval-check-output"]
mobilenet = keras.applications.MobileNetV2((96, 96, 3), include_top=False, weights=None)
print(f"{len(mobilenet.layers)} layers; the last 20:")
for layer in mobilenet.layers[-20:]:
    print(f"  {type(layer).__name__:<20}{layer.name}")
del mobilenet

# %% [markdown]
# These are two blocks and a last convolution. Each block increases the number of channels
# (`expand`), filters each channel on its own (`depthwise`) and reduces the number of channels again
# (`project`), with BatchNormalization after each of these layers.
#
# The BatchNormalization layers are the trap. If you unfreeze them, their moving statistics follow
# *your* batches: they drift from the statistics of a million images toward those of a few dozen.
# (MobileNetV2's momentum is 0.999: in an epoch of 700 steps, half of the old statistics is
# replaced.) Calling the base with `training=False` does not prevent this: in Keras 3.15, `fit`
# overrides it inside a functional model. But a layer whose own `trainable` is False always keeps
# its statistics. So **unfreeze the last layers, except BatchNormalization.**
#
# There are two switches: the `trainable` of the base, and the `trainable` of each layer. A layer
# learns only if both are on. If you switch the base from off to on, all of its layers are switched
# on, too. But if the base is already on, `base.trainable = True` does nothing at all (TensorFlow
# skips an assignment that changes nothing), and layers that were frozen one by one stay frozen. So
# set the switch of every layer yourself.
#
# > **Puzzle.** `layers[-20:]` are the last twenty. What is `layers[-0:]`?

# %%
card("transfer.unfreeze_last")

# %% tags=["nbval-check-output"]
check("transfer.unfreeze_last")

# %% [markdown]
# Fine-tuning also needs small steps. At lesson 4's rate of 0.001, Adam moves a weight by up to
# about 0.001 in each step, even if its gradient is tiny. The weights of a convolution are often a
# few hundredths in size, so a few hundred steps can turn it into a completely different one.
# Fine-tuning uses a tenth of this rate or less, and it shortens gradients that are too long: with
# `clipnorm=c`, a gradient $g$ with $\lVert g \rVert > c$ becomes $c \, g / \lVert g \rVert$
# (Pascanu, Mikolov and Bengio, 2013). Keras does this for each array of weights separately, and the
# direction of each gradient stays the same. `global_clipnorm` does it for all arrays together, as
# in the paper.
#
# There is one more trap: the first training step after `compile` fixes which weights learn. After
# unfreezing, compile again. Otherwise, either nothing changes and no error appears, or Keras raises
# an error about an "Unknown variable".

# %%
card("transfer.compile_for_fine_tuning")

# %% tags=["nbval-check-output"]
check("transfer.compile_for_fine_tuning")

# %%
card("transfer.fine_tuning_callbacks")

# %% tags=["nbval-check-output"]
check("transfer.fine_tuning_callbacks")

# %% [markdown]
# Now compare three training runs on the same images, with the same head. The first run leaves the
# base frozen from beginning to end. The second run unfreezes the last third of the base after six
# epochs and continues carefully, with your functions. The third run continues as people do who are
# in a hurry: it unfreezes everything, BatchNormalization included, and uses a rate of 0.01 and no
# gradient clipping.

# %%
from cifar_course.transfer import (
    compile_for_fine_tuning,
    fine_tuning_callbacks,
    unfreeze_last,
)

HEAD_EPOCHS, FINE_TUNING_EPOCHS = 6, 8
pretrained = base.get_weights()


def training_run(prepare_fine_tuning) -> tuple[list[float], float]:
    """Return the validation accuracy of every epoch, and the test accuracy at the end."""
    keras.utils.set_random_seed(5)
    base.set_weights(pretrained)
    model = compile_for_fine_tuning(build_transfer_model(base), learning_rate=0.003)
    settings = {"validation_data": (x_validation, y_validation), "batch_size": 32, "verbose": 0}
    first = model.fit(x_train, y_train, epochs=HEAD_EPOCHS, **settings)
    prepare_fine_tuning(model)
    callbacks = fine_tuning_callbacks()
    second = model.fit(x_train, y_train, epochs=FINE_TUNING_EPOCHS, callbacks=callbacks, **settings)
    predicted = model.predict(data.x_test, verbose=0).argmax(1)
    curve = first.history["val_accuracy"] + second.history["val_accuracy"]
    return curve, float(np.mean(predicted == data.y_test))


def keep_frozen(model: keras.Model) -> None:
    """Leave the base as it is."""
    compile_for_fine_tuning(model, learning_rate=0.0003)


def unfreeze_carefully(model: keras.Model) -> None:
    """Let the last third of the base learn, in small steps."""
    unfreeze_last(base, len(base.layers) // 3)
    compile_for_fine_tuning(model, learning_rate=0.0003)


def unfreeze_in_a_hurry(model: keras.Model) -> None:
    """Let everything learn, in large steps."""
    base.trainable = True
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])


runs = {
    "always frozen": training_run(keep_frozen),
    "unfrozen carefully": training_run(unfreeze_carefully),
    "unfrozen in a hurry": training_run(unfreeze_in_a_hurry),
}
base.set_weights(pretrained)
epochs = range(1, HEAD_EPOCHS + FINE_TUNING_EPOCHS + 1)
plots.lines(
    {name: (epochs, curve) for name, (curve, _) in runs.items()},
    xlabel=f"epoch (from {HEAD_EPOCHS + 1} on, the runs differ)",
    ylabel="validation accuracy",
    title=f"Three ways to continue ({data.name}, {len(x_train)} training images)",
    ylim=(0, 1),
)
plt.show()

# %% [markdown]
# *Validation accuracy over the epochs. Up to epoch 6, the three runs are identical. Look at epoch
# 7: the accuracy of the run in a hurry falls, because steps that are far too long destroy what the
# base has learned. Then compare the careful run with the frozen one, which continues at the same
# learning rate.*
#
# Unfreezing does not always help. If the base's features are already good enough, there is little
# left to gain, and the network soon memorizes a few hundred images. This is nearly the case for the
# synthetic dataset, because the same program draws its images and those that its base was trained
# on. Unfreezing helps if your images differ from those that the base was trained on, as CIFAR-10's
# differ from ImageNet's, and if you have many of them.

# %%
for name, (_, accuracy) in runs.items():
    print(f"{name:<20} test accuracy {accuracy:.1%} (500 images, {data.name})")

# %% [markdown]
# ## What you have now
#
# In a terminal,
#
#     cifar-course train transfer
#
# takes *your* functions and trains the whole model on MobileNetV2 at 224x224, as in the original
# notebook: for three epochs only the head, then for ten epochs also the last 20 layers of the base.
# On two cores, this takes one hour or several hours, because every image goes through the whole
# network in every epoch. And
#
#     cifar-course train transfer --fast
#
# uses the idea of section 5: it runs the frozen part of the base once on each training image and
# its mirror image, keeps the outputs, and trains only the layers after it. `RESULTS.md` lists the
# accuracy of both commands, with the data, the machine and the time.
#
# **Think it over.** The base has seen a million photographs, some of dogs, cats and trucks. Is the
# test accuracy that you measure still an accuracy on *unseen* images? What would you have to know
# about ImageNet to be sure?
