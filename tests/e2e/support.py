"""Runs the program for the tests: SYNFIRE_BINARY is the program, SYNFIRE_SOURCE the source tree."""

import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

BINARY = os.environ["SYNFIRE_BINARY"]
SOURCE = pathlib.Path(os.environ["SYNFIRE_SOURCE"])
DATA = SOURCE / "tests" / "data"
STORIES = DATA / "stories260K" / "stories260K-f32.gguf"
STORIES_GOLDEN = DATA / "stories260K" / "stories260K.golden.gguf"
ARCEE = DATA / "arcee" / "arcee-random-f32.gguf"
ARCEE_GOLDEN = DATA / "arcee" / "arcee-random.golden.gguf"
PLUGINS = pathlib.Path(BINARY).resolve().parent.parent / "lib" / "synfire" / "plugins"

TIME_LIMIT = 120  # seconds; a test that meets it has found a hang


def environment(**more):
    """This process's environment without options of the program, and with `more`."""
    mine = {"SYNFIRE_BINARY", "SYNFIRE_SOURCE", "SYNFIRE_SIMD"}
    clean = {k: v for k, v in os.environ.items() if k in mine or not k.startswith("SYNFIRE_")}
    return {**clean, **more}


def start(*arguments, env=None, **streams):
    """The running program; the caller ends it."""
    return subprocess.Popen([BINARY, *map(str, arguments)], env=environment(**(env or {})), **streams)


class Case(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_program(self, *arguments, exit_code=0, env=None, stdin="", cwd=None):
        """Runs it to its end and checks the exit code; stdout and stderr are in the result."""
        done = subprocess.run([BINARY, *map(str, arguments)], env=environment(**(env or {})), cwd=cwd,
                              input=stdin, capture_output=True, text=True, timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, exit_code, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def run_json(self, *arguments, **options):
        return json.loads(self.run_program(*arguments, "--json", **options).stdout)

    def run_records(self, *arguments, **options):
        out = self.run_program(*arguments, "--json", **options).stdout
        return [json.loads(line) for line in out.splitlines()]

    def fails(self, *arguments, exit_code=1, says=(), **options):
        """It ends with that code, prints no result and one error line that says all of `says`."""
        done = self.run_program(*arguments, exit_code=exit_code, **options)
        errors = [line for line in done.stderr.splitlines() if line.startswith("synfire: ")]
        self.assertEqual(len(errors), 1, done.stderr)
        for words in says:
            self.assertIn(words, errors[0])
        self.assertEqual(done.stdout, "")
        return errors[0]

    def misused(self, *arguments, says=(), **options):
        return self.fails(*arguments, exit_code=2, says=says, **options)

    def without_tokenizer(self):
        """A copy of a model that nobody can tokenize for."""
        key = b"tokenizer.ggml.model"
        return self.write("wordless.gguf", ARCEE.read_bytes().replace(key, b"x" * len(key)))

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


class VerifyCase(Case):
    def checks(self, model, golden, *arguments, result="PASS"):
        """The checks of verify by name, after it came to that result."""
        report = self.run_json("verify", model, "--golden", golden, *arguments,
                               exit_code=0 if result == "PASS" else 1)
        self.assertEqual(report["result"], result)
        return {check["name"]: check for check in report["checks"]}


class Tensors:
    """The tensors of a GGUF file, to read and to change a copy of it."""

    def __init__(self, case, path):
        self.bytes = bytearray(pathlib.Path(path).read_bytes())
        self.table = {t["name"]: t for t in case.run_json("inspect", path)["tensors"]}

    def values(self, name, code):
        """All values of a tensor; `code` is 'f' or 'i'."""
        tensor = self.table[name]
        return list(struct.unpack_from(f"<{tensor['bytes'] // 4}{code}", self.bytes, tensor["offset"]))

    def put(self, name, index, code, value):
        struct.pack_into(f"<{code}", self.bytes, self.table[name]["offset"] + 4 * index, value)


def golden_with_text(windows, mean_nll):
    """The bytes of a golden that holds nothing but windows of a text and their mean NLL."""

    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    keys = text("general.architecture") + struct.pack("<I", 8) + text("golden")
    keys += text("golden.text.mean_nll") + struct.pack("<Id", 12, mean_nll)
    width, count = len(windows[0]), len(windows)
    tensor = text("text.windows") + struct.pack("<IQQIQ", 2, width, count, 26, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + keys + tensor
    header += bytes(-len(header) % 32)
    return header + b"".join(struct.pack(f"<{width}i", *window) for window in windows)
