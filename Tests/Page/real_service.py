"""The real programs: a box in a lab, and its management service on this machine's loopback. Needs root."""

import http.client
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Docs"))
from lab import SYNBOX, Lab, wait  # noqa: E402

SCANNER = """
data = "{data}"
interface = "box0"
source-ip = "198.18.0.1-198.18.0.64"
cooldown-time = 1
max-cooldown = 10
[scope]
allow = ["198.19.0.0/16"]
"""
SERVICE = """
data = "{data}"
listen = ["127.0.0.1:{port}"]
tokens = "{tokens}"
attempts-per-minute = 1000
"""


# The service makes its own certificate. Whether clients verify it is a matter of other tests.
TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def make_data(directory):
    """A data directory as the set-up of the packages leaves it: scanner and service have a user of their own."""
    data = directory / "data"
    data.mkdir()
    for name, mode in (("spool", 0o2775), ("active", 0o2700)):
        (data / name).mkdir()
        os.chown(data / name, 60900, 60901)
        (data / name).chmod(mode)
    return data


class Service:
    """`synbox-manage serve` in a data directory, with a token for each role. Nothing scans."""

    def __init__(self, directory=None):
        self.directory, self.scratch, self.process = directory, None, None

    def __enter__(self):
        if self.directory is None:
            self.scratch = tempfile.TemporaryDirectory(prefix="synbox-service-")
            self.directory = pathlib.Path(self.scratch.name)
            self.directory.chmod(0o755)
            make_data(self.directory)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        self.data, self.log = self.directory / "data", self.directory / "service.log"
        self.tokens = self.directory / "tokens.toml"
        self.words = {role: self.make_token(role) for role in ("read", "submit", "admin")}
        self.port = free_port()
        configuration = self.directory / "manage.toml"
        configuration.write_text(SERVICE.format(data=self.data, port=self.port, tokens=self.tokens))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([ROOT / "build/synbox-manage", "serve", "--config", configuration], stdout=log, stderr=log)
        self.url = f"https://127.0.0.1:{self.port}"
        wait(self.answers, "the service answers")
        self.fingerprint = re.search(r"[0-9a-f]{64}", self.log.read_text())[0]

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("the service ended: " + self.log.read_text())
        try:
            return self.request("GET", "/healthz").status == 204
        except OSError:
            return False

    def request(self, method, path, token=None, body=None):
        """Sends one request. Returns the answer, whose body is in `content`."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=TLS, timeout=60)
        try:
            connection.request(method, path, body=body, headers={"Authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def make_token(self, role, name=None):
        command = [ROOT / "build/synboxctl", "token", "new", "--name", name or role, "--role", role, "--tokens", self.tokens]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(60)
        if self.scratch:
            self.scratch.cleanup()

    def token(self, role):
        return self.words[role]

    def put_into_spool(self, name, text):
        """As an operator with a shell does."""
        hidden = self.data / "spool" / ".arriving"
        hidden.write_text(text)
        hidden.rename(self.data / "spool" / name)


class RealService(Service):
    """The service beside `synbox serve`, whose targets are in a lab: addresses with an even last byte answer."""

    def __init__(self):
        super().__init__()
        self.lab = None

    def __enter__(self):
        self.lab = Lab()
        self.lab.__enter__()
        self.directory = self.lab.directory
        return super().__enter__()

    def start(self):
        data, configuration = make_data(self.directory), self.directory / "synbox.toml"
        configuration.write_text(SCANNER.format(data=data))
        with open(self.directory / "scanner.log", "wb") as log:
            self.lab.start("box", SYNBOX, "serve", "--config", configuration, stdout=log, stderr=log, umask=0o002)
        wait((data / "status.json").exists, "the scanner starts")
        super().start()

    def __exit__(self, *_):
        super().__exit__()
        self.lab.__exit__()

    def result_file(self, name):
        return (self.data / "results" / name / "results.csv").read_bytes()

    def set_link(self, state):
        """The link at the other end: `up` or `down`."""
        subprocess.run(["ip", "-n", f"{self.lab.name}-net", "link", "set", "net0", state], check=True)
