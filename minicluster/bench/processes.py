"""Each rival in a process of its own: thread pools don't meet, and each process has the environment that it needs."""

import contextlib
import json
import os
import subprocess
import sys

PATIENCE = 1  # seconds that a worker gets to end by itself
# A terminal's Ctrl-C goes to all processes of a group. It is for the main one, which ends the others.
OWN_GROUP = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if os.name == "nt" else {"start_new_session": True}


class WorkerFailed(RuntimeError):
    """A worker can't do what it was asked for; the message is one line."""


class Worker:
    """A rival's process, which answers one request at a time.

    Parameters
    ----------
    rival : Rival
    """

    def __init__(self, rival):
        command = [sys.executable, "-m", f"{__package__}.worker", rival.kind]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env=rival.environment,
                **OWN_GROUP,
            )
        except OSError as error:
            raise WorkerFailed(f"its process can't be started: {error}") from error

    def ask(self, request, **more):
        """Send a request and wait for the answer; see `worker`.

        Raises
        ------
        WorkerFailed
            If the worker answers with an error, or has ended.
        """
        try:
            print(json.dumps({"ask": request, **more}), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
            reply = json.loads(line) if line else None
        except (OSError, ValueError) as error:
            raise WorkerFailed(f"its process can't be talked to: {error}") from error
        if reply is None:
            raise WorkerFailed(f"its process ended with exit code {self.process.wait()}")
        if "error" in reply:
            raise WorkerFailed(reply["error"])
        return reply["answer"]

    def close(self):
        """End the process, at once if it does not end by itself."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        finally:
            self.process.stdout.close()


class Workers:
    """The workers of all rivals, started when first needed; a context that ends them all.

    Attributes
    ----------
    rivals : dict from name to Rival
        Those that work.
    left_out : dict from label to str
        Those that don't, and why, in one line.
    """

    def __init__(self, rivals):
        self.rivals, self.left_out = dict(rivals), {}
        self._running = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for name in list(self._running):
            self._running.pop(name).close()

    def ask(self, name, request, **more):
        """Ask one rival's worker; see `Worker.ask`."""
        if name not in self._running:
            self._running[name] = Worker(self.rivals[name])
        return self._running[name].ask(request, **more)

    def leave_out(self, name, reason):
        """Do without a rival from now on."""
        self.left_out[self.rivals.pop(name).label] = str(reason)
        self.end(name)

    def end(self, name):
        """End a rival's process; the next request starts another."""
        if name in self._running:
            self._running.pop(name).close()
