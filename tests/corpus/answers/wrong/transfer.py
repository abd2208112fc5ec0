# Wrong answers as learners write them. Each cell replaces one exercise of the reference.
# "says" is the part of the grader's message that names the misconception.

# %% transfer.scale_pixels: 0 to 1
# says: you scaled to 0..1
def scale_pixels(images):
    return np.asarray(images, np.float32) / 255


# %% transfer.scale_pixels: 0 to 2
# says: did not subtract 1
def scale_pixels(images):
    return np.asarray(images, np.float32) / 127.5


# %% transfer.scale_pixels: twice
# says: you scaled twice
def scale_pixels(images):
    once = np.asarray(images, np.float32) / 127.5 - 1
    return once / 127.5 - 1


# %% transfer.scale_pixels: half of the range
# says: you scaled to -0.5..0.5
def scale_pixels(images):
    return np.asarray(images, np.float32) / 255 - 0.5


# %% transfer.scale_pixels: only converted
# says: you did not scale at all
def scale_pixels(images):
    return np.asarray(images, np.float32)


# %% transfer.scale_pixels: 128 instead of 127.5
# says: you centered with 128
def scale_pixels(images):
    return (np.asarray(images, np.float32) - 128) / 128


# %% transfer.scale_pixels: centered and not divided
# says: did not divide
def scale_pixels(images):
    return np.asarray(images, np.float32) - 127.5


# %% transfer.scale_pixels: brackets around the subtraction
# says: you subtracted 1 before
def scale_pixels(images):
    return (np.asarray(images, np.float32) - 1) / 127.5


# %% transfer.scale_pixels: doubled in uint8
# says: you calculated in uint8
def scale_pixels(images):
    return (images * 2 / 255 - 1).astype(np.float32)


# %% transfer.scale_pixels: whole numbers
# says: without fractions
def scale_pixels(images):
    return (images // 127.5 - 1).astype(np.float32)


# %% transfer.scale_pixels: scaled by the smallest and largest pixel
# says: smallest and largest pixel of these images
def scale_pixels(images):
    low, high = float(images.min()), float(images.max())
    return np.float32((images - low) / (high - low) * 2 - 1)


# %% transfer.scale_pixels: divided by the largest pixel
# says: the largest pixel of these images
def scale_pixels(images):
    return np.float32(images / images.max() * 2 - 1)


# %% transfer.scale_pixels: standardized, as in lesson 1
# says: standardized by the statistics of these images
def scale_pixels(images):
    return np.float32((images - images.mean()) / images.std())


# %% transfer.scale_pixels: in float64
# says: float64 takes twice the memory
def scale_pixels(images):
    return images / 127.5 - 1


# %% transfer.scale_pixels: in the caller's array
# says: the caller still needs the pixels
def scale_pixels(images):
    if images.dtype == np.uint8:
        images = images.astype(np.float32)
    images /= 127.5
    images -= 1
    return images.astype(np.float32)


# %% transfer.scale_pixels: no return
# says: is there a `return`?
def scale_pixels(images):
    np.asarray(images, np.float32) / 127.5 - 1


# %% transfer.build_augmentation: flipped both ways
# says: you flip vertically, too
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip(seed=seed),
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: without the seed
# says: `seed` does not reach the layers
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(0.05),
            keras.layers.RandomTranslation(0.1, 0.1),
            keras.layers.RandomZoom(0.1),
        ]
    )


# %% transfer.build_augmentation: its own seeds
# says: the layers have a seed of their own
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=0),
            keras.layers.RandomRotation(0.05, seed=1),
            keras.layers.RandomTranslation(0.1, 0.1, seed=2),
            keras.layers.RandomZoom(0.1, seed=3),
        ]
    )


# %% transfer.build_augmentation: flipped the wrong way
# says: you flip vertically, too
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("vertical", seed=seed),
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: degrees instead of fractions of a turn
# says: in the range [-1, 1]
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(15, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: rotated by up to a full turn
# says: a fraction of a
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(0.5, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: no flip
# says: there is no horizontal flip
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: no rotation
# says: there is no rotation
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: no shift
# says: there is no shift of the height and of the width
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: shifted in height only
# says: there is no shift of the width
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.0, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: shifted in width only
# says: there is no shift of the height
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomTranslation(0.0, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: no zoom
# says: there is no zoom
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: scaled as well
# says: you scaled the pixels here
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
        ]
    )


# %% transfer.build_augmentation: scaled to 0..1
# says: you scaled to 0..1
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
            keras.layers.Rescaling(1 / 255),
        ]
    )


