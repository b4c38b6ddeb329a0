#!/usr/bin/env python3
"""Writes tests/reference/metrics.json: inputs with ties and rare classes, and what scikit-learn says of them.
Run with the environment of tests/setup: python tests/python/reference_metrics.py > tests/reference/metrics.json"""
import json
import sys

import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.inspection import permutation_importance  # noqa: F401  (the definition that ours follows)
from sklearn.calibration import calibration_curve

rng = np.random.default_rng(7)
cases = []


def binary(n, share, decimals):
    y = (rng.random(n) < share).astype(int)
    y[0], y[1] = 0, 1
    p = np.round(np.clip(rng.normal(0.35 + 0.3 * y, 0.2), 0.0, 1.0), decimals)
    hard = (p > 0.5).astype(int)
    fpr, tpr, _ = m.roc_curve(y, p, drop_intermediate=False)
    observed, predicted = calibration_curve(y, p, n_bins=10)
    cases.append({
        "task": "binary", "truth": y.tolist(), "scores": [[1 - q, q] for q in p.tolist()],
        "metrics": {
            "roc_auc": m.roc_auc_score(y, p), "average_precision": m.average_precision_score(y, p),
            "log_loss": m.log_loss(y, p), "brier": m.brier_score_loss(y, p), "accuracy": m.accuracy_score(y, hard),
            "balanced_accuracy": m.balanced_accuracy_score(y, hard), "f1": m.f1_score(y, hard, zero_division=0),
            "precision": m.precision_score(y, hard, zero_division=0), "recall": m.recall_score(y, hard),
            "mcc": m.matthews_corrcoef(y, hard),
        },
        "roc": [[a, b] for a, b in zip(fpr.tolist(), tpr.tolist())],
        "calibration": [[a, b] for a, b in zip(predicted.tolist(), observed.tolist())],
    })


def multiclass(n, k):
    y = rng.integers(0, k, n)
    y[:k] = np.arange(k)
    z = rng.normal(size=(n, k)) + 1.5 * np.eye(k)[y]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    hard = p.argmax(axis=1)
    one = np.eye(k)[y]
    cases.append({
        "task": "multiclass", "classes": k, "truth": y.tolist(), "scores": p.tolist(),
        "metrics": {
            "log_loss": m.log_loss(y, p, labels=list(range(k))), "accuracy": m.accuracy_score(y, hard),
            "balanced_accuracy": m.balanced_accuracy_score(y, hard),
            "f1_macro": m.f1_score(y, hard, average="macro", zero_division=0),
            "precision_macro": m.precision_score(y, hard, average="macro", zero_division=0),
            "recall_macro": m.recall_score(y, hard, average="macro", zero_division=0),
            "roc_auc_ovr": m.roc_auc_score(y, p, multi_class="ovr", average="macro"),
            "brier": float(((p - one) ** 2).sum(axis=1).mean()), "mcc": m.matthews_corrcoef(y, hard),
        },
    })


def regression(n, scale):
    y = rng.normal(100, 30, n) * scale
    p = y + rng.normal(3, 10, n) * scale
    cases.append({
        "task": "regression", "truth": y.tolist(), "scores": [[v] for v in p.tolist()],
        "metrics": {
            "mae": m.mean_absolute_error(y, p), "rmse": m.root_mean_squared_error(y, p), "r2": m.r2_score(y, p),
            "medae": m.median_absolute_error(y, p), "mape": m.mean_absolute_percentage_error(y, p),
            "max_error": m.max_error(y, p), "explained_variance": m.explained_variance_score(y, p),
            "mean_error": float((p - y).mean()),
        },
    })


for n, share, decimals in [(40, 0.5, 1), (300, 0.1, 3), (500, 0.45, 6)]:
    binary(n, share, decimals)
for n, k in [(60, 3), (300, 5)]:
    multiclass(n, k)
for n, scale in [(41, 1.0), (200, 1000.0)]:
    regression(n, scale)
json.dump({"scikit-learn": sklearn.__version__, "cases": cases}, sys.stdout, indent=None, separators=(",", ":"))
