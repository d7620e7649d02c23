"""predictor: fits beside a copy of a model, and what then runs with them."""

import unittest

from support import ARCEE, SOURCE, STORIES, Case

TINY = SOURCE.parent / "shared" / "data" / "models" / "synfire-tiny"
PWRI = TINY / "synfire-tiny.powerinfer.gguf"


class Fit(Case):
    def setUp(self):
        super().setUp()
        self.model = self.write("model.gguf", ARCEE.read_bytes())

    def fit(self, *arguments):
        return self.run_json("predictor", "fit", "-m", self.model, "--tokens", 4096, *arguments)

    def predictor_of(self, *arguments):
        done = self.run_program("run", "-m", self.model, "-p", "a", "-n", 2, *arguments)
        return next(line for line in done.stderr.splitlines() if line.startswith("placement:"))

    def test_a_fit_reports_what_it_reached(self):
        for kind in ["svd", "signbit"]:
            report = self.fit("--type", kind, "--recall", 0.9)
            self.assertEqual(report["file"], f"{self.model}.synfire/predictor-{kind}.gguf")
            self.assertEqual(len(report["layers"]), 2)
            for layer in report["layers"]:
                self.assertAlmostEqual(layer["recall"], 0.9, delta=0.05)
                self.assertGreater(layer["precision"], layer["fired"])
            inside = self.run_json("inspect", report["file"])
            self.assertIn(f"{kind}.blk.1.bias", [tensor["name"] for tensor in inside["tensors"]])
            self.assertIn(f"predictor: {kind};", self.predictor_of("--predictor", kind))

    def test_fits_repeat(self):
        first = self.fit()
        sidecar = self.folder / "model.gguf.synfire" / "predictor-svd.gguf"
        content = sidecar.read_bytes()
        self.assertEqual(self.fit(), first)
        self.assertEqual(sidecar.read_bytes(), content)
        self.assertEqual([entry.name for entry in sidecar.parent.iterdir()], [sidecar.name])

    def test_what_was_fitted_is_the_default(self):
        self.assertIn("predictor: exact;", self.predictor_of())
        self.fit("--rank", 16)
        self.assertIn("predictor: svd;", self.predictor_of())
        self.assertIn("predictor: exact;", self.predictor_of("--predictor", "exact"))

    def test_table_and_text(self):
        text = self.write("text", "Once upon a time there was a little cat. " * 20)
        out = self.run_program("predictor", "fit", "-m", self.model, "-f", text).stdout
        self.assertRegex(out, r"^layer +recall +precision +predicted +fired +rank +sidecar\n +0( +[\d.]+){5} ")

    def test_errors(self):
        self.fails("predictor", "fit", "-m", STORIES, says=["silu", "ReLU"])
        self.fails("predictor", "fit", "-m", self.model, "--rank", 65, says=["rank: 65", "64"])
        self.fails("predictor", "fit", "-m", self.model, "-f", self.write("short", "a"),
                   says=["short", "want at least 8"])
        self.fails("predictor", "fit", "-m", self.model, "-f", self.folder / "none", says=["No such file"])
        self.misused("predictor", "guess", "-m", self.model, says=["guess"])
        self.misused("predictor", "fit", says=["--model: missing"])
        self.misused("predictor", "fit", "-m", self.model, "--recall", 0, says=["recall"])
        self.fails("run", "-m", self.model, "-p", "a", "--predictor", "svd", says=["svd.blk.0.a.weight"])
        self.write("model.gguf.synfire", "not a folder")
        self.fails("predictor", "fit", "-m", self.model, "--tokens", 64, says=["model.gguf.synfire"])


