"""predictor: fits beside a copy of a model, and what then runs with them."""

import lzma
import pathlib
import unittest

from support import ARCEE, SOURCE, STORIES, Case

TINY = SOURCE.parent / "shared" / "data" / "models" / "synfire-tiny"
PWRI = TINY / "synfire-tiny.powerinfer.gguf"
BOOKS = TINY.parent.parent / "text" / "classic-children.txt.xz"


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


class Trained(Case):
    """mlp: trained, and out of a PWRI file and into one."""

    def setUp(self):
        super().setUp()
        self.model = self.folder / "model.gguf"
        self.synth("model.gguf")

    def synth(self, name, *arguments):
        self.run_program("synth", self.folder / name, "--layers", 2, "--d-model", 64, "--d-ff", 256,
                         "--heads", 2, "--vocab", 600, "--dtype", "F16", "--layout", "dense", *arguments)
        return self.folder / name

    def fit(self, *arguments, model=None):
        return self.run_json("predictor", "fit", "--type", "mlp", "-m", model or self.model, "--tokens", 4096,
                             *arguments)

    def text(self, model, *arguments):
        return self.run_program("run", "-m", model, "-p", "a", "-n", 12, *arguments).stdout

    def test_a_fit_reports_what_it_reached(self):
        report = self.fit("--recall", 0.9)
        self.assertEqual(report["file"], f"{self.model}.synfire/predictor-mlp.gguf")
        self.assertEqual(len(report["layers"]), 2)
        for layer in report["layers"]:
            self.assertAlmostEqual(layer["recall"], 0.9, delta=0.05)
            self.assertGreater(layer["precision"], 1.5 * layer["fired"])
            self.assertEqual(layer["rank"] % 32, 0)
        content = pathlib.Path(report["file"]).read_bytes()
        self.assertEqual(self.fit("--recall", 0.9), report)
        self.assertEqual(pathlib.Path(report["file"]).read_bytes(), content)
        wide = self.fit("--rank", 40, "--dtype", "F16")
        self.assertEqual({layer["rank"] for layer in wide["layers"]}, {40})
        inside = self.run_json("inspect", report["file"])
        self.assertEqual({tensor["dtype"] for tensor in inside["tensors"]}, {"F16"})
        done = self.run_program("run", "-m", self.model, "-p", "a", "-n", 1, "--predictor", "mlp")
        self.assertIn("predictor: mlp;", done.stderr)

    def test_gates_of_every_norm(self):
        """What svd learns of the FFN's input, mlp works out from the residual stream: the same fires."""
        for family in ["opt", "nemotron", "falcon_7b"]:
            model = self.folder / f"{family}.gguf"
            self.run_program("convert", SOURCE / "tests" / "data" / "families" / family, "-o", model,
                             *(["--ffn-activation", "relu"] if family == "falcon_7b" else []))
            trained = self.fit(model=model)["layers"]
            known = self.run_json("predictor", "fit", "-m", model, "--tokens", 4096)["layers"]
            for mine, other in zip(trained, known, strict=True):
                self.assertAlmostEqual(mine["fired"], other["fired"], delta=0.02, msg=family)

    def test_export_and_import(self):
        self.fit("--recall", 0.8)
        exported = self.folder / "exported.powerinfer.gguf"
        report = self.run_json("predictor", "export", "-m", self.model, "-o", exported)
        self.assertEqual(report["layers"], 2)
        self.assertEqual(exported.read_bytes()[:4], b"PWRI")
        self.assertEqual(self.text(exported, "--predictor", "exact"), self.text(self.model, "--predictor", "exact"))
        self.assertEqual(self.text(exported, "--predictor", "mlp"), self.text(self.model, "--predictor", "mlp"))
        # Into a second model of the shape, and a third by way of its sidecar.
        second, third = self.synth("second.gguf"), self.synth("third.gguf")
        self.run_program("predictor", "import", "-m", second, "--from", exported, "--predictor-threshold", 0.5)
        self.assertEqual(self.text(second, "--predictor", "mlp", "--predictor-threshold", 0),
                         self.text(self.model, "--predictor", "mlp"))
        done = self.run_program("predictor", "import", "-m", third, "--from", f"{second}.synfire/predictor-mlp.gguf")
        self.assertIn("threshold 0.5", done.stdout)

    def test_errors(self):
        other = self.folder / "other.gguf"
        self.run_program("synth", other, "--layers", 2, "--d-model", 96, "--d-ff", 256, "--heads", 2,
                         "--vocab", 600, "--dtype", "F16", "--layout", "powerinfer", "--predictor-rank", 64)
        self.fails("predictor", "import", "-m", self.model, "--from", other,
                   says=["other.gguf: tensor blk.0.fc1.weight: shape [96, 64], want [64, 64]"])
        self.assertFalse((self.folder / "model.gguf.synfire").exists())
        self.fails("predictor", "import", "-m", self.model, "--from", self.folder / "none", says=["No such file"])
        self.fails("predictor", "export", "-m", self.model, "-o", self.folder / "out", says=["fc1.weight"])
        self.assertFalse((self.folder / "out").exists())
        self.fails("run", "-m", self.model, "-p", "a", "--predictor", "mlp", says=["predictor fit --type mlp"])
        self.fails("predictor", "fit", "--type", "mlp", "-m", STORIES, says=["silu", "ReLU"])
        self.misused("predictor", "export", "-m", self.model, says=["--out: missing"])
        self.misused("predictor", "import", "-m", self.model, says=["--from: missing"])
        self.misused("predictor", "fit", "--type", "mlp", "-m", self.model, "--profile", other, says=["residual"])
        self.misused("predictor", "fit", "--type", "mlp", "-m", self.model, "--dtype", "I8", says=["I8"])


