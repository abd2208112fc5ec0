"""Full training runs: the recipes, with progress, resuming, curves, metrics and predictions.

A run has one folder:

    checkpoint.npz    the state after the last finished epoch; deleted when the run is finished
    metrics.json      the results, with data, code, seed, hardware and date
    MODEL_CARD.md     what the network is, how good it is, and what it must not be used for
    curves.png        loss and accuracy over the epochs
    predictions.npy   float32 (test images, classes)
    model.keras       the trained network

`cnn`, `transfer` and `transfer_fast` hold one recipe each; the other modules are used by all.
"""
