"""`make run STAY=1`: the results, the page that stays, and an end by Ctrl-C that leaves nothing. Needs root and the programs."""

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import threading
import unittest

from box import ROOT


class RunTest(unittest.TestCase):
    def setUp(self):
        # Interrupts reach it even if they are ignored here, as in a job in the background.
        self.child = subprocess.Popen([ROOT / "netconfig/run"], env={**os.environ, "STAY": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        limit = threading.Timer(600, self.child.terminate)
        limit.start()
        self.addCleanup(self.child.stdout.close)
        self.addCleanup(limit.cancel)
        self.addCleanup(self.end)

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(120)

    def get(self, url, path, token=None):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(url.removeprefix("https://"), context=context, timeout=120)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        self.addCleanup(connection.close)
        return answer.status, answer.read()

    def test_it_scans_stays_and_ends(self):
        output = ""
        while "--token-file" not in output:
            line = self.child.stdout.readline()
            self.assertTrue(line, f"it ended:\n{output}")
            output += line
        self.assertIn("all 16384 results match the target node's rule", output)
        url, token = re.search(r"stays at (https://[0-9.:]+)/", output)[1], re.search(r"synbox_[\w-]{43}", output)[0]
        status, page = self.get(url, "/")
        self.assertEqual(status, 200)
        self.assertIn(b"<title>synbox</title>", page)
        self.assertEqual(json.loads(self.get(url, "/v1/session", token)[1]), {"name": "demo", "role": "admin"})
        job = json.loads(self.get(url, "/v1/jobs/demo.txt", token)[1])
        self.assertEqual((job["state"], job["results"], job["fetched"]), ("finished", 16384, True))
        os.killpg(self.child.pid, signal.SIGINT)
        rest = self.child.communicate(timeout=300)[0]
        self.assertEqual(self.child.returncode, 0, rest)
        names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn(f"synbox-run-{self.child.pid}-", names)
        with self.assertRaises(OSError):
            self.get(url, "/")


if __name__ == "__main__":
    unittest.main()
