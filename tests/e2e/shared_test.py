"""The trained model against its golden, in ../shared: skipped with a message where that is absent."""

import lzma
import unittest

from support import SOURCE, Case

SHARED = SOURCE.parent / "shared" / "data"
TINY = SHARED / "models" / "synfire-tiny"
GOLDEN = TINY / "synfire-tiny.golden.gguf"
BUNDLED = SOURCE / "models" / "synfire-tiny-q8_0.gguf"
TEXT = SHARED / "text" / "classic-children.txt.xz"
SPLITS = [0, 0.1, 0.5, 1]


@unittest.skipUnless(GOLDEN.exists(), f"needs {GOLDEN}, which this clone lacks")
class SynfireTiny(Case):
    def verify(self, model, *arguments):
        report = self.run_json("verify", model, "--golden", GOLDEN, *arguments)
        return {check["name"]: check for check in report["checks"]}

    def test_f16(self):
        checks = self.verify(TINY / "synfire-tiny-f16.gguf", "--device", "cpu:0")
        self.assertEqual([check["outcome"] for check in checks.values()], ["PASS"] * 5)
        self.assertLessEqual(checks["logits"]["worst"], 0.02)
        self.assertLessEqual(checks["text"]["worst"], 0.0005)

    def test_q8_0(self):
        checks = self.verify(BUNDLED, "--device", "cpu:0")
        self.assertLessEqual(checks["logits"]["worst"], 0.5)
        self.assertLessEqual(checks["text"]["worst"], 0.01)

    def test_quantized_here(self):
        """Differences of the text's NLL from float32's, on a model that 4 bits hurt little."""
        for dtype, nll in ("Q8_0", 0.002), ("Q6_K", 0.005), ("Q4_K", 0.05), ("Q4_0", 0.1):
            with self.subTest(dtype):
                model = self.folder / f"{dtype}.gguf"
                self.run_program("quantize", TINY / "synfire-tiny-f16.gguf", "-o", model, "--dtype", dtype)
                limits = () if dtype == "Q8_0" else ("--max-logit-diff", 10)
                self.verify(model, "--device", "cpu:0", "--max-nll-diff", nll, *limits)

    def test_reference(self):
        self.verify(TINY / "synfire-tiny-f16.gguf", "--device", "reference:0", "--prompts-only")

    def test_splits(self):
        cases = [(placement, share, "exact") for placement in ["layer", "neuron"] for share in SPLITS]
        for placement, share, predictor in [*cases, ("layer", 0.5, "none"), ("neuron", 0.1, "none")]:
            with self.subTest(placement=placement, split=share, predictor=predictor):
                self.verify(TINY / "synfire-tiny-f16.gguf", "--device", "cpu:0,reference:0",
                            "--placement", placement, "--split", share, "--predictor", predictor,
                            "--prompts-only")

    def test_shards(self):
        for model in [TINY / "synfire-tiny-f16.gguf", BUNDLED]:
            for predictor in ["none", "exact"]:
                with self.subTest(model=model.name, predictor=predictor):
                    self.verify(model, "--device", "cpu:0[cores=0],cpu:0[cores=1]", "--placement", "shard",
                                "--predictor", predictor, "--prompts-only")


@unittest.skipUnless(GOLDEN.exists() and TEXT.exists(), f"needs {GOLDEN} and {TEXT}, which this clone lacks")
class FourCommands(Case):
    """README's: from a Hugging Face folder to a model that runs with a predictor and a plan of its own."""

    def test_convert_profile_fit_plan(self):
        model, text = self.folder / "model.gguf", self.folder / "text.txt"
        text.write_bytes(lzma.decompress(TEXT.read_bytes())[:2_000_000])
        self.run_program("convert", TINY / "hf", "-o", model)
        self.run_program("verify", model, "--golden", GOLDEN, "--device", "cpu:0")
        self.run_program("profile", "-m", model, "-f", text, "--max-bytes", "150kB")
        self.run_program("predictor", "fit", "-m", model)
        self.run_program("plan", "-m", model)
        sidecar = self.folder / "model.gguf.synfire"
        self.assertEqual({path.name for path in sidecar.iterdir()},
                         {"profile.gguf", "predictor-svd.gguf", "plan.yaml"})
        done = self.run_program("run", "-m", model, "-p", "Once upon a time", "-n", 40, "--temp", 0)
        self.assertIn(f"plan: {sidecar / 'plan.yaml'}", done.stderr)
        self.assertIn("predictor: svd", done.stderr)
        self.assertIn("there was a little", done.stdout)
        done = self.run_program("verify", model, "--golden", GOLDEN, "--device", "cpu:0")
        self.assertIn("predictor: exact", done.stderr)