# %% transfer.build_augmentation: at inference as well
# says: must not depend on chance
def build_augmentation(seed=None):
    class Always(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = [
                keras.layers.RandomFlip("horizontal", seed=seed),
                keras.layers.RandomRotation(0.05, seed=seed),
                keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
                keras.layers.RandomZoom(0.1, seed=seed),
            ]

        def call(self, images):
            for layer in self.inner:
                images = layer(images, training=True)
            return images

    return keras.Sequential([Always()])


# %% transfer.build_augmentation: one draw for the whole batch
# says: all images of a batch get the same change
def build_augmentation(seed=None):
    class Together(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.numbers = keras.random.SeedGenerator(seed)

        def call(self, images, training=None):
            if not training:
                return images
            draws = keras.random.uniform((5,), -1, 1, seed=self.numbers)
            mirror = keras.ops.where(draws[0] > 0, 1.0, -1.0)
            angle, zoom = 0.2 * draws[1], 1 + 0.1 * draws[2]
            cos, sin = zoom * keras.ops.cos(angle), zoom * keras.ops.sin(angle)
            a, b, c, d = mirror * cos, -sin, mirror * sin, cos
            x, y = 15.5 - 15.5 * (a + b) + 3 * draws[3], 15.5 - 15.5 * (c + d) + 3 * draws[4]
            zero = 0 * zoom
            one = keras.ops.stack([a, b, x, c, d, y, zero, zero])
            count = keras.ops.shape(images)[0]
            return keras.ops.image.affine_transform(
                images, keras.ops.broadcast_to(one, (count, 8)), data_format="channels_last"
            )

    return keras.Sequential([Together()])


# %% transfer.build_augmentation: the same numbers at every call
# says: every call draws the same numbers
def build_augmentation(seed=None):
    layers = [
        keras.layers.RandomFlip("horizontal", seed=5),
        keras.layers.RandomRotation(0.05, seed=5),
        keras.layers.RandomTranslation(0.1, 0.1, seed=5),
        keras.layers.RandomZoom(0.1, seed=5),
    ]

    class Again(keras.layers.Layer):
        def call(self, images, training=None):
            if not training:
                return images
            for layer in layers:
                start = keras.random.SeedGenerator(5)
                layer.generator.state.assign(start.state)
                images = layer(images, training=True)
            return images

    return keras.Sequential([Again()])


# %% transfer.build_augmentation: a list of layers
# says: returns a keras.Sequential
def build_augmentation(seed=None):
    return keras.layers.RandomFlip("horizontal", seed=seed)


# %% transfer.build_augmentation: cropped to another size
# says: the images keep their size
def build_augmentation(seed=None):
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(0.05, seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
            keras.layers.RandomZoom(0.1, seed=seed),
            keras.layers.RandomCrop(28, 28, seed=seed),
        ]
    )


# %% transfer.build_transfer_model: 0 to 1
# says: you scaled to 0..1
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 255)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: a function for arrays in the model
# says: scale_pixels in the model
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Resizing(*base.input_shape[1:3])(build_augmentation()(inputs))
    x = base(scale_pixels(x), training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% transfer.build_transfer_model: small initial weights instead of a penalty
# says: there is no L2 penalty
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Resizing(*base.input_shape[1:3])(build_augmentation()(inputs))
    x = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(x), training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    small = keras.initializers.RandomNormal(stddev=1e-6)
    x = keras.layers.Dense(64, "relu", kernel_initializer=small)(x)
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% transfer.build_transfer_model: not scaled
# says: you did not scale at all
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: scaled in a layer and once more
# says: you scaled twice
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.applications.mobilenet_v2.preprocess_input(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: 0 to 1, and then MobileNetV2's own scaling
# says: you scaled 0..1 and again by 127.5
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 255)(x)
    x = keras.applications.mobilenet_v2.preprocess_input(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: 0 to 2
# says: did not subtract 1
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: the images are not enlarged
# says: the 32x32 images go into the base as they are
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: always 224
# says: you wrote 224 into your code
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = 224
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: padded instead of enlarged
# says: padded the image
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.ZeroPadding2D((size - 32) // 2)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: cut out of a larger image
# says: the base needs the whole image
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(2 * size, 2 * size)(x)
    x = keras.layers.CenterCrop(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: no augmentation
# says: there is no augmentation in the model
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = inputs
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: augmented after scaling
# says: it comes before scaling
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = inputs
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.RandomBrightness(0.5, value_range=(-255, 255))(x)
    x = build_augmentation()(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: augmented at inference as well
# says: the same image at inference
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    augmentation = build_augmentation()
    always = keras.layers.Lambda(lambda p: augmentation(p, training=True), (32, 32, 3))
    x = always(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: not frozen
# says: the base is not frozen
def build_transfer_model(base, num_classes=10):
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: only some layers frozen
# says: the base is not frozen
def build_transfer_model(base, num_classes=10):
    for layer in base.layers[:-4]:
        layer.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: frozen except BatchNormalization
# says: the base is not frozen
def build_transfer_model(base, num_classes=10):
    for layer in base.layers:
        layer.trainable = isinstance(layer, keras.layers.BatchNormalization)
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: all convolutions frozen
# says: the base is not frozen
def build_transfer_model(base, num_classes=10):
    for layer in base.layers:
        layer.trainable = not isinstance(layer, keras.layers.Conv2D)
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: a copy of the base
# says: you copied the base
def build_transfer_model(base, num_classes=10):
    base = keras.models.clone_model(base)
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: the head is frozen as well
# says: the whole model is frozen
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    model.trainable = False
    return model


# %% transfer.build_transfer_model: flattened
# says: you used Flatten
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: the maximum of each channel
# says: you took the maximum
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalMaxPooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: no BatchNormalization in the head
# says: there is no BatchNormalization
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: no Dropout
# says: there is no Dropout
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: Dropout before BatchNormalization
# says: in this order
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.BatchNormalization()(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: another rate
# says: drops half of what it sees
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.3)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: no hidden layer
# says: there is no Dense
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: no ReLU
# says: two Dense layers in a row are one linear map
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: no penalty
# says: there is no L2 penalty
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: the default penalty
# says: you left L2 at Keras' default
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer="l2")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: L1
# says: you took L1
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L1(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: the penalty on the output layer
# says: you put it on the output layer
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(
        num_classes, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.001)
    )(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: a penalty on both
# says: both Dense layers have one
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(
        num_classes, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.001)
    )(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: always ten classes
# says: you ignored `num_classes`
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: logits
# says: the output layer has a softmax
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes)(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: sigmoids
# says: the output layer has a softmax
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="sigmoid")(x)
    return keras.Model(inputs, outputs)


# %% transfer.build_transfer_model: compiled
# says: you called `compile` in build_transfer_model
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% transfer.build_transfer_model: no return
# says: is there a `return`?
def build_transfer_model(base, num_classes=10):
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)
    x = keras.layers.Resizing(size, size)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(0.001))(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    keras.Model(inputs, outputs)


# %% transfer.unfreeze_last: only base.trainable unfreezes
# says: you left the unfreezing to `base.trainable = True`
def unfreeze_last(base, count=20):
    base.trainable = True
    first = max(len(base.layers) - count, 0)
    for place, layer in enumerate(base.layers):
        if place < first or isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return base


# %% transfer.unfreeze_last: a slice from -0
# says: `layers[-0:]` is all layers
def unfreeze_last(base, count=20):
    base.trainable = True
    for layer in base.layers[: len(base.layers) - count]:
        layer.trainable = False
    for layer in base.layers[-count:]:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    return base


# %% transfer.unfreeze_last: base.trainable stays False
# says: the base's own `trainable` is still False
def unfreeze_last(base, count=20):
    base.trainable = False
    first = max(len(base.layers) - count, 0)
    for layer in base.layers[first:]:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    return base


# %% transfer.unfreeze_last: BatchNormalization unfrozen with the rest
# says: BatchNormalization was unfrozen with the rest
def unfreeze_last(base, count=20):
    base.trainable = True
    first = max(len(base.layers) - count, 0)
    for layer in base.layers[:first]:
        layer.trainable = False
    return base


# %% transfer.unfreeze_last: every layer set by its place alone
# says: BatchNormalization was unfrozen with the rest
def unfreeze_last(base, count=20):
    base.trainable = True
    first = max(len(base.layers) - count, 0)
    for place, layer in enumerate(base.layers):
        layer.trainable = place >= first
    return base


# %% transfer.unfreeze_last: the first layers instead of the last
# says: the first layers are unfrozen
def unfreeze_last(base, count=20):
    base.trainable = True
    for place, layer in enumerate(base.layers):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = place < count and not norm
    return base


# %% transfer.unfreeze_last: counted without BatchNormalization
# says: you counted without BatchNormalization
def unfreeze_last(base, count=20):
    base.trainable = True
    others = [
        layer for layer in base.layers if not isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in base.layers:
        layer.trainable = False
    for layer in others[max(len(others) - count, 0) :]:
        layer.trainable = True
    return base


# %% transfer.unfreeze_last: counted layers with weights
# says: you counted
def unfreeze_last(base, count=20):
    base.trainable = True
    learning = [
        layer
        for layer in base.layers
        if layer.weights and not isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in base.layers:
        layer.trainable = False
    for layer in learning[max(len(learning) - count, 0) :]:
        layer.trainable = True
    return base


# %% transfer.unfreeze_last: one layer too many
# says: you are one layer too far down
def unfreeze_last(base, count=20):
    base.trainable = True
    first = len(base.layers) - count - 1
    for place, layer in enumerate(base.layers):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = place >= first and not norm
    return base


# %% transfer.unfreeze_last: one layer too few
# says: you are one layer short
def unfreeze_last(base, count=20):
    base.trainable = True
    first = len(base.layers) - count
    for place, layer in enumerate(base.layers):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = place > first and not norm
    return base


# %% transfer.unfreeze_last: the rest left as it was
# says: frozen
def unfreeze_last(base, count=20):
    first = max(len(base.layers) - count, 0)
    base_was_frozen = not base.trainable
    if base_was_frozen:
        base.trainable = True
        for layer in base.layers[:first]:
            layer.trainable = False
    for layer in base.layers[first:]:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    return base


# %% transfer.unfreeze_last: everything unfrozen
# says: among the last
def unfreeze_last(base, count=20):
    base.trainable = True
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return base


# %% transfer.unfreeze_last: a negative start wraps around
# says: there are no more than all
def unfreeze_last(base, count=20):
    base.trainable = True
    first = len(base.layers) - count
    for layer in base.layers:
        layer.trainable = False
    for layer in base.layers[first % len(base.layers) if count else first :]:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    return base


# %% transfer.unfreeze_last: a copy
# says: the very base that was given
def unfreeze_last(base, count=20):
    base = keras.models.clone_model(base)
    base.trainable = True
    first = max(len(base.layers) - count, 0)
    for place, layer in enumerate(base.layers):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = place >= first and not norm
    return base


# %% transfer.unfreeze_last: no return
# says: is there a `return`?
def unfreeze_last(base, count=20):
    base.trainable = True
    first = max(len(base.layers) - count, 0)
    for place, layer in enumerate(base.layers):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = place >= first and not norm


# %% transfer.unfreeze_last: BatchNormalization found by names, which miss Conv_1_bn
# says: BatchNormalization was unfrozen with the rest
def unfreeze_last(base, count=20):
    base.trainable = True
    first = max(len(base.layers) - count, 0)
    for place, layer in enumerate(base.layers):
        layer.trainable = place >= first and not layer.name.endswith("_BN")
    return base


# %% transfer.compile_for_fine_tuning: the default rate
# says: your default is not
def compile_for_fine_tuning(model, learning_rate=1e-3, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=clipnorm)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: Adam by its name
# says: you ignored `learning_rate`
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: always 0.0001
# says: you ignored `learning_rate` and took the default
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(1e-4, clipnorm=clipnorm)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: no clipping
# says: you did not clip the gradients
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: clipped number by number
# says: (clipvalue)
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate, clipvalue=clipnorm)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: always clipped at 1
# says: you ignored `clipnorm`
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=1.0)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: RMSprop
# says: Adam scales each weight
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.RMSprop(learning_rate, clipnorm=clipnorm)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: a sparse loss
# says: the loss is sparse
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=clipnorm)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: squared error
# says: you chose the mean squared error
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=clipnorm)
    model.compile(optimizer, "mse", metrics=["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: metrics by position
# says: write metrics=[...]
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=clipnorm)
    model.compile(optimizer, "categorical_crossentropy", ["accuracy"])
    return model


# %% transfer.compile_for_fine_tuning: no metrics
# says: you named no metrics
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=clipnorm)
    model.compile(optimizer, "categorical_crossentropy")
    return model


# %% transfer.compile_for_fine_tuning: compiled once only
# says: you left a compiled model as it was
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    if not model.compiled:
        optimizer = keras.optimizers.Adam(learning_rate, clipnorm=clipnorm)
        model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    else:
        model.optimizer.learning_rate = learning_rate
    return model


# %% transfer.compile_for_fine_tuning: no return
# says: is there a `return`?
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=clipnorm)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])


