"""What a grading test needs on the learner's side besides learner code: `learner.tools`.

Each function runs where learner code runs, so it may use Keras; tests may not.
"""

import itertools

WORTH_A_GRAPH = 30  # batches: tracing a graph takes as long as a few dozen steps without one


def small_model(classes: int = 3, features: int = 4, seed: int = 0):
    """An uncompiled softmax classifier of vectors `(n, features)`, with seeded weights."""
    import keras

    kernel = keras.initializers.GlorotUniform(seed=seed)
    return keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(classes, activation="softmax", kernel_initializer=kernel),
        ]
    )


def opaque_model(classes: int = 3, features: int = 4, seed: int = 0):
    """`small_model` with a last layer that changes nothing.

    TensorFlow then cannot see the softmax: where it does, it forgives a loss that expects
    logits, which other backends do not.
    """
    import keras

    return keras.Sequential(
        [small_model(classes, features, seed), keras.layers.Reshape((classes,))]
    )


def compiled_model(rate=0.5, classes: int = 3, features: int = 4, seed: int = 0, steps: int = 10):
    """`small_model`, compiled with plain gradient descent, for about so many `steps`."""
    import keras

    model = small_model(classes, features, seed)
    model.compile(
        keras.optimizers.SGD(rate),
        "categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=steps < WORTH_A_GRAPH,
    )
    return model


def compiled_cnn(rate=0.02, size: int = 16, classes: int = 10):
    """A network so small that it learns images within seconds; with momentum.

    Adam learns no better here, and its graph takes a second longer to trace.
    """
    import keras

    model = keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


def compiled(model, learning_rate: float = 1e-3):
    """The same model, ready to train on one-hot labels with Adam; it reports the loss alone."""
    import keras

    model.compile(keras.optimizers.Adam(learning_rate), "categorical_crossentropy")
    return model


def dense(units: int, seed: int = 0):
    """A linear layer with a seeded kernel and a bias of zeros."""
    import keras

    return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed=seed))


def regression(layers: list, features: int, rate: float = 0.1):
    """These layers one after the other, compiled: squared error, plain gradient descent."""
    import keras

    model = keras.Sequential([keras.Input((features,)), *layers])
    model.compile(keras.optimizers.SGD(rate), "mean_squared_error")
    return model


def steps_taken(model) -> int:
    """How many steps the model's optimizer has taken."""
    return int(model.optimizer.iterations)


def stop_after(epochs: int):
    """A callback that stops training after so many epochs."""
    import keras

    class StopAfter(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch + 1 >= epochs

    return StopAfter()


def epochs_planned(callback) -> int:
    """How many epochs the training run that this callback was in had planned, as `fit` told it."""
    return (callback.params or {}).get("epochs", 0)


def rates_used(schedule, steps: int) -> list[float]:
    """The rates at which an optimizer with this schedule really takes its first steps."""
    import keras
    import numpy as np

    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    # for an input of 1 the loss is the weight, its gradient 1, and a step as long as the rate
    model.compile(keras.optimizers.SGD(schedule), loss=lambda target, output: output)
    weights = [0.0]
    for _ in range(steps):
        model.train_on_batch(np.ones((1, 1)), np.ones((1, 1)))
        weights.append(float(model.get_weights()[0][0, 0]))
    return [before - after for before, after in itertools.pairwise(weights)]


def rehearse(callbacks, metrics: dict, rate: float = 0.5) -> dict:
    """What callbacks do in a training run whose metrics after each epoch are laid down.

    Args:
        callbacks: A list of callbacks.
        metrics: Lists by name, such as `val_loss`: one number for each epoch of the run.
        rate: The optimizer's learning rate at the start.

    Returns:
        `rates`: the learning rate during each epoch that was run; `weight`: the number of
        the epoch, from 1, whose weights the model has in the end.
    """
    import keras
    import numpy as np

    model, rates = compiled_model(rate), []
    model.train_on_batch(np.ones((3, 4)), np.eye(3))  # from now on it knows its metrics by name
    run = keras.callbacks.CallbackList(callbacks, model=model, epochs=len(metrics["val_loss"]))
    run.on_train_begin()
    for epoch in range(len(metrics["val_loss"])):
        rates.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
        run.on_epoch_begin(epoch)
        model.set_weights([np.full_like(weights, epoch + 1) for weights in model.get_weights()])
        run.on_epoch_end(epoch, {name: values[epoch] for name, values in metrics.items()})
        if model.stop_training:
            break
    run.on_train_end()
    return {"rates": rates, "weight": float(model.get_weights()[0].flat[0])}


# --- lesson 5: bases, and what happens inside them ------------------------------------------------


def small_base(size: int = 40, seed: int = 0):
    """A base like MobileNetV2, so small that it costs nothing, with what a base has.

    A fixed square input `(size, size, 3)`, convolutions, BatchNormalization whose statistics have
    seen something, 15 layers in all. `reached` and `batches` ask its first layer what came in.
    """
    import keras

    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input((size, size, 3))
    x = _watch()(x)
    for filters, strides in ((8, 4), (8, 2), (12, 1), (16, 1)):
        x = keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU(6.0)(x)
    return _with_statistics(keras.Model(inputs, keras.layers.Activation("linear")(x)), seed)


def mobilenet(size: int = 96, alpha: float = 0.35, seed: int = 0):
    """A true MobileNetV2 of 154 layers without its top, narrow and untrained."""
    import keras

    keras.utils.set_random_seed(seed)
    shape = (size, size, 3)
    return keras.applications.MobileNetV2(shape, alpha, include_top=False, weights=None)


def extractor(seed: int = 0):
    """A compiled network for images `(6, 5, 3)` that differs in training and at inference."""
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((6, 5, 3)),
            _watch(),
            keras.layers.RandomFlip("horizontal_and_vertical"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ]
    )
    model.compile(run_eagerly=True)  # so that the watch sees true batches
    model.layers[0].seen.clear()  # it has seen the placeholders of which the model was built
    return _with_statistics(model, seed)


