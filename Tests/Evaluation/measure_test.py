"""Tests of the sending window, the baseline, rates and costs."""

import unittest

from measure import (
    Load, Measurement, Window, combined, idle_load, largest_deviation, less_baseline, mean_rate, measure,
    sending_window, spent, steady_part)
from sampler import KINDS, Sample

TENTHS = [index / 10 for index in range(30)]


def sample(at: float, syns: int, idle: float, user: float = 0.0, peak: int = 0) -> Sample:
    """A sample at `at` seconds, with processor seconds since the start."""
    machine = dict.fromkeys(KINDS, 0.0) | {"idle": idle, "user": user}
    return Sample(at, {"syns_valid": syns}, at, machine, user, 0.0, peak)


class SendingWindow(unittest.TestCase):
    def test_starts_and_ends_with_intervals_above_the_threshold(self):
        counts = [0, 0, 500, 1500, 2500, 2800, 2800, 2800]
        self.assertEqual(sending_window(TENTHS[:8], counts, 100), Window(1, 5))

    def test_bridges_a_pause(self):
        counts = [0, 1000, 1000, 1000, 2000, 2000]
        self.assertEqual(sending_window(TENTHS[:6], counts, 100), Window(0, 4))

    def test_ignores_a_trickle(self):
        self.assertIsNone(sending_window(TENTHS[:4], [0, 9, 18, 27], 100))

    def test_judges_an_interval_by_its_own_length(self):
        # 15 in a tenth of a second exceed the threshold; 15 in a whole second do not.
        self.assertEqual(sending_window([0.0, 1.0, 1.1], [0, 15, 30], 100), Window(1, 2))

    def test_of_no_samples_is_none(self):
        self.assertIsNone(sending_window([], [], 100))


class Rates(unittest.TestCase):
    def test_exclude_the_intervals_at_both_ends(self):
        counts = [0, 300, 1300, 2300, 3300, 3500]
        steady = steady_part(Window(0, 5))
        self.assertEqual(steady, Window(1, 4))
        self.assertAlmostEqual(mean_rate(TENTHS[:6], counts, steady), 10_000)

    def test_use_a_short_window_whole(self):
        self.assertEqual(steady_part(Window(3, 5)), Window(3, 5))

    def test_do_not_deviate_when_steady(self):
        counts = [index * 100 for index in range(30)]
        self.assertAlmostEqual(largest_deviation(TENTHS, counts, Window(0, 29)), 0)

    def test_deviate_by_the_worst_second(self):
        # Two seconds at 1,000 a second, then one of silence: the mean is 667.
        counts = [min(index, 20) * 100 for index in range(31)]
        times = [index / 10 for index in range(31)]
        self.assertAlmostEqual(largest_deviation(times, counts, Window(0, 30)), 1.0)

    def test_do_not_deviate_within_less_than_a_second(self):
        self.assertEqual(largest_deviation(TENTHS[:5], [0, 1, 2, 3, 9], Window(0, 4)), 0.0)


class Costs(unittest.TestCase):
    def test_are_all_but_idle_time(self):
        load = spent(sample(0, 0, idle=0), sample(2, 0, idle=3, user=0.9), processors=2)
        self.assertAlmostEqual(load.busy, 1)
        self.assertAlmostEqual(load.user, 0.9)

    def test_exclude_stolen_time(self):
        after = sample(1, 0, idle=0.5)
        after.machine["steal"] = 0.25
        self.assertAlmostEqual(spent(sample(0, 0, idle=0), after, processors=1).busy, 0.25)

    def test_exclude_the_idle_load(self):
        baseline = idle_load([sample(0, 0, idle=0), sample(2, 0, idle=3.8, user=0.1)], processors=2)
        self.assertAlmostEqual(baseline.busy, 0.1)
        remaining = less_baseline(Load(5, 4, 1, 0.5, 0), baseline, 10)
        self.assertAlmostEqual(remaining.busy, 4)
        self.assertAlmostEqual(remaining.user, 3.5)

    def test_are_never_negative(self):
        self.assertEqual(less_baseline(Load(1, 0, 0, 0, 0), Load(2, 1, 1, 1, 1), 1), Load(0, 0, 0, 0, 0))


class Measuring(unittest.TestCase):
    IDLE = Load(0, 0, 0, 0, 0)

    def test_counts_only_the_window(self):
        samples = [
            sample(0, 0, idle=0), sample(1, 0, idle=1), sample(2, 1000, idle=1.5, user=0.5),
            sample(3, 3000, idle=1.5, user=1.5), sample(4, 5000, idle=1.5, user=2.5),
            sample(5, 5500, idle=2, user=3, peak=7), sample(6, 5500, idle=3, user=3)]
        found = measure(samples, "syns_valid", self.IDLE, 100, processors=1)
        self.assertEqual(found.probes, 5500)
        self.assertAlmostEqual(found.seconds, 4)
        self.assertAlmostEqual(found.rate_pps, 2000)
        self.assertAlmostEqual(found.cost.busy, 3)
        self.assertAlmostEqual(found.cpu_per_million, 3 / 5500 * 1e6)
        self.assertAlmostEqual(found.process_user, 3)
        self.assertEqual(found.peak_rss_bytes, 7)

    def test_is_none_if_nothing_was_sent(self):
        samples = [sample(index, 0, idle=index) for index in range(5)]
        self.assertIsNone(measure(samples, "syns_valid", self.IDLE, 100, processors=1))

    def test_is_implausible_if_the_machine_used_less_than_the_scanner(self):
        def spending(busy: float) -> Measurement:
            return Measurement(1000, 1, 1000, 0, Load(busy, 0, 0, 0, 0), 0.5, 0.5, 0)

        self.assertTrue(spending(0.95).is_plausible)
        self.assertFalse(spending(0.1).is_plausible)
        self.assertIsNone(spending(0.1).cpu_per_million)
        self.assertFalse(spending(0.0).is_plausible)

    def test_of_two_runs_adds_their_costs_and_weights_their_rates(self):
        one = Measurement(1000, 1, 1000, 0.1, Load(1, 1, 0, 0, 0), 1, 0, 5)
        two = Measurement(6000, 3, 2000, 0.2, Load(2, 1, 1, 0, 0), 1, 1, 4)
        both = combined([one, two])
        self.assertEqual((both.probes, both.seconds, both.peak_rss_bytes), (7000, 4, 5))
        self.assertAlmostEqual(both.rate_pps, 1750)
        self.assertEqual(both.cost, Load(3, 2, 1, 0, 0))


if __name__ == "__main__":
    unittest.main()
