"""What a grading test needs on the learner's side besides learner code: `learner.tools`.

Each function runs where learner code runs, so it may use Keras; tests may not.
"""

import itertools


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
        run_eagerly=steps < 30,  # tracing a graph takes as long as a few dozen steps
    )
    return model


def compiled_cnn(rate=0.01, size: int = 16, classes: int = 10):
    """A network so small that it learns a few hundred pictures within seconds; with Adam."""
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
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    return model


def compiled(model, learning_rate: float = 1e-3):
    """The same model, ready to train on one-hot labels with Adam."""
    import keras

    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
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
