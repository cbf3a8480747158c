"""The patterns of faults.py match the report of their fault, and nothing that a working box prints."""

import json
import re
import unittest

import faults

WORKING = """\
synbox: synbox 0.1.0 (c68447c), image 7, lab
synbox: modules: crc16 ext4 igb jbd2 mbcache nls_ascii vfat
synbox: data on /dev/vda2, 402 MB
synbox: scan0 is igb 0000:00:02.0, MAC 52:54:00:12:34:56
synbox: scope: 131072 addresses of the file allow
synbox: no longer a problem: link
"""

FAULTY = {
    "damaged": "synbox: problem: the data partition /dev/vda2 is damaged: its superblock has no ext4 magic (0xef53)",
    "no-nic": "synbox: problem: no NIC matches [interface] (driver igb): present: no NIC",
    "unplugged": "synbox: problem: scan0 has no carrier. Check the cable and the port it leads to",
    "scope": 'synbox: problem: the scanner ended (status 2): /etc/synbox/allow:1:12: found "33", expected a prefix length',
}


class ConsoleTest(unittest.TestCase):
    def test_each_fault_is_recognized(self):
        self.assertEqual(FAULTY.keys(), faults.CONSOLE.keys())
        for name, line in FAULTY.items():
            with self.subTest(name):
                self.assertRegex(WORKING + line + "\n", re.compile(faults.CONSOLE[name], re.MULTILINE))

    def test_a_working_box_matches_no_fault(self):
        for name, pattern in faults.CONSOLE.items():
            with self.subTest(name):
                self.assertNotRegex(WORKING, re.compile(pattern, re.MULTILINE))


class StatusTest(unittest.TestCase):
    def test_a_listed_problem_is_found(self):
        status = json.dumps({"state": "paused", "interface": "scan0", "problems": ["no NIC matches [interface]"]})
        self.assertTrue(faults.has_problem(status, "no NIC matches"))

    def test_the_name_of_a_field_is_not_a_problem(self):
        status = json.dumps({"state": "idle", "interface": "scan0", "driver": "the NIC", "problems": []})
        self.assertFalse(faults.has_problem(status, "interface|NIC"))


if __name__ == "__main__":
    unittest.main()
