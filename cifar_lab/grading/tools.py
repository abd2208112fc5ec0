"""What a grading test needs on the learner's side besides learner code: `learner.tools`.

Each function runs where learner code runs, so it may use Keras; tests may not.
"""


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
