# Wrong answers as learners write them. Each cell replaces one exercise of the reference.
# "says" is the part of the grader's message that names the misconception.

# %% normalization.channel_statistics: one mean over everything
# says: no `axis`
def channel_statistics(images):
    return images.mean(), images.std()


# %% normalization.channel_statistics: sample standard deviation
# says: N - 1
def channel_statistics(images):
    over = (0, 1, 2)
    return images.mean(over, dtype=np.float64), images.std(over, dtype=np.float64, ddof=1)


# %% normalization.channel_statistics: float32 sums
# says: accumulate with dtype=np.float64
def channel_statistics(images):
    pixels = images.astype(np.float32).reshape(-1, images.shape[-1])
    mean = np.add.reduce(pixels, axis=0, dtype=np.float32) / len(pixels)
    return mean, np.sqrt(((pixels - mean) ** 2).mean(0))


# %% normalization.channel_statistics: per pixel
# says: axis=0 alone
def channel_statistics(images):
    return images.mean(axis=0), images.std(axis=0)


# %% normalization.channel_statistics: std before mean
# says: the mean comes first
def channel_statistics(images):
    return images.std((0, 1, 2)), images.mean((0, 1, 2))


# %% normalization.channel_statistics: variance
# says: you returned the variance
def channel_statistics(images):
    return images.mean((0, 1, 2), dtype=np.float64), images.var((0, 1, 2), dtype=np.float64)


# %% normalization.standardize: uint8 wraps around
# says: subtracted in uint8
def standardize(images, mean, std):
    return ((images - mean.astype(images.dtype)) / std).astype(np.float32)


# %% normalization.standardize: in place
# says: would change the caller's
def standardize(images, mean, std):
    if images.dtype == np.uint8:
        images = images.astype(np.float32)
    images -= mean.astype(images.dtype)
    images *= np.divide(1, std, out=np.zeros_like(std), where=std != 0).astype(images.dtype)
    return images.astype(np.float32)


# %% normalization.standardize: divides by zero
# says: divided by zero
def standardize(images, mean, std):
    with np.errstate(all="ignore"):
        return ((images - mean) / std).astype(np.float32)


# %% normalization.standardize: a small epsilon instead of a rule
# says: carries no information
def standardize(images, mean, std):
    return ((images - mean) / np.maximum(std, 1e-8)).astype(np.float32)


# %% normalization.standardize: divides by the variance
# says: divided by the variance
def standardize(images, mean, std):
    scale = np.divide(1, std**2, out=np.zeros_like(std), where=std != 0)
    return ((images - mean) * scale).astype(np.float32)


# %% normalization.standardize: its own statistics
# says: statistics of these images
def standardize(images, mean, std):
    own = images.std((0, 1, 2))
    scale = np.divide(1, own, out=np.zeros_like(own), where=own != 0)
    return ((images - images.mean((0, 1, 2))) * scale).astype(np.float32)


# %% normalization.standardize: float64
# says: compute in float32
def standardize(images, mean, std):
    return (images - mean) * np.divide(1, std, out=np.zeros_like(std), where=std != 0)


# %% normalization.one_hot: negative labels count from the end
# says: -1 for the last one
def one_hot(labels, num_classes):
    labels = np.asarray(labels).reshape(-1)
    if (labels >= num_classes).any():
        raise ValueError("label too large")
    return np.eye(num_classes, dtype=np.float32)[labels]


# %% normalization.one_hot: the column stays
# says: flatten the labels
def one_hot(labels, num_classes):
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError("label out of range")
    return np.eye(num_classes, dtype=np.float32)[labels]


# %% normalization.one_hot: as many columns as this batch has classes
# says: not num_classes
def one_hot(labels, num_classes):
    labels = np.asarray(labels).reshape(-1)
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError("label out of range")
    return np.eye(labels.max() + 1, dtype=np.float32)[labels]


