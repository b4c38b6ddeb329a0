"""Writes scikit-learn's iris flowers as CSV to FILE, with a text column of which some cells are missing.

usage: iris_csv.py FILE
"""
import sys

from sklearn.datasets import load_iris

iris = load_iris(as_frame=True)
frame = iris.data.copy()
frame["garden"] = [["north", "south", "", "east side"][(i * i + i // 7) % 4] for i in range(len(frame))]
frame["species"] = [iris.target_names[k] for k in iris.target]
frame.to_csv(sys.argv[1], index=False)
