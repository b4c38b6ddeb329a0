#!/usr/bin/env python3
"""Writes tests/reference/metrics.json: inputs with ties and rare classes, and what scikit-learn says of them.
Run with the environment of tests/setup: python tests/python/reference_metrics.py > tests/reference/metrics.json
A metric that scikit-learn refuses on the input, or calls undefined with a warning, is null."""
import json
import math
import sys
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.inspection import permutation_importance  # noqa: F401  (the definition that ours follows)
from sklearn.calibration import calibration_curve
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.preprocessing import label_binarize

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
cases = []


def maybe(compute):
    """The value, or None where scikit-learn refuses or says that there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UndefinedMetricWarning)
        try:
            value = float(compute())
        except (ValueError, UndefinedMetricWarning):
            return None
    return value if math.isfinite(value) else None


def ece(outcome, chance, bins=10):
    """Guo et al. 2017, in the bins of scikit-learn's calibration_curve."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges[1:-1], chance)
    return sum(
        np.mean(place == b) * abs(outcome[place == b].mean() - chance[place == b].mean()) for b in np.unique(place)
    )


def of_labels(y, hard):
    found = {
        "accuracy": m.accuracy_score(y, hard), "zero_one_loss": m.zero_one_loss(y, hard),
        "hamming_loss": m.hamming_loss(y, hard), "balanced_accuracy": m.balanced_accuracy_score(y, hard),
        "balanced_accuracy_adjusted": m.balanced_accuracy_score(y, hard, adjusted=True),
        "mcc": m.matthews_corrcoef(y, hard), "cohen_kappa": m.cohen_kappa_score(y, hard),
    }
    for average in ["macro", "micro", "weighted"]:
        a = {"average": average, "zero_division": 0}
        found |= {
            f"precision_{average}": m.precision_score(y, hard, **a), f"recall_{average}": m.recall_score(y, hard, **a),
            f"f1_{average}": m.f1_score(y, hard, **a), f"jaccard_{average}": m.jaccard_score(y, hard, **a),
            f"f05_{average}": m.fbeta_score(y, hard, beta=0.5, **a),
            f"f2_{average}": m.fbeta_score(y, hard, beta=2, **a),
        }
    return found


def binary(n, share, decimals, centre=0.35):
    y = (rng.random(n) < share).astype(int)
    y[0], y[1] = 0, 1
    p = np.round(np.clip(rng.normal(centre + 0.3 * y, 0.2), 0.0, 1.0), decimals)
    hard = (p > 0.5).astype(int)
    fpr, tpr, _ = m.roc_curve(y, p, drop_intermediate=False)
    observed, predicted = calibration_curve(y, p, n_bins=10)
    ratios = {"replace_undefined_by": np.nan}
    cases.append({
        "task": "binary", "truth": y.tolist(), "scores": [[1 - q, q] for q in p.tolist()],
        "metrics": of_labels(y, hard) | {
            "roc_auc": m.roc_auc_score(y, p), "average_precision": m.average_precision_score(y, p),
            "log_loss": m.log_loss(y, p), "brier": m.brier_score_loss(y, p), "ece": ece(y, p),
            "d2_log_loss": m.d2_log_loss_score(y, p), "d2_brier": m.d2_brier_score(y, p),
            "f1": m.f1_score(y, hard, zero_division=0), "f05": m.fbeta_score(y, hard, beta=0.5, zero_division=0),
            "f2": m.fbeta_score(y, hard, beta=2, zero_division=0), "jaccard": m.jaccard_score(y, hard, zero_division=0),
            "precision": m.precision_score(y, hard, zero_division=0), "recall": m.recall_score(y, hard),
            "specificity": m.recall_score(y, hard, pos_label=0),
            "positive_likelihood_ratio": maybe(lambda: m.class_likelihood_ratios(y, hard, **ratios)[0])
            if (hard > y).any() else None,
            "negative_likelihood_ratio": m.class_likelihood_ratios(y, hard, **ratios)[1],
        },
        "roc": [[a, b] for a, b in zip(fpr.tolist(), tpr.tolist())],
        "calibration": [[a, b] for a, b in zip(predicted.tolist(), observed.tolist())],
    })


