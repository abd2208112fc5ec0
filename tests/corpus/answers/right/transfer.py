# Right answers that are written differently from the reference. Each cell replaces one exercise of
# the reference and must earn all points.

# %% transfer.build_augmentation: another order, other fillings, one seed for all
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomZoom((-0.15, 0.15), fill_mode="nearest", seed=seed),
            keras.layers.RandomTranslation(0.15, 0.15, fill_mode="constant", seed=seed),
            keras.layers.RandomRotation(
                0.08, fill_mode="constant", interpolation="nearest", seed=seed
            ),
            keras.layers.RandomFlip("horizontal", seed=seed),
        ]
    )


# %% transfer.build_augmentation: with an input and two translations
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.RandomFlip("horizontal", seed=seed and seed * 5),
            keras.layers.RandomTranslation(0.12, 0.0, seed=seed and seed * 7),
            keras.layers.RandomTranslation(0.0, 0.12, seed=seed and seed * 11),
            keras.layers.RandomRotation(10 / 360, seed=seed and seed * 13),
            keras.layers.RandomZoom(0.1, 0.1, seed=seed and seed * 17),
        ]
    )


# %% transfer.build_augmentation: layers added one by one, zoomed in only
def build_augmentation(seed=None):
    augmentation = keras.Sequential()
    augmentation.add(keras.layers.RandomFlip(mode="horizontal", seed=seed))
    augmentation.add(keras.layers.RandomRotation(factor=(-0.04, 0.04), seed=seed))
    augmentation.add(
        keras.layers.RandomTranslation(height_factor=0.08, width_factor=(-0.1, 0.1), seed=seed)
    )
    augmentation.add(keras.layers.RandomZoom(height_factor=(-0.2, 0.0), seed=seed))
    return augmentation


