#!/usr/bin/env python3
"""Writes tests/reference/boosting.json: rows with missing values, and what scikit-learn's HistGradientBoosting predicts
after a few rounds on them. Every feature has fewer distinct values than bins, so that both sides know the same splits.
Run with the environment of tests/setup: python tests/python/reference_boosting.py > tests/reference/boosting.json"""
import json
import sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

rng = np.random.default_rng(5)
rows = 600
x = np.column_stack([rng.integers(0, 120, rows), rng.normal(size=rows).round(1), rng.integers(0, 2, rows),
                     rng.exponential(3, rows).round(1), rng.integers(0, 50, rows)]).astype(float)
signal = 0.03 * x[:, 0] + np.sin(2 * x[:, 1]) * (1 + x[:, 2]) + 0.2 * x[:, 3] + rng.normal(size=rows) * 0.3
# Being missing means something in one feature and nothing in the other.
x[(signal > 3) & (rng.random(rows) < 0.5), 1] = np.nan
x[rng.random(rows) < 0.1, 4] = np.nan
same = dict(max_iter=12, learning_rate=0.3, max_leaf_nodes=8, min_samples_leaf=10, early_stopping=False, random_state=1)


def case(name, task, y, loss, model):
    model.fit(x, y)
    scores = model.predict(x)[:, None] if task == "regression" else model.predict_proba(x)
    return {"name": name, "task": task, "loss": loss, "l2": model.l2_regularization, "y": y.tolist(), "scores": scores.tolist()}


cases = [
    case("numbers", "regression", signal, "squared_error", HistGradientBoostingRegressor(**same)),
    case("numbers with L2", "regression", signal * 1e4 + 7e5, "squared_error",
         HistGradientBoostingRegressor(l2_regularization=5.0, **same)),
    case("counts", "regression", np.floor(np.exp(signal / 3)), "poisson", HistGradientBoostingRegressor(loss="poisson", **same)),
    case("two classes", "binary", (signal > 2.3).astype(float), "log_loss", HistGradientBoostingClassifier(**same)),
    case("three classes", "multiclass", np.digitize(signal, [1.5, 3.0]).astype(float), "log_loss", HistGradientBoostingClassifier(**same)),
]
spelled = [[None if np.isnan(v) else v for v in row] for row in x.tolist()]
json.dump({"x": spelled, "cases": cases}, sys.stdout)
