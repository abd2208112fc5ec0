# Right answers that are written differently from the reference. Each cell replaces one exercise of
# the reference and must earn all points.

# %% normalization.channel_statistics: through E[x^2] - E[x]^2
def channel_statistics(images):
    x = images.astype(np.float64)
    mean = x.mean((0, 1, 2))
    return mean, np.sqrt((x**2).mean((0, 1, 2)) - mean**2)


# %% normalization.channel_statistics: channel by channel
def channel_statistics(images):
    channels = [images[..., c].astype(float) for c in range(images.shape[-1])]
    return np.array([c.mean() for c in channels]), np.array([c.std() for c in channels])


# %% normalization.channel_statistics: flattened, float32 results, a list
def channel_statistics(images):
    pixels = images.reshape(-1, images.shape[-1]).astype(np.float64)
    return [pixels.mean(0).astype(np.float32), pixels.std(0).astype(np.float32)]


# %% normalization.channel_statistics: plain Python lists
def channel_statistics(images):
    pixels = np.moveaxis(images, -1, 0).reshape(images.shape[-1], -1).astype(np.float64)
    means = [float(p.sum() / p.size) for p in pixels]
    return means, [float(np.sqrt(((p - m) ** 2).sum() / p.size)) for p, m in zip(pixels, means)]


# %% normalization.standardize: float32 all the way
def standardize(images, mean, std):
    x = images.astype(np.float32)
    mean, std = np.float32(mean), np.float32(std)
    return np.where(std == 0, 0, (x - mean) / np.where(std == 0, 1, std)).astype(np.float32)


# %% normalization.standardize: channel by channel
def standardize(images, mean, std):
    out = np.zeros(images.shape, np.float32)
    for c in range(images.shape[-1]):
        if std[c]:
            out[..., c] = (images[..., c] - mean[c]) / std[c]
    return out


# %% normalization.standardize: NaN and infinity cleared afterwards
def standardize(images, mean, std):
    with np.errstate(all="ignore"):
        out = (images.astype(np.float64) - mean) / std
    return np.nan_to_num(out, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)


# %% normalization.standardize: an infinite divisor
def standardize(images, mean, std):
    std = np.where(np.asarray(std) == 0, np.inf, std)
    return np.divide(np.subtract(images, mean), std).astype("float32")


# %% normalization.one_hot: written into zeros
def one_hot(labels, num_classes):
    labels = np.ravel(labels).astype(int)
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError("label outside the classes")
    rows = np.zeros((labels.size, num_classes), "float32")
    rows[np.arange(labels.size), labels] = 1
    return rows


# %% normalization.one_hot: by comparison
def one_hot(labels, num_classes):
    labels = np.asarray(labels).reshape(-1, 1)
    if np.any(labels < 0) or np.any(labels > num_classes - 1):
        raise ValueError("label outside the classes")
    return (labels == np.arange(num_classes)).astype(np.float32)


# %% normalization.one_hot: a class of its own derived from ValueError
def one_hot(labels, num_classes):
    class LabelError(ValueError):
        pass

    rows = []
    for label in np.asarray(labels).flatten().tolist():
        if label not in range(num_classes):
            raise LabelError(f"no class {label}")
        rows.append([1.0 if k == label else 0.0 for k in range(num_classes)])
    return np.array(rows, np.float32)


# %% normalization.one_hot: np.put_along_axis
def one_hot(labels, num_classes):
    labels = np.asarray(labels, dtype=np.int64).reshape(-1, 1)
    if not ((labels >= 0) & (labels < num_classes)).all():
        raise ValueError("label outside the classes")
    rows = np.zeros((len(labels), num_classes), np.float32)
    np.put_along_axis(rows, labels, 1, axis=1)
    return rows


