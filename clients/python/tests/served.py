"""The real server, filled with its demo, on a database of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PREDICTIONS = ROOT / "tests/fixtures/predictions/adult_v7_eqodds_thropt.csv"
EXPORTS = ROOT / "tests/fixtures/exports"

#: An engineer of the team that owns the model `adult-income`.
ENGINEER = "emil@evenhand.example"


class Demo:
    """Runs the program that EVENHAND_BIN names; use as a context."""

    def __enter__(self) -> Demo:
        self._folder = tempfile.TemporaryDirectory(prefix="evenhand-test-")
        database = f"sqlite://{self._folder.name}/demo.db"
        program = os.environ["EVENHAND_BIN"]
        self._process = subprocess.Popen(
            [program, "demo", "--listen", "127.0.0.1:0", "--database", database],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "EVENHAND_LOG": "warn"},
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        self.address = said.strip().removeprefix("listening on ")
        assert self.address.startswith("http://"), said
        # All of what it prints must have somewhere to go.
        while "when the demo ends" not in said:
            said = self._process.stdout.readline()
            assert said, "the demo ended early"
        self.token = subprocess.run(
            [
                *(program, "admin", "token", ENGINEER, "--database", database),
                *("--scope", "read,models:write,runs:write"),
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()