# %% transfer.build_augmentation: the learner's own layer
class Jitter(keras.layers.Layer):
    """All four in one affine map per image."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.numbers = keras.random.SeedGenerator(seed)

    def call(self, images, training=None):
        if not training:
            return images
        count = keras.ops.shape(images)[0]
        draws = keras.random.uniform((count, 5), -1, 1, seed=self.numbers)
        mirror = keras.ops.where(draws[:, 0] > 0, 1.0, -1.0)
        angle, zoom = 0.2 * draws[:, 1], 1 + 0.1 * draws[:, 2]
        cos, sin = zoom * keras.ops.cos(angle), zoom * keras.ops.sin(angle)
        a, b, c, d = mirror * cos, -sin, mirror * sin, cos
        x, y = 15.5 - 15.5 * (a + b) + 3 * draws[:, 3], 15.5 - 15.5 * (c + d) + 3 * draws[:, 4]
        zero = keras.ops.zeros_like(zoom)
        maps = keras.ops.stack([a, b, x, c, d, y, zero, zero], axis=1)
        return keras.ops.image.affine_transform(images, maps, data_format="channels_last")


def build_augmentation(seed=None):
    return keras.Sequential([Jitter(seed)])


# %% transfer.scale_pixels: subtracted first
def scale_pixels(images):
    return ((images.astype(np.float64) - 127.5) / 127.5).astype(np.float32)


# %% transfer.scale_pixels: through 0..1
def scale_pixels(images):
    return 2 * (images.astype("float32") / 255) - 1


# %% transfer.scale_pixels: a table of 256 values for uint8
def scale_pixels(images):
    if images.dtype == np.uint8:
        return np.linspace(-1, 1, 256, dtype=np.float32)[images]
    return np.interp(images, [0, 255], [-1, 1]).astype(np.float32)


# %% transfer.scale_pixels: Keras' function, on a copy
def scale_pixels(images):
    copy = np.array(images, dtype="float32")
    return keras.applications.mobilenet_v2.preprocess_input(copy)


# %% transfer.scale_pixels: a Rescaling layer
def scale_pixels(images):
    layer = keras.layers.Rescaling(1 / 127.5, offset=-1)
    return np.array(layer(images.astype(np.float32)))


# %% transfer.build_transfer_model: scaled first, then enlarged, nearest pixels
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.Resizing(size, size, interpolation="nearest")(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: enlarged first, then augmented; Keras' preprocess_input; activation as a layer
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Resizing(*base.input_shape[1:3], interpolation="lanczos5")(inputs)
    x = build_augmentation(1)(x)
    x = keras.applications.mobilenet_v2.preprocess_input(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(32, kernel_regularizer=keras.regularizers.l2(0.001))(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Softmax()(keras.layers.Dense(num_classes)(x))
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: a layer as activation
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Resizing(*base.input_shape[1:3])(build_augmentation()(inputs))
    x = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(x), training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    penalty = keras.regularizers.L2(0.001)
    x = keras.layers.Dense(64, activation=keras.layers.ReLU(), kernel_regularizer=penalty)(x)
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% transfer.build_transfer_model: Sequential, layers frozen one by one
def build_transfer_model(base, num_classes=10):
    for layer in base.layers:
        layer.trainable = False
    base.trainable = False
    side = base.input_shape[1]
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            build_augmentation(),
            keras.layers.Resizing(side, side, interpolation="bicubic"),
            keras.layers.Rescaling(scale=1.0 / 127.5, offset=-1.0),
            base,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(128, kernel_regularizer=keras.regularizers.L2(1e-3)),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


# %% transfer.build_transfer_model: functions on tensors, a nested head
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    _, height, width, _ = base.input_shape
    head = keras.Sequential(
        [
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(
                96, activation="relu", kernel_regularizer=keras.regularizers.L2(0.001)
            ),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(num_classes, activation="softmax"),
        ],
        name="head",
    )
    inputs = keras.Input(shape=(32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.ops.image.resize(
        x, (height, width), interpolation="bilinear", data_format="channels_last"
    )
    features = base(x / 127.5 - 1.0, training=False)
    return keras.Model(inputs, head(features))


# %% transfer.build_transfer_model: a Lambda for the scaling, augmentation from four layers of its own
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.RandomFlip("horizontal")(inputs)
    x = keras.layers.RandomRotation(0.05)(x)
    x = keras.layers.RandomTranslation(0.1, 0.1)(x)
    x = keras.layers.RandomZoom(0.1)(x)
    x = keras.layers.Lambda(lambda pixels: (pixels - 127.5) / 127.5)(x)
    x = keras.layers.Resizing(size, size)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.unfreeze_last: all frozen, then the last ones unfrozen
def unfreeze_last(base, count=20):
    base.trainable = True
    for layer in base.layers:
        layer.trainable = False
    last = base.layers[-count:] if count else []
    for layer in last:
        if not isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = True
    return base


# %% transfer.unfreeze_last: backwards
def unfreeze_last(base, count=20):
    base.trainable = True
    left = count
    for layer in reversed(base.layers):
        layer.trainable = left > 0 and not isinstance(layer, keras.layers.BatchNormalization)
        left -= 1
    return base


# %% transfer.unfreeze_last: sets of layers
def unfreeze_last(base, count=20):
    base.trainable = True
    free = set(base.layers[max(0, len(base.layers) - count) :])
    norms = {layer for layer in base.layers if type(layer) is keras.layers.BatchNormalization}
    for layer in base.layers:
        layer.trainable = layer in free - norms
    return base


# %% transfer.unfreeze_last: BatchNormalization found by the name of its class
def unfreeze_last(base, count=20):
    base.trainable = True
    depth = len(base.layers)
    for place in range(depth):
        layer = base.layers[place]
        layer.trainable = True
        if depth - place > count or layer.__class__.__name__ == "BatchNormalization":
            layer.trainable = False
    return base


# %% transfer.compile_for_fine_tuning: objects and keywords
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    model.compile(
        loss=keras.losses.CategoricalCrossentropy(),
        optimizer=keras.optimizers.Adam(clipnorm=clipnorm, learning_rate=learning_rate),
        metrics=[keras.metrics.CategoricalAccuracy()],
    )
    return model


# %% transfer.compile_for_fine_tuning: clipped by the norm of all gradients
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate=learning_rate, global_clipnorm=clipnorm)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["acc"])
    return model


# %% transfer.compile_for_fine_tuning: a function as loss
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    adam = keras.optimizers.Adam(learning_rate, clipnorm=clipnorm)
    model.compile(adam, loss=keras.losses.categorical_crossentropy, metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: the optimizer from a config
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    settings = {"learning_rate": learning_rate, "clipnorm": clipnorm}
    adam = keras.optimizers.get({"class_name": "Adam", "config": settings})
    model.compile(adam, "categorical_crossentropy", metrics=["categorical_accuracy", "accuracy"])
    return model


# %% transfer.fine_tuning_callbacks: by keyword, in another order
def fine_tuning_callbacks():
    return [
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=3, monitor="val_loss", mode="min")
    ]


# %% transfer.fine_tuning_callbacks: by position
def fine_tuning_callbacks():
    return [keras.callbacks.ReduceLROnPlateau("val_loss", 1 / 2, 3)]


# %% transfer.fine_tuning_callbacks: appended to a list
def fine_tuning_callbacks():
    callbacks = []
    callbacks.append(keras.callbacks.ReduceLROnPlateau(patience=3, factor=0.5))
    return callbacks


# %% transfer.fine_tuning_callbacks: with TerminateOnNaN
def fine_tuning_callbacks():
    return [
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=3),
        keras.callbacks.TerminateOnNaN(),
    ]


# %% transfer.cache_features: batch by batch by hand
def cache_features(model, images, batch_size=64):
    parts = []
    for start in range(0, len(images), batch_size):
        batch = keras.ops.convert_to_tensor(images[start : start + batch_size], "float32")
        parts.append(keras.ops.convert_to_numpy(model(batch, training=False)))
    return np.concatenate(parts)


# %% transfer.cache_features: predict_on_batch into one array
def cache_features(model, images, batch_size=64):
    features = np.empty((len(images), *model.output_shape[1:]), np.float32)
    for start in range(0, len(images), batch_size):
        stop = start + batch_size
        features[start:stop] = model.predict_on_batch(images[start:stop])
    return features


# %% transfer.cache_features: a list of rows, in halves of a batch
def cache_features(model, images, batch_size=64):
    rows = []
    step = max(batch_size // 2, 1)
    for start in range(0, len(images), step):
        rows.extend(model.predict(images[start : start + step], verbose=0))
    return np.stack(rows)


# %% transfer.cache_features: an array split by its bounds
def cache_features(model, images, batch_size=64):
    bounds = range(batch_size, len(images), batch_size)
    parts = np.split(images, list(bounds))
    return np.vstack([model.predict(part, verbose=0, batch_size=len(part)) for part in parts])
