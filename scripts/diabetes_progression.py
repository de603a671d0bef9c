"""Train the diabetes programme's boosted trees and write them as JSON, with their hash and oracle.

    .venv/bin/python scripts/diabetes_progression.py            train and write (about a minute)
    .venv/bin/python scripts/diabetes_progression.py --check    train; exit code 1 where they differ

The data are the 442 people with diabetes of Efron, Hastie, Johnstone and Tibshirani, Least angle
regression, Ann Stat 2004;32:407, as they come with scikit-learn. The target is that paper's
"measure of disease progression one year after baseline": a number without a unit.

What the columns mean is not fully documented. What the data themselves show, and `verify` checks:

- s1, s2 and s3 are total, LDL and HDL cholesterol in mg/dL and s5 is the natural logarithm of
  triglycerides in mg/dL: in 438 of 442 rows LDL is Friedewald's s1 - s3 - exp(s5) / 5. LDL adds
  nothing to the other three and is left out, and so is s4, the ratio s1 / s3.
- bp has thirds among its decimals, as (systolic + 2 diastolic) / 3 has: mean arterial pressure.
- s6, 58 to 124, can only be glucose in mg/dL. Nobody says whether fasting.
- sex is 1 or 2 and nobody says which is which: it is left out.

scikit-learn is needed here only. The product reads the JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "src" / "careloop" / "programmes" / "diabetes" / "instruments" / "data"
ORACLE = ROOT / "tests" / "programmes" / "diabetes" / "diabetes_progression.csv"
KEY, VERSION = "diabetes_progression", "1"
SEED, FOLDS, REPEATS = 20261122, 5, 5
GRID = {"max_iter": [40, 80, 120], "max_leaf_nodes": [4, 8], "min_samples_leaf": [10, 20]}
FIXED = {"learning_rate": 0.05, "early_stopping": False, "random_state": SEED}

CHOLESTEROL_G_MOL, TRIGLYCERIDE_G_MOL, GLUCOSE_G_MOL = 386.65, 885.4, 180.156
INPUTS = (  # variable of the dictionary, its unit, column of the data
    ("age_y", "a", "age"),
    ("bmi_kg_m2", "kg/m2", "bmi"),
    ("mean_arterial_pressure_mmhg", "mm[Hg]", "bp"),
    ("cholesterol_mmol_l", "mmol/L", "s1"),
    ("hdl_mmol_l", "mmol/L", "s3"),
    ("triglycerides_mmol_l", "mmol/L", "s5"),
    ("glucose_mmol_l", "mmol/L", "s6"),
)


def main() -> int:
    """Train, then write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    raw = load_diabetes(scaled=False)
    columns = dict(zip(raw.feature_names, raw.data.T, strict=True))
    verify(columns)
    table, target = inputs(columns), np.asarray(raw.target, dtype=np.float64)
    search = GridSearchCV(
        HistGradientBoostingRegressor(**FIXED), GRID, cv=_folds(0), scoring="neg_mean_squared_error"
    ).fit(table, target)
    model = search.best_estimator_
    trees = [_tree(one[0].nodes) for one in model._predictors]
    released = {
        "key": KEY,
        "version": VERSION,
        "made_by": f"scripts/{Path(__file__).name}",
        "made_with": {name: version(name) for name in ("scikit-learn", "numpy")},
        "method": "histogram gradient boosting of regression trees, squared error",
        "settings": {name: _plain(value) for name, value in (FIXED | search.best_params_).items()},
        "predicts": "measure of disease progression one year after baseline, no unit",
        "training": {
            "data": "sklearn.datasets.load_diabetes(scaled=False)",
            "reference": "Efron B et al. Ann Stat 2004;32:407",
            "people": len(target),
            "sha256": hashlib.sha256(np.ascontiguousarray(raw.data).tobytes()).hexdigest(),
            "target": {
                "low": float(target.min()),
                "high": float(target.max()),
                "mean": float(target.mean()),
                "sd": float(target.std(ddof=1)),
            },
        },
        "validation": validation(table, target),
        "inputs": [
            {"variable": name, "unit": unit, "low": float(low), "high": float(high)}
            for (name, unit, _), low, high in zip(INPUTS, table.min(0), table.max(0), strict=True)
        ],
        "start": float(model._baseline_prediction[0, 0]),
        "trees": trees,
    }
    text = json.dumps(released, indent=1, ensure_ascii=False)
    text = _compact(text) + "\n"
    written = {
        DATA / f"{KEY}.json": text,
        DATA / f"{KEY}.toml": _pin(text),
        ORACLE: oracle(model, table, trees),
    }
    if check:
        differing = [path.name for path, new in written.items() if path.read_text("utf-8") != new]
        print(f"differ: {', '.join(differing)}" if differing else "up to date")
        return int(bool(differing))
    for path, content in written.items():
        path.write_text(content, encoding="utf-8", newline="\n")
        print(path.relative_to(ROOT))
    return 0


