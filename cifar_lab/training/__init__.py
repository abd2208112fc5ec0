"""Full training runs: the recipes, with progress, resume, curves, metrics and predictions.

A run lives in one folder:

    checkpoint.npz    the state after the last finished epoch; gone when the run is finished
    metrics.json      what came out, with data, seed, hardware and date beside it
    curves.png        loss and accuracy over the epochs
    predictions.npy   float32 (test images, classes)
    model.keras       the trained network

`run` has what all recipes share; `cnn`, `transfer` and `fast` have one recipe each.
"""
