"""Programs that the evaluation starts, and ends by their number."""

import signal
import subprocess
from pathlib import Path


ROOT = Path(__file__).resolve().parents[2]
"""The repository."""


def shown(arguments: list[str]) -> str:
    """A call as a report has it: paths from the repository on."""
    return " ".join(arguments).replace(f"{ROOT}/", "")


class EvaluationError(Exception):
    """The evaluation itself cannot go on; its text says why."""


class Program:
    """A running program. It dies with the evaluation, also when that is killed."""

    def __init__(self, arguments: list[str], directory: Path, name: str, namespace: str | None = None):
        """Starts it in `directory`, where NAME.out and NAME.err take what it prints."""
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        self.arguments = arguments
        self.output = directory / f"{name}.out"
        self.errors = directory / f"{name}.err"
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            # A session of its own: Ctrl-C reaches the evaluation alone, which then ends this program.
            # `ip` and `setpriv` replace themselves, so the number is that of the program.
            self._process = subprocess.Popen(
                [*inside, "setpriv", "--pdeathsig", "KILL", "--", *arguments],
                cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status (negative: the signal that ended it), None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def failure(self, seconds: float) -> str | None:
        """Waits for the end; what went wrong, if anything did. After `seconds` it is ended, which is wrong."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end()
            return f"it did not end within {seconds:g} s: {self.said()}"
        return None if self.status == 0 else f"exit status {self.status}: {self.said()}"

    def end(self) -> None:
        """Ends it: SIGTERM, and SIGKILL two seconds later."""
        if self.status is not None:
            return
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def command(self) -> str:
        return shown(self.arguments)

    def said(self, limit: int = 600) -> str:
        """The last `limit` characters it printed: errors, or output where there are none."""
        for path in (self.errors, self.output):
            text = path.read_text(errors="replace").replace("\r", "\n").strip()
            if text:
                return text[-limit:]
        return "(it printed nothing)"


def run(arguments: list[str], **options) -> str:
    """Runs a program to its end and gives its output; a failure is an error with what it printed."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise EvaluationError(f"{' '.join(arguments)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
