"""Functions that a grading test calls in the learner's process: `learner.tools`.

They run where learner code runs, so they may use Keras; tests may not.
"""

import itertools

GRAPH_PAYS_FROM = 30  # batches: tracing a graph takes as long as a few dozen eager ones


def small_model(classes: int = 3, features: int = 4, seed: int = 0):
    """Return an uncompiled softmax classifier of vectors `(n, features)`, with seeded weights."""
    import keras

    kernel = keras.initializers.GlorotUniform(seed=seed)
    return keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(classes, activation="softmax", kernel_initializer=kernel),
        ]
    )


def opaque_model(classes: int = 3, features: int = 4, seed: int = 0):
    """Return `small_model` with a last layer that changes nothing.

    It hides the softmax from TensorFlow, which otherwise corrects a loss that expects logits;
    other backends do not correct it.
    """
    import keras

    return keras.Sequential(
        [small_model(classes, features, seed), keras.layers.Reshape((classes,))]
    )


def compiled_model(rate=0.5, classes: int = 3, features: int = 4, seed: int = 0, steps: int = 10):
    """Return `small_model`, compiled with plain gradient descent, for about so many `steps`."""
    import keras

    model = small_model(classes, features, seed)
    model.compile(
        keras.optimizers.SGD(rate),
        "categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=steps < GRAPH_PAYS_FROM,
    )
    return model


def compiled_cnn(rate=0.02, size: int = 16, classes: int = 10):
    """Return a network so small that it learns images within seconds.

    It is compiled with SGD and momentum: Adam learns no better here, and its graph takes a second
    longer to trace.
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
    """Compile the model for one-hot labels with Adam and without metrics; return it."""
    import keras

    model.compile(keras.optimizers.Adam(learning_rate), "categorical_crossentropy")
    return model


def dense(units: int, seed: int = 0):
    """Return a linear layer with a seeded kernel and a bias of zeros."""
    import keras

    return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed=seed))


def regression(layers: list, features: int, rate: float = 0.1):
    """Return a model of these layers, compiled: squared error, plain gradient descent."""
    import keras

    model = keras.Sequential([keras.Input((features,)), *layers])
    model.compile(keras.optimizers.SGD(rate), "mean_squared_error")
    return model


def steps_taken(model) -> int:
    """Return the number of steps that the model's optimizer has taken."""
    return int(model.optimizer.iterations)


def stop_after(epochs: int):
    """Return a callback that stops training after so many epochs."""
    import keras

    class StopAfter(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch + 1 >= epochs

    return StopAfter()


def epochs_planned(callback) -> int:
    """Return the number of epochs that `fit` planned for the training run of this callback."""
    return (callback.params or {}).get("epochs", 0)


def rates_used(schedule, steps: int) -> list[float]:
    """Return the learning rates of the first steps of an optimizer with this schedule."""
    import keras
    import numpy as np

    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    # for an input of 1 the loss is the weight, its gradient is 1, and each step equals the rate
    model.compile(keras.optimizers.SGD(schedule), loss=lambda target, output: output)
    weights = [0.0]
    for _ in range(steps):
        model.train_on_batch(np.ones((1, 1)), np.ones((1, 1)))
        weights.append(float(model.get_weights()[0][0, 0]))
    return [before - after for before, after in itertools.pairwise(weights)]


def simulate_training(callbacks, metrics: dict, rate: float = 0.5) -> dict:
    """Run callbacks through the epochs of a training run with given metrics.

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
    model.train_on_batch(np.ones((3, 4)), np.eye(3))  # before it, its metrics have no names
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


# --- lesson 5: base models --------------------------------------------------------------------


def small_base(size: int = 40, seed: int = 0):
    """Return a base model of 15 layers, a fast stand-in for MobileNetV2.

    It has a fixed square input `(size, size, 3)`, convolutions, and BatchNormalization whose moving
    statistics are not 0 and 1. Its first layer records its inputs for `recorded_input`.
    """
    import keras

    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input((size, size, 3))
    x = _recorder()(x)
    for filters, strides in ((8, 4), (8, 2), (12, 1), (16, 1)):
        x = keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU(6.0)(x)
    return _with_statistics(keras.Model(inputs, keras.layers.Activation("linear")(x)), seed)


def mobilenet(size: int = 96, alpha: float = 0.35, seed: int = 0):
    """Return a MobileNetV2 of 154 layers without its top, narrow and untrained."""
    import keras

    keras.utils.set_random_seed(seed)
    shape = (size, size, 3)
    return keras.applications.MobileNetV2(shape, alpha, include_top=False, weights=None)


def extractor(seed: int = 0):
    """Return a compiled network for images `(6, 5, 3)` that differs in training and inference.

    Its first layer records its inputs for `batches`.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((6, 5, 3)),
            _recorder(),
            keras.layers.RandomFlip("horizontal_and_vertical"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ]
    )
    model.compile(run_eagerly=True)  # so that the recorded batches are arrays, not placeholders
    model.layers[0].recorded.clear()  # the placeholders that the model was built with
    return _with_statistics(model, seed)


def _recorder():
    """Return a layer that returns its inputs unchanged and records them."""
    import keras

    class Recorder(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.recorded = []

        def call(self, inputs):
            self.recorded.append(inputs)
            return inputs

    return Recorder()


def _with_statistics(model, seed: int):
    """Give BatchNormalization moving statistics that are not 0 and 1; return the model."""
    import numpy as np

    random = np.random.default_rng(seed)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            mean = random.normal(0, 0.2, mean.shape)
            layer.set_weights([gamma, beta, mean, random.uniform(0.5, 1.5, variance.shape)])
    return model


def recorded_input(model, base, images, training: bool = False):
    """Return the input of `small_base`'s first convolution when the model is called on images.

    Returns:
        An array, or None if the model does not use this base.
    """
    import keras

    recorded = base.layers[1].recorded
    recorded.clear()
    model(keras.ops.convert_to_tensor(images, "float32"), training=training)
    return keras.ops.convert_to_numpy(recorded[-1]) if recorded else None


def batches(model) -> list[int]:
    """Return the sizes of the batches that an `extractor` was called on."""
    return [int(batch.shape[0]) for batch in model.layers[0].recorded]


def outputs_in_training(model, images):
    """Return the model's outputs for images when it is called with `training=True`."""
    import keras

    images = keras.ops.convert_to_tensor(images, "float32")
    return keras.ops.convert_to_numpy(model(images, training=True))


def penalty(model) -> float:
    """Return the regularization loss."""
    return float(sum(float(loss) for loss in model.losses))


def head_on(base, classes: int = 3):
    """Return an uncompiled model: the base, frozen or not as it is, and a small softmax head."""
    import keras

    return keras.Sequential(
        [
            base,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def unfreeze(base, places: list[int]) -> None:
    """Make exactly the layers at these places of the base trainable."""
    base.trainable = True
    for place, layer in enumerate(base.layers):
        layer.trainable = place in places


def freeze(base) -> None:
    """Freeze the base and all its layers."""
    base.trainable = False


def layers_of(base) -> list[dict]:
    """Return class, name, `trains` and weights of each layer.

    `trains` is True if an optimizer of the whole base would change the layer's weights, and None
    for a layer without weights.
    """
    import keras

    trainable = {id(variable) for variable in base.trainable_variables}
    return [
        {
            "class": type(layer).__name__,
            "name": layer.name,
            "trains": any(id(v) in trainable for v in layer.variables) if layer.variables else None,
            "weights": [keras.ops.convert_to_numpy(v) for v in layer.variables],
        }
        for layer in base.layers
    ]
