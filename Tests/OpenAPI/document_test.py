"""docs/reference/openapi.json holds: schemathesis sends what it allows, and what it does not, to the real service.

Needs root, build/synbox-manage, build/synboxctl, and schemathesis beside the Python that runs this."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Page"))
from real_service import ROOT, Service  # noqa: E402

DOCUMENT = ROOT / "docs/reference/openapi.json"
FIXTURES = HERE.parent / "Page/fixtures"
SCHEMATHESIS = pathlib.Path(sys.executable).parent / "schemathesis"
# Left out: what judges the data of a request by its schema. A target file is any bytes, of which most have mistakes;
# a Range that cannot be read is ignored, as RFC 9110 wants. A cancelled job does not go away.
LEFT_OUT = "positive_data_acceptance,negative_data_rejection,missing_required_header,use_after_free,ensure_resource_availability"
OPTIONS = ["--seed", "1", "--max-examples", "25", "--generation-database", "none", "--workers", "1", "--tls-verify", "false", "--request-timeout", "60",
           "--suppress-health-check", "all", "--continue-on-failure", "--warnings", "off", "--no-color", "--exclude-checks", LEFT_OUT]


def fill(data):
    """One job in each state, as the scanner leaves them."""
    finished, rejected = data / "results/done.txt", data / "rejected/rejected.txt"
    for directory in (finished, rejected):
        directory.mkdir(parents=True)
    (finished / "results.csv").write_text("saddr,sport\n" + "".join(f"198.19.{n // 128}.{n % 128 * 2},80\n" for n in range(2000)))
    shutil.copy(FIXTURES / "summary.json", finished / "summary.json")
    (finished / "done.txt").write_text("@ports 80\n198.19.0.0/20\n")
    (rejected / "reason.txt").write_text('rejected.txt:2:12: found "33", expected a prefix length from 0 to 32\n')
    (data / "spool/waiting.txt").write_text("@ports 80\n198.19.0.0/24\n")
    # Its job is first.txt.
    shutil.copy(FIXTURES / "scanning.json", data / "status.json")
    (data / "metrics.prom").write_text("synbox_up 1\n")
    subprocess.run(["chown", "-R", "60900:60901", finished, rejected], check=True)
    finished.chmod(0o2775)


class DocumentTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service())
        fill(cls.service.data)

    def schemathesis(self, document, *options, service=None):
        service = service or self.service
        token = service.token("admin")
        command = [SCHEMATHESIS, "run", document, "--url", service.url, "--header", f"Authorization: Bearer {token}", *OPTIONS, *options]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "SYNBOX_TOKEN": token, "PYTHONWARNINGS": "ignore"}
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, cwd=service.directory, env=environment)

    def test_the_service_gives_the_document(self):
        answer = self.service.request("GET", "/v1/openapi.json", token=self.service.token("read"))
        self.assertEqual(json.loads(answer.content), json.loads(DOCUMENT.read_text()))

    def test_no_answer_but_those_of_the_document(self):
        done = self.schemathesis(DOCUMENT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        operations = sum(len(methods) for methods in json.loads(DOCUMENT.read_text())["paths"].values())
        self.assertRegex(done.stdout, rf"Tested: {operations}\b")
        self.assertEqual(re.findall(r".*level=err.*", self.service.log.read_text()), [])

    def test_an_answer_that_is_not_in_the_document_is_found(self):
        document = json.loads(DOCUMENT.read_text())
        del document["paths"]["/v1/jobs/{name}"]["get"]["responses"]["404"]
        poorer = self.service.directory / "poorer.json"
        poorer.write_text(json.dumps(document))
        done = self.schemathesis(poorer, "--include-operation-id", "job")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("Undocumented status code", done.stdout)

    def test_an_operation_that_never_succeeds_is_found(self):
        with Service() as empty:
            done = self.schemathesis(DOCUMENT, "--include-operation-id", "result", "--phases", "coverage", service=empty)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("never succeeded: GET /v1/results/{name}/{file}", done.stdout)


if __name__ == "__main__":
    unittest.main()
