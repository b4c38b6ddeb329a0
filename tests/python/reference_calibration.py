#!/usr/bin/env python3
"""Writes tests/reference/calibration.json: the curves of scikit-learn's IsotonicRegression, and Platt's sigmoid as scikit-learn
defines it (its private _sigmoid_calibration has the same loss and targets, but stops early; SciPy minimises it to the end).
Run with the environment of tests/setup: python tests/python/reference_calibration.py > tests/reference/calibration.json"""
import json
import sys

import numpy as np
import sklearn
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

rng = np.random.default_rng(5)
cases = []
for n, decimals, sharp in [(60, 2, 1.0), (400, 4, 2.5), (300, 1, 0.6)]:
    p = rng.random(n)
    truth = (rng.random(n) < expit(sharp * np.log(p / (1 - p)) + 0.4)).astype(int)
    scores = np.round(p, decimals)
    at = np.round(np.concatenate([[0, 1], rng.random(30), scores[:10]]), 6)
    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, truth)
    positives, negatives = truth.sum(), n - truth.sum()
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(ab):
        z = ab[0] * scores + ab[1]
        return np.sum(np.logaddexp(0, z) - (1 - target) * z)

    def slope(ab):
        d = target - expit(-(ab[0] * scores + ab[1]))
        return np.array([d @ scores, d.sum()])

    a, b = minimize(loss, [0.0, 0.0], jac=slope, method="BFGS", options={"gtol": 1e-12}).x
    early = _sigmoid_calibration(scores, truth)
    assert np.allclose([a, b], early, atol=1e-2), ([a, b], early)
    cases.append({"scores": scores.tolist(), "truth": truth.tolist(), "at": at.tolist(),
                  "isotonic": curve.predict(at).tolist(), "sigmoid": expit(-(a * at + b)).tolist()})
json.dump({"scikit-learn": sklearn.__version__, "cases": cases}, sys.stdout, separators=(",", ":"))
