"""Lesson 1: pixels, statistics and splits."""

from itertools import chain

import numpy as np
import pytest
from hypothesis.strategies import booleans, floats, integers, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_error, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator, images_like_cifar, numbered_images

MEAN = np.array([100.5, 90.25, 130.0])
STD = np.array([50.0, 20.5, 64.0])

# --- channel_statistics ------------------------------------------------------------------------


@exercise("normalization.channel_statistics")
def test_one_mean_and_std_per_channel(learner):
    """Mean and standard deviation run over images, rows and columns, one for each channel."""
    images = images_like_cifar(count=5)
    pixels = images.reshape(-1, 3).astype(np.float64)
    result = learner.normalization.channel_statistics(images)
    mean, std = expect(result).to_unpack("mean, std", because="the docstring promises a pair")
    why = "a network sees channels: every image, row and column counts towards one number each"
    expect(mean).to_be_close(
        pixels.mean(0),
        because=why,
        mistakes={
            "you took one mean over everything (no `axis`)": pixels.mean(),
            "you took one mean per pixel (axis=0 alone)": images.mean(0),
            "you took one mean per image and channel (axis=(1, 2))": images.mean((1, 2)),
            "you returned (std, mean): the mean comes first": pixels.std(0),
        },
    )
    expect(std).to_be_close(
        pixels.std(0),
        because=why,
        rtol=1e-4,
        mistakes={
            "you divided by N - 1 (the sample standard deviation): the docstring says N": (
                lambda: pixels.std(0, ddof=1)
            ),
            "you returned the variance: the standard deviation is its square root": pixels.var(0),
            "you took one standard deviation over everything (no `axis`)": pixels.std(),
            "you averaged the standard deviations of single images": images.std((1, 2)).mean(0),
            "you returned (std, mean): the mean comes first": pixels.mean(0),
        },
    )


@exercise("normalization.channel_statistics")
def test_population_standard_deviation(learner):
    """The standard deviation divides by N, not by N - 1."""
    images = np.array([10, 20], np.uint8).reshape(1, 1, 2, 1)
    _, std = expect(learner.normalization.channel_statistics(images)).to_unpack(
        "mean, std", because="the docstring promises a pair"
    )
    expect(std).to_be_close(
        np.array([5.0]),
        because="10 and 20 lie 5 away from their mean of 15; with only two pixels, the choice "
        "between N and N - 1 shows",
        mistakes={
            "you divided by N - 1 (ddof=1, or the `statistics` module's stdev)": np.array([50**0.5])
        },
    )


@exercise("normalization.channel_statistics")
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 4])
def test_any_number_of_channels_and_dtype(learner, dtype, channels):
    """uint8 and floating images, of one channel or four, give one number for each channel."""
    images = images_like_cifar(count=3, channels=channels).astype(dtype)
    result = learner.normalization.channel_statistics(images)
    mean, std = expect(result).to_unpack("mean, std", because="the docstring promises a pair")
    for name, found, right in (
        ("mean", mean, images.mean((0, 1, 2), dtype=np.float64)),
        ("std", std, images.std((0, 1, 2), dtype=np.float64)),
    ):
        why = f"the {name} has shape (channels,), also for one channel"
        expect(found).to_be_close(right, because=why, rtol=1e-4)
        expect(found).to_have_dtype("floating", because=f"a {name} of pixels is rarely whole")


@exercise("normalization.channel_statistics")
def test_many_float32_pixels_do_not_drift(learner):
    """Statistics of millions of float32 values keep their precision."""
    # two channels: over a contiguous axis NumPy sums in pairs, which hides the drift
    images = np.full((16, 256, 256, 2), 240.1, np.float32)
    images[::2] += np.float32(0.5)
    result = learner.normalization.channel_statistics(images)
    mean, std = expect(result).to_unpack("mean, std", because="the docstring promises a pair")
    why = "a float32 sum of many terms rounds at every step: accumulate with dtype=np.float64"
    expect(mean).to_be_close(images.mean((0, 1, 2), dtype=np.float64), because=why, rtol=2e-6)
    expect(std).to_be_close(images.std((0, 1, 2), dtype=np.float64), because=why, rtol=1e-3)