# %% normalization.train_validation_split: the old generator
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if validation_fraction <= 0 or validation_fraction >= 1:
        raise ValueError("fraction")
    if len(images) != len(labels):
        raise ValueError("lengths")
    order = np.random.RandomState(seed).permutation(len(images))
    n = len(images) - round(len(images) * validation_fraction)
    return images[order[:n]], labels[order[:n]], images[order[n:]], labels[order[n:]]


# %% normalization.train_validation_split: Python's generator
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    import random

    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError("cannot split that")
    order = list(range(len(images)))
    random.Random(seed).shuffle(order)
    n = round(len(images) * validation_fraction)
    return images[order[n:]], labels[order[n:]], images[order[:n]], labels[order[:n]]


# %% normalization.train_validation_split: np.split of a shuffled index
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError("cannot split that")
    order = np.arange(len(images))
    np.random.Generator(np.random.MT19937(seed)).shuffle(order)
    held, kept = np.split(order, [round(len(images) * validation_fraction)])
    return [
        np.take(images, kept, 0),
        np.take(labels, kept, 0),
        np.take(images, held, 0),
        np.take(labels, held, 0),
    ]


# %% normalization.train_validation_split: sorting random keys
def train_validation_split(images, labels, validation_fraction=0.1, seed=0):
    if not 0 < validation_fraction < 1 or len(images) != len(labels):
        raise ValueError("cannot split that")
    order = np.argsort(np.random.default_rng([seed, 5]).random(len(images)))
    n = round(len(images) * validation_fraction)
    return images[order][n:], labels[order][n:], images[order][:n], labels[order][:n]


# %% normalization.prepare: without the other exercises
def prepare(
    train_images,
    train_labels,
    test_images,
    test_labels,
    num_classes=10,
    validation_fraction=0.1,
    seed=0,
):
    order = np.random.default_rng(seed + 17).permutation(len(train_images))
    n = round(len(order) * validation_fraction)
    kept, held = order[n:], order[:n]
    mean = train_images[kept].mean((0, 1, 2))
    std = train_images[kept].std((0, 1, 2))

    def ready(x, y):
        return ((x - mean) / std).astype(np.float32), np.eye(num_classes, dtype="f4")[y.ravel()]

    return (
        ready(train_images[kept], train_labels[kept]),
        ready(train_images[held], train_labels[held]),
        ready(test_images, test_labels),
    )


# %% normalization.prepare: step by step, a list
def prepare(
    train_images,
    train_labels,
    test_images,
    test_labels,
    num_classes=10,
    validation_fraction=0.1,
    seed=0,
):
    x, y, xv, yv = train_validation_split(
        train_images, train_labels, validation_fraction=validation_fraction, seed=seed
    )
    mean, std = channel_statistics(x)
    x, xv, xt = (standardize(images, mean, std) for images in (x, xv, test_images))
    y, yv, yt = (one_hot(labels, num_classes) for labels in (y, yv, test_labels))
    return [[x, y], [xv, yv], [xt, yt]]


# %% normalization.prepare: labels first
def prepare(
    train_images,
    train_labels,
    test_images,
    test_labels,
    num_classes=10,
    validation_fraction=0.1,
    seed=0,
):
    rows = one_hot(train_labels, num_classes)
    x, y, xv, yv = train_validation_split(train_images, rows, validation_fraction, seed)
    s = channel_statistics(x)
    return (
        (standardize(x, *s), y),
        (standardize(xv, *s), yv),
        (standardize(test_images, *s), one_hot(test_labels, num_classes)),
    )


# %% normalization.prepare: its own seed
def prepare(
    train_images,
    train_labels,
    test_images,
    test_labels,
    num_classes=10,
    validation_fraction=0.1,
    seed=0,
):
    parts = train_validation_split(train_images, train_labels, validation_fraction, seed + 1)
    mean, std = channel_statistics(parts[0])
    parts = (*parts, test_images, test_labels)
    return tuple(
        (standardize(parts[i], mean, std), one_hot(parts[i + 1], num_classes)) for i in (0, 2, 4)
    )
