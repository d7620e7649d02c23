"""A `synfire serve` of its own for a test."""

import os
import pathlib
import re
import signal
import subprocess
import threading

START_LIMIT_S = 120  # under a sanitizer on a busy machine
EXIT_LIMIT_S = 120


class Served:
    """Starts the server on a free port; as a context, kills what still runs at its end."""

    def __init__(self, model: pathlib.Path, *flags: str):
        command = [os.environ["SYNFIRE_BINARY"], "serve", "-m", str(model),
                   "--listen", "127.0.0.1:0", *flags]
        self._output: list[str] = []
        self._started = threading.Event()
        self.address = ""
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._started.wait(START_LIMIT_S)
        if not self.address:
            self.close()
            raise RuntimeError(f"{command}: did not say where it listens:\n{self.output()}")

    def _read(self) -> None:
        for line in self.process.stdout:
            self._output.append(line)
            found = re.search(r"listening on (127\.0\.0\.1:\d+)", line)
            if found:
                self.address = found.group(1)
                self._started.set()
        self._started.set()  # it ended

    def output(self) -> str:
        return "".join(self._output)

    def terminate(self, signal_number: int = signal.SIGTERM) -> None:
        self.process.send_signal(signal_number)

    def exit_code(self) -> int:
        return self.process.wait(EXIT_LIMIT_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_) -> None:
        self.close()
