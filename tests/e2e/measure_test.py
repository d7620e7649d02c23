"""bench and perplexity: that they measure and add up; never how fast anything is."""

import contextlib
import math
import os
import statistics
import subprocess
import sys

from support import ARCEE, STORIES, Case


class Bench(Case):
    def test_table(self):
        out = self.run_program("bench", "-m", STORIES, "-p", 16, "-n", 4, "-r", 2).stdout
        self.assertRegex(out, r"\nprefill +16( +[\d.]+){3}\ndecode +4( +[\d.]+){3}\n")
        self.assertRegex(out, r"bytes per token: .*predictor 0 B, FFN 660 kB")
        self.assertRegex(out, r"read bandwidth of host memory, around each round: [\d.]+ [MGT]B/s")
        self.assertRegex(out, r"decode moves [\d.]+ [kMGT]B/s: [\d.]+ %")
        self.assertRegex(out, r"hand-off between actors: [\d.]+ us; of a step of [\d.]+ ms, \d+ us")
        self.assertRegex(out, r"others had [\d.]+ % of the processors' time")

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
        for one in report["rounds"]:
            self.assertAlmostEqual(one["decode"] * report["bytes_per_token"], one["decode_bandwidth"], delta=1)
            best = max(one["bandwidth_before"], one["bandwidth_after"])
            self.assertAlmostEqual(one["bandwidth_share"], one["decode_bandwidth"] / best)
        self.assertAlmostEqual(report["bandwidth_share"],
                               statistics.median(one["bandwidth_share"] for one in report["rounds"]))
        self.assertTrue(report["bytes_are_dense"])
        self.assertIsNone(report["active_share"])
        self.assertGreater(report["step_seconds"], report["step_overhead_seconds"])
        self.assertGreater(report["step_overhead_seconds"], 0)
        self.assertLess(report["step_wait_seconds"], 1e-4)  # one device has nobody to wait for
        self.assertGreater(report["hand_off_seconds"], 0)
        self.assertGreaterEqual(report["probe"]["wanted_bytes"], 256 << 20)
        self.assertEqual(report["disturbed"], report["others"] >= 0.05)

    def test_the_kv_cache_counts(self):
        shallow, deep, half = (
            self.run_json("bench", "-m", STORIES, "-p", 0, "-n", 1, "-r", 1, *more)["bytes"]["kv"]
            for more in [["--depth", 1, "--kv-dtype", "f32"], ["--depth", 101, "--kv-dtype", "f32"], ["--depth", 101]])
        self.assertEqual(deep - shallow, 100 * 5 * 2 * 32 * 4)
        self.assertEqual(half, deep / 2)

    def test_batch_and_single_parts(self):
        batch = self.run_json("bench", "-m", STORIES, "-p", 8, "-n", 4, "-r", 1, "--batch", 3, "--depth", 4)
        self.assertEqual(batch["batch"], 3)
        self.assertAlmostEqual(batch["bytes_per_step"], 3 * batch["bytes_per_token"])
        self.assertIsNone(self.run_json("bench", "-m", STORIES, "-p", 0, "-n", 2, "-r", 1)["prefill"])
        self.assertIsNone(self.run_json("bench", "-m", STORIES, "-p", 4, "-n", 0, "-r", 1)["decode"])

    def test_sequences_of_a_batch_share_steps(self):
        one, three = (self.run_json("bench", "-m", STORIES, "-p", 0, "-n", 8, "-r", 1, "--batch", n) for n in [1, 3])
        rate = three["decode"]["tokens_per_second"]
        self.assertAlmostEqual(rate * three["step_seconds"], 3, delta=0.01)
        self.assertAlmostEqual(one["decode"]["tokens_per_second"] * one["step_seconds"], 1, delta=0.01)
        self.assertEqual(three["bytes"]["attention"], one["bytes"]["attention"])
        self.assertEqual(three["bytes"]["embedding"], 3 * one["bytes"]["embedding"])

    def test_what_devices_count_is_what_the_parts_say(self):
        for predictor in ["none", "exact"]:
            for devices in ["cpu:0", "reference:0", "cpu:0,reference:0"]:
                report = self.run_json("bench", "-m", ARCEE, "-p", 0, "-n", 3, "-r", 1, "--predictor", predictor,
                                       "--device", devices)
                parts = sum(size for name, size in report["bytes"].items() if name != "kv")
                self.assertAlmostEqual(report["bytes_counted"], parts, msg=f"{predictor}, {devices}")

    def test_active_neurons_are_counted(self):
        dense = self.run_json("bench", "-m", ARCEE, "-p", 0, "-n", 4, "-r", 1, "--predictor", "none")
        exact = self.run_json("bench", "-m", ARCEE, "-p", 0, "-n", 4, "-r", 1, "--predictor", "exact")
        self.assertFalse(exact["bytes_are_dense"])
        self.assertGreater(exact["active_share"], 0)
        self.assertLess(exact["active_share"], 1)
        # Without gate rows: all up rows, and the down rows of the active.
        share = (1 + exact["active_share"]) / 2
        self.assertAlmostEqual(exact["bytes"]["ffn"], share * dense["bytes"]["ffn"])
        out = self.run_program("bench", "-m", ARCEE, "-p", 0, "-n", 4, "-r", 1, "--predictor", "exact").stdout
        self.assertIn(f"active neurons, counted: {100 * exact['active_share']:.1f} %", out)

    def test_waits_of_a_split_step(self):
        out = self.run_program("bench", "-m", ARCEE, "-p", 0, "-n", 4, "-r", 1, "--device", "cpu:0[threads=1],cpu:0[threads=1]",
                               "--placement", "neuron").stdout
        self.assertRegex(out, r"lie outside the devices; the busiest one waits for others for \d+ us")

    def test_a_round_for_each_line(self):
        records = self.run_records("bench", "-m", STORIES, "-p", 4, "-n", 4, "-i", stdin="\n\n")
        ready, first, second, report = records
        self.assertTrue(ready["ready"])
        self.assertEqual(ready["weight_dtype"], "F32")
        self.assertGreater(ready["dense_bytes_per_token"], 0)
        self.assertEqual(report["rounds"], [first, second])

    def test_the_probe_alone(self):
        report = self.run_json("bench", "--probe", "-t", 1)
        self.assertGreater(report["read_bandwidth"], 1e8)
        self.assertEqual(report["threads"], 1)
        self.assertRegex(self.run_program("bench", "--probe").stdout, r"^read bandwidth of host memory: [\d.]+ GB/s")

    def test_busy_neighbours_are_seen(self):
        with contextlib.ExitStack() as neighbours:
            for _ in range(len(os.sched_getaffinity(0))):
                loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
                neighbours.callback(loop.wait)
                neighbours.callback(loop.kill)
            report = self.run_json("bench", "-m", STORIES, "-p", 0, "-n", 400, "-r", 3)
        self.assertTrue(report["disturbed"], report["others"])

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