# %% normalization.one_hot: counts from one
# says: begin at 0
def one_hot(labels, num_classes):
    labels = np.asarray(labels).reshape(-1)
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError("label out of range")
    rows = np.zeros((len(labels), num_classes + 1), np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows[:, 1:]


# %% normalization.train_validation_split: images and labels shuffled apart
# says: one and the same order
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError
    random = np.random.default_rng(seed)
    images, labels = random.permutation(images), random.permutation(labels)
    n = round(len(images) * validation_fraction)
    return images[n:], labels[n:], images[:n], labels[:n]


# %% normalization.train_validation_split: shuffled in place, with one seed for both
# says: `images` was
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError
    for array in (images, labels):
        np.random.default_rng(seed).shuffle(array)
    n = round(len(images) * validation_fraction)
    return images[n:], labels[n:], images[:n], labels[:n]


# %% normalization.train_validation_split: never shuffled
# says: sorted by class
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError
    n = round(len(images) * validation_fraction)
    return images[n:], labels[n:], images[:n], labels[:n]


# %% normalization.train_validation_split: rounds down
# says: use round()
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError
    order = np.random.default_rng(seed).permutation(len(images))
    n = int(len(images) * validation_fraction)
    return images[order[n:]], labels[order[n:]], images[order[:n]], labels[order[:n]]


# %% normalization.train_validation_split: draws with replacement
# says: a test of memory
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError
    random = np.random.default_rng(seed)
    n = round(len(images) * validation_fraction)
    held = random.integers(0, len(images), n)
    kept = random.integers(0, len(images), len(images) - n)
    return images[kept], labels[kept], images[held], labels[held]


# %% normalization.train_validation_split: the seed is ignored
# says: must reach the random generator
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError
    order = np.random.default_rng(0).permutation(len(images))
    n = round(len(images) * validation_fraction)
    return images[order[n:]], labels[order[n:]], images[order[:n]], labels[order[:n]]


# %% normalization.train_validation_split: no generator of its own
# says: cannot be repeated
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError
    order = np.random.permutation(len(images))
    n = round(len(images) * validation_fraction)
    return images[order[n:]], labels[order[n:]], images[order[:n]], labels[order[:n]]


# %% normalization.train_validation_split: training and validation swapped
# says: swapped
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError
    order = np.random.default_rng(seed).permutation(len(images))
    n = round(len(images) * validation_fraction)
    return images[order[:n]], labels[order[:n]], images[order[n:]], labels[order[n:]]


# %% normalization.prepare: statistics before the split
# says: before the split
def prepare(
    train_images,
    train_labels,
    test_images,
    test_labels,
    num_classes=10,
    validation_fraction=0.1,
    seed=0,
):
    mean, std = channel_statistics(train_images)
    x, y, xv, yv = train_validation_split(train_images, train_labels, validation_fraction, seed)
    parts = ((x, y), (xv, yv), (test_images, test_labels))
    return tuple((standardize(a, mean, std), one_hot(b, num_classes)) for a, b in parts)


# %% normalization.prepare: every part its own statistics
# says: with their own statistics
def prepare(
    train_images,
    train_labels,
    test_images,
    test_labels,
    num_classes=10,
    validation_fraction=0.1,
    seed=0,
):
    x, y, xv, yv = train_validation_split(train_images, train_labels, validation_fraction, seed)
    parts = ((x, y), (xv, yv), (test_images, test_labels))
    return tuple(
        (standardize(a, *channel_statistics(a)), one_hot(b, num_classes)) for a, b in parts
    )


# %% normalization.prepare: the seed is not passed on
# says: pass it on
def prepare(
    train_images,
    train_labels,
    test_images,
    test_labels,
    num_classes=10,
    validation_fraction=0.1,
    seed=0,
):
    x, y, xv, yv = train_validation_split(train_images, train_labels, validation_fraction)
    mean, std = channel_statistics(x)
    parts = ((x, y), (xv, yv), (test_images, test_labels))
    return tuple((standardize(a, mean, std), one_hot(b, num_classes)) for a, b in parts)


# %% normalization.prepare: shuffles the caller's arrays
# says: After the call, `train_images` was
def prepare(
    train_images, train_labels, test_images, test_labels, num_classes=10,
    validation_fraction=0.1, seed=0,
):
    order = np.random.default_rng(seed).permutation(len(train_images))
    train_images[:] = train_images[order]
    train_labels[:] = train_labels[order]
    x_train, y_train, x_validation, y_validation = train_validation_split(
        train_images, train_labels, validation_fraction, seed
    )
    mean, std = channel_statistics(x_train)
    return tuple(
        (standardize(x, mean, std), one_hot(y, num_classes))
        for x, y in ((x_train, y_train), (x_validation, y_validation), (test_images, test_labels))
    )