class Threshold(Case):
    """Small activations left out of a SiLU model."""

    def setUp(self):
        super().setUp()
        self.model = self.write("model.gguf", STORIES.read_bytes())
        story = "Once upon a time, there was a little {} named {}. {} loved to play in the {} with a {}. One day, {} saw a {}. "
        words = [["girl", "boy", "cat"], ["Lily", "Tom", "Max", "Sue"], ["She", "He"], ["park", "sun", "house", "rain", "snow"],
                 ["dog", "ball", "friend", "bird", "car", "box", "book"], ["they", "Mom"], ["tree", "bee", "big bug"]]
        self.text = self.write("text", "".join(story.format(*(kind[i % len(kind)] for kind in words)) for i in range(100)))

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
            errors = sum(layer["error"] for layer in report["layers"])
            if less is not None:
                self.assertGreater(errors, less[0])
                self.assertEqual(cost["dense"], less[1])
            less = errors, cost["dense"]
        self.assertGreater(cost["cost"], 0.02)

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
        self.assertRegex(out, r"skipped: (39|4\d)\.\d % of the neurons\n"
                              r"perplexity of \d+ tokens held out: [\d.]+ dense, [\d.]+ with it: [+-][\d.]+ %\n"
                              r".*lossy, so it runs only with --predictor threshold\n$")

    def test_errors(self):
        self.fails("run", "-m", self.model, "-p", "a", "--predictor", "threshold",
                   says=["threshold.blk.0.threshold: missing", "synfire predictor fit --type threshold"])
        self.misused("predictor", "fit", "--type", "threshold", "-m", self.model, "--skip", 1, says=["skip"])
        self.misused("predictor", "fit", "--type", "threshold", "-m", self.model, "--profile", "p.gguf",
                     says=["--profile", "want --file"])


