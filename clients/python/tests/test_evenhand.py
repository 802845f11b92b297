"""The package against the real server and the real Fairlearn, on real predictions."""

from __future__ import annotations

import doctest
import functools
import importlib
import json
import os
import pickle
import pkgutil
import random
import socket
import tempfile
import unittest
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
from fairlearn.metrics import (
    MetricFrame,
    count,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from sklearn.metrics import accuracy_score, f1_score, precision_score, roc_auc_score

import evenhand
from evenhand._matrix import Matrix, solve

from .flaky import CUT, CUT_AFTER, Flaky, Mishap
from .served import EXPORTS, PREDICTIONS, ROOT, Demo

MODEL, VERSION, DATASET = "adult-income", "v8", "adult-sample@1994"
USUAL = {
    "count": count,
    "selection_rate": selection_rate,
    "accuracy": accuracy_score,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "precision": precision_score,
}

demo = Demo()


def setUpModule() -> None:
    demo.__enter__()
    unittest.addModuleCleanup(demo.__exit__)
    server = {"EVENHAND_SERVER": demo.address, "EVENHAND_TOKEN": demo.token}
    patched = mock.patch.dict(os.environ, server)
    patched.start()
    unittest.addModuleCleanup(patched.stop)


@functools.cache
def adult() -> pd.DataFrame:
    return pd.read_csv(PREDICTIONS)


def frame_of(rows: pd.DataFrame, metrics: Any = None, **more: Any) -> MetricFrame:
    more.setdefault("sensitive_features", rows[["sex"]])
    return MetricFrame(
        metrics=USUAL if metrics is None else metrics,
        y_true=rows["label"],
        y_pred=rows["prediction"],
        **more,
    )


@functools.cache
def usual_frame() -> MetricFrame:
    return frame_of(adult())


def log(results: Any, **more: Any) -> evenhand.Run:
    more.setdefault("dataset", DATASET)
    return evenhand.log(results, model=MODEL, version=VERSION, **more)


def ask(path: str) -> Any:
    request = urllib.request.Request(
        demo.address + path, headers={"Authorization": f"Bearer {demo.token}"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def estimates_of(run: evenhand.Run) -> dict[tuple[str, str], dict[str, Any]]:
    """What the server has of a run, by slice and metric."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    cursor = ""
    while cursor is not None:
        page = ask(f"/api/v1/runs/{run.id}/estimates?limit=200{cursor}")
        for estimate in page["items"]:
            slice_ = ";".join(f"{name}={group}" for name, group in estimate["slice"].items())
            found[slice_, estimate["metric"]] = estimate
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return found


class LoggingAFrame(unittest.TestCase):
    def test_every_rate_has_the_counts_that_made_it(self) -> None:
        # Of smaller groups, few positives would be hidden from an engineer.
        rows = adult()[adult()["race"].isin(["White", "Black"])]
        stored = estimates_of(log(frame_of(rows, sensitive_features=rows[["sex", "race"]])))
        groups = {"": rows}
        for (sex, race), group in rows.groupby(["sex", "race"]):
            groups[f"race={race};sex={sex}"] = group
        self.assertEqual(len(stored), len(groups) * len(USUAL))
        for slice_, group in groups.items():
            label, chosen = group["label"] == 1, group["prediction"] == 1
            for metric, part, whole in (
                ("selection_rate", chosen, label | True),
                ("accuracy", label == chosen, label | True),
                ("true_positive_rate", label & chosen, label),
                ("false_positive_rate", ~label & chosen, ~label),
                ("precision", label & chosen, chosen),
            ):
                with self.subTest(slice=slice_, metric=metric):
                    estimate = stored[slice_, metric]
                    counted = (estimate["numerator"], estimate["denominator"], estimate["n"])
                    self.assertEqual(counted, (part.sum(), whole.sum(), whole.sum()))
                    self.assertLessEqual(estimate["interval"]["low"], estimate["value"])
                    self.assertEqual(estimate["interval"]["method"], "wilson")

    def test_a_frame_and_the_file_that_it_writes_make_the_same_estimates(self) -> None:
        rows = adult()
        frame = frame_of(rows, sensitive_features=rows[["sex", "race"]])
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "by_group.json"
            frame.by_group.to_json(file, orient="table")
            of_file = estimates_of(log(file))
        of_frame = estimates_of(log(frame))
        overall = {key for key in of_frame if not key[0]}
        self.assertEqual(set(of_frame) - overall, set(of_file))
        for key, estimate in of_file.items():
            with self.subTest(key=key):
                self.assertEqual(of_frame[key], estimate)

    def test_a_rate_of_no_rows_is_undefined_and_not_fairlearns_zero(self) -> None:
        rows = pd.DataFrame(
            {
                "label": [0, 0, 0, 0, 1, 1, 0, 0],
                "prediction": [0, 1, 0, 0, 1, 0, 1, 0],
                "sex": list("FFFFMMMM"),
            }
        )
        frame = frame_of(rows)
        self.assertEqual(frame.by_group["true_positive_rate"]["F"], 0.0)
        estimate = estimates_of(log(frame))["sex=F", "true_positive_rate"]
        self.assertIsNone(estimate["value"])
        self.assertEqual((estimate["n"], estimate["undefined"]), (0, "no positives"))

    def test_groups_that_never_meet_have_no_rows(self) -> None:
        rows = pd.DataFrame(
            {
                "label": [0, 1, 0, 1, 1, 0],
                "prediction": [0, 1, 1, 1, 0, 0],
                "sex": list("FFFMMM"),
                "region": list("NNNNSS"),
            }
        )
        stored = estimates_of(log(frame_of(rows, sensitive_features=rows[["sex", "region"]])))
        empty = {key[1]: e for key, e in stored.items() if key[0] == "region=S;sex=F"}
        self.assertEqual(empty["count"]["value"], 0)
        self.assertEqual(empty["accuracy"]["undefined"], "no rows")

    def test_control_levels_are_slices_of_their_own(self) -> None:
        rows = adult()
        stored = estimates_of(log(frame_of(rows, control_features=rows[["age_band"]])))
        band = rows[rows["age_band"] == "25-34"]
        self.assertEqual(stored["age_band=25-34", "count"]["value"], len(band))
        women = band[band["sex"] == "Female"]
        self.assertEqual(stored["age_band=25-34;sex=Female", "count"]["value"], len(women))
        self.assertNotIn(("", "count"), stored)

    def test_a_frame_of_one_metric_without_count_is_only_reported_and_says_so(self) -> None:
        frame = frame_of(adult(), selection_rate)
        with self.assertWarnsRegex(UserWarning, "no `count`") as caught:
            run = log(frame)
        self.assertEqual(Path(caught.filename).name, Path(__file__).name)
        stored = estimates_of(run)
        self.assertEqual(
            set(stored), {(s, "selection_rate") for s in ("", "sex=Female", "sex=Male")}
        )
        for estimate in stored.values():
            self.assertIsNone(estimate.get("n"))
            self.assertIsNone(estimate.get("interval"))

    def test_weighted_rates_are_not_taken_for_counts(self) -> None:
        rows = adult()
        weight = {"sample_weight": rows["weight"]}
        parameters = {name: weight for name in USUAL if name != "count"}
        stored = estimates_of(log(frame_of(rows, sample_params=parameters)))
        estimate = stored["sex=Female", "selection_rate"]
        self.assertIsNotNone(estimate["value"])
        self.assertIsNone(estimate.get("n"))

    def test_a_bootstrap_of_the_frame_is_kept_where_no_counts_are(self) -> None:
        rows = adult().head(400)
        metrics = {"count": count, "roc_auc": roc_auc_score, "f1": f1_score}
        frame = frame_of(rows, metrics, n_boot=20, ci_quantiles=[0.025, 0.5, 0.975], random_state=1)
        stored = estimates_of(log(frame))
        interval = stored["", "roc_auc"]["interval"]
        self.assertEqual(interval["method"], "bootstrap_percentile")
        self.assertAlmostEqual(interval["level"], 0.95)
        self.assertAlmostEqual(interval["low"], frame.overall_ci[0]["roc_auc"])
        self.assertEqual(stored["", "roc_auc"]["n"], len(rows))

    def test_values_that_are_no_numbers_are_left_out_and_named(self) -> None:
        metrics = {**USUAL, "labels": lambda y_true, y_pred: list(y_true[:1])}
        with self.assertWarnsRegex(UserWarning, "labels"):
            stored = estimates_of(log(frame_of(adult().head(50), metrics)))
        self.assertEqual({key[1] for key in stored}, set(USUAL))

    def test_an_own_metric_is_declared_under_its_name(self) -> None:
        metrics = {**USUAL, "Net benefit (t=0.2)": lambda y_true, y_pred: 0.25}
        run = log(frame_of(adult(), metrics))
        self.assertEqual(estimates_of(run)["sex=Male", "net_benefit_t_0_2"]["value"], 0.25)


class LoggingOtherThings(unittest.TestCase):
    def test_a_by_group_table_is_as_good_as_its_frame(self) -> None:
        frame = usual_frame()
        of_table = estimates_of(log(frame.by_group))
        of_frame = estimates_of(log(frame))
        for key, estimate in of_table.items():
            self.assertEqual(of_frame[key], estimate)
        self.assertEqual(len(of_table), 2 * len(USUAL))

    def test_a_long_table_has_a_row_per_estimate(self) -> None:
        table = pd.DataFrame(
            {
                "metric": ["accuracy", "accuracy", "ndcg@10", "recall_score"],
                "value": [0.5, 0.75, 0.4, None],
                "n": [80, 40, 30, 0],
                "numerator": [40, 30, None, None],
                "denominator": [80, 40, None, None],
                "undefined": [None, None, None, "no positives"],
                "low": [None, None, 0.3, None],
                "high": [None, None, 0.5, None],
                "sex": [None, "F", None, "F"],
            }
        )
        stored = estimates_of(log(table))
        self.assertEqual(stored["sex=F", "accuracy"]["numerator"], 30)
        self.assertEqual(stored["", "ndcg@10"]["interval"]["high"], 0.5)
        self.assertEqual(stored["sex=F", "true_positive_rate"]["undefined"], "no positives")

    def test_the_dictionary_and_the_file_of_another_tool_go_as_they_are(self) -> None:
        file = EXPORTS / "lm_eval/results.json"
        run = log(file, evaluated_at="2026-01-01")
        self.assertEqual(run.receipt["format"], "lm-eval")
        again = log(json.loads(file.read_text()), evaluated_at="2026-01-02")
        self.assertEqual(estimates_of(again), estimates_of(run))

    def test_the_same_results_of_the_same_time_are_the_same_run(self) -> None:
        frame = usual_frame()
        at = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
        first, again = log(frame, evaluated_at=at), log(frame, evaluated_at=at)
        self.assertEqual((first.is_new, again.is_new), (True, False))
        self.assertEqual(first.id, again.id)
        self.assertIn(f"/runs/{first.id}", first.url)

    def test_what_cannot_be_logged_is_said_before_anything_is_sent(self) -> None:
        rows = adult()
        nameless = frame_of(rows).by_group.rename_axis(None)
        for results, more, said in (
            (3, {}, "a int cannot be logged"),
            (nameless, {}, "which attribute"),
            (frame_of(rows), {"dataset": "adult"}, "NAME@VERSION"),
            (frame_of(rows), {"dataset": None}, "what it was measured on"),
            (frame_of(rows), {"evaluated_at": datetime(2026, 1, 1)}, "no zone"),
            ({("F", "N"): 1}, {}, "log the DataFrame itself"),
        ):
            with self.subTest(said=said), self.assertRaisesRegex((TypeError, ValueError), said):
                log(results, **more)


class Refusals(unittest.TestCase):
    def test_every_problem_is_printed_with_its_place(self) -> None:
        bad = {
            "estimates": [
                {"slice": {}, "metric": "accuracy", "value": 3},
                {"slice": {}, "metric": "no_such_metric", "value": 0.5},
            ]
        }
        with self.assertRaises(evenhand.Refused) as caught:
            log(bad)
        refused = caught.exception
        self.assertEqual(refused.status, 422)
        self.assertEqual(len(refused.problems), 2)
        self.assertIn("/estimates/0/value: 3 is out of the metric's range", str(refused))
        self.assertIn("/estimates/1/metric: no metric is called `no_such_metric`", str(refused))
        # As a pool of processes hands it on.
        self.assertEqual(str(pickle.loads(pickle.dumps(refused))), str(refused))

    def test_a_table_is_refused_by_line_and_column(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "results.csv"
            file.write_text("metric,value,n,sex\naccuracy,much,10,F\n")
            with self.assertRaisesRegex(evenhand.Refused, "line 2, column value"):
                log(file)

    def test_a_version_that_is_not_there_is_made_only_when_asked(self) -> None:
        frame = usual_frame()
        with self.assertRaises(evenhand.Refused) as caught:
            evenhand.log(frame, model=MODEL, version="brand-new", dataset=DATASET)
        self.assertEqual(caught.exception.status, 404)
        run = evenhand.log(
            frame, model=MODEL, version="brand-new", dataset=DATASET, create_version=True
        )
        self.assertEqual(run.version, "brand-new")

    def test_a_token_is_needed_and_stays_at_home(self) -> None:
        frame = usual_frame()
        with self.assertRaisesRegex(evenhand.Misconfigured, "EVENHAND_TOKEN"):
            log(frame, token=" ")
        with self.assertRaisesRegex(evenhand.Misconfigured, "begins with eh_"):
            log(frame, token="secret")
        with self.assertRaisesRegex(evenhand.Misconfigured, "TLS"):
            log(frame, server="http://evenhand.example.org")
        for address in (
            "evenhand.example.org",
            "https://ann:pw@example.org",
            "ftp://x",
            "http://[",
        ):
            with self.assertRaisesRegex(evenhand.Misconfigured, "EVENHAND_SERVER"):
                log(frame, server=address)
        with self.assertRaisesRegex(evenhand.Refused, "not accepted") as caught:
            log(frame, token="eh_0123456789abcdef")
        self.assertNotIn("eh_0123", str(caught.exception))


class BadDays(unittest.TestCase):
    def run_through(self, *mishaps: Mishap) -> tuple[evenhand.Run, Flaky]:
        with Flaky(demo.address, mishaps) as way, mock.patch("evenhand._server.FIRST_WAIT", 0.01):
            return log(usual_frame(), server=way.address), way

    def test_busy_servers_and_broken_connections_are_tried_again_under_one_key(self) -> None:
        run, way = self.run_through((429, "0"), CUT, (502, None), (503, "0"))
        self.assertTrue(run.is_new)
        self.assertEqual((len(way.keys), len(set(way.keys))), (5, 1))
        self.assertIsNotNone(way.keys[0])

    def test_a_run_whose_answer_was_lost_is_the_same_run(self) -> None:
        before = ask(f"/api/v1/models/{MODEL}/runs")["total"]
        run, way = self.run_through(CUT_AFTER)
        self.assertEqual(len(way.keys), 2)
        self.assertFalse(run.is_new)
        self.assertEqual(ask(f"/api/v1/models/{MODEL}/runs")["total"], before + 1)

    def test_five_tries_are_enough(self) -> None:
        for mishap in ((503, "0"), CUT):
            with self.assertRaisesRegex(evenhand.Unreachable, "also at try 5"):
                self.run_through(*[mishap] * 5)

    def test_the_wait_that_the_server_asks_for_is_kept(self) -> None:
        with mock.patch("evenhand._server.time.sleep") as sleep:
            self.run_through((429, "7"))
        sleep.assert_called_once_with(7.0)
        with self.assertRaisesRegex(evenhand.Unreachable, "3600 s"):
            self.run_through((429, "3600"))

    def test_waits_double_with_some_chance_in_them(self) -> None:
        with mock.patch("evenhand._server.time.sleep") as sleep:
            self.run_through(CUT, CUT, CUT)
        waits = [call.args[0] / 0.01 for call in sleep.call_args_list]
        for wait, least in zip(waits, (1, 2, 4)):
            self.assertTrue(least <= wait <= least * 1.25, waits)

    def test_where_nobody_ever_was_nobody_is_waited_for(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{free.getsockname()[1]}"
            with (
                mock.patch("evenhand._server.time.sleep") as sleep,
                self.assertRaisesRegex(evenhand.Unreachable, "no server answers"),
            ):
                log(usual_frame(), server=address)
        sleep.assert_not_called()

    def test_what_is_no_evenhand_server_is_called_so(self) -> None:
        with (
            Flaky(demo.address, [(302, None)]) as way,
            self.assertRaisesRegex(evenhand.Unreachable, "sends us to"),
        ):
            log(usual_frame(), server=way.address)
        with (
            Flaky(demo.address, [(404, None)]) as way,
            self.assertRaisesRegex(evenhand.Unreachable, "no Evenhand server"),
        ):
            log(usual_frame(), server=way.address)


class Evaluating(unittest.TestCase):
    def test_it_counts_what_fairlearn_counts_and_goes_to_the_server_whole(self) -> None:
        rows = adult()
        found = evenhand.evaluate(
            rows["label"],
            rows["prediction"],
            y_score=rows["score"],
            sensitive_features=rows[["sex", "race"]],
            intersections=2,
        )
        frame = frame_of(rows, sensitive_features=rows[["sex", "race"]])
        for (sex, race), values in frame.by_group.iterrows():
            estimate = found.estimate("selection_rate", sex=sex, race=race)
            self.assertAlmostEqual(estimate.value or 0.0, values["selection_rate"], places=12)
            self.assertEqual(estimate.n, values["count"])
        stored = estimates_of(log(found))
        self.assertEqual(len(stored), len(found.estimates))
        self.assertEqual(stored["", "roc_auc"]["interval"]["method"], "delong_logit")
        with self.assertRaises(KeyError):
            found.estimate("selection_rate", sex="Unknown")

    def test_its_table_can_be_logged_too(self) -> None:
        rows = adult()
        found = evenhand.evaluate(
            rows["label"].to_numpy(), rows["prediction"].tolist(), sensitive_features=rows["sex"]
        )
        stored, again = estimates_of(log(found)), estimates_of(log(found.to_frame()))
        self.assertEqual(again, stored)

    def test_odd_groups_arrive_as_they_are(self) -> None:
        groups = ["=1+1", "a;b=c", 'say "x"', "naïve\n", None, float("nan"), 3.0, True]
        found = evenhand.evaluate([1] * 8, [1, 0] * 4, sensitive_features=groups)
        names = {e.slice.get("sensitive_feature_0") for e in found.estimates} - {None}
        wanted = {"=1+1", "a;b=c", 'say "x"', "naïve", "(missing)", "3", "true"}
        self.assertEqual({str(name).lower() for name in names}, wanted)

    def test_bad_rows_are_told_by_line(self) -> None:
        with self.assertRaisesRegex(evenhand.Refused, "line 3, column y_true"):
            evenhand.evaluate([1, 0, "x"], [1, 0, 1], sensitive_features=list("abc"))
        with self.assertRaisesRegex(ValueError, "y_true 3, y_pred 2"):
            evenhand.evaluate([1, 0, 1], [1, 0], sensitive_features=list("abc"))
        with self.assertRaisesRegex(ValueError, "called y_pred"):
            evenhand.evaluate([1], [1], sensitive_features={"y_pred": ["a"]})

    def test_without_the_program_the_remedy_is_named(self) -> None:
        for named in ("", "/nowhere/evenhand"):
            env = {"EVENHAND_BIN": named, "PATH": "/nowhere"}
            with (
                mock.patch.dict(os.environ, env),
                self.assertRaisesRegex(evenhand.CommandMissing, "EVENHAND_BIN"),
            ):
                evenhand.evaluate([1], [1], sensitive_features=["a"])


class Gating(unittest.TestCase):
    def test_each_verdict_is_the_servers_and_only_a_pass_is_true(self) -> None:
        for version, verdict in (("v7", "pass"), ("v4", "fail")):
            gate = evenhand.gate(MODEL, version)
            self.assertEqual((gate.verdict, bool(gate)), (verdict, verdict == "pass"))
            said = ask(f"/api/v1/models/{MODEL}/versions/{version}/readiness")
            self.assertEqual(len(gate.rules), len(said["rules"]))
        with self.assertRaises(evenhand.NotPassed) as caught:
            gate.require()
        held = [rule.id for rule in gate.rules if rule.holds_back]
        self.assertTrue(held)
        for rule in held:
            self.assertIn(rule, str(caught.exception))

    def test_a_model_that_is_not_there_is_no_verdict(self) -> None:
        with self.assertRaises(evenhand.Refused) as caught:
            evenhand.gate("no-such-model", "v1")
        self.assertEqual(caught.exception.status, 404)
        with self.assertRaises(ValueError):
            evenhand.gate("..", "v1")


class Examples(unittest.TestCase):
    def test_those_of_every_module_hold(self) -> None:
        for module in pkgutil.iter_modules(evenhand.__path__):
            with self.subTest(module=module.name):
                found = importlib.import_module(f"evenhand.{module.name}")
                self.assertEqual(doctest.testmod(found).failed, 0)

    def test_those_of_the_readme_hold(self) -> None:
        readme = str(ROOT / "clients/python/README.md")
        known = {"PREDICTIONS": PREDICTIONS}
        ended = doctest.testfile(readme, module_relative=False, globs=known)
        self.assertGreater(ended.attempted, 8)
        self.assertEqual(ended.failed, 0)


class TheMatrix(unittest.TestCase):
    def test_it_is_found_as_it_was_or_not_at_all(self) -> None:
        draw = random.Random(5)
        found = 0
        for _ in range(400):
            made = Matrix(*(draw.randrange(900) for _ in range(4)))
            rates = {
                key: part.numerator / part.denominator if part.denominator else 0.0
                for key, part in made.rates().items()
            }
            known = [*draw.sample(sorted(rates), 4), "selection_rate"]
            solved = solve(sum(vars(made).values()), {key: rates[key] for key in known})
            found += solved is not None
            self.assertIn(solved, (None, made))
        self.assertGreater(found, 200)
