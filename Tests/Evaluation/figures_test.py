"""Tests of ratios, checks, pacing figures, agreement and command lines."""

import unittest
from types import SimpleNamespace

from checks import at_least, at_most, equal
from contestants import Job, masscan, synbox, zmap
from pacing import average_pps, fullest_window, windows
from ratios import median_ratio, ratios
from steady import agreement, theory

ROUNDS = [{"a": 10.0, "b": 2.0}, {"a": 9.0, "b": 1.0}, {"a": 8.0, "b": 4.0}, {"a": 7.0}]


class Ratios(unittest.TestCase):
    def test_are_taken_within_a_round(self):
        self.assertEqual(ratios(ROUNDS, "a", "b"), [5.0, 9.0, 2.0])

    def test_median_is_not_the_ratio_of_medians(self):
        self.assertEqual(median_ratio(ROUNDS, "a", "b"), 5.0)

    def test_without_a_finished_contestant_is_none(self):
        self.assertIsNone(median_ratio(ROUNDS, "a", "c"))
        self.assertIsNone(median_ratio([], "a", "b"))


class Checks(unittest.TestCase):
    def test_pass_at_the_bound(self):
        self.assertTrue(at_least("", 10.0, 10).passed)
        self.assertTrue(at_most("", 48.0, 48).passed)
        self.assertFalse(at_least("", 9.99, 10).passed)

    def test_fail_without_a_value(self):
        for check in (at_least("", None, 1), at_most("", None, 1), equal("", None, 1)):
            self.assertFalse(check.passed)
            self.assertEqual(check.found, "not measured")


class Pacing(unittest.TestCase):
    def test_average_counts_intervals(self):
        # One every 10 ms, so 100 a second: ten intervals in 100 ms.
        arrivals = ([1] + [0] * 9) * 10 + [1]
        self.assertAlmostEqual(average_pps(arrivals), 100)

    def test_average_of_one_moment_is_none(self):
        self.assertIsNone(average_pps([5]))
        self.assertIsNone(average_pps([]))

    def test_fullest_window_may_start_anywhere(self):
        self.assertEqual(fullest_window([0, 1, 5, 5, 1, 0], 2), 10)
        self.assertEqual(fullest_window([3, 0, 0], 2), 3)
        self.assertEqual(fullest_window([0, 0, 3], 2), 3)
        self.assertEqual(fullest_window([1, 2], 10), 3)

    def test_windows_include_every_arrival(self):
        self.assertEqual(windows([1, 2, 3, 4, 5], 2), [3, 7, 5])


class Agreement(unittest.TestCase):
    NODE = {"syns_valid": 4096, "syns_invalid": 0, "answers_sent": 2048, "rsts_received": 2048,
            "rsts_invalid": 0}
    SUMMARY = {"probes_completed": 4096, "probes_generated": 4100, "probes_refused": 4,
               "replies_valid": 2048, "replies_invalid": 0, "rst_sent": 2048, "results_written": 2048}

    def failed(self, lines: list[str]) -> list[str]:
        return [check.what for check in agreement(lines, self.NODE, self.SUMMARY) if not check.passed]

    def test_of_all_three_accounts(self):
        self.assertEqual(self.failed(sorted(theory())), [])

    def test_detects_missing_and_invented_results(self):
        lines = sorted(theory())[1:] + ["198.19.0.1,80"]
        self.assertEqual(self.failed(lines), ["unexpected results", "missing results"])

    def test_detects_a_repeated_result(self):
        lines = sorted(theory())
        self.assertEqual(self.failed([*lines, lines[0]]), ["results"])


class CommandLines(unittest.TestCase):
    LAB = SimpleNamespace(gateway_mac="02:00:00:00:00:01")
    JOB = Job("96.0.0.0/10", (80, 443), 500_000, (60000, 60100), 2, True)

    def test_zmap_scans_one_port_in_each_run(self):
        ports = [command.arguments[command.arguments.index("-p") + 1]
                 for command in zmap(self.LAB, self.JOB, None)]
        self.assertEqual(ports, ["80", "443"])

    def test_masscan_gets_a_power_of_two_of_source_ports(self):
        command, = masscan(self.LAB, self.JOB, None)
        self.assertIn("60000-60063", command.arguments)
        one, = masscan(self.LAB, Job("96.0.0.0/5", (80,), 0, (60000, 60000), 0, False), 5)
        self.assertIn("60000", one.arguments)

    def test_synbox_dedupes_and_resets_if_targets_reply(self):
        command, = synbox("packet")(self.LAB, self.JOB, None)
        self.assertNotIn("--no-dedupe", command.arguments)
        silent, = synbox("packet")(self.LAB, Job("96.0.0.0/5", (80,), 0, (1, 1), 0, False), 5)
        self.assertLess({"--no-dedupe", "--no-rst"}, set(silent.arguments))


if __name__ == "__main__":
    unittest.main()
