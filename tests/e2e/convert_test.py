"""convert, and what the other commands make of its files."""

import json
import os
import shutil
import struct
import subprocess

from support import DATA, Case, VerifyCase, start

FAMILIES = DATA / "families"
NAMES = ["llama", "mistral", "bamboo", "qwen2", "arcee", "nemotron", "opt", "falcon_7b", "falcon_40b", "falcon_11b"]


class Convert(VerifyCase):
    def convert(self, folder, *arguments):
        out = self.folder / "model.gguf"
        report = self.run_json("convert", folder, "-o", out, *arguments)
        self.assertEqual(report["path"], str(out))
        self.assertLess(report["bytes"], out.stat().st_size)
        return out, report

    def test_every_family_verifies(self):
        for name in NAMES:
            with self.subTest(name):
                model, report = self.convert(FAMILIES / name, "--dtype", "F32")
                checks = self.checks(model, FAMILIES / f"{name}.golden.gguf")
                self.assertEqual(checks["logits"]["outcome"], "PASS")
                self.assertEqual(checks["tokens"]["outcome"] == "PASS", bool(report["tokenizer"]))
                self.assertEqual(any("token ids only" in w for w in report["warnings"]), not report["tokenizer"])

    def test_the_file_can_be_run(self):
        model, report = self.convert(FAMILIES / "mistral")
        self.assertEqual(report["tokenizer"], "gpt2 (gpt-2)")
        self.assertEqual(len(self.run_records("run", "-m", model, "-p", "the cat", "-n", 3)[:3]), 3)
        self.assertIn("llama", self.run_program("inspect", model).stdout)

    def test_what_it_says(self):
        done = self.run_program("convert", FAMILIES / "opt", "--out", self.folder / "a.gguf")
        self.assertRegex(done.stdout, r"a\.gguf: opt, .* parameters in 36 tensors, .*; tokenizer: none;")
        self.assertRegex(done.stderr, r"^warning: .*takes token ids only\n$")

    def test_wrong_usage(self):
        self.misused("convert", says=["FOLDER"])
        self.misused("convert", FAMILIES / "opt", says=["--out"])
        self.misused("convert", FAMILIES / "opt", "-o", "x", "--dtype", "Q4_0", says=["--dtype"])
        self.fails("convert", self.folder / "none", "-o", self.folder / "x.gguf", says=["none: no folder"])
        self.fails("convert", FAMILIES / "opt", "-o", self.folder / "none" / "x.gguf", says=["No such file"])
        self.assertEqual(list(self.folder.iterdir()), [])


class Killed(Case):
    """A conversion that is killed leaves the old file, or the new one whole."""

    def big_model(self):
        """Llama of some tens of megabytes, all zeros."""
        d_model, d_ff, n_vocab, n_layers = 512, 2048, 4096, 4
        shapes = {"model.embed_tokens.weight": [n_vocab, d_model], "model.norm.weight": [d_model]}
        for i in range(n_layers):
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
        folder = self.folder / "big"
        folder.mkdir()
        text = json.dumps(header).encode()
        with open(folder / "model.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + at)
        (folder / "config.json").write_text(json.dumps({
            "model_type": "llama", "hidden_act": "relu", "hidden_size": d_model, "intermediate_size": d_ff,
            "num_attention_heads": 8, "num_hidden_layers": n_layers, "vocab_size": n_vocab,
            "max_position_embeddings": 64, "tie_word_embeddings": True}))
        return folder

    def written(self, process):
        """Bytes that the process has written so far; None once it is gone."""
        try:
            with open(f"/proc/{process.pid}/io") as file:
                return int(next(line for line in file if line.startswith("wchar")).split()[1])
        except (OSError, StopIteration):
            return None

    def kill_after(self, written, *arguments):
        with start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and (self.written(process) or 0) < written:
                os.sched_yield()
            process.kill()

    def test_at_many_moments(self):
        big, out = self.big_model(), self.folder / "out.gguf"
        self.run_program("convert", big, "-o", out)
        whole = out.read_bytes()
        moments = [len(whole) * i // 10 for i in range(10)]
        for written in moments:
            out.unlink(missing_ok=True)
            self.kill_after(written, "convert", big, "-o", out)
            self.assertIn(out.read_bytes() if out.exists() else None, (None, whole))
        old = b"what was there before"
        for written in moments:
            out.write_bytes(old)
            self.kill_after(written, "convert", big, "-o", out)
            self.assertIn(out.read_bytes(), (old, whole))


class BadFolders(Case):
    """One clear error each, and no file."""

    def spoiled(self, family):
        folder = self.folder / "model"
        shutil.copytree(FAMILIES / family, folder)
        return folder

    def refuses(self, folder, *says):
        out = self.folder / "out.gguf"
        self.fails("convert", folder, "-o", out, says=says)
        self.assertFalse(out.exists())

    def test_a_shard_is_missing(self):
        folder = self.spoiled("falcon_40b")
        (folder / "model-00002-of-00004.safetensors").unlink()
        self.refuses(folder, "model-00002-of-00004.safetensors: missing, named in model.safetensors.index.json")

    def test_weights_are_not_numbers(self):
        folder = self.spoiled("arcee")
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-4] + struct.pack("<f", float("nan")))
        self.refuses(folder, "tensor model.", "nan in the checkpoint, want a finite number")

    def test_shapes_are_wrong(self):
        folder = self.spoiled("opt")
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "ffn_dim": 80}))
        self.refuses(folder, "fc1.weight: shape [64, 32], want [80, 32]")

