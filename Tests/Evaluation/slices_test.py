"""Tests of slices: their ratio, their checks, and stopping a program."""

import tempfile
import time
import unittest
from pathlib import Path

from contestants import FLOOD, GENERATOR
from program import Program
from slices import SlicedRound, slice_checks


def sliced(*shares: float) -> SlicedRound:
    """A round on a machine that is twice as fast in every other slice."""
    speeds = [1e6 * (1 + index % 2) for index in range(len(shares))]
    return SlicedRound(0, [
        {GENERATOR.name: share * speed, FLOOD.name: speed} for share, speed in zip(shares, speeds)])


class Shares(unittest.TestCase):
    def test_are_taken_within_neighbouring_slices(self):
        self.assertAlmostEqual(sliced(0.8, 0.9, 0.95).to_flood, 0.9)

    def test_of_no_slices_is_none(self):
        self.assertIsNone(SlicedRound(0).to_flood)

    def test_are_checked_in_the_median_and_in_the_worst_round(self):
        def passed(*shares: float) -> list[bool]:
            return [check.passed for check in slice_checks([sliced(share) for share in shares])]

        self.assertEqual(passed(0.92, 0.88, 0.91), [True, True])
        self.assertEqual(passed(0.92, 0.86, 0.91), [True, False])
        self.assertEqual(passed(0.89, 0.88, 0.91), [False, True])
        self.assertEqual([check.passed for check in slice_checks([SlicedRound(0)])], [False, False])


class Pausing(unittest.TestCase):
    COUNT = "n=0; while :; do n=$((n+1)); echo $n; done"

    def start(self) -> Program:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        program = Program(["sh", "-c", self.COUNT], Path(folder.name), "counting")
        self.addCleanup(program.end)
        return program

    def grown(self, program: Program) -> int:
        """Returns how many bytes the program writes in a twentieth of a second."""
        before = program.output.stat().st_size
        time.sleep(0.05)
        return program.output.stat().st_size - before

    def test_stops_a_program_until_it_is_resumed(self):
        program = self.start()
        for _ in range(3):
            program.pause()
            self.assertEqual(self.grown(program), 0)
            program.resume()
            deadline = time.monotonic() + 10
            while self.grown(program) == 0:
                self.assertLess(time.monotonic(), deadline, "it does not run again")

    def test_a_stopped_program_can_be_ended(self):
        program = self.start()
        program.pause()
        program.end()
        self.assertIsNotNone(program.status)


if __name__ == "__main__":
    unittest.main()
