"""Logistic regression on the words of the data set's own texts."""

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression


def train(trials):
    data = trials.dataset
    words = CountVectorizer().fit(data.train_texts)
    x, x_test = words.transform(data.train_texts), words.transform(data.test_texts)
    for trial in trials:
        model = LogisticRegression(C=trial.params["C"], max_iter=1000)
        model.fit(x[trial.subset], data.train_labels[trial.subset])
        yield trial.logits(model.decision_function(x), model.decision_function(x_test))
