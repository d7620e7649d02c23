"""verify: goldens, tampered goldens, and device against device."""

from support import (ARCEE, ARCEE_GOLDEN, DATA, STORIES, STORIES_GOLDEN, Case, Tensors, VerifyCase,
                     golden_with_text)


class Goldens(VerifyCase):
    def test_report(self):
        done = self.run_program("verify", STORIES, "--golden", STORIES_GOLDEN)
        self.assertRegex(done.stdout, r"tokens +PASS .*2 of 2 prompts equal\n")
        self.assertRegex(done.stdout, r"logits +PASS +\S+ +0\.001 +10 positions; worst at prompt ")
        self.assertRegex(done.stdout, r"greedy +PASS +128 of 128 steps equal\n")
        self.assertRegex(done.stdout, r"generated +PASS +128 of 128 steps equal\n")
        self.assertRegex(done.stdout, r"text +not checked +the golden has no NLL of a text\nPASS\n$")

    def test_single_devices(self):
        for device in ["cpu:0", "reference:0"]:
            self.checks(STORIES, STORIES_GOLDEN, "--device", device)
            for predictor in ["exact", "none"]:
                checks = self.checks(ARCEE, ARCEE_GOLDEN, "--device", device, "--predictor", predictor)
                self.assertEqual(checks["tokens"]["outcome"], "not checked")
                self.assertLessEqual(checks["logits"]["worst"], 0.001)


class Differences(VerifyCase):
    """Each part of a golden, changed, is found."""

    def tampered(self, name, index, code, change):
        golden = Tensors(self, STORIES_GOLDEN)
        golden.put(name, index, code, change(golden.values(name, code)[index]))
        return self.write("tampered.gguf", bytes(golden.bytes))

    def test_logits(self):
        golden = self.tampered("prompt.1.logits", 1000, "f", lambda logit: logit + 0.5)
        checks = self.checks(STORIES, golden, result="FAIL")
        self.assertEqual(checks["logits"]["outcome"], "FAIL")
        self.assertAlmostEqual(checks["logits"]["worst"], 0.5, places=3)
        self.assertIn("prompt 1, position 1, token 488", checks["logits"]["detail"])
        self.assertEqual(checks["greedy"]["outcome"], "PASS")
        done = self.run_program("verify", STORIES, "--golden", golden, exit_code=1)
        self.assertTrue(done.stdout.endswith("\nFAIL\n"))
        self.checks(STORIES, golden, "--max-logit-diff", 0.6)

    def test_a_logit_that_is_no_number(self):
        golden = self.tampered("prompt.0.logits", 7, "f", lambda _: float("nan"))
        checks = self.checks(STORIES, golden, result="FAIL")
        self.assertEqual(checks["logits"]["outcome"], "FAIL")
        self.assertIsNone(checks["logits"]["worst"])

    def test_greedy_tokens(self):
        gaps = Tensors(self, STORIES_GOLDEN).values("prompt.0.greedy_gap", "f")
        last = len(gaps) - 1  # later steps follow from it, so only this one differs
        self.assertGreater(gaps[last], 0.04)
        golden = self.tampered("prompt.0.greedy", last, "i", lambda token: (token + 1) % 512)
        checks = self.checks(STORIES, golden, result="FAIL")
        for check in ["greedy", "generated"]:
            self.assertEqual(checks[check]["outcome"], "FAIL")
            self.assertIn(f"prompt 0, step {last}", checks[check]["detail"])

    def test_greedy_tokens_at_a_small_gap_may_differ(self):
        golden = Tensors(self, STORIES_GOLDEN)
        last = len(golden.values("prompt.0.greedy", "i")) - 1
        golden.put("prompt.0.greedy", last, "i", 5)
        golden.put("prompt.0.greedy_gap", last, "f", 0.03)
        checks = self.checks(STORIES, self.write("small.gguf", bytes(golden.bytes)))
        self.assertIn("1 other at a gap <= 0.04", checks["greedy"]["detail"])

    def test_tokens(self):
        golden = self.tampered("prompt.0.tokens", 1, "i", lambda token: token + 1)
        checks = self.checks(STORIES, golden, result="FAIL")
        self.assertEqual(checks["tokens"]["outcome"], "FAIL")
        self.assertIn("prompt 0", checks["tokens"]["detail"])

    def test_text(self):
        text = "Once upon a time there was a cat. The cat was sad."
        tokens = [t["id"] for t in self.run_json("tokenize", "-m", STORIES, "-p", text)["tokens"]]
        nll = self.run_json("perplexity", "-m", STORIES, "-f", self.write("text", text), "--kv-dtype", "f32")["mean_nll"]
        same = self.write("same.gguf", golden_with_text([tokens, tokens], nll))
        self.assertEqual(self.checks(STORIES, same)["text"]["outcome"], "PASS")
        other = self.write("other.gguf", golden_with_text([tokens, tokens], nll + 0.001))
        checks = self.checks(STORIES, other, result="FAIL")
        self.assertAlmostEqual(checks["text"]["worst"], 0.001, places=5)
        self.checks(STORIES, other, "--max-nll-diff", 0.002)
        # Nothing else is in this golden: what leaves the text out has checked nothing.
        self.checks(STORIES, other, "--prompts-only", result="FAIL")

    def test_errors(self):
        self.fails("verify", STORIES, "--golden", "none.gguf", says=["none.gguf"])
        self.fails("verify", STORIES, "--golden", STORIES, says=[STORIES.name, "golden"])
        self.fails("verify", STORIES, "--golden", DATA / "gguf-good" / "golden.gguf", says=["golden.gguf"])
        self.fails("verify", STORIES, "--golden", STORIES_GOLDEN, "-c", 8, says=["8"])


class Against(Case):
    def test_two_devices(self):
        report = self.run_json("verify", ARCEE, "--device", "cpu:0", "--against", "reference:0", "-n", 8)
        self.assertEqual(report["result"], "PASS")
        logits, kl = report["checks"]
        self.assertLessEqual(logits["worst"], 0.001)
        self.assertIn("8 positions", logits["detail"])
        self.assertIn("standard deviations", logits["detail"])
        self.assertLess(abs(kl["worst"]), 1e-6)

    def test_a_split_against_one_device(self):
        self.run_program("verify", ARCEE, "--device", "cpu:0,reference:0", "--split", 0.3, "--against",
                         "reference:0", "-n", 4)

    def test_a_difference_fails(self):
        self.run_program("verify", STORIES, "--device", "cpu:0", "--against", "reference:0", "-n", 8,
                         "--max-logit-diff", 0, exit_code=1)