# %% transfer.fine_tuning_callbacks: lesson 4's metric
# says: you watched val_accuracy
def fine_tuning_callbacks():
    return [keras.callbacks.ReduceLROnPlateau("val_accuracy", patience=3, factor=0.5)]


# %% transfer.fine_tuning_callbacks: the training loss
# says: the training data's loss
def fine_tuning_callbacks():
    return [keras.callbacks.ReduceLROnPlateau("loss", patience=3, factor=0.5)]


# %% transfer.fine_tuning_callbacks: the default patience
# says: Keras' default, 10
def fine_tuning_callbacks():
    return [keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5)]


# %% transfer.fine_tuning_callbacks: the default factor
# says: Keras' default, 0.1
def fine_tuning_callbacks():
    return [keras.callbacks.ReduceLROnPlateau("val_loss", patience=3)]


# %% transfer.fine_tuning_callbacks: a loss that should rise
# says: you would wait for a larger val_loss
def fine_tuning_callbacks():
    return [keras.callbacks.ReduceLROnPlateau("val_loss", patience=3, factor=0.5, mode="max")]


# %% transfer.fine_tuning_callbacks: no list
# says: a list of Keras callbacks
def fine_tuning_callbacks():
    return keras.callbacks.ReduceLROnPlateau("val_loss", patience=3, factor=0.5)


