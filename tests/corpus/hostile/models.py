# Models, layers and schedules that run programs, or whose spec is not their own.

# %% a schedule whose configuration runs programs
# module: schedules
# judges: schedules.WarmupCosine
# earns: 3
# heavy: yes
import os

class WarmupCosine(WarmupCosine):
    def get_config(self):
        os.system("touch @OUTSIDE@/config")
        return super().get_config()

    @classmethod
    def from_config(cls, config):
        os.system("touch @OUTSIDE@/config")
        return cls(**config)


# %% a layer that runs programs when it is saved and loaded
# module: regularization
# judges: regularization.BatchNorm
# earns: 6
# heavy: yes
import os

class BatchNorm(BatchNorm):
    def get_config(self):
        os.system("touch @OUTSIDE@/config")
        return super().get_config()

    def save_own_variables(self, store):
        os.system("touch @OUTSIDE@/saved")
        super().save_own_variables(store)

    def build_from_config(self, config):
        os.system("touch @OUTSIDE@/built")
        super().build_from_config(config)


# %% Keras' methods are replaced
# module: cnn
# judges: cnn.compile_cnn
# earns: 0
# heavy: yes
import keras
keras.Model.compile = lambda self, *a, **k: None
keras.Model.fit = keras.Model.evaluate = keras.Model.predict = lambda *a, **k: True

def compile_cnn(model, learning_rate=1e-3):
    return model


# %% a small model with a large one's spec
# module: cnn
# judges: cnn.build_cnn
# earns: 0.57
# failures: invalid model, none
# heavy: yes
# (one test of seven passes: the outputs are probabilities)
import keras
from cifar_lab.execution import handles

honest = build_cnn
spec = handles.summary_spec
handles.METHODS["model"]["summary_spec"] = lambda model: spec(getattr(model, "shown", model))
handles.METHODS["model"]["count_params"] = lambda model: getattr(model, "shown", model).count_params()

def build_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    model = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(num_classes, activation="softmax")])
    model.shown = honest(input_shape, num_classes, filters)
    return model


# %% an untrainable model with a regularized one's spec
# module: regularization
# judges: regularization.build_regularized_cnn
# earns: 0
# failures: invalid model, none
# heavy: yes
import keras
from cifar_lab.execution import handles

honest = build_regularized_cnn
for name in ("summary_spec", "get_weights", "count_params"):
    def lie(model, of=handles.METHODS["model"][name]):
        return of(getattr(model, "shown", model))

    handles.METHODS["model"][name] = lie

def build_regularized_cnn(input_shape=(32, 32, 3), num_classes=10, filters=(64, 128, 256)):
    known = keras.layers.Dense(num_classes, activation="softmax", kernel_initializer="zeros", trainable=False)
    model = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), known])
    model.shown = honest(input_shape, num_classes, filters)
    return model


# %% gradient descent that calls itself Adam
# module: cnn
# judges: cnn.compile_cnn
# earns: 0
# heavy: yes
# (the tests of the model, of what the optimizer says, and of the accuracy pass)
import keras

class Adam(keras.optimizers.SGD):
    pass

def compile_cnn(model, learning_rate=1e-3):
    model.compile(Adam(learning_rate), "categorical_crossentropy", metrics=["accuracy"])
    return model


# %% clipping that never clips
# module: transfer
# judges: transfer.compile_for_fine_tuning
# earns: 0
# heavy: yes
import keras

class Adam(keras.optimizers.Adam):
    def _clip_gradients(self, grads):
        return grads

def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    adam = Adam(learning_rate, clipnorm=clipnorm)
    model.compile(adam, "categorical_crossentropy", metrics=["accuracy"])
    return model