@exercise("normalization.channel_statistics")
def test_statistics_of_any_images(learner, for_any):
    """Images of any number, size, channels and dtype have these statistics."""

    @for_any(images=strategies.images())
    def law(images):
        pixels = images.reshape(-1, images.shape[-1]).astype(np.float64)
        result = learner.normalization.channel_statistics(images)
        mean, std = expect(result).to_unpack("mean, std", because="the docstring promises a pair")
        why = "one number for each channel, over all images, rows and columns"
        expect(mean).to_be_close(pixels.mean(0), because=why, rtol=1e-4)
        expect(std).to_be_close(pixels.std(0), because=why, rtol=1e-4, atol=1e-3)


# --- standardize -------------------------------------------------------------------------------


@exercise("normalization.standardize")
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_subtract_mean_divide_by_std(learner, dtype):
    """Each channel becomes (value - mean) / std, for uint8 images, too."""
    images = images_like_cifar(count=4).astype(dtype)
    right = (images.astype(np.float64) - MEAN) / STD
    with np.errstate(over="ignore"):
        wrapped = (images - MEAN.astype(np.uint8)) / STD if dtype == "uint8" else right
    expect(learner.normalization.standardize(images, mean=MEAN, std=STD)).to_be_close(
        right,
        because="a z-score says how many standard deviations a value lies from its channel's mean",
        rtol=1e-4,
        atol=1e-5,
        mistakes={
            "you subtracted in uint8, where 3 - 5 is 254: convert the images first": wrapped,
            "you divided before you subtracted": images / STD - MEAN,
            "you divided by the variance": (images - MEAN) / STD**2,
            "you multiplied by the standard deviation": (images - MEAN) * STD,
            "you scaled to 0..1 first, but the statistics are in the units of the images": (
                (images / 255.0 - MEAN) / STD
            ),
            "you used the statistics of these images instead of `mean` and `std`": (
                (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))
            ),
            "you forgot to divide by the standard deviation": images - MEAN,
        },
    )


@exercise("normalization.standardize")
def test_result_is_float32(learner):
    """The result is float32, whatever came in."""
    for dtype in (np.uint8, np.float64):
        images = images_like_cifar(count=2).astype(dtype)
        result = learner.normalization.standardize(images, mean=MEAN, std=STD)
        expect(result).to_have_dtype(
            "float32", because="networks compute in float32, and float64 takes twice the memory"
        )


@exercise("normalization.standardize")
def test_constant_channel_becomes_zeros(learner):
    """A channel with a standard deviation of zero comes back as zeros."""
    images = images_like_cifar(count=3)
    images[..., 1] = 77
    mean = images.mean((0, 1, 2), dtype=np.float64)
    std = images.std((0, 1, 2), dtype=np.float64)
    right = (images - mean) / np.where(std == 0, 1, std)
    result = learner.normalization.standardize(images, mean=mean, std=std)
    with np.errstate(all="ignore"):
        unguarded = (images - mean) / std
    expect(result).to_be_close(
        right,
        because="0/0 is NaN, and one NaN spoils every weight that it reaches",
        rtol=1e-4,
        atol=1e-5,
        mistakes={"you divided by zero where the channel is constant": unguarded},
    )
    # the given mean need not be this channel's: a test image may differ from the training images
    result = learner.normalization.standardize(images, mean=mean - 2, std=std)
    expect(np.asarray(result)[..., 1]).to_equal(
        np.zeros(images.shape[:3], np.float32),
        because="a channel that never varied in training carries no information: all zeros, "
        "even where these images differ from the mean",
    )


