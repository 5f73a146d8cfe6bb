"""Results of squall as polars frames. Reads a results folder, never simulates, and fails when the schema has changed."""

import json
import os
import pathlib

import polars as pl

SCHEMA = 1

# Where `squall run --out` has put results; `run.sh` says so too.
FOLDER = pathlib.Path(os.environ.get("SQUALL_RESULTS", "../results/local"))

TABLES = {
    "runs": ["variant", "seed", "component", "metric", "unit", "value"],
    "series": ["variant", "seed", "time_s", "component", "metric", "unit", "value"],
    "failures": ["variant", "seed", "place", "time_s", "kind", "component", "evidence"],
    "actions": ["variant", "seed", "time_s", "cause", "action", "target", "effect"],
    "fates": ["variant", "seed", "time_s", "width_s", "component", "fate", "count"],
    "verdicts": [
        "variant", "number", "expectation", "expected", "needed_share", "held", "of", "measured_median", "ok",
    ],
}


# Only `squall compare` writes this one.
COMPARISONS = [
    "variant", "baseline", "component", "metric", "window", "objective", "role", "difference", "low", "high", "finding",
]

# What `squall matrix` writes.
MATRIX = {
    "matrix": [
        "scenario", "mitigation", "own", "conclusion", "seeds", "unmitigated_share", "share", "difference", "low", "high",
    ],
    "expectations": ["scenario", "variant", "expectation", "expected", "held", "of", "as_expected"],
}

# What `squall tip` writes.
TIPS = {
    "probes": ["variant", "branch", "seed", "value", "collapsed"],
    "thresholds": ["variant", "branch", "seed", "low", "high", "kind"],
    "curve": ["variant", "branch", "value", "collapsed", "of", "share", "low", "high"],
    "tips": ["variant", "branch", "path", "unit", "threshold", "low", "high", "seeds", "never", "always"],
}


def manifest(folder, command):
    """`manifest.json` of a folder, if it is of the schema that is read here."""
    if not (folder / "manifest.json").is_file():
        raise FileNotFoundError(f"no results in {folder}: make them with `squall {command} … --out {folder}`")
    found = json.loads((folder / "manifest.json").read_text())
    if found["schema"] != SCHEMA:
        raise ValueError(f"schema {found['schema']} instead of {SCHEMA}: the notebooks must follow")
    return found


def table(folder, name, columns):
    """A table that still has its columns."""
    frame = pl.read_csv(folder / f"{name}.csv", infer_schema_length=None)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"{name}.csv has lost {missing}: the notebooks must follow")
    return frame


class Matrix:
    """Results of `squall matrix`: `matrix` and `expectations` as frames, `manifest` as a dict."""

    def __init__(self, folder):
        folder = FOLDER / folder
        self.manifest = manifest(folder, "matrix")
        for name, columns in MATRIX.items():
            setattr(self, name, table(folder, name, columns))
        self.scenarios = self.manifest["scenarios"]


class Tip:
    """Results of `squall tip`: `probes`, `thresholds`, `curve` and `tips` as frames, `manifest` as a dict."""

    def __init__(self, folder):
        folder = FOLDER / folder
        self.manifest = manifest(folder, "tip")
        for name, columns in TIPS.items():
            setattr(self, name, table(folder, name, columns))
        self.variants = self.manifest["variants"]
        self.unit = self.tips["unit"][0]


class Results:
    """A results folder: `runs`, `series`, `failures`, `actions`, `fates` and `verdicts` as frames, `manifest` as a dict.

    Those of `squall compare` have `comparisons` too.
    """

    def __init__(self, folder):
        self.folder = folder = FOLDER / folder
        self.manifest = manifest(folder, "run")
        for name, columns in TABLES.items():
            setattr(self, name, table(folder, name, columns))
        if (folder / "comparisons.csv").is_file():
            self.comparisons = table(folder, "comparisons", COMPARISONS)
        self.variants = self.manifest["variants"]

    def metric(self, metric, kind="clients"):
        """One metric of every component of a kind, a row for each variant, seed and component."""
        of_kind = pl.col("component").str.starts_with(kind + ".")
        rows = self.runs.filter((pl.col("metric") == metric) & of_kind)
        if rows.is_empty():
            raise ValueError(f"runs.csv has no metric {metric} of {kind}: the notebooks must follow")
        return rows

    def goodput_share(self):
        """Requests of all clients that ended well, over those that began: a row for each variant and seed."""
        ok, began = (
            self.metric(f"count.{what}").group_by("variant", "seed").agg(pl.col("value").sum().alias(what))
            for what in ("ok", "arrivals")
        )
        share = (pl.col("ok") / pl.col("arrivals")).alias("share")
        return ok.join(began, on=["variant", "seed"]).with_columns(share).sort("variant", "seed")

    def over_time(self, metric, kind="clients"):
        """A metric of all components of a kind added up, the median over seeds: a row for each variant and window."""
        of_kind = pl.col("component").str.starts_with(kind + ".")
        rows = self.series.filter((pl.col("metric") == metric) & of_kind)
        if rows.is_empty():
            raise ValueError(f"series.csv has no metric {metric} of {kind}: the notebooks must follow")
        sums = rows.group_by("variant", "seed", "time_s").agg(pl.col("value").sum())
        return sums.group_by("variant", "time_s").agg(pl.col("value").median()).sort("variant", "time_s")

    def share_over_time(self, side):
        """The share of a side of a split, the median over seeds: a row for each variant and window."""
        rows = self.series.filter((pl.col("metric") == "share") & (pl.col("component") == f"splits.{side}"))
        if rows.is_empty():
            raise ValueError(f"series.csv has no share of splits.{side}: the notebooks must follow")
        return rows.group_by("variant", "time_s").agg(pl.col("value").median()).sort("variant", "time_s")

    def cases(self):
        """What was simulated, as `scenario.json` has it: of each variant its clients, services, faults, …"""
        scenario = json.loads((self.folder / "scenario.json").read_text())
        return {case["name"]: case["world"] for case in scenario["cases"]}
