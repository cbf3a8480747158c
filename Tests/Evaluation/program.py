"""Programs that the evaluation starts and ends."""

import signal
import subprocess
import time
from pathlib import Path


ROOT = Path(__file__).resolve().parents[2]
"""The repository."""


def display(arguments: list[str]) -> str:
    """Returns a command line for the report, with paths relative to the repository."""
    return " ".join(arguments).replace(f"{ROOT}/", "")


class EvaluationError(Exception):
    """The evaluation cannot continue, for the reason in its text."""


class Program:
    """A running program. It ends with the evaluation, even if that is killed."""

    def __init__(self, arguments: list[str], directory: Path, name: str, namespace: str | None = None):
        """Starts the program in `directory`, with its output in NAME.out and NAME.err."""
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        self.arguments = arguments
        self.output = directory / f"{name}.out"
        self.errors = directory / f"{name}.err"
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            # A session of its own, so that Ctrl-C reaches only the evaluation, which then ends the program.
            # `ip` and `setpriv` exec the program, so it has the PID of the child.
            self._process = subprocess.Popen(
                [*inside, "setpriv", "--pdeathsig", "KILL", "--", *arguments],
                cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, negative for the signal that ended it; None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def failure(self, seconds: float) -> str | None:
        """Waits for the program to end; returns how it failed, or None. Ends it after `seconds`, which is a failure."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end()
            return f"it did not end within {seconds:g} s: {self.last_output()}"
        return None if self.status == 0 else f"exit status {self.status}: {self.last_output()}"

    def pause(self) -> None:
        """Stops the program, and waits until none of its threads runs."""
        self.signal(signal.SIGSTOP)
        while self.status is None and not self._is_stopped():
            time.sleep(0.0002)

    def _is_stopped(self) -> bool:
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                # The name may contain anything, but the last parenthesis ends it; the state follows.
                state = (thread / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state not in "TZX":
                return False
        return True

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def end(self) -> None:
        """Ends the program by SIGTERM, and by SIGKILL two seconds later."""
        if self.status is not None:
            return
        self.signal(signal.SIGTERM)
        self.resume()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def command(self) -> str:
        return display(self.arguments)

    def last_output(self, limit: int = 600) -> str:
        """Returns the last `limit` characters of its errors, or of its output if there are none."""
        for path in (self.errors, self.output):
            text = path.read_text(errors="replace").replace("\r", "\n").strip()
            if text:
                return text[-limit:]
        return "(it printed nothing)"


def run(arguments: list[str], **options) -> str:
    """Runs a program and returns its output. Raises EvaluationError if it fails."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise EvaluationError(f"{' '.join(arguments)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