def verify(columns: dict[str, Any]) -> None:
    """Stop unless the columns are what the head of this file says they are."""
    friedewald = columns["s1"] - columns["s3"] - np.exp(columns["s5"]) / 5
    if np.quantile(np.abs(columns["s2"] - friedewald), 0.99) > 0.01:
        raise SystemExit("s2 is not Friedewald's LDL: the units are not what they were")
    hundredths = np.round(columns["bp"] % 1 * 100)
    if not set(hundredths.astype(int)) <= {0, 33, 67}:
        raise SystemExit("bp does not look like a mean of thirds")


def inputs(columns: dict[str, Any]) -> np.ndarray:
    """The predictors in the dictionary's units, one row a person."""
    made = dict(columns)
    for name in ("s1", "s3"):
        made[name] = columns[name] * 10 / CHOLESTEROL_G_MOL
    made["s5"] = np.exp(columns["s5"]) * 10 / TRIGLYCERIDE_G_MOL
    made["s6"] = columns["s6"] * 10 / GLUCOSE_G_MOL
    return np.column_stack([made[source] for _, _, source in INPUTS]).astype(np.float64)


def validation(table: np.ndarray, target: np.ndarray) -> dict[str, Any]:
    """Nested cross-validation: the settings are chosen anew inside every outer fold."""
    found: dict[str, list[dict[str, float]]] = {"boosted_trees": [], "linear": [], "mean": []}
    for repeat in range(REPEATS):
        outer = _folds(1 + repeat)
        chosen = GridSearchCV(
            HistGradientBoostingRegressor(**FIXED), GRID, cv=_folds(0), n_jobs=1,
            scoring="neg_mean_squared_error",
        )  # fmt: skip
        found["boosted_trees"].append(
            _scores(target, cross_val_predict(chosen, table, target, cv=outer))
        )
        linear = cross_val_predict(LinearRegression(), table, target, cv=outer)
        found["linear"].append(_scores(target, linear))
        mean = np.empty_like(target)
        for train, test in outer.split(table):
            mean[test] = target[train].mean()
        found["mean"].append({k: v for k, v in _scores(target, mean).items() if k != "slope"})
    return {
        "how": f"{FOLDS}-fold cross-validation, {REPEATS} times, settings chosen inside each fold;"
        " mean over the repeats, of predictions for people not trained on",
        "external": "none",
        **{
            name: {key: round(float(np.mean([one[key] for one in runs])), 4) for key in runs[0]}
            for name, runs in found.items()
        },
    }


def _folds(number: int) -> KFold:
    return KFold(FOLDS, shuffle=True, random_state=SEED + number)


def _scores(target: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    error = predicted - target
    spread = float(predicted.std())
    return {
        "r2": float(1 - (error**2).mean() / target.var()),
        "rmse": float(np.sqrt((error**2).mean())),
        "mae": float(np.abs(error).mean()),
        "slope": float(np.cov(predicted, target, ddof=0)[0, 1] / spread**2),
    }


def _tree(nodes: np.ndarray, place: int = 0) -> Any:
    """A tree as nested lists `[input, threshold, at or below, above]`; a leaf is its number."""
    node = nodes[place]
    if node["is_leaf"]:
        return float(node["value"])
    return [
        int(node["feature_idx"]),
        float(node["num_threshold"]),
        _tree(nodes, int(node["left"])),
        _tree(nodes, int(node["right"])),
    ]


def oracle(model: HistGradientBoostingRegressor, table: np.ndarray, trees: list[Any]) -> str:
    """scikit-learn's answers for made-up people: at random, and on both sides of every threshold.

    No real person's values are written.
    """
    rng = np.random.default_rng(SEED)
    low, high = table.min(0), table.max(0)
    random = rng.uniform(low - 0.1 * (high - low), high + 0.1 * (high - low), (400, len(INPUTS)))
    rows = [random.round(3)]
    for place, threshold in sorted({pair for tree in trees for pair in _splits(tree)}):
        around = np.repeat(rng.uniform(low, high, (1, len(INPUTS))).round(3), 2, axis=0)
        around[:, place] = threshold, np.nextafter(threshold, np.inf)
        rows.append(around)
    people = np.vstack(rows)
    answers = model.predict(people)
    lines = [",".join([*(name for name, _, _ in INPUTS), KEY])]
    lines += [
        ",".join(repr(float(value)) for value in (*row, answer))
        for row, answer in zip(people, answers, strict=True)
    ]
    return "\n".join(lines) + "\n"


def _splits(tree: Any) -> list[tuple[int, float]]:
    if not isinstance(tree, list):
        return []
    return [(tree[0], tree[1]), *_splits(tree[2]), *_splits(tree[3])]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _compact(text: str) -> str:
    """One line a tree."""
    head, trees = text.split('"trees": ', 1)
    rows = json.loads(trees.rstrip().removesuffix("}"))
    return head + '"trees": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]\n}"


def _pin(text: str) -> str:
    return (
        f"# Made by scripts/{Path(__file__).name}. The model is refused if its bytes differ.\n"
        f'file = "{KEY}.json"\n'
        f'version = "{VERSION}"\n'
        f'sha256 = "{hashlib.sha256(text.encode()).hexdigest()}"\n'
    )


if __name__ == "__main__":
    sys.exit(main())