@exercise("normalization.standardize")
def test_input_is_left_alone(learner):
    """The caller's images, mean and std are the same before and after."""
    for dtype in (np.uint8, np.float32):
        images, mean, std = images_like_cifar(count=4).astype(dtype), MEAN, STD.copy()
        std[1] = 0
        learner.normalization.standardize(images, mean=mean, std=std)
        expect_left_alone(
            learner,
            images=images,
            mean=mean,
            std=std,
            because="standardize returns a new array; `images -= mean` or `std[std == 0] = 1` "
            "would change the caller's",
        )


@exercise("normalization.standardize")
def test_any_images_and_statistics(learner, for_any):
    """Images of any size and dtype, by any statistics: (value - mean) / std, or zeros."""

    @for_any(images=strategies.images(), seed=strategies.seeds, constant=booleans())
    def law(images, seed, constant):
        random, channels = generator(seed), images.shape[-1]
        mean, std = random.uniform(0, 255, channels), random.uniform(1, 90, channels)
        if constant:
            std[0] = 0
        right = (images - mean) / np.where(std == 0, np.inf, std)
        expect(learner.normalization.standardize(images, mean=mean, std=std)).to_be_close(
            right,
            because="each channel is shifted by its mean and divided by its standard deviation; "
            "one whose standard deviation is zero becomes zeros",
            rtol=1e-4,
            atol=1e-4,
        )


# --- one_hot -----------------------------------------------------------------------------------


@exercise("normalization.one_hot")
@pytest.mark.parametrize("dtype", ["int64", "uint8", "int32"])
def test_a_one_at_the_label(learner, dtype):
    """Row i holds a one at labels[i] and zeros elsewhere."""
    labels = np.array([2, 0, 3, 3], dtype)
    right = np.zeros((4, 5), np.float32)
    right[[0, 1, 2, 3], [2, 0, 3, 3]] = 1
    shifted = np.zeros((4, 5), np.float32)
    shifted[[0, 2, 3], [1, 2, 2]] = 1
    result = learner.normalization.one_hot(labels, 5)
    expect(result).to_equal(
        right,
        because="a class is a direction of its own; label 3 is no more than label 2",
        mistakes={
            "you counted the labels from 1: they begin at 0": shifted,
            "you made as many columns as there are labels in this batch, not num_classes": (
                right[:, :4]
            ),
            "you returned one column per image: rows are images": right.T,
        },
    )
    expect(result).to_have_dtype("float32", because="the loss compares it with float32 outputs")


@exercise("normalization.one_hot")
def test_labels_as_a_column(learner):
    """Labels of shape (n, 1), as Keras' CIFAR-10 loader returns them, give the same rows."""
    labels = np.array([[1], [0], [2]])
    right = np.eye(3, dtype=np.float32)[[1, 0, 2]]
    expect(learner.normalization.one_hot(labels, 3)).to_equal(
        right,
        because="a column of labels is still one label per image",
        mistakes={
            "the column's axis stayed in the result: flatten the labels first": right[:, None, :]
        },
    )


@exercise("normalization.one_hot")
@pytest.mark.parametrize("bad", [4, -1, 7])
def test_label_out_of_range(learner, bad):
    """A label outside 0..num_classes-1 is refused with ValueError."""
    expect_error(
        ValueError,
        lambda: learner.normalization.one_hot(np.array([0, bad, 1]), 4),
        because=f"there is no class {bad} among 4; NumPy alone would take -1 for the last one",
    )
    expect(learner.normalization.one_hot(np.array([0, 3]), 4)).to_have_shape(
        (2, 4), because="0 and num_classes - 1 are both in range"
    )


@exercise("normalization.one_hot")
def test_any_labels(learner, for_any):
    """Any labels of any integer dtype, flat or in a column."""

    @for_any(
        count=integers(1, 9),
        num_classes=integers(1, 12),
        dtype=sampled_from(["uint8", "int8", "int32", "int64"]),
        column=booleans(),
        seed=strategies.seeds,
    )
    def law(count, num_classes, dtype, column, seed):
        labels = generator(seed).integers(0, num_classes, count).astype(dtype)
        right = (labels[:, None] == np.arange(num_classes)).astype(np.float32)
        given = labels[:, None] if column else labels
        expect(learner.normalization.one_hot(given, num_classes)).to_equal(
            right, because="row i holds a one at labels[i]"
        )


