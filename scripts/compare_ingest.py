"""Measures ingest for scripts/compare-ingest, which describes the method."""

import argparse
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

MODEL, VERSION = "adult-income", "ingest"
ENGINEER = "emil@evenhand.example"

METRICS = [
    "selection_rate",
    "accuracy",
    "true_positive_rate",
    "false_positive_rate",
    "precision",
    "negative_predictive_value",
    "false_discovery_rate",
    "false_omission_rate",
]


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("program")
    asked.add_argument("--postgres", help="URL of an empty database")
    asked.add_argument("--gibibytes", type=float, default=2.0)
    asked = asked.parse_args()
    print(f"{'on ' + str(os.cpu_count()) + ' cores':<52} {'median':>12} {'worst':>12}")
    with tempfile.TemporaryDirectory(prefix="evenhand-ingest-") as folder:
        with Evenhand(asked.program, f"sqlite://{folder}/demo.db") as server:
            sqlite = results(server, "SQLite")
            stream(server, asked.gibibytes)
        if asked.postgres:
            with Evenhand(asked.program, asked.postgres) as server:
                postgres = results(server, "PostgreSQL")
            row("SQLite to PostgreSQL, times as fast", f"{sqlite / postgres:.2f}")
        other = mlflow(folder)
        row("Evenhand on SQLite to MLflow, times as fast", f"{sqlite / other:,.0f}")


def row(what: str, median: str, worst: str = "") -> None:
    print(f"{what:<52} {median:>12} {worst:>12}", flush=True)