# %% transfer.fine_tuning_callbacks: only EarlyStopping
# says: one ReduceLROnPlateau among them
def fine_tuning_callbacks():
    return [keras.callbacks.EarlyStopping("val_loss", patience=3)]


# %% transfer.fine_tuning_callbacks: made once
# says: you made the callbacks once
CALLBACKS = [keras.callbacks.ReduceLROnPlateau("val_loss", patience=3, factor=0.5)]


def fine_tuning_callbacks():
    return CALLBACKS


# %% transfer.fine_tuning_callbacks: min_lr as high as lesson 4's learning rate
# says: a min_lr that is as high
def fine_tuning_callbacks():
    return [keras.callbacks.ReduceLROnPlateau("val_loss", patience=3, factor=0.5, min_lr=0.001)]


# %% transfer.fine_tuning_callbacks: min_lr above every rate
# says: epochs 5, 6 and 7 were not better
def fine_tuning_callbacks():
    return [keras.callbacks.ReduceLROnPlateau("val_loss", patience=3, factor=0.5, min_lr=0.5)]


# %% transfer.cache_features: in training mode
# says: it augments and drops
def cache_features(model, images, batch_size=64):
    parts = [
        np.array(model(images[i : i + batch_size].astype(np.float32), training=True))
        for i in range(0, len(images), batch_size)
    ]
    return np.concatenate(parts)