# --- train_validation_split --------------------------------------------------------------------


def split(learner, images, labels, **settings):
    """The four arrays of a split."""
    result = learner.normalization.train_validation_split(images, labels, **settings)
    return expect(result).to_unpack(
        "train_images, train_labels, validation_images, validation_labels",
        because="the docstring names four arrays, in this order",
    )


@exercise("normalization.train_validation_split")
@pytest.mark.parametrize(("count", "fraction"), [(50, 0.1), (39, 0.25), (12, 0.5), (23, 0.2)])
def test_how_many_are_held_out(learner, count, fraction):
    """round(n * validation_fraction) images are held out, the rest is for training."""
    held_out, rounded_down = round(count * fraction), int(count * fraction)
    images = numbered_images(count)
    parts = split(learner, images, np.arange(count), validation_fraction=fraction)
    sizes = (count - held_out, count - held_out, held_out, held_out)
    for part, size in zip(parts, sizes, strict=True):
        expect(len(np.atleast_1d(part))).to_equal(
            size,
            because=f"round({count} * {fraction}) = {held_out} images are for validation",
            mistakes={
                "training and validation are swapped": count - size,
                "you rounded down: use round()": count - rounded_down
                if size == count - held_out
                else rounded_down,
            },
        )
    _, _, _, by_default = split(learner, numbered_images(47), np.arange(47))
    expect(by_default).to_have_shape(
        (5,),
        because="validation_fraction is 0.1 unless said otherwise: round(47 * 0.1) = 5",
        mistakes={"you rounded down: use round()": (4,)},
    )


@exercise("normalization.train_validation_split")
def test_disjoint_and_complete(learner):
    """Every image is in exactly one of the two parts."""
    images, labels = numbered_images(40), np.arange(40)
    x_train, _, x_validation, _ = split(learner, images, labels, validation_fraction=0.3)
    numbers = np.concatenate([np.asarray(x_train), np.asarray(x_validation)])[:, 0, 0, 0]
    expect(np.sort(numbers)).to_equal(
        np.arange(40, dtype=np.uint16),
        because="an image in both parts would make validation a test of memory, and a lost one "
        "is wasted",
    )


@exercise("normalization.train_validation_split")
@pytest.mark.parametrize("column", [False, True])
def test_image_and_label_stay_paired(learner, column):
    """Every image keeps its own label, and shapes and dtypes stay."""
    images = numbered_images(30)
    labels = (np.arange(30, dtype=np.uint8) * 3 % 251)[:, None]
    labels = labels if column else labels[:, 0]
    parts = split(learner, images, labels, validation_fraction=0.2, seed=4)
    for x, y in (parts[:2], parts[2:]):
        expect(y).to_equal(
            labels[np.asarray(x)[:, 0, 0, 0].astype(int)],
            because="images and labels must be shuffled by one and the same order",
        )
        for found, given, name in ((x, images, "images"), (y, labels, "labels")):
            expect(found).to_have_dtype(str(given.dtype), because=f"the {name} keep their dtype")
            expect(np.asarray(found).shape[1:]).to_equal(
                given.shape[1:], because=f"each of the {name} keeps its shape"
            )


@exercise("normalization.train_validation_split")
def test_shuffled(learner):
    """The images held out are a random choice, not the first or the last ones."""
    count = 200
    _, labels, _, held_out = split(
        learner, numbered_images(count), np.arange(count), validation_fraction=0.25
    )
    held_out, labels = np.sort(np.asarray(held_out)), np.asarray(labels)
    why = "datasets are often sorted by class: the end of the file may hold one class alone"
    spread = np.ptp(held_out) >= 0.75 * count and len(np.unique(np.diff(held_out))) > 1
    expect(held_out).to_satisfy(spread, "numbers scattered over all 200", because=why)
    expect(labels).to_satisfy(
        bool((np.diff(labels) < 0).sum() > 20),
        "the training part in a shuffled order",
        because="the docstring says that both parts are shuffled",
    )


