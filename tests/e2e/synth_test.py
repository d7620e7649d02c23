"""synth, and what inspect, tokenize, run, bench and verify make of its files."""

import json

from support import Case

TINY = "--d-model 128 --d-ff 256 --layers 3 --heads 4 --kv-heads 2 --vocab 600".split()


class Synth(Case):
    def synth(self, name, *arguments):
        path = self.folder / name
        report = self.run_json("synth", path, *TINY, *arguments)
        self.assertGreater(report["bytes"], 0)
        self.assertLessEqual(report["bytes"], path.stat().st_size)
        return path

    def test_runs_like_any_model(self):
        model = self.synth("a.gguf", "--dtype", "Q8_0")
        self.assertEqual(len(self.run_records("run", "-m", model, "-p", "bake a cake", "-n", "5",
                                              "--predictor", "exact")[:5]), 5)
        self.run_program("bench", "-m", model, "-p", 8, "-n", 4, "-r", 1)
        self.run_program("verify", model, "--against", "reference:0", "-n", 4)

    def test_inspect_prints_what_fires(self):
        sparsity = self.run_json("inspect", self.synth("a.gguf", "--active", 0.2))["sparsity"]
        self.assertAlmostEqual(sparsity["active_share"], 0.2, delta=0.05)
        self.assertLess(sparsity["token_overlap"], 0.6)
        self.assertNotIn("recall", sparsity)
        model = self.synth("b.gguf", "--layout", "powerinfer", "--dtype", "F16")
        self.assertGreater(self.run_json("inspect", model)["sparsity"]["recall"], 0.93)
        self.assertRegex(self.run_program("inspect", model).stdout,
                         r"\n *[0-9.]+ %  of the neurons fire per token\n")

    def test_where_all_neurons_fire_nobody_looks_for_them(self):
        model = self.synth("a.gguf", "--layout", "powerinfer", "--active", 1)
        answers = set()
        for predictor in "mlp", "exact", "none":
            options = "-m", model, "--predictor", predictor
            done = self.run_program("bench", *options, "-p", 0, "-n", 4, "-r", 1, "--json")
            self.assertEqual(json.loads(done.stdout)["bytes"]["predictor"], 0)
            self.assertEqual("dense: 3 of 3 layers" in done.stderr, predictor != "none")
            answers.add(self.run_program("run", *options, "-p", "bake a cake", "-n", 5).stdout)
        self.assertEqual(len(answers), 1)

    def test_a_dense_model_says_nothing_of_sparsity(self):
        model = self.synth("a.gguf", "--ffn-activation", "silu")
        self.assertEqual(self.run_json("inspect", model)["sparsity"], {})
        self.assertNotIn("SPARSITY", self.run_program("inspect", model).stdout)

    def test_same_seed_same_bytes(self):
        one, same, other = (self.synth(f"{i}.gguf", *arguments) for i, arguments in enumerate(
            [("-t", 1), ("-t", 3), ("--seed", 1)]))
        self.assertEqual(one.read_bytes(), same.read_bytes())
        self.assertNotEqual(one.read_bytes(), other.read_bytes())

    def test_wrong_usage(self):
        out = self.folder / "x.gguf"
        self.misused("synth", says=["FILE"])
        self.misused("synth", out, says=["--d-model: missing", "--shape"])
        self.misused("synth", out, "--shape", "2b", says=["--shape"])
        self.misused("synth", out, "--shape", "1b", "--d-ff", 100, says=["d-ff: 100", "multiple of 32"])
        self.misused("synth", out, "--shape", "1b", "--predictor-rank", 64, says=["powerinfer"])
        self.fails("synth", self.folder / "none" / "x.gguf", *TINY, says=["No such file"])
        self.assertEqual(list(self.folder.iterdir()), [])
