"""SmolLM2-135M-Instruct answers questions; SYNFIRE_SMOLLM2 is its file, from tests/support/fetch_smollm2."""

import os
import pathlib

from support import SOURCE, Case

MODEL = os.environ["SYNFIRE_SMOLLM2"]
IM_START, IM_END = 1, 2  # token ids


def asked(question):
    """The question in the model's chat format."""
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


class SmolLM2(Case):
    def answer(self, question, *arguments, model=MODEL):
        """The records of a greedy answer, and its text."""
        records = self.run_records("run", "-m", model, "-c", 512, "-n", 48, "--special",
                                   "-p", asked(question), *arguments)
        return records, "".join(record.get("text", "") for record in records)

    def test_the_capital_of_france(self):
        records, text = self.answer("What is the capital of France?")
        self.assertIn("Paris", text)
        self.assertNotIn("<|im_end|>", text)
        self.assertEqual(records[-1]["finish_reason"], "stop")

    def test_a_sum(self):
        _, text = self.answer("What is 2 + 2?")
        self.assertRegex(text, r"\b(4|four)\b")

    def test_the_reference_backend_says_the_same(self):
        question = "What is the capital of France?"
        _, text = self.answer(question)
        self.assertEqual(self.answer(question, "--device", "reference:0")[1], text)

    def test_small_activations_left_out(self):
        """Half of the neurons of a SiLU model: what that costs is said, and stays in bounds."""
        model = self.write("model.gguf", pathlib.Path(MODEL).read_bytes())
        text = self.write("text", "".join((SOURCE / name).read_text() for name in ["README.md", "CONTRIBUTING.md"]))
        fit = ["predictor", "fit", "--type", "threshold", "-m", model, "-f", text, "--tokens", 8192]
        costs = []
        narrow = ["--down-dtype", "q4_0"]
        for skip in [0.5, 0.55]:
            report = self.run_json(*fit, *narrow, "--skip", skip)
            self.assertAlmostEqual(report["skipped"], skip, delta=0.03)
            costs.append(report["perplexity"]["cost"])
        self.assertLess(costs[0], costs[1])
        self.assertLess(costs[1], 0.4)
        self.assertGreater(costs[0], 0)
        _, answer = self.answer("What is the capital of France?", "--predictor", "threshold", *narrow, model=model)
        self.assertIn("Paris", answer)
        # Rows are so short that all neurons are read faster than 60 % of them, one by one.
        self.assertEqual(self.run_json(*fit, *narrow, "--skip", 0.4)["perplexity"]["cost"], 0)

    def test_special_tokens_only_where_asked(self):
        text = asked("Hi")
        special, plain = (
            [token["id"] for token in self.run_json("tokenize", "-m", MODEL, "-p", text, *more)["tokens"]]
            for more in [["--special"], []])
        self.assertEqual(special[0], IM_START)
        self.assertEqual(special.count(IM_END), 1)
        self.assertFalse({IM_START, IM_END} & set(plain))