@exercise("normalization.train_validation_split")
def test_the_seed_decides(learner):
    """The same seed gives the same split, another seed another one."""
    images, labels = numbered_images(60), np.arange(60)

    def held_out(**settings):
        return np.sort(np.asarray(split(learner, images, labels, **settings)[3]))

    first, again, other = (held_out(seed=seed) for seed in (7, 7, 8))
    expect(again).to_equal(
        first, because="a result that cannot be repeated cannot be checked: seed the generator"
    )
    expect(other).to_satisfy(
        not np.array_equal(other, first),
        "another choice for another seed",
        because="`seed` must reach the random generator",
    )
    expect(held_out()).to_equal(held_out(seed=0), because="the seed is 0 unless said otherwise")


@exercise("normalization.train_validation_split")
def test_what_is_split_is_left_alone(learner):
    """The caller's images and labels are in the same order before and after."""
    images, labels = numbered_images(30), np.arange(30)
    split(learner, images, labels, seed=4)
    expect_left_alone(
        learner,
        images=images,
        labels=labels,
        because="the parts are new arrays; shuffling in place would change the caller's order",
    )


@exercise("normalization.train_validation_split")
def test_nonsense_is_refused(learner):
    """A fraction outside 0..1, or images and labels of different lengths, raise ValueError."""
    images, labels = numbered_images(10), np.arange(10)
    call = learner.normalization.train_validation_split
    for fraction in (0.0, 1.0, -0.1, 1.5):
        expect_error(
            ValueError,
            lambda fraction=fraction: call(images, labels, validation_fraction=fraction),
            because=f"a validation_fraction of {fraction} leaves one part empty, or makes no sense",
        )
    for wrong in (np.arange(9), np.arange(11)):
        expect_error(
            ValueError,
            lambda wrong=wrong: call(images, wrong),
            because=f"10 images and {len(wrong)} labels cannot be paired",
        )


@exercise("normalization.train_validation_split")
def test_any_split(learner, for_any):
    """Any number of images, share and seed: as many held out as asked, all there, all paired."""

    @for_any(count=integers(5, 60), fraction=floats(0.05, 0.95), seed=integers(0, 2**31 - 1))
    def law(count, fraction, seed):
        held_out = round(count * fraction)
        if not 0 < held_out < count:
            return  # a split with an empty part is nobody's wish
        labels = np.arange(count) * 7 % 11
        x_train, y_train, x_validation, y_validation = split(
            learner, numbered_images(count), labels, validation_fraction=fraction, seed=seed
        )
        why = f"round({count} * {fraction:g}) = {held_out} images are for validation"
        expect(x_validation).to_have_shape((held_out, 2, 3, 1), because=why)
        expect(x_train).to_have_shape((count - held_out, 2, 3, 1), because=why)
        numbers = np.concatenate([np.asarray(x_train), np.asarray(x_validation)])[:, 0, 0, 0]
        expect(np.sort(numbers)).to_equal(
            np.arange(count, dtype=np.uint16), because="every image is in exactly one part"
        )
        for x, y in ((x_train, y_train), (x_validation, y_validation)):
            expect(y).to_equal(
                labels[np.asarray(x)[:, 0, 0, 0].astype(int)],
                because="every image keeps its own label",
            )


# --- prepare -----------------------------------------------------------------------------------


def prepared(learner, seed=0, count=60, classes=4):
    """A dataset whose test images differ from its training images, and what `prepare` makes."""
    random = generator(3)
    train_images = images_like_cifar(count=count, seed=1)
    # a wide spread from image to image: statistics of another part differ clearly
    train_images = (train_images * random.uniform(0.3, 1.0, (count, 1, 1, 1))).astype(np.uint8)
    test_images = images_like_cifar(count=9, seed=2) // 2
    train_labels, test_labels = np.arange(count) % classes, np.arange(9) % classes
    given = (train_images, train_labels, test_images, test_labels)
    result = learner.normalization.prepare(
        *given, num_classes=classes, validation_fraction=0.25, seed=seed
    )
    return given, result