class Evenhand:
    """The demo's server and a token of one of its engineers."""

    def __init__(self, program: str, database: str) -> None:
        command = [program, "demo", "--listen", "127.0.0.1:0", "--database", database]
        environment = {**os.environ, "EVENHAND_LOG": "error"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        )
        line = self.process.stdout.readline()
        self.address = urllib.parse.urlsplit(line.removeprefix("listening on ").strip())
        while "when the demo ends" not in line:
            line = self.process.stdout.readline()
        admin = [program, "admin", "token", ENGINEER, "--database", database]
        scope = ["--scope", "read,models:write,runs:write"]
        self.token = subprocess.run(
            [*admin, *scope], check=True, capture_output=True, text=True
        ).stdout.strip()

    def __enter__(self) -> "Evenhand":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    def post(self, path: str, body: object, length: int, query: dict[str, str]) -> float:
        """Sends a body and gives the seconds until its run was there."""
        query = urllib.parse.urlencode({**query, "create_version": "true"})
        url = f"/api/v1/models/{MODEL}/versions/{VERSION}/{path}?{query}"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Length": str(length)}
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port)
        started = time.perf_counter()
        connection.request("POST", url, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status == 202:
            self.settle(answer.headers["Location"])
        elif answer.status != 201:
            sys.exit(f"the server answered {answer.status}: {said[:2000]!r}")
        return time.perf_counter() - started

    def settle(self, location: str) -> None:
        """Waits until what the server has taken is a run."""
        request = urllib.request.Request(
            f"{self.address.geturl()}{location}",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        while True:
            with urllib.request.urlopen(request) as answer:
                upload = json.load(answer)
            if upload["state"] == "done":
                return
            if upload["state"] != "waiting":
                sys.exit(f"the upload ended so: {upload}")
            time.sleep(0.05)


def document(estimates: int, seed: int) -> bytes:
    """A run with this many rates, each with counts and an interval, as Evenhand's own writes it."""
    draw = random.Random(seed)
    found = []
    for i in range(estimates):
        whole = draw.randrange(100, 100_000)
        part = draw.randrange(whole + 1)
        group, metric = divmod(i, len(METRICS))
        found.append(
            {
                "slice": {"market": f"m{group % 200}", "age": f"a{group // 200}"},
                "metric": METRICS[metric],
                "value": part / whole,
                "n": whole,
                "numerator": part,
                "denominator": whole,
                "positives": whole // 2,
            }
        )
    run = {
        "schema": "evenhand.run/v1",
        "evaluated_at": "2026-01-01T00:00:00Z",
        "dataset": {"name": "ingest", "version": "1"},
        "instrument": {"name": "ingest", "version": "1", "definitions": "1"},
        "estimates": found,
    }
    return json.dumps(run).encode()


def results(server: Evenhand, database: str) -> float:
    """Prints how fast results go in; gives estimates a second."""
    large, rates = 100_000, []
    for seed in range(6):
        body = document(large, seed)
        took = server.post("runs", body, len(body), {})
        # The first one makes the groups.
        if seed > 0:
            rates.append(large / took)
    rate = statistics.median(rates)
    row(f"{database}: {large:,} in one run, estimates/s", f"{rate:,.0f}", f"{min(rates):,.0f}")
    together = [two_at_once(server, large, 10 * round_) for round_ in range(1, 6)]
    both = statistics.median(together)
    what = f"{database}: two such runs at once, estimates/s"
    row(what, f"{both:,.0f}", f"{min(together):,.0f}")
    waits = []
    for seed in range(200):
        body = document(4000, 1000 + seed)
        waits.append(server.post("runs", body, len(body), {}) * 1000)
    waits.sort()
    median, last = statistics.median(waits), waits[int(len(waits) * 0.99) - 1]
    row(f"{database}: upload of 4,000, ms: median, p99 of 200", f"{median:.1f}", f"{last:.1f}")
    return rate


def two_at_once(server: Evenhand, estimates: int, seed: int) -> float:
    """Estimates a second while two clients send at the same time, as MLflow's do below."""
    bodies = [document(estimates, seed + i) for i in range(2)]
    senders = [
        threading.Thread(target=server.post, args=("runs", body, len(body), {})) for body in bodies
    ]
    started = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return 2 * estimates / (time.perf_counter() - started)


class Rows:
    """A table of predictions that is made while it is sent: the same rows again and again."""

    def __init__(self, size: int) -> None:
        draw = random.Random(1)
        rows = (
            f"{draw.randrange(2)},{draw.random():.6f},{draw.randrange(2)},"
            f"{draw.choice(['Female', 'Male'])},g{draw.randrange(5)}\n"
            for _ in range(40_000)
        )
        head = b"label,score,prediction,sex,race\n"
        block = "".join(rows).encode()
        self.blocks = (size - len(head)) // len(block)
        self.head, self.block = head, block
        self.length = len(head) + self.blocks * len(block)

    def __iter__(self):
        yield self.head
        for _ in range(self.blocks):
            yield self.block


def stream(server: Evenhand, gibibytes: float) -> None:
    """Prints the server's memory while predictions stream through it to its reader."""
    before = memory(server.process.pid)
    rows = Rows(int(gibibytes * (1 << 30)) - (1 << 20))
    spec = {
        "task": "binary_classification",
        "label": "label",
        "prediction": "prediction",
        "slices": ["sex", "race"],
        "intersections": 2,
    }
    query = {"spec": json.dumps(spec), "dataset": "streamed@1"}
    seen, reader, done = [], [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            seen.append(memory(server.process.pid))
            reader.extend(memory(child) for child in children(server.process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    took = server.post("predictions", rows, rows.length, query)
    done.set()
    watcher.join()
    row(f"predictions of {gibibytes:g} GiB, seconds", f"{took:.1f}")
    row("  memory of the server, MB: before, peak", f"{before:.0f}", f"{max(seen):.0f}")
    row("  memory of its reader, MB: peak", "", f"{max(reader):.0f}")


def memory(pid: int) -> float:
    """What a process has in memory, in MB; 0 once it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1000
    return 0.0


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


def mlflow(folder: str) -> float:
    """Prints how fast MLflow takes metrics; gives metrics a second."""
    import mlflow
    from mlflow.entities import Metric

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "2", "--port", str(port)]
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    artifacts = ["--artifacts-destination", f"{folder}/artifacts"]
    with (Path(folder) / "mlflow.log").open("w") as log:
        server = subprocess.Popen(
            [*command, *store, *artifacts], stdout=log, stderr=log, start_new_session=True
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health", server)
        client = mlflow.MlflowClient(address)
        experiment = client.create_experiment("ingest")
        batch, batches, rates = 1000, 4, []
        for round_ in range(6):
            runs = [client.create_run(experiment).info.run_id for _ in range(2)]
            now = int(time.time() * 1000)

            def send(run: str, first: int) -> None:
                for i in range(first, batches, 2):
                    keys = (f"{METRICS[j % 8]}/g{i}-{j}" for j in range(batch))
                    client.log_batch(run, [Metric(key, 0.5, now, 0) for key in keys])

            # A client for each of the two workers.
            threads = [threading.Thread(target=send, args=(run, i)) for i, run in enumerate(runs)]
            started = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if round_ > 0:
                rates.append(batch * batches / (time.perf_counter() - started))
        rate = statistics.median(rates)
        what = f"MLflow {mlflow.__version__}: log_batch of {batch:,}, metrics/s"
        row(what, f"{rate:,.0f}", f"{min(rates):,.0f}")
        return rate
    finally:
        # It has workers of its own, in a session that was made for them.
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def wait_for(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit("MLflow's server ended before it answered")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    sys.exit("MLflow's server did not answer within 90 s")


if __name__ == "__main__":
    main()
