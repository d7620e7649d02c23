"""convert, and what the other commands make of its files."""

import json
import shutil
import struct

from support import DATA, Case, VerifyCase

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

