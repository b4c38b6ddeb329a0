#!/usr/bin/env python3
"""Writes tests/reference/labels.json: labels with out-of-sample probabilities, and what cleanlab says of them.
Needs cleanlab from PyPI (2.x), which tests/setup does not install:
python tests/python/reference_labels.py > tests/reference/labels.json"""
import json
import sys

import cleanlab
import numpy as np
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.filter import find_label_issues

rng = np.random.default_rng(11)
cases = []


def case(n, k, flipped, sharpness, weights=None):
    truth = rng.choice(k, n, p=weights)
    truth[:k] = np.arange(k)
    scores = rng.normal(size=(n, k)) + sharpness * np.eye(k)[truth]
    p = np.exp(scores)
    # Rounded as they are written, with a tiny part that no two rows share: ties would be cut by the order of a sort.
    p = np.round(p / p.sum(axis=1, keepdims=True), 9)
    labels = np.where(rng.random(n) < flipped, rng.integers(0, k, n), truth)
    labels[:k] = np.arange(k)
    cases.append({
        "labels": labels.tolist(), "probabilities": p.tolist(),
        "thresholds": get_confident_thresholds(labels, p).tolist(),
        "joint": compute_confident_joint(labels, p).tolist(),
        "issues": np.flatnonzero(find_label_issues(labels, p, filter_by="prune_by_noise_rate", n_jobs=1)).tolist(),
    })


case(200, 2, 0.05, 3.0)
case(150, 2, 0.0, 1.0, [0.9, 0.1])
case(180, 3, 0.1, 2.5)
case(160, 5, 0.2, 2.0, [0.5, 0.3, 0.1, 0.07, 0.03])
case(60, 4, 0.3, 0.5)
json.dump({"cleanlab": cleanlab.__version__, "cases": cases}, sys.stdout)