class Threshold(Case):
    """Small activations left out of a SiLU model."""

    def setUp(self):
        super().setUp()
        self.model = self.write("model.gguf", STORIES.read_bytes())
        story = "Once upon a time, there was a little girl named Lily. She loved to play in the park with her dog. "
        self.text = self.write("text", story * 60)

    def fit(self, *arguments):
        return self.run_json("predictor", "fit", "--type", "threshold", "-m", self.model, "-f", self.text, *arguments)

    def perplexity(self, *arguments):
        return self.run_json("perplexity", "-m", self.model, "-f", self.text, *arguments)["perplexity"]

    def test_the_cost_is_said_and_grows_with_the_share(self):
        less = None
        for skip in [0.1, 0.4, 0.7]:
            report = self.fit("--skip", skip)
            self.assertEqual(report["file"], f"{self.model}.synfire/predictor-threshold.gguf")
            self.assertAlmostEqual(report["skipped"], skip, delta=0.05)
            cost = report["perplexity"]
            self.assertAlmostEqual(cost["cost"], cost["threshold"] / cost["dense"] - 1, places=9)
            for layer in report["layers"]:
                self.assertGreaterEqual(layer["threshold"], 0)
                self.assertLess(layer["error"], 1)
            if less is not None:
                self.assertGreater(cost["threshold"], less["threshold"])
                self.assertEqual(cost["dense"], less["dense"])
            less = cost

    def test_it_runs_only_where_it_is_asked_for(self):
        dense = self.perplexity()
        self.fit("--skip", 0.5)
        self.assertEqual(self.perplexity(), dense)
        self.assertGreater(self.perplexity("--predictor", "threshold"), dense)
        said = self.run_program("run", "-m", self.model, "-p", "a", "-n", 2, "--predictor", "threshold").stderr
        self.assertRegex(said, r"predictor threshold: lossy: leaves out neurons whose weighed \|act\(gate\)\|")
        counted = self.run_json("bench", "-m", self.model, "--predictor", "threshold", "-p", 0, "-n", 16, "-r", 1)
        self.assertLess(counted["active_share"], 0.7)

    def test_table(self):
        out = self.run_program("predictor", "fit", "--type", "threshold", "-m", self.model, "-f", self.text).stdout
        self.assertRegex(out, r"^layer +threshold +skipped +error\n +0( +[\d.]+){3}\n")
        self.assertRegex(out, r"skipped: 4\d\.\d % of the neurons\n"
                              r"perplexity of \d+ tokens held out: [\d.]+ dense, [\d.]+ with it: [+-][\d.]+ %\n"
                              r".*lossy, so it runs only with --predictor threshold\n$")

    def test_errors(self):
        self.fails("run", "-m", self.model, "-p", "a", "--predictor", "threshold",
                   says=["threshold.blk.0.threshold: missing", "synfire predictor fit --type threshold"])
        self.misused("predictor", "fit", "--type", "threshold", "-m", self.model, "--skip", 1, says=["skip"])
        self.misused("predictor", "fit", "--type", "threshold", "-m", self.model, "--profile", "p.gguf",
                     says=["--profile", "want --file"])


@unittest.skipUnless(PWRI.exists(), f"needs {PWRI}, which this clone lacks")
class PowerInfer(Case):
    def test_its_own_predictors_give_its_golden(self):
        golden = TINY / "synfire-tiny.powerinfer.golden.gguf"
        for more in [[], ["--device", "cpu:0,reference:0", "--split", 0.3]]:
            report = self.run_json("verify", PWRI, "--golden", golden, "--predictor", "mlp", *more)
            self.assertLessEqual(report["checks"][1]["worst"], 0.02)
        # Another threshold drops other neurons.
        self.run_program("verify", PWRI, "--golden", golden, "--predictor", "mlp",
                         "--predictor-threshold", 1, exit_code=1)
        self.run_program("verify", PWRI, "--golden", golden, "--predictor", "mlp[dtype=q8_0]",
                         "--max-logit-diff", 1)
        self.fails("verify", PWRI, "--golden", golden, "--predictor", "exact", says=["--predictor NAME"])


if __name__ == "__main__":
    unittest.main()