# %% transfer.cache_features: the last batch dropped
# says: you dropped the last batch
def cache_features(model, images, batch_size=64):
    if len(images) < batch_size:
        batch_size = len(images)
    whole = len(images) // batch_size * batch_size
    return model.predict(images[:whole], batch_size=batch_size, verbose=0)


# %% transfer.cache_features: a list of batches
# says: one row for each image
def cache_features(model, images, batch_size=64):
    parts = [
        np.array(model(images[i : i + batch_size].astype(np.float32), training=False))
        for i in range(0, len(images), batch_size)
    ]
    return np.array(parts[: max(1, len(images) // batch_size)])


# %% transfer.cache_features: shuffled
# says: nothing reordered
def cache_features(model, images, batch_size=64):
    order = np.random.permutation(len(images))
    return model.predict(images[order], batch_size=batch_size, verbose=0)


# %% transfer.cache_features: all at once
# says: you ignored `batch_size`
def cache_features(model, images, batch_size=64):
    return np.array(model(images.astype(np.float32), training=False))


# %% transfer.cache_features: the default batch
# says: you ignored `batch_size`
def cache_features(model, images, batch_size=64):
    return model.predict(images, verbose=0)


# %% transfer.cache_features: scaled twice
# says: belong to their images
def cache_features(model, images, batch_size=64):
    return model.predict(images / 127.5 - 1, batch_size=batch_size, verbose=0)


# %% transfer.cache_features: the average of each image
# says: one row for each image
def cache_features(model, images, batch_size=64):
    features = model.predict(images, batch_size=batch_size, verbose=0)
    return features.mean(axis=-1)


# %% transfer.cache_features: no return
# says: is there a `return`?
def cache_features(model, images, batch_size=64):
    model.predict(images, batch_size=batch_size, verbose=0)
