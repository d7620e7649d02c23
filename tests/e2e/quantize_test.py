"""quantize, and what the other commands make of its files."""

import os
import pathlib
import resource
import signal
import subprocess
import unittest

from support import BINARY, DATA, SOURCE, STORIES, STORIES_GOLDEN, Tensors, VerifyCase, environment

BUNDLED = SOURCE / "models" / "synfire-tiny-q8_0.gguf"
TINY = "--d-model 256 --d-ff 512 --layers 2 --heads 4 --kv-heads 2 --vocab 600".split()
DTYPES = ["Q8_0", "Q4_0", "Q4_K", "Q6_K", "BF16"]


class Quantize(VerifyCase):
    def quantize(self, model, *arguments):
        out = self.folder / "out.gguf"
        report = self.run_json("quantize", model, "-o", out, *arguments)
        self.assertEqual(report["path"], str(out))
        self.assertLess(report["bytes"], out.stat().st_size)
        return out, report

    def synth(self, *arguments):
        model = self.folder / "model.gguf"
        self.run_program("synth", model, *TINY, "--dtype", "F16", *arguments)
        return model

    def test_answers_stay_near_the_golden(self):
        for dtype, limit in ("Q8_0", 0.5), ("BF16", 0.15):
            for layout in (), ("--layout", "neuron"):
                with self.subTest(dtype=dtype, layout=layout):
                    model, _ = self.quantize(STORIES, "--dtype", dtype, *layout)
                    checks = self.checks(model, STORIES_GOLDEN, "--max-logit-diff", limit, "--max-nll-diff", 0.01)
                    self.assertEqual(checks["tokens"]["outcome"], "PASS")
                    self.assertEqual(checks["logits"]["outcome"], "PASS")

    def test_every_dtype_can_be_run(self):
        model = self.synth()
        for dtype in DTYPES:
            for layout in (), ("--layout", "neuron"):
                with self.subTest(dtype=dtype, layout=layout):
                    small, report = self.quantize(model, "--dtype", dtype, *layout)
                    self.assertLess(report["bytes"], report["bytes_before"] + (dtype == "BF16"))
                    self.assertEqual(report["notes"], [])
                    self.run_program("verify", small, "--against", "reference:0", "-n", 4)

    def test_errors_grow_with_what_is_saved(self):
        model, errors = self.synth(), {}
        for dtype in DTYPES:
            tensors = self.quantize(model, "--dtype", dtype)[1]["tensors"]
            up = next(tensor for tensor in tensors if tensor["name"] == "blk.1.ffn_up.weight")
            self.assertEqual((up["from"], up["to"]), ("F16", dtype))
            errors[dtype] = up["relative_error"]
        self.assertEqual(sorted(DTYPES, key=errors.get), ["BF16", "Q8_0", "Q6_K", "Q4_K", "Q4_0"])
        self.assertLess(errors["Q8_0"], 0.006)
        self.assertLess(errors["Q4_0"], 0.09)

    def test_powerinfers_files_keep_their_predictors(self):
        model = self.synth("--layout", "powerinfer", "--predictor-rank", 256)
        small, _ = self.quantize(model, "--dtype", "q4_0")
        content = self.run_json("inspect", small)
        dtypes = {tensor["name"]: tensor["dtype"] for tensor in content["tensors"]}
        self.assertEqual(content["format"], "PWRI")
        self.assertEqual(dtypes["blk.0.fc1.weight"], "Q8_0")
        self.assertEqual(dtypes["blk.0.ffn_down_t.weight"], "Q4_0")
        self.assertEqual(len(self.run_records("run", "-m", small, "-p", "bake a cake", "-n", 5, "--predictor", "mlp")[:5]),
                         5)
        self.fails("quantize", model, "-o", self.folder / "x", "--dtype", "BF16",
                   says=["dtype BF16, which PowerInfer's files cannot hold"])

    def test_what_was_fitted_comes_along(self):
        model = self.synth()
        self.run_program("predictor", "fit", "-m", model, "--tokens", 1024)
        text = self.write("text", "bake a cake " * 200)
        self.run_program("profile", "-m", model, "-f", text)
        old, new = (pathlib.Path(f"{self.folder / name}.synfire") for name in ("model.gguf", "out.gguf"))
        (old / "plan.yaml").write_text("bytes: of the old file")
        small, report = self.quantize(model, "--dtype", "q8_0")
        self.assertEqual([(pathlib.Path(beside["path"]).name, beside["outcome"]) for beside in report["sidecars"]],
                         [("predictor-svd.gguf", "carried over"), ("profile.gguf", "carried over")])
        self.assertEqual({path.name for path in new.iterdir()}, {"predictor-svd.gguf", "profile.gguf"})

        def keys(path):
            return {entry["key"]: entry.get("value") for entry in self.run_json("inspect", path)["metadata"]}

        before, after = keys(old / "predictor-svd.gguf"), keys(new / "predictor-svd.gguf")
        self.assertEqual(after.pop("synfire.carried.from"), before["synfire.predictor.model"])
        self.assertNotEqual(after.pop("synfire.predictor.model"), before.pop("synfire.predictor.model"))
        self.assertEqual(after, before)
        # What comes along is what runs, and what plans and fits are made from.
        done = self.run_program("run", "-m", small, "-p", "a", "-n", 2)
        self.assertIn("predictor: svd;", done.stderr)
        found, = self.run_json("predictor", "eval", "-m", small, "-f", text, "--tokens", 400)["predictors"]
        self.assertGreater(found["chosen"]["recall"], 0.8)
        self.run_program("predictor", "fit", "-m", small, "--type", "signbit")
        # Again: over its own, not over what was fitted to the new file.
        self.run_program("predictor", "fit", "-m", small)
        fitted = (new / "predictor-svd.gguf").read_bytes()
        said = self.run_program("quantize", model, "-o", small, "--dtype", "q8_0").stdout
        self.assertIn("predictor-svd.gguf: kept, as it was made for this very file\n", said)
        self.assertIn("profile.gguf: carried over, in place of the one there\n", said)
        self.assertEqual((new / "predictor-svd.gguf").read_bytes(), fitted)
        # Another dtype makes another file, of which that is no fit.
        said = self.run_program("quantize", model, "-o", small, "--dtype", "q4_0").stdout
        self.assertIn("predictor-svd.gguf: carried over, in place of the one there\n", said)
        self.run_program("run", "-m", small, "-p", "a", "-n", 2, "--predictor", "svd")
        # What belongs to another model stays where it is, and so does all where nobody wants it.
        second = self.folder / "second.gguf"
        self.run_program("synth", second, *TINY, "--dtype", "F16", "--seed", 2)
        old.rename(f"{second}.synfire")
        said = self.run_program("quantize", second, "-o", self.folder / "b.gguf", "--dtype", "q8_0").stdout
        self.assertIn("predictor-svd.gguf: left out: it is of another model\n", said)
        self.assertFalse((self.folder / "b.gguf.synfire").exists())
        self.assertEqual(self.quantize(second, "--dtype", "q8_0", "--sidecars", "none")[1]["sidecars"], [])
        (pathlib.Path(f"{second}.synfire") / "predictor-mlp.gguf").write_text("no file of that kind")
        said = self.run_program("quantize", second, "-o", self.folder / "c.gguf", "--dtype", "q8_0").stdout
        self.assertRegex(said, r"predictor-mlp\.gguf: left out: .*magic")

    def test_what_it_says(self):
        done = self.run_program("quantize", "-m", STORIES, "-o", self.folder / "a.gguf", "--dtype", "q4_k")
        self.assertRegex(done.stdout, r"^.*a\.gguf: llama, .* parameters in 47 tensors, .* of .*, .* bits each; .* s\n"
                                      r"largest error: 0\.\d\d % of the weights of blk\..*, Q8_0 .*\n$")
        self.assertRegex(done.stderr, r"(?m)^note: 5 of 47 tensors in F16: their rows of 172 values are no whole "
                                      r"blocks of Q4_K\n")

    def test_the_same_bytes_again_and_on_any_threads(self):
        model = self.synth()
        for dtype in DTYPES:
            contents = {self.quantize(model, "--dtype", dtype, "-t", threads)[0].read_bytes() for threads in (1, 1, 3)}
            self.assertEqual(len(contents), 1)

    def test_wrong_usage(self):
        out = self.folder / "x.gguf"
        self.misused("quantize", says=["want the FILE of a model"])
        self.misused("quantize", STORIES, "--dtype", "Q8_0", says=["--out: missing"])
        self.misused("quantize", STORIES, "-o", out, says=["--dtype: missing", "Q4_K"])
        self.misused("quantize", STORIES, "-o", out, "--dtype", "q4_1", says=["--dtype: got 'q4_1', want Q8_0"])
        self.fails("quantize", BUNDLED, "-o", out, "--dtype", "Q4_0", says=["Q8_0 already, want F32, F16 or BF16"])
        self.fails("quantize", self.folder / "none", "-o", out, "--dtype", "Q8_0", says=["none", "No such file"])
        self.fails("quantize", DATA / "README.md", "-o", out, "--dtype", "Q8_0", says=["README.md", "magic"])
        self.fails("quantize", STORIES, "-o", self.folder / "none" / "x.gguf", "--dtype", "Q8_0",
                   says=["No such file"])
        self.fails("quantize", STORIES, "-o", self.folder, "--dtype", "Q8_0", says=["a folder, want the name of a file"])
        self.fails("quantize", STORIES, "-o", STORIES, "--dtype", "Q8_0", says=["the model itself"])
        self.assertEqual(list(self.folder.iterdir()), [])

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_a_folder_that_may_not_be_written(self):
        locked = self.folder / "locked"
        locked.mkdir(mode=0o500)
        self.fails("quantize", STORIES, "-o", locked / "x.gguf", "--dtype", "Q8_0", says=["Permission denied"])

    def test_weights_that_are_not_numbers(self):
        stories = Tensors(self, STORIES)
        stories.put("blk.2.ffn_up.weight", 3 * 64 + 5, "f", float("nan"))
        model, out = self.write("nan.gguf", bytes(stories.bytes)), self.folder / "out.gguf"
        self.fails("quantize", model, "-o", out, "--dtype", "Q8_0",
                   says=["nan.gguf: tensor blk.2.ffn_up.weight: row 3, column 5: nan"])
        self.assertFalse(out.exists())

    def test_no_room_for_the_file(self):
        out = self.folder / "out.gguf"

        def small_files_only():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

        done = subprocess.run([BINARY, "quantize", STORIES, "-o", out, "--dtype", "q8_0"], env=environment(),
                              preexec_fn=small_files_only, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, f"synfire: {out}: cannot write: File too large\n")
        self.assertEqual(list(self.folder.iterdir()), [])
