"""Training code of one's own: a network of scikit-learn, for a spec with `trainer.entry: digits_network:train`."""

import numpy as np
from sklearn.neural_network import MLPClassifier


def train(trials):
    """Train one network for each trial, and yield its log-probabilities of all examples."""
    data, params = trials.dataset, trials.params
    train_x = data.train_images.reshape(data.n_train, -1) / data.pixel_max
    test_x = data.test_images.reshape(data.n_test, -1) / data.pixel_max
    for trial in trials:
        x, y = train_x[trial.subset], data.train_labels[trial.subset]
        model = MLPClassifier(params["hidden"], batch_size=64, learning_rate_init=0.01, random_state=trial.seed)
        for epoch in range(params["epochs"]):
            model.partial_fit(x, y, classes=np.arange(data.n_classes))
            trial.progress((epoch + 1) / params["epochs"])
        yield trial.logits(*(np.log(model.predict_proba(each) + 1e-30) for each in (train_x, test_x)))
