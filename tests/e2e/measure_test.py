"""bench and perplexity: that they measure and add up; never how fast anything is."""

import math

from support import ARCEE, STORIES, Case


class Bench(Case):
    def test_table(self):
        out = self.run_program("bench", "-m", STORIES, "-p", 16, "-n", 4, "-r", 2).stdout
        self.assertRegex(out, r"\nprefill +16( +[\d.]+){3}\ndecode +4( +[\d.]+){3}\n")
        self.assertRegex(out, r"bytes per token: .*FFN 660 kB")
        self.assertRegex(out, r"read bandwidth of host memory, measured now: [\d.]+ [MGT]B/s\n")
        self.assertRegex(out, r"decode moves [\d.]+ [kMGT]B/s: [\d.]+ %")

    def test_json(self):
        report = self.run_json("bench", "-m", STORIES, "-p", 16, "-n", 4, "-r", 3)
        for part in ["prefill", "decode"]:
            self.assertEqual(report[part]["rounds"], 3)
            rates = [report[part][key] for key in ["least", "tokens_per_second", "most"]]
            self.assertEqual(rates, sorted(rates))
            self.assertGreater(rates[0], 0)
        bytes_in_file = 4 * report["parameters"]  # all but the embedding, which is the head too
        self.assertGreater(report["bytes_per_token"], bytes_in_file)
        self.assertLess(report["bytes_per_token"], bytes_in_file * 1.01)
        share = report["decode"]["tokens_per_second"] * report["bytes_per_token"] / report["read_bandwidth"]
        self.assertAlmostEqual(report["bandwidth_share"], share)
        self.assertTrue(report["bytes_are_dense"])

    def test_the_kv_cache_counts(self):
        shallow, deep, half = (
            self.run_json("bench", "-m", STORIES, "-p", 0, "-n", 1, "-r", 1, *more)["bytes_per_token"]
            for more in [["--depth", 1, "--kv-dtype", "f32"], ["--depth", 101, "--kv-dtype", "f32"], ["--depth", 101]])
        self.assertEqual(deep - shallow, 100 * 5 * 2 * 32 * 4)
        self.assertEqual(half - shallow, 101.5 * 5 * 2 * 32 * 2 - 1.5 * 5 * 2 * 32 * 4)

    def test_batch_and_single_parts(self):
        batch = self.run_json("bench", "-m", STORIES, "-p", 8, "-n", 4, "-r", 1, "--batch", 3, "--depth", 4)
        self.assertEqual(batch["batch"], 3)
        self.assertIsNone(self.run_json("bench", "-m", STORIES, "-p", 0, "-n", 2, "-r", 1)["prefill"])
        self.assertIsNone(self.run_json("bench", "-m", STORIES, "-p", 4, "-n", 0, "-r", 1)["decode"])

    def test_sparse_counts_are_said_to_be_dense_ones(self):
        report = self.run_json("bench", "-m", ARCEE, "-p", 4, "-n", 2, "-r", 1, "--predictor", "exact")
        self.assertFalse(report["bytes_are_dense"])

    def test_more_than_the_context(self):
        self.fails("bench", "-m", STORIES, "-p", 600, says=["600", "512"])
        self.fails("bench", "-m", STORIES, "-p", 1, "-n", 500, "--depth", 50, says=["551", "512"])


class Perplexity(Case):
    TEXT = "Once upon a time, there was a little girl named Lily. She liked to play in the park. " * 8

    def test_windows(self):
        file = self.write("text", self.TEXT)
        tokens = len(self.run_json("tokenize", "-m", STORIES, "-f", file)["tokens"]) - 1
        for context in [32, 100, 512]:
            report = self.run_json("perplexity", "-m", STORIES, "-f", file, "-c", context)
            self.assertEqual(report["tokens"], tokens)
            self.assertEqual(report["windows"], math.ceil(tokens / (context - 1)))
            self.assertAlmostEqual(report["perplexity"], math.exp(report["mean_nll"]))
            self.assertLess(report["mean_nll"], math.log(512))
        out = self.run_program("perplexity", "-m", STORIES, "-f", file).stdout
        self.assertRegex(out, rf"^mean NLL [\d.]+, perplexity [\d.]+ \({tokens} tokens in \d+ windows")

    def test_sense_is_likelier_than_nonsense(self):
        sense = self.run_json("perplexity", "-m", STORIES, "-f", self.write("a", self.TEXT))
        words = " ".join(sorted(self.TEXT.split()))
        nonsense = self.run_json("perplexity", "-m", STORIES, "-f", self.write("b", words[::-1]))
        self.assertLess(sense["mean_nll"] + 1, nonsense["mean_nll"])

    def test_errors(self):
        self.fails("perplexity", "-m", STORIES, "-f", self.folder / "none", says=["No such file"])
        self.fails("perplexity", "-m", STORIES, "-f", self.write("empty", ""), says=["empty", "too short"])
        self.fails("perplexity", "-m", self.without_tokenizer(), "-f", self.write("text", "x"),
                   says=["wordless.gguf", "no tokenizer"])
        self.fails("perplexity", "-m", STORIES, "-f", self.write("text", "x"), "-c", 1, says=["context"])