def multiclass(n, k, decimals=None):
    y = rng.integers(0, k, n)
    y[:k] = np.arange(k)
    z = rng.normal(size=(n, k)) + 1.5 * np.eye(k)[y]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    if decimals is not None:
        # Ties within and between rows; every row still adds up to 1.
        p = np.round(p, decimals)
        p[:, -1] = 1 - p[:, :-1].sum(axis=1)
        p = np.clip(p, 0, 1)
        p = p / p.sum(axis=1, keepdims=True)
    hard = p.argmax(axis=1)
    one = label_binarize(y, classes=range(k))
    auc = lambda **a: m.roc_auc_score(y, p, **a)  # noqa: E731
    cases.append({
        "task": "multiclass", "classes": k, "truth": y.tolist(), "scores": p.tolist(),
        "metrics": of_labels(y, hard) | {
            "log_loss": m.log_loss(y, p, labels=list(range(k))), "brier": m.brier_score_loss(y, p),
            "d2_log_loss": m.d2_log_loss_score(y, p), "d2_brier": m.d2_brier_score(y, p),
            "ece": ece((hard == y).astype(float), p.max(axis=1)),
            "cohen_kappa_linear": m.cohen_kappa_score(y, hard, weights="linear"),
            "cohen_kappa_quadratic": m.cohen_kappa_score(y, hard, weights="quadratic"),
            "roc_auc_ovr": auc(multi_class="ovr", average="macro"),
            "roc_auc_ovr_weighted": auc(multi_class="ovr", average="weighted"),
            "roc_auc_ovr_micro": auc(multi_class="ovr", average="micro"),
            "roc_auc_ovo": auc(multi_class="ovo", average="macro"),
            "roc_auc_ovo_weighted": auc(multi_class="ovo", average="weighted"),
            "average_precision_macro": m.average_precision_score(one, p, average="macro"),
            "average_precision_weighted": m.average_precision_score(one, p, average="weighted"),
            "average_precision_micro": m.average_precision_score(one, p, average="micro"),
        } | {f"top_{t}_accuracy": maybe(lambda: m.top_k_accuracy_score(y, p, k=t)) for t in [2, 3, 5]},
    })


def regression(n, scale, centre=100, whole=False):
    y = rng.normal(centre, 30, n) * scale
    p = y + rng.normal(3, 10, n) * scale
    if whole:
        y, p = np.maximum(np.round(y), 0), np.maximum(p, 0.5)
    r2 = m.r2_score(y, p)
    tweedie = lambda power: maybe(lambda: m.mean_tweedie_deviance(y, p, power=power))  # noqa: E731
    d2 = lambda power: maybe(lambda: m.d2_tweedie_score(y, p, power=power))  # noqa: E731
    cases.append({
        "task": "regression", "truth": y.tolist(), "scores": [[v] for v in p.tolist()],
        "metrics": {
            "mae": m.mean_absolute_error(y, p), "mse": m.mean_squared_error(y, p),
            "rmse": m.root_mean_squared_error(y, p), "r2": r2, "r2_adjusted": 1 - (1 - r2) * (n - 1) / (n - 7 - 1),
            "medae": m.median_absolute_error(y, p), "mape": m.mean_absolute_percentage_error(y, p),
            "max_error": m.max_error(y, p), "explained_variance": m.explained_variance_score(y, p),
            "mean_error": float((p - y).mean()), "msle": maybe(lambda: m.mean_squared_log_error(y, p)),
            "rmsle": maybe(lambda: m.root_mean_squared_log_error(y, p)),
            "poisson_deviance": tweedie(1), "gamma_deviance": tweedie(2), "tweedie_deviance": tweedie(1.5),
            "d2_poisson": d2(1), "d2_gamma": d2(2), "d2_tweedie": d2(1.5),
            "pinball_01": m.mean_pinball_loss(y, p, alpha=0.1), "pinball_05": m.mean_pinball_loss(y, p, alpha=0.5),
            "pinball_09": m.mean_pinball_loss(y, p, alpha=0.9), "d2_absolute_error": m.d2_absolute_error_score(y, p),
            "d2_pinball_01": m.d2_pinball_score(y, p, alpha=0.1), "d2_pinball_09": m.d2_pinball_score(y, p, alpha=0.9),
        },
    })


for n, share, decimals in [(40, 0.5, 1), (300, 0.1, 3), (500, 0.45, 6)]:
    binary(n, share, decimals)
for n, k in [(60, 3), (300, 5)]:
    multiclass(n, k)
for n, scale in [(41, 1.0), (200, 1000.0)]:
    regression(n, scale)
# Later additions stand last, so that the earlier inputs stay what they were: nobody is called positive; scores on a coarse grid;
# counts with zeros; negative truths.
binary(30, 0.2, 2, centre=0.05)
multiclass(200, 7, decimals=1)
regression(120, 0.1, whole=True)
regression(60, 1.0, centre=0)
json.dump({"scikit-learn": sklearn.__version__, "cases": cases}, sys.stdout, indent=None, separators=(",", ":"))