class Eval(Case):
    """Against exact, on a copy of the bundled model's small neighbour."""

    def setUp(self):
        super().setUp()
        self.model = self.write("model.gguf", ARCEE.read_bytes())
        self.text = self.write("text", "Once upon a time there was a little cat who sat. " * 60)
        self.run_program("predictor", "fit", "-m", self.model, "--tokens", 4096)

    def eval(self, *arguments):
        return self.run_json("predictor", "eval", "-m", self.model, "-f", self.text, "--tokens", 2000, *arguments)

    def test_a_predictor_at_its_own_threshold(self):
        report = self.eval()
        found, = report["predictors"]
        self.assertEqual([found["name"], found["chosen"]["threshold"]], ["svd", 0])
        self.assertEqual(len(found["layers"]), 2)
        self.assertEqual(found["points"], [found["chosen"]])
        total = sum(layer["ffn_bytes"] for layer in found["layers"])
        self.assertAlmostEqual(total / report["exact"]["ffn_bytes"], found["chosen"]["of_exact"], places=9)
        for layer in found["layers"]:
            self.assertGreater(layer["recall"], 0.5)
            self.assertGreater(layer["precision"], layer["fired"])
        perplexity = self.run_json("predictor", "eval", "-m", self.model, "-f", self.text, "--tokens", 2000,
                                   "--predictor-threshold", -1e30)["predictors"][0]["chosen"]
        self.assertEqual(perplexity["recall"], 1)
        self.assertAlmostEqual(perplexity["loss"], 0, delta=1e-3)

    def test_a_point_is_looked_for_and_kept(self):
        found, = self.eval("--max-loss", "5%", "--store")["predictors"]
        self.assertLessEqual(found["chosen"]["loss"], 0.05)
        self.assertGreater(len(found["points"]), 2)
        again, = self.eval()["predictors"]
        self.assertAlmostEqual(again["chosen"]["threshold"], found["chosen"]["threshold"], places=4)
        self.assertAlmostEqual(again["chosen"]["predicted"], found["chosen"]["predicted"], places=4)

    def test_a_table_and_a_list(self):
        self.run_program("predictor", "fit", "-m", self.model, "--type", "signbit", "--tokens", 4096)
        out = self.run_program("predictor", "eval", "-m", self.model, "-f", self.text, "--tokens", 2000,
                               "--predictor", "svd,signbit").stdout
        self.assertRegex(out, r"(?m)^predictor +threshold +recall +precision")
        for name in ["exact", "svd", "signbit"]:
            self.assertRegex(out, rf"(?m)^{name} ")
        self.assertIn("signbit at 0", out)

    def test_a_fit_to_a_loss(self):
        arguments = ["predictor", "fit", "-m", self.model, "-f", self.text, "--max-loss", "2%"]
        first = self.run_json(*arguments)
        sidecar = self.folder / "model.gguf.synfire" / "predictor-svd.gguf"
        content = sidecar.read_bytes()
        self.assertEqual(self.run_json(*arguments, "-t", 1), first)
        self.assertEqual(sidecar.read_bytes(), content)
        self.run_json(*arguments, "--type", "signbit")

    def test_a_training_to_a_loss(self):
        arguments = ["predictor", "fit", "-m", self.model, "-f", self.text, "--type", "mlp", "--max-loss", "2%",
                     "--rows", 512, "--rank", 32, "--tokens", 1600]
        report = self.run_json(*arguments)
        self.assertLessEqual(report["loss"], 0.02)
        self.assertEqual([layer["rank"] for layer in report["layers"]], [32, 32])
        sidecar = self.folder / "model.gguf.synfire" / "predictor-mlp.gguf"
        content = sidecar.read_bytes()
        table = self.run_program(*arguments, "-t", 1)
        self.assertEqual(sidecar.read_bytes(), content)
        self.assertRegex(table.stdout, r"^layer .* FFN/token\n")
        self.assertRegex(table.stdout, r"(?m)^held out: perplexity [+-][\d.]+ % ± [\d.]+, .* per token, 0\.\d+ of exact's$")
        self.assertEqual({entry.name for entry in sidecar.parent.iterdir()}, {"predictor-svd.gguf", sidecar.name})
        found, = self.eval("--predictor", "mlp")["predictors"]
        self.assertGreater(found["chosen"]["recall"], 1.5 * found["chosen"]["predicted"])

    def test_errors(self):
        def fails(*more, says):
            self.fails("predictor", "eval", "-m", self.model, *more, says=says)

        fails("-f", self.write("short", "a"), says=["short", "want at least 8"])
        fails("-f", self.text, "--predictor", "signbit", says=["signbit.blk.0.bias"])
        self.misused("predictor", "eval", "-m", self.model, says=["--file: missing"])
        self.misused("predictor", "eval", "-m", self.model, "-f", self.text, "--max-loss", "much",
                     says=["--max-loss", "got 'much'", "0.1%"])
        self.misused("predictor", "fit", "-m", self.model, "--max-loss", "1%", says=["--max-loss: no --file"])
        self.misused("predictor", "fit", "-m", self.model, "-f", self.text, "--type", "threshold", "--max-loss", "1%",
                     says=["--max-loss: --type threshold", "want svd, mlp or signbit"])
        self.fails("predictor", "eval", "-m", STORIES, "-f", self.text, says=["silu"])
        # The sidecar of another model.
        other = self.write("other.gguf", STORIES.read_bytes())
        folder = self.folder / "other.gguf.synfire"
        folder.mkdir()
        (folder / "predictor-svd.gguf").write_bytes(
            (self.folder / "model.gguf.synfire" / "predictor-svd.gguf").read_bytes())
        self.fails("predictor", "eval", "-m", other, "-f", self.text, "--ffn-activation", "relu",
                   says=["a predictor of another model", "predictor-svd.gguf"])


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

    def test_thresholds(self):
        with lzma.open(BOOKS) as books:  # the end is held out of the model's training
            text = self.write("tale", books.read()[-40000:].decode(errors="ignore"))

        def perplexity(*arguments):
            return self.run_json("perplexity", "-m", PWRI, "-f", text, *arguments)["perplexity"]

        exact = perplexity("--predictor", "exact")
        own, strict, loose, all_of_them = (
            perplexity("--predictor", "mlp", *(["--predictor-threshold", t] if t is not None else []))
            for t in [None, 2, -2, -1e30])
        # Fewer neurons, more loss; all of them, none.
        self.assertLess(exact, own)
        self.assertLess(own, 1.05 * exact)
        self.assertLess(own, strict)
        self.assertLess(loose, own)
        self.assertAlmostEqual(all_of_them, exact, delta=1e-3 * exact)
        prompt = ["run", "-m", PWRI, "-p", "Once upon a time", "-n", 24]
        self.assertEqual(self.run_program(*prompt, "--predictor", "mlp", "--predictor-threshold", -1e30).stdout,
                         self.run_program(*prompt, "--predictor", "exact").stdout)
        for bad in ["nan", "high", "inf"]:
            self.misused("run", "-m", PWRI, "-p", "a", "--predictor", "mlp", "--predictor-threshold", bad,
                         says=["predictor-threshold"])


if __name__ == "__main__":
    unittest.main()
