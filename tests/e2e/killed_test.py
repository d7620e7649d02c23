"""convert, quantize and predictor fit, killed at random moments: what was there before, or the new file whole, is there after."""

import json
import os
import pathlib
import random
import re
import signal
import struct
import subprocess
import time

from support import ARCEE, Case, start

MOMENTS = 20
SEED = int(os.environ.get("KILLED_TEST_SEED", 20231216))
TRIES = 3  # of a whole series, where too few kills met a running program: the machine's speed had changed
OLD = b"what was there before"
SHAPE = {"d-model": 512, "d-ff": 2048, "layers": 4, "heads": 8, "vocab": 4096}  # some 40 MB in F16


def checkpoint(folder):
    """A Hugging Face llama, all zeros."""
    d_model, d_ff = SHAPE["d-model"], SHAPE["d-ff"]
    shapes = {"model.embed_tokens.weight": [SHAPE["vocab"], d_model], "model.norm.weight": [d_model]}
    for i in range(SHAPE["layers"]):
        prefix = f"model.layers.{i}."
        for name in "qkvo":
            shapes[f"{prefix}self_attn.{name}_proj.weight"] = [d_model, d_model]
        for name, shape in ("gate", [d_ff, d_model]), ("up", [d_ff, d_model]), ("down", [d_model, d_ff]):
            shapes[f"{prefix}mlp.{name}_proj.weight"] = shape
        for name in "input_layernorm", "post_attention_layernorm":
            shapes[f"{prefix}{name}.weight"] = [d_model]
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    folder.mkdir()
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    (folder / "config.json").write_text(json.dumps({
        "model_type": "llama", "hidden_act": "relu", "hidden_size": d_model, "intermediate_size": d_ff,
        "num_attention_heads": SHAPE["heads"], "num_hidden_layers": SHAPE["layers"], "vocab_size": SHAPE["vocab"],
        "max_position_embeddings": 64, "tie_word_embeddings": True}))
    return folder


def written_by(process):
    """Bytes that it has written so far, to whatever files."""
    try:
        text = pathlib.Path(f"/proc/{process.pid}/io").read_text()
        return int(re.search(r"^wchar: (\d+)", text, re.MULTILINE)[1])
    except (OSError, TypeError):
        return 0


def has_nameless_files(folder):
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))
        return True
    except OSError:
        return False


class Killed(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "out").mkdir()
        self.out = self.folder / "out" / "out.gguf"
        self.output = ["-o", self.out]

    def start(self, arguments):
        return start(*arguments, *self.output, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def seconds_of(self, arguments):
        """Of a whole run; the least of three, so that later ones last at least as long."""
        least = float("inf")
        for _ in range(3):
            begin = time.monotonic()
            with self.start(arguments) as process:
                self.assertEqual(process.wait(), 0)
            least = min(least, time.monotonic() - begin)
        return least

    def kill_after(self, seconds, arguments):
        """Whether it still ran then, and how many bytes it had written."""
        end = time.monotonic() + seconds
        with self.start(arguments) as process:
            time.sleep(max(0, end - time.monotonic()))  # the moment is what the test is about
            written = written_by(process)
            process.kill()
            return process.wait() == -signal.SIGKILL, written

    def check_folder(self, old, whole):
        """Old, nothing or whole under the name; nothing else but what the file system cannot help."""
        self.assertIn(self.out.read_bytes() if self.out.exists() else None, (old, whole))
        for path in self.out.parent.iterdir():
            if path == self.out:
                continue
            self.assertRegex(path.name, rf"^{re.escape(self.out.name)}\.\d+-\d+\.tmp$")
            if has_nameless_files(path.parent):  # then it has a name only once it is whole
                self.assertEqual(path.read_bytes(), whole)
            path.unlink()

    def series(self, arguments, old, whole, random_number):
        """Kills at MOMENTS moments; those that met it running, as (share of a run, bytes written)."""
        seconds, met = self.seconds_of(arguments), []
        for share in sorted(random_number() for _ in range(MOMENTS)):
            self.out.unlink(missing_ok=True)
            if old is not None:
                self.out.write_bytes(old)
            still_ran, written = self.kill_after(share * seconds, arguments)
            if still_ran:
                met.append((share, written))
            self.check_folder(old, whole)
        print(f"{arguments[0]}: {'over an old file' if old else 'no file before'}, seed {SEED}, {seconds:.3f} s a run; "
              f"met running {len(met)} of {MOMENTS}: {', '.join(f'{s:.2f} ({w >> 10} KiB)' for s, w in met)}")
        return met

    def check(self, *arguments, can_meet_writing=True):
        with self.start(arguments) as process:
            self.assertEqual(process.wait(), 0)
        whole = self.out.read_bytes()
        generator = random.Random(SEED)
        for old in None, OLD:
            for _ in range(TRIES):
                met = self.series(arguments, old, whole, generator.random)
                if len(met) >= MOMENTS // 2:
                    break
            self.assertGreaterEqual(len(met), MOMENTS // 2, "too few kills met a running program")
            if can_meet_writing:  # what is small is written in no time
                self.assertGreater(max(written for _, written in met), len(whole) // 4, "none met it writing")
        self.out.unlink(missing_ok=True)
        with self.start(arguments) as process:
            self.assertEqual(process.wait(), 0)
        self.assertEqual(self.out.read_bytes(), whole)

    def test_convert(self):
        self.check("convert", checkpoint(self.folder / "model"))

    def test_quantize(self):
        model = self.folder / "model.gguf"
        shape = [word for name, number in SHAPE.items() for word in (f"--{name}", number)]
        self.run_program("synth", model, *shape, "--dtype", "F16")
        self.check("quantize", model, "--dtype", "q8_0")

    def test_fit_to_a_loss(self):
        """Its trials are never what other programs find."""
        model = self.folder / "out" / "model.gguf"
        self.out = self.folder / "out" / "model.gguf.synfire" / "predictor-signbit.gguf"
        self.out.parent.mkdir()
        model.write_bytes(ARCEE.read_bytes())
        self.output = []
        text = self.write("text", "Once upon a time there was a little cat who sat. " * 60)
        self.check("predictor", "fit", "-m", model, "--type", "signbit", "-f", text, "--max-loss", "2%",
                   "--tokens", 1600, can_meet_writing=False)
