"""Runs the printed queries on an engine and compares estimates; see scripts/sql-engines."""

import csv
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

EVENHAND, ENGINE = sys.argv[1:3]
PREDICTIONS = Path(__file__).parent.parent / "tests/fixtures/predictions"
ADULT = {
    "task": "binary_classification", "label": "label", "prediction": "prediction",
    "slices": ["sex", "race", "age_band"], "intersections": 2,
}
ACS = {
    "task": "binary_classification", "label": "label", "score": "score",
    "prediction": "prediction", "slices": ["sex", "race", "disability"], "intersections": 3,
}
ON_GRID = ("roc_auc", "average_precision")
SMALL_HEADER = ["größe", "score", "x`\"; drop table predictions; --", "b"]
SMALL = [
    ["> ½'\\", 0.9, "a'; --", None], [" no", 0.2, None, "x"], [" no", 0.7, "b", "x"],
    ["> ½'\\", 0.4, "", "\u00a0"], ["> ½'\\", 1.0, "  b\t", "y"],
] * 11
BY_NAME = {
    "task": "binary_classification", "label": "größe", "positive": "> ½'\\", "score": "score",
    "slices": SMALL_HEADER[2:], "intersections": 2,
}


def cases(folder):
    """File, spec, options of the query."""
    adult = PREDICTIONS / "adult_v4_hgb.csv"
    yield adult, ADULT, []
    yield adult, {**ADULT, "score": "score"}, []
    yield adult, {**ADULT, "score": "score", "weight": "weight"}, ["--bins", "250"]
    thresholded = {**ADULT, "score": "score", "threshold": 0.3}
    del thresholded["prediction"]
    yield PREDICTIONS / "adult_v4_hgb.parquet", thresholded, []
    for year in (2015, 2016, 2017):
        yield PREDICTIONS / f"acs_employment_ma_{year}.parquet", ACS, []
    small = folder / "small.csv"
    with small.open("w", newline="") as file:
        csv.writer(file).writerows([SMALL_HEADER, *SMALL])
    for missing in ("group", "drop"):
        yield small, {**BY_NAME, "missing": missing}, []


def evenhand(*arguments):
    ended = subprocess.run([EVENHAND, *map(str, arguments)], capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"evenhand {' '.join(map(str, arguments))}: {ended.stderr}")
    return ended.stdout


class DuckDb:
    """Answers come as CSV and as Parquet in turn, both written by the engine."""

    def __init__(self, folder):
        import duckdb

        self.folder, self.connection, self.turn = folder, duckdb.connect(), 0

    def counts(self, rows, sql):
        read = "read_parquet" if rows.suffix == ".parquet" else "read_csv"
        self.connection.execute(f"create or replace view predictions as from {read}('{rows}')")
        self.turn += 1
        kind = ("csv, header", "parquet")[self.turn % 2]
        out = self.folder / "counts"
        self.connection.execute(f"copy ({sql}) to '{out}' (format {kind})")
        return out


class Spark:
    def __init__(self, folder):
        from pyspark.sql import SparkSession

        self.folder = folder
        builder = SparkSession.builder.master("local[2]").appName("evenhand")
        for key, value in {
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
        }.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")

    def counts(self, rows, sql):
        if rows.suffix == ".parquet":
            frame = self.session.read.parquet(str(rows))
        else:
            frame = self.session.read.csv(
                str(rows), header=True, inferSchema=True, quote='"', escape='"',
                ignoreLeadingWhiteSpace=False, ignoreTrailingWhiteSpace=False,
            )
        frame.createOrReplaceTempView("predictions")
        answer = self.session.sql(sql)
        out = self.folder / "counts.csv"
        with out.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(answer.columns)
            writer.writerows(answer.collect())
        return out


def compare(counted, rows):
    """How many estimates are equal, and how far the overall area under the curve lies from the
    exact one."""
    key = lambda estimate: (estimate["metric"], sorted(estimate["slice"].items()))
    ours, known = ({json.dumps(key(e)): e for e in of["estimates"]} for of in (counted, rows))
    assert ours.keys() == known.keys(), ours.keys() ^ known.keys()
    equal, furthest = 0, 0.0
    for name, estimate in ours.items():
        exact = known[name]
        if estimate["metric"] == "log_loss" and exact["value"] is not None:
            # Logarithms are the engine's own.
            assert math.isclose(estimate["value"], exact["value"], rel_tol=1e-12)
            # Where all losses are the same there is no spread, and no error.
            assert ("stderr" in estimate) == ("stderr" in exact), (estimate, exact)
            if "stderr" in exact:
                assert math.isclose(estimate["stderr"], exact["stderr"], rel_tol=1e-9)
            equal += 1
        elif estimate["metric"] in ON_GRID and exact["value"] is not None:
            apart, interval = abs(estimate["value"] - exact["value"]), estimate["interval"]
            assert interval["low"] <= exact["value"] <= interval["high"], (estimate, exact)
            if not exact["slice"] and estimate["metric"] == "roc_auc":
                assert apart < 0.003, (estimate, exact)
                furthest = apart
        else:
            assert estimate == exact, (estimate, exact)
            equal += 1
    return equal, furthest


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = {"duckdb": DuckDb, "spark": Spark}[ENGINE](folder)
        about = ["--evaluated-at", "2026-11-01", "--dataset", "real@1", "--json"]
        for rows, spec, options in cases(folder):
            spec = json.dumps(spec)
            sql = evenhand("metrics", "sql", "--spec", spec, "--dialect", ENGINE, *options)
            counts = engine.counts(rows, sql)
            of = lambda path: json.loads(evenhand("evaluate", path, "--spec", spec, *about))
            equal, furthest = compare(of(counts), of(rows))
            print(f"{rows.name}: {equal} estimates equal, overall area off by {furthest:.1e}")


main()
