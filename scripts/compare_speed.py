"""Times programs on the same files; see scripts/compare-speed."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

PREAMBLE = """
import sys, time
import pandas as pd
path = sys.argv[1]
def timed(work):
    began = time.perf_counter()
    work()
    print(time.perf_counter() - began)
"""

FAIRLEARN = PREAMBLE + """
from fairlearn.metrics import MetricFrame, count, false_positive_rate, selection_rate
from sklearn.metrics import accuracy_score, precision_score, recall_score
rows = pd.read_parquet(path, columns=["label", "prediction", "sex", "race"])
def work():
    frame = MetricFrame(
        metrics={"selection_rate": selection_rate, "accuracy": accuracy_score, "tpr": recall_score,
                 "fpr": false_positive_rate, "precision": precision_score, "count": count},
        y_true=rows["label"], y_pred=rows["prediction"], sensitive_features=rows[["sex", "race"]])
    frame.overall, frame.by_group
timed(work)
"""

RESAMPLED = FAIRLEARN.replace(
    'sensitive_features=rows[["sex", "race"]])',
    'sensitive_features=rows[["sex", "race"]],\n'
    '        n_boot=10, ci_quantiles=[0.025, 0.975], random_state=1)',
).replace("frame.overall, frame.by_group", "frame.overall_ci, frame.by_group_ci")

GROUP_BY = PREAMBLE + """
rows = pd.read_parquet(path, columns=["label", "prediction", "sex", "race"])
def rates(cells):
    tn, fn, fp, tp = (cells[cell] for cell in range(4))
    n = tn + fn + fp + tp
    return pd.DataFrame({"count": n, "selection_rate": (tp + fp) / n, "accuracy": (tp + tn) / n,
                         "tpr": tp / (tp + fn), "fpr": fp / (fp + tn), "precision": tp / (tp + fp)})
def work():
    cell = rows["label"] + 2 * rows["prediction"]
    both = rows.groupby(["sex", "race", cell], observed=True).size().unstack(fill_value=0)
    rates(both)
    for attribute in ("sex", "race"):
        rates(both.groupby(level=attribute).sum())
    rates(both.sum().to_frame().T)
timed(work)
"""

AREAS = PREAMBLE + """
from sklearn.metrics import roc_auc_score
rows = pd.read_parquet(path, columns=["label", "score", "ten"])
def work():
    roc_auc_score(rows["label"], rows["score"])
    for _, group in rows.groupby("ten"):
        roc_auc_score(group["label"], group["score"])
timed(work)
"""

RATES_SPEC = {
    "task": "binary_classification", "label": "label", "prediction": "prediction",
    "slices": ["sex", "race"], "intersections": 2,
}
AREAS_SPEC = {
    "task": "binary_classification", "label": "label", "prediction": "prediction",
    "score": "score", "slices": ["ten"],
}


def make(path, rows):
    """In steps of ten million rows, so that memory stays bounded."""
    import numpy
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    random = numpy.random.default_rng(42)
    draw = lambda names, count: arrow.array(numpy.array(names)[random.integers(len(names), size=count)])
    writer = None
    for begin in range(0, rows, 10_000_000):
        count = min(rows - begin, 10_000_000)
        score = random.random(count)
        table = arrow.table({
            "label": (random.random(count) < score).astype("int8"),
            "score": score,
            "prediction": (score >= 0.5).astype("int8"),
            "sex": draw(["Female", "Male"], count),
            "race": draw(["Amer-Indian", "Asian", "Black", "Other", "White"], count),
            "ten": draw([f"group {i}" for i in range(10)], count),
        })
        writer = writer or parquet.ParquetWriter(path.with_suffix(".part"), table.schema)
        writer.write_table(table, row_group_size=1 << 20)
    writer.close()
    path.with_suffix(".part").rename(path)


def run(command, times):
    """Median wall time, median of what the process prints as its own time, peak memory in MiB."""
    walls, owns, peak = [], [], 0
    for _ in range(times):
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        answer = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        walls.append(time.perf_counter() - began)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{command[0]} ended with {process.returncode}")
        peak = max(peak, usage.ru_maxrss // 1024)
        try:
            owns.append(float(answer))
        except ValueError:
            pass
    return statistics.median(walls), statistics.median(owns) if owns else None, peak


def row(what, wall, own=None, peak=None, ratio=""):
    own = f"{own:10.3f}" if own is not None else " " * 10
    print(f"{what:46}{wall:10.3f}{own}{peak if peak is not None else '':>8}  {ratio}", flush=True)


def compare(evenhand, reader, path, rows, quick):
    times = 5 if rows <= 10_000_000 else 3
    python = lambda text: [sys.executable, "-c", text, str(path)]
    evaluate = lambda spec, *more: [
        evenhand, "evaluate", str(path), "--spec", json.dumps(spec), "--json", *more]
    print(f"\n{rows:,} rows, {path.stat().st_size / 2**20:.0f} MiB of Parquet")
    print(f"{'':46}{'whole, s':>10}{'own, s':>10}{'MiB':>8}  Evenhand is so many times faster")
    read, _, _ = run([reader, str(path), "label", "prediction", "sex", "race"], times)
    row("only reading: label, prediction, two attributes", read)
    ours, _, peak = run(evaluate(RATES_SPEC), times)
    without = ours - read
    told_apart = without > 0.1 * ours
    row("Evenhand, rates", ours, without if told_apart else None, peak, f"{ours / read:.2f} times only reading")
    if rows <= 10_000_000:
        wall, own, peak = run(python(GROUP_BY), times)
        row("pandas group-by", wall, own, peak,
            f"{wall / ours:.1f} whole, "
            + (f"{own / without:.1f} without reading" if told_apart
               else f"{own / ours:.1f} its own by our whole, which is all reading"))
    if rows <= 1_000_000 and not quick:
        wall, own, peak = run(python(FAIRLEARN), 3 if rows <= 100_000 else 1)
        row("Fairlearn", wall, own, peak, f"{wall / ours:.0f} whole")
    resampled, _, peak = run(evaluate(RATES_SPEC, "--bootstrap", "100"), times)
    row("Evenhand, rates and 100 resamples", resampled, None, peak)
    if rows <= 100_000 and not quick:
        wall, own, peak = run(python(RESAMPLED), 1)
        row("Fairlearn and 10 resamples", wall, own, peak,
            f"{wall / resampled:.0f} whole, with a tenth of the resamples")
    read, _, _ = run([reader, str(path), "label", "prediction", "score", "ten"], times)
    row("only reading: label, prediction, score, ten", read)
    ours, _, peak = run(evaluate(AREAS_SPEC), times)
    row("Evenhand, all metrics with areas", ours, None, peak,
        f"{ours / read:.2f} times only reading")
    if rows <= 10_000_000:
        wall, own, peak = run(python(AREAS), 3 if rows <= 1_000_000 else 1)
        row("scikit-learn, areas", wall, own, peak,
            f"{wall / ours:.1f} whole, {own / ours:.1f} its own by our whole")


def main():
    evenhand, reader, folder, *sizes = sys.argv[1:]
    quick = "--quick" in sizes
    sizes = [int(size) for size in sizes if size != "--quick"] or [100_000, 1_000_000]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    print(f"on {os.cpu_count()} cores")
    for rows in sizes:
        path = folder / f"{rows}.parquet"
        if not path.exists():
            make(path, rows)
        compare(evenhand, reader, path, rows, quick)


main()