def _watch():
    """A layer that changes nothing and notes what it is given."""
    import keras

    class Watch(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seen = []

        def call(self, inputs):
            self.seen.append(inputs)
            return inputs

    return Watch()


def _with_statistics(model, seed: int):
    """The same model; its BatchNormalization has moving statistics that are not 0 and 1."""
    import numpy as np

    random = np.random.default_rng(seed)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            mean = random.normal(0, 0.2, mean.shape)
            layer.set_weights([gamma, beta, mean, random.uniform(0.5, 1.5, variance.shape)])
    return model


def reached(model, base, images, training: bool = False):
    """What reaches the first convolution of `small_base` when the model is called on images.

    Returns:
        An array, or None if the model does not use this base.
    """
    import keras

    seen = base.layers[1].seen
    seen.clear()
    model(keras.ops.convert_to_tensor(images, "float32"), training=training)
    return keras.ops.convert_to_numpy(seen[-1]) if seen else None


def batches(model) -> list[int]:
    """How many images each batch had that `extractor` has seen."""
    return [int(seen.shape[0]) for seen in model.layers[0].seen]


def outputs_in_training(model, images):
    """What the model makes of images when it is called with `training=True`."""
    import keras

    images = keras.ops.convert_to_tensor(images, "float32")
    return keras.ops.convert_to_numpy(model(images, training=True))


def penalty(model) -> float:
    """What regularisation adds to the loss."""
    return float(sum(float(loss) for loss in model.losses))


def head_on(base, classes: int = 3):
    """A small softmax head on a base, which stays as frozen or unfrozen as it is; not compiled."""
    import keras

    return keras.Sequential(
        [
            base,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def unfreeze(base, places: list[int]) -> None:
    """Exactly the layers at these places of the base are trainable; none for an empty list."""
    base.trainable = True
    for place, layer in enumerate(base.layers):
        layer.trainable = place in places


def freeze(base) -> None:
    """Nothing in the base is trainable, and the base itself is not."""
    base.trainable = False


def layers_of(base) -> list[dict]:
    """For each layer: class, whether an optimizer of the whole base would move it, weights.

    `trains` is None for a layer without weights.
    """
    import keras

    free = {id(variable) for variable in base.trainable_variables}

    return [
        {
            "class": type(layer).__name__,
            "name": layer.name,
            "trains": any(id(v) in free for v in layer.variables) if layer.variables else None,
            "weights": [keras.ops.convert_to_numpy(v) for v in layer.variables],
        }
        for layer in base.layers
    ]
