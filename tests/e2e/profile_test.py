"""profile: what a run over texts records, goes on with after it was killed, and is then used for."""

import json
import re
import signal
import time
import unittest

from support import ARCEE, STORIES, Case, start

# Enough for some seconds of a run that writes after each window.
LONG = "".join(f"Once upon a time there was a cat number {i}, and it had {i % 7} kittens.\n" for i in range(4000))


class Profile(Case):
    def setUp(self):
        super().setUp()
        self.model = self.write("model.gguf", ARCEE.read_bytes())
        self.sidecar = self.folder / "model.gguf.synfire" / "profile.gguf"
        self.text = self.write("text.txt", LONG)

    def profile(self, *arguments, **options):
        return self.run_json("profile", "-m", self.model, *arguments, **options)

    def test_it_says_what_it_saw(self):
        report = self.profile("-f", self.text, "--max-bytes", "100kB")
        self.assertEqual(report["file"], str(self.sidecar))
        self.assertTrue(report["complete"])
        self.assertGreater(report["tokens"], 1000)
        self.assertEqual(len(report["layers"]), 2)
        for layer in report["layers"]:
            self.assertTrue(0 < layer["active"] < 1)
            self.assertTrue(0 < layer["overlap"] < 1)
            self.assertTrue(layer["in_run"] >= layer["active"])
        out = self.run_program("profile", "-m", self.model, "-f", self.text, "--max-bytes", "20kB").stdout
        self.assertRegex(out, r"^layer +active +again next token")
        inside = self.run_json("inspect", self.sidecar)
        self.assertIn("blk.1.moments", [tensor["name"] for tensor in inside["tensors"]])

    def test_runs_repeat(self):
        self.profile("-f", self.text, "--max-bytes", "50kB")
        content = self.sidecar.read_bytes()
        other = self.folder / "other.gguf"
        self.profile("-f", self.text, "--max-bytes", "50kB", "-o", other, "-t", 1, "--prefill-chunk", 32)
        self.assertEqual(json.dumps(self.run_json("inspect", other)["tensors"]),
                         json.dumps(self.run_json("inspect", self.sidecar)["tensors"]))
        self.profile("-f", self.text, "--max-bytes", "50kB")
        self.assertEqual(self.sidecar.read_bytes(), content)

    def test_a_run_that_was_ended_goes_on(self):
        self.profile("-f", self.text, "-o", self.folder / "whole.gguf")
        for end in [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]:
            self.sidecar.unlink(missing_ok=True)
            arguments = ["profile", "-m", self.model, "-f", self.text, "--checkpoint", "0s"]
            running = start(*arguments, stdout=-3, stderr=-3)
            self.addCleanup(running.kill)
            while not self.sidecar.exists() and running.poll() is None:
                time.sleep(0.001)
            running.send_signal(end)
            code = running.wait(60)
            self.assertEqual(code, -9 if end == signal.SIGKILL else 128 + end)
            before = self.run_json("inspect", self.sidecar)
            done = {entry["key"]: entry.get("value") for entry in before["metadata"]}
            self.assertIs(done["synfire.profile.complete"], False)
            self.profile("-f", self.text, "--resume")
            self.assertEqual(self.sidecar.read_bytes(), (self.folder / "whole.gguf").read_bytes(), end)
        # All is done: nothing changes.
        self.profile("-f", self.text, "--resume")
        self.assertEqual(self.sidecar.read_bytes(), (self.folder / "whole.gguf").read_bytes())
        self.assertEqual([entry.name for entry in self.sidecar.parent.iterdir()], ["profile.gguf"])

    def test_prompts(self):
        prompts = self.write("prompts.jsonl", "".join(
            json.dumps(line) + "\n" for line in [{"turns": ["Who is there?", "And who else?"], "id": 1},
                                                 {"instruction": "Say something.", "input": ""},
                                                 {"prompt": "Tell me of the sea and of the ships in it."}] * 9))
        alone = self.profile("-f", prompts)["tokens"]
        both = self.profile("-f", prompts, "-f", self.text, "--max-bytes", "20kB")["tokens"]
        self.assertGreater(both, alone)
        self.profile("-f", prompts, "--max-bytes", prompts.stat().st_size - 5)  # the last line is left out
        self.fails("profile", "-m", self.model, "-f", self.write("x.jsonl", '{"turns": ["a"]}\n[1]\n'),
                   says=["x.jsonl: byte 17", "JSON object"])
        self.fails("profile", "-m", self.model, "-f", self.write("y.jsonl", '{"name": "a"}\n'), says=["byte 0: no text"])

    def test_what_it_is_for(self):
        self.profile("-f", self.text, "--max-bytes", "100kB")
        fit = self.run_program("predictor", "fit", "-m", self.model, "--json")
        self.assertIn(f"profile: {self.sidecar}", fit.stderr)
        self.assertNotIn("random tokens", fit.stderr)
        for layer in json.loads(fit.stdout)["layers"]:
            self.assertAlmostEqual(layer["recall"], 0.95, delta=0.05)
        devices = self.write("devices.yaml", "version: 1\ndevices:\n"
                             "  - device: cpu:0\n    memory: 1GB\n    bandwidth: 10GB\n"
                             "  - device: reference:0\n    memory: 1GB\n    bandwidth: 5GB\n")
        plan = self.run_program("plan", "-m", self.model, "--devices", devices, "--json")
        self.assertIn(f"profile: {self.sidecar}", plan.stderr)
        # Elsewhere, by its name; or a text all the same.
        moved = self.sidecar.rename(self.folder / "moved.gguf")
        again = self.run_program("plan", "-m", self.model, "--devices", devices, "--json", "--profile", moved)
        self.assertEqual(again.stdout, plan.stdout)
        with_text = self.run_program("plan", "-m", self.model, "--devices", devices, "--json", "-f", self.text)
        self.assertNotIn("profile:", with_text.stderr)
        self.misused("plan", "-m", self.model, "--profile", moved, "-f", self.text, says=["--profile and --file"])

    def test_wrong_profiles(self):
        self.profile("-f", self.text, "--max-bytes", "50kB")
        other = self.write("other.gguf", ARCEE.read_bytes()[:-4] + b"\0\0\0\1")
        changed = bytearray(ARCEE.read_bytes())
        tensor = self.run_json("inspect", self.model)["tensors"][3]
        changed[tensor["offset"] + 5] ^= 0x11
        other = self.write("other.gguf", bytes(changed))
        for command in [("predictor", "fit"), ("plan",)]:
            self.fails(*command, "-m", other, "--profile", self.sidecar, says=["profile of another model"])
        self.fails("profile", "-m", other, "-o", self.sidecar, "-f", self.text, "--max-bytes", "50kB", "--resume",
                   says=["profile of another model"])
        self.fails("profile", "-m", self.model, "-f", self.text, "--resume", says=["begun with other texts", "50000 bytes"])
        content = self.sidecar.read_bytes()
        cut = self.write("cut.gguf", content[:len(content) // 2])
        self.fails("predictor", "fit", "-m", self.model, "--profile", cut, says=["cut.gguf"])
        self.fails("predictor", "fit", "-m", self.model, "--profile", self.model, says=["synfire-profile"])
        nan = bytearray(content)
        moments = next(t for t in self.run_json("inspect", self.sidecar)["tensors"] if t["name"] == "blk.1.moments")
        nan[moments["offset"]:moments["offset"] + 4] = b"\x00\x00\xc0\x7f"
        self.fails("predictor", "fit", "-m", self.model, "--profile", self.write("nan.gguf", bytes(nan)),
                   says=["blk.1.moments", "element 0", "nan"])

    def test_wrong_texts(self):
        bad = self.write("bad.txt", b"abc \xc3\xa9 " * 9 + b"\xff more")
        self.fails("profile", "-m", self.model, "-f", bad, says=["bad.txt: byte 63: 0xFF is not UTF-8"])
        ends = self.write("ends.txt", b"abc " * 20 + b"\xc3")
        self.fails("profile", "-m", self.model, "-f", ends, says=["ends.txt: byte 80", "within a character"])
        for command in (["predictor", "fit"], ["predictor", "fit", "--type", "mlp"], ["predictor", "eval", "--predictor", "exact"],
                        ["plan"], ["perplexity"]):
            self.fails(*command, "-m", self.model, "-f", bad, says=["bad.txt: byte 63: 0xFF is not UTF-8"])
            self.fails(*command, "-m", self.model, "-f", ends, says=["ends.txt: byte 80", "within a character"])
        self.assertFalse(list(self.sidecar.parent.glob("predictor*")))
        self.fails("profile", "-m", self.model, "-f", self.write("empty.txt", ""), says=["empty.txt: 0 tokens"])
        self.fails("profile", "-m", self.model, "-f", self.folder / "none.txt", says=["none.txt: No such file"])
        self.fails("profile", "-m", self.model, "-f", self.folder, says=["a folder"])
        self.misused("profile", "-m", self.model, says=["--file: missing"])
        # Half a character is not read.
        self.profile("-f", self.write("good.txt", b"abc \xc3\xa9 " * 40), "--max-bytes", 5 + 7 * 30)
        self.assertFalse(re.search("not UTF-8", self.run_program("profile", "-m", self.model, "-f", self.text,
                                                                 "--max-bytes", "1kB").stderr))

    def test_rooflines_of_every_predictor(self):
        self.profile("-f", self.text, "--max-bytes", "20kB")
        picture = self.folder / "roofline.svg"

        def bytes_by(predictor, model=self.model):
            self.run_program("inspect", model, "-o", picture, "--picture", "roofline", "--predictor", predictor)
            text = picture.read_text()
            self.assertIn(f"({'dense' if predictor == 'none' else predictor})", text)
            number, unit = re.search(r"  ([\d.]+) (k|M)B per token", text).groups()
            return float(number) * {"k": 1e3, "M": 1e6}[unit]

        read = {}
        for predictor in ["svd", "signbit", "mlp"]:
            self.run_program("predictor", "fit", "-m", self.model, "--type", predictor, "-f", self.text,
                             "--tokens", 2048, *(["--rows", 512] if predictor == "mlp" else []))
        for predictor in ["none", "exact", "svd", "signbit", "mlp"]:
            read[predictor] = bytes_by(predictor)
        self.assertLess(read["exact"], read["none"])
        # As decoding counts them, but for the text.
        for predictor in ["exact", "svd", "signbit", "mlp"]:
            report = self.run_json("predictor", "eval", "-m", self.model, "-f", self.text, "--tokens", 1000,
                                   "--predictor", predictor)["predictors"][0]["chosen"]
            self.assertAlmostEqual(read[predictor] / report["ffn_bytes"], 1, delta=0.1, msg=predictor)
        self.fails("inspect", self.model, "-o", picture, "--picture", "roofline", "--predictor", "guess",
                   says=["guess"])
        stories = self.write("stories.gguf", STORIES.read_bytes())
        self.run_program("profile", "-m", stories, "-f", self.text, "--max-bytes", "20kB")
        self.run_program("predictor", "fit", "-m", stories, "--type", "threshold", "-f", self.text, "--skip", 0.6)
        dense, sparse = bytes_by("none", stories), bytes_by("threshold", stories)
        self.assertAlmostEqual(sparse / dense, (1 + 2 * 0.4) / 3, delta=0.05)

    def test_curves_of_losses(self):
        self.run_program("predictor", "fit", "-m", self.model, "-f", self.text, "--tokens", 4096)
        def measured(name, *arguments):
            report = self.run_json("predictor", "eval", "-m", self.model, "-f", self.text, "--tokens", 1000, *arguments)
            return self.write(name, json.dumps(report)), report

        first, report = measured("a.json", "--predictor", "svd,exact")
        second, _ = measured("b.json", "--predictor-threshold", 0.3)
        picture = self.folder / "curve.svg"

        def draw(*files):
            return ["inspect", self.model, "-o", picture, "--picture", "loss-curve",
                    *(word for file in files for word in ("--eval", file))]

        self.run_program(*draw(first, second))
        import xml.etree.ElementTree as tree
        texts = list(tree.parse(picture).getroot().itertext())
        for name in ["svd", "exact", "perplexity lost against exact, %", "bytes of FFN and predictor, of exact's"]:
            self.assertIn(name, texts)
        svd = 'fill="#0072b2"'  # two points and the legend's
        self.assertEqual(picture.read_text().count(svd), 3)
        page = self.folder / "page.html"
        self.run_program("inspect", self.model, "-o", page, "--eval", first)
        self.assertIn("What finding neurons costs", page.read_text())
        # What is no such file.
        self.fails(*draw(self.folder / "none.json"), says=["none.json: cannot open"])
        for content, says in [("", "no JSON object"), ("[]", "no JSON object"), ("{}", 'no "exact"'),
                              (json.dumps({**report, "predictors": {}}), 'no "predictors"'),
                              (json.dumps({**report, "predictors": [{"name": "x"}]}), 'no "points"'),
                              (json.dumps({**report, "predictors": [{"name": "x", "points": [{"of_exact": "1"}]}]}),
                               'no number "of_exact"')]:
            self.fails(*draw(self.write("bad.json", content)), says=["bad.json", says, "predictor eval --json"])
        self.fails(*draw(self.write("c.json", json.dumps({**report, "model": 1}))),
                   says=["c.json: of another model: fingerprint 1"])
        self.fails(*draw(first, self.write("d.json", json.dumps({**report, "tokens": 5}))),
                   says=["d.json", "on 5 tokens", "a.json", "one text"])
        self.fails(*draw(self.write("e.json", json.dumps({**report, "predictors": []}))),
                   says=["nothing of loss-curve to draw"])
        self.misused("inspect", self.model, "--eval", first, says=["--eval: given without --out"])

    def test_models_that_are_never_silent(self):
        stories = self.write("stories.gguf", STORIES.read_bytes())
        report = self.run_json("profile", "-m", stories, "-f", self.text, "--max-bytes", "20kB")
        self.assertEqual(report["layers"], [])
        out = self.run_program("profile", "-m", stories, "-f", self.text, "--max-bytes", "20kB").stdout
        self.assertIn("all neurons fire, always: silu", out)

    def test_pictures(self):
        self.profile("-f", self.text, "--max-bytes", "100kB")
        self.run_program("predictor", "fit", "-m", self.model)
        devices = self.write("devices.yaml", "version: 1\ndevices:\n"
                             "  - device: cpu:0\n    memory: 470kB\n    bandwidth: 10GB\n"
                             "  - device: reference:0\n    memory: 1GB\n    bandwidth: 5GB\n")
        self.run_program("plan", "-m", self.model, "--devices", devices, "--group-size", 16,
                         "-o", f"{self.model}.synfire/plan.yaml")
        page = self.folder / "report.html"
        done = self.run_program("inspect", self.model, "-o", page, "--devices", devices)
        for name in ["activity", "coverage", "overlap", "predictor-svd", "placement", "roofline"]:
            self.assertIn(f"picture: {name}\n", done.stderr)
        self.assertEqual(page.read_text().count("<svg "), 6)
        import xml.etree.ElementTree as tree
        for name in ["activity", "coverage", "overlap", "predictor", "placement", "roofline"]:
            picture = self.folder / f"{name}.svg"
            self.run_program("inspect", self.model, "-o", picture, "--picture", name)
            root = tree.parse(picture).getroot()
            self.assertTrue(root.tag.endswith("svg"))
            self.assertIn("layer", "".join(root.itertext()))
        self.assertIn("the hottest first", (self.folder / "placement.svg").read_text())
        self.assertIn("(svd)", (self.folder / "roofline.svg").read_text())
        alone = self.folder / "alone.svg"
        self.run_program("inspect", self.sidecar, "-o", alone, "--picture", "activity")
        self.assertEqual(alone.read_bytes(), (self.folder / "activity.svg").read_bytes())
        self.misused("inspect", self.model, "-o", self.folder / "a.png", says=["a.png", ".html or .svg"])
        self.misused("inspect", self.model, "-o", alone, says=["--picture"])
        self.misused("inspect", self.model, "--picture", "overlap", says=["without --out"])
        self.fails("inspect", STORIES, "-o", page, says=["nothing to draw"])
        self.fails("inspect", STORIES, "-o", alone, "--picture", "overlap", says=["nothing of overlap"])


if __name__ == "__main__":
    unittest.main()