@exercise("normalization.prepare")
def test_shapes_and_dtypes(learner):
    """Three pairs: float32 images, and one-hot labels of num_classes columns."""
    _, result = prepared(learner)
    pairs = three_pairs(result)
    for (x, y), count in zip(pairs, (45, 15, 9), strict=True):
        expect(x).to_have_shape(
            (count, 7, 6, 3), because="60 images, a quarter held out; 9 to test"
        )
        expect(y).to_have_shape((count, 4), because="labels come one-hot, num_classes=4 columns")
        expect(x).to_have_dtype("float32", because="standardised images are float32")


def three_pairs(result):
    """The result of `prepare`, if it is three pairs."""
    expect(result).to_satisfy(
        isinstance(result, list)
        and len(result) == 3
        and all(isinstance(pair, list) and len(pair) == 2 for pair in result),
        "three pairs: (x_train, y_train), (x_validation, y_validation), (x_test, y_test)",
        because="the docstring promises them in this order",
    )
    for x, y in result:
        expect(x).to_satisfy(
            np.shape(x)[1:] == (7, 6, 3),
            "images of the shape that they had, 7x6 with 3 channels",
            because="standardising changes values, not shapes",
        )
        expect(y).to_satisfy(
            np.ndim(y) == 2 and np.shape(y)[1] == 4,
            "one row for each label, 4 columns",
            because="labels come one-hot, num_classes=4 columns",
        )
    return result


@exercise("normalization.prepare")
def test_training_part_has_mean_zero_and_std_one(learner):
    """After standardising, each channel of the training part has mean 0 and std 1."""
    _, result = prepared(learner)
    (x_train, _), (x_validation, _), _ = three_pairs(result)
    everything = np.concatenate([np.asarray(x_train), np.asarray(x_validation)])
    x_train, leak = np.asarray(x_train), np.abs(everything.mean((0, 1, 2))).max() < 1e-3
    mistake = "the statistics come from all training images, before the split" if leak else None
    centred = np.abs(x_train.mean((0, 1, 2), dtype=np.float64)).max() < 1e-3
    scaled = np.abs(x_train.std((0, 1, 2), dtype=np.float64) - 1).max() < 1e-3
    expect(x_train).to_satisfy(
        bool(centred and scaled),
        "a training part whose channels have mean 0 and standard deviation 1",
        because="the statistics are those of the training part alone",
        mistake=mistake,
    )


@exercise("normalization.prepare")
@pytest.mark.parametrize("part", ["validation", "test"])
def test_other_parts_use_the_training_statistics(learner, part):
    """Validation and test images are scaled with the training part's statistics."""
    given, result = prepared(learner)
    (x_train, _), (x_validation, _), (x_test, _) = three_pairs(result)
    statistics, found = statistics_behind(given[0], x_train, x_validation, x_test, given[2])
    expect(found[part]).to_be_close(
        statistics["right"][part],
        because="in use, a network meets one image at a time: it must be scaled as in training",
        rtol=1e-3,
        atol=1e-3,
        mistakes={
            f"you standardised the {part} images with their own statistics": (
                statistics["own"][part]
            ),
            "the statistics come from all training images, before the split": (
                statistics["leaked"][part]
            ),
        },
    )


def statistics_behind(train_images, x_train, x_validation, x_test, test_images):
    """Which raw image is where, and what each choice of statistics would give.

    Standardising keeps the order of a channel's values, so an image is recognised by its ranks.
    """
    raw = train_images.astype(np.float64)
    kept, held = (recognise(raw, np.asarray(x, np.float64)) for x in (x_train, x_validation))
    raws = {"validation": raw[held], "test": test_images.astype(np.float64)}

    def scaled(choose):
        return {
            name: (x - choose(x).mean((0, 1, 2))) / choose(x).std((0, 1, 2))
            for name, x in raws.items()
        }

    choices = {
        "right": scaled(lambda x: raw[kept]),
        "own": scaled(lambda x: x),
        "leaked": scaled(lambda x: raw),
    }
    return choices, {"validation": x_validation, "test": x_test}


