#!/usr/bin/python3
"""Fits a logistic regression to a table: how likely is an outcome of 0 or 1, given the number before it?

The likelihood is made as large as it can be by Newton's method, which needs no rate of learning and a handful of steps.
"""

import os
import pathlib

import numpy as np

path = pathlib.Path(os.environ["INPUT_FILE_PATH"])
header = path.read_text().partition("\n")[0].split(",")
given, outcome = np.loadtxt(path, delimiter=",", skiprows=1, unpack=True)
middle, spread = given.mean(), given.std()
x = np.column_stack([np.ones_like(given), (given - middle) / spread])
weights = np.zeros(2)
for step in range(1, 26):
    p = 1 / (1 + np.exp(-x @ weights))
    change = np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]), x.T @ (outcome - p))
    weights += change
    if np.abs(change).max() < 1e-12:
        break
else:
    raise SystemExit("the method does not come to an end: can the outcomes be told apart without fail?")
slope = weights[1] / spread
constant = weights[0] - slope * middle
print(f"after {step} steps: constant {constant:.4f}, slope {slope:.4f} per {header[0]}")

low, high = np.floor(given.min()), np.ceil(given.max())
out = pathlib.Path(os.environ["TMP_OUTPUT_DIR"])
(out / f"{path.stem}.model.csv").write_text(f"constant,slope\n{constant!r},{slope!r}\n")
curve = np.arange(low - 25, high + 1)
likely = 1 / (1 + np.exp(-(constant + slope * curve)))
np.savetxt(out / f"{path.stem}.curve.csv", np.column_stack([curve, likely]), ["%d", "%.6f"], ",", header=",".join(header), comments="")