def recognise(raw, scaled):
    """For each scaled image, the index of the raw one that correlates with it perfectly."""

    def directions(images):
        flat = images[..., 0].reshape(len(images), -1)
        flat = flat - flat.mean(1, keepdims=True)
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)

    return (directions(scaled) @ directions(raw).T).argmax(1)


@exercise("normalization.prepare")
def test_labels_follow_their_images(learner):
    """Every image still has its own label after all three steps."""
    (train_images, train_labels, _, test_labels), result = prepared(learner)
    (x_train, y_train), (x_validation, y_validation), (_, y_test) = three_pairs(result)
    for x, y in ((x_train, y_train), (x_validation, y_validation)):
        origin = recognise(train_images.astype(np.float64), np.asarray(x, np.float64))
        expect(y).to_equal(
            np.eye(4, dtype=np.float32)[train_labels[origin]],
            because="a network that learns from shuffled labels learns nothing",
        )
    expect(y_test).to_equal(
        np.eye(4, dtype=np.float32)[test_labels], because="the test images keep their order"
    )


@exercise("normalization.prepare")
def test_fraction_and_seed_are_passed_on(learner):
    """`seed` decides which images are held out, and the inputs stay as they are."""
    given, first = prepared(learner, seed=0)
    _, again = prepared(learner, seed=0)
    fresh, other = prepared(learner, seed=1)
    first, again, other = (np.asarray(three_pairs(r)[1][0]) for r in (first, again, other))
    expect(again).to_equal(first, because="the same seed gives the same split")
    expect(other).to_satisfy(
        not np.array_equal(first, other),
        "other validation images for another seed",
        because="`seed` belongs to the split: pass it on",
    )
    for ours, original in zip(given, fresh, strict=True):
        expect(ours).to_equal(original, because="prepare must not change the arrays it is given")
    by_default = learner.normalization.prepare(*given)
    named = learner.normalization.prepare(*given, num_classes=10, validation_fraction=0.1, seed=0)
    expect(by_default).to_satisfy(
        all(map(np.array_equal, chain(*by_default), chain(*named))),
        "what num_classes=10, validation_fraction=0.1 and seed=0 give",
        because="these are the signature's defaults",
    )


@exercise("normalization.prepare")
def test_prepare_any_dataset(learner, for_any):
    """Any sizes, share and seed: the training part is standardised, the labels are one-hot."""

    @for_any(
        examples=10,
        count=integers(20, 40),
        classes=integers(1, 6),
        fraction=floats(0.2, 0.6),
        seed=strategies.seeds,
    )
    def law(count, classes, fraction, seed):
        images, labels = images_like_cifar(count=count, seed=seed), np.arange(count) % classes
        result = learner.normalization.prepare(
            images,
            labels,
            images[:4],
            labels[:4],
            num_classes=classes,
            validation_fraction=fraction,
            seed=seed,
        )
        sizes = (count - round(count * fraction), round(count * fraction), 4)
        pairs = expect(result).to_unpack("training, validation, test", because="three pairs")
        for pair, size in zip(pairs, sizes, strict=True):
            x, y = expect(pair).to_unpack("x, y", because="each part is a pair")
            expect(x).to_have_shape((size, 7, 6, 3), because="every image is in its part")
            expect(y).to_have_shape((size, classes), because="one column for each class")
        x_train = np.asarray(pairs[0][0], np.float64)
        expect(np.stack([x_train.mean((0, 1, 2)), x_train.std((0, 1, 2))])).to_be_close(
            np.array([[0.0] * 3, [1.0] * 3]),
            because="the training part is standardised with its own statistics",
            atol=1e-3,
        )
