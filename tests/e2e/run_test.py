"""run: generation in the process."""

import fcntl
import json
import signal
import subprocess

from support import STORIES, TIME_LIMIT, Case, start

F_SETPIPE_SZ = 1031  # of Linux; the fcntl module has it from Python 3.10 on


class Run(Case):
    def text(self, *arguments, **options):
        return self.run_program("run", "-m", STORIES, *arguments, **options).stdout

    def test_text_on_stdout_the_rest_on_stderr(self):
        done = self.run_program("run", "-m", STORIES, "-p", "Once upon a time", "-n", 8)
        self.assertEqual(done.stdout, ", there was a little girl\n")
        for words in ["cpu:0", "placement: single", "predictor: none", "context: 512",
                      "time to first token", "tokens/s", "finish: length"]:
            self.assertIn(words, done.stderr)

    def test_json_has_a_record_per_token(self):
        records = self.run_records("run", "-m", STORIES, "-p", "Once upon a time", "-n", 8)
        self.assertEqual(len(records), 9)
        for record in records[:-1]:
            self.assertIsInstance(record["id"], int)
            self.assertLessEqual(record["logprob"], 0)
        self.assertEqual(records[-1]["finish_reason"], "length")
        self.assertEqual(records[-1]["completion_tokens"], 8)
        text = "".join(record["text"] for record in records)
        self.assertEqual(text + "\n", self.text("-p", "Once upon a time", "-n", 8))

    def test_same_seed_same_text(self):
        sampled = ["-p", "Once", "-n", 30, "--temp", 1, "--top-k", 0, "--top-p", 1, "--min-p", 0]
        texts = [self.text(*sampled, "--seed", seed) for seed in [1, 1, 2]]
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0], texts[2])

    def test_stop_text_is_no_part_of_the_output(self):
        records = self.run_records("run", "-m", STORIES, "-p", "Once upon a time", "--stop", "little")
        self.assertEqual(records[-1]["finish_reason"], "stop")
        self.assertEqual("".join(r["text"] for r in records), ", there was a ")

    def test_the_end_of_the_context(self):
        records = self.run_records("run", "-m", STORIES, "-p", "Once upon a time", "-c", 16)
        self.assertEqual(records[-1]["finish_reason"], "length")
        self.assertLessEqual(records[-1]["prompt_tokens"] + records[-1]["completion_tokens"], 17)

    def test_options_of_the_environment_and_the_file(self):
        config = self.write("c.yaml", "sampling: {max_tokens: 3}\n")
        with_file = self.run_records("run", "-m", STORIES, "-p", "Once", "--config", config)
        self.assertEqual(len(with_file), 4)
        both = self.run_records("run", "-m", STORIES, "-p", "Once", "--config", config,
                                env={"SYNFIRE_N_PREDICT": "5"})
        self.assertEqual(len(both), 6)

    def test_turns_go_on_from_each_other(self):
        turns = self.run_records("run", "-m", STORIES, "-i", "-n", 4, stdin="Once upon\n\n a big dog\n")
        ends = [record for record in turns if "finish_reason" in record]
        self.assertEqual(len(ends), 2)
        self.assertGreater(ends[1]["prompt_tokens"], ends[0]["prompt_tokens"] + 4)
        first = self.run_records("run", "-m", STORIES, "-p", "Once upon", "-n", 4)
        self.assertEqual(turns[:5], first)

    def test_no_turns_at_all(self):
        self.assertEqual(self.run_program("run", "-m", STORIES, "-i").stdout, "")

    def test_errors(self):
        self.fails("run", "-m", "none.gguf", "-p", "x", says=["none.gguf"])
        self.fails("run", "-m", self.without_tokenizer(), "-p", "x",
                   says=["wordless.gguf", "no tokenizer"])
        long = self.fails("run", "-m", STORIES, "-p", "word " * 60, "-c", 40, says=["40"])
        self.assertRegex(long, r"\d{2,} tokens")
        self.fails("run", "-m", STORIES, "-p", "x", "--device", "gpu9:0", says=["gpu9"])
        self.fails("run", "-m", STORIES, "-p", "x", "--device", "reference:7", says=["7"])
        self.fails("run", "-m", STORIES, "-p", "x", "--predictor", "oracle9", says=["oracle9"])
        self.fails("run", "-m", STORIES, "-p", "x", "--device", "cpu:0,cpu:0", "--placement", "shard",
                   "--split", 0, says=["KV heads", "device 0 of 2"])
        self.fails("run", "-m", STORIES, "-p", "x", "--plan", self.folder / "p.yaml", says=["p.yaml"])
        self.fails("run", "-m", STORIES, "-p", "x", "--logit-bias", "512=1", says=["512"])


class Interrupted(Case):
    def end(self, process, want):
        out, err = process.communicate(timeout=TIME_LIMIT)
        self.assertEqual(process.returncode, want, err)
        return out

    def test_between_turns(self):
        process = start("run", "-m", STORIES, "-i", "-n", 4, "--json", stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write("Once upon\n")
        process.stdin.flush()
        while "finish_reason" not in json.loads(process.stdout.readline()):
            pass
        process.send_signal(signal.SIGINT)
        self.end(process, 128 + signal.SIGINT)

    def test_in_the_middle_of_a_generation(self):
        process = start("run", "-m", STORIES, "-p", "Once", "-n", 500, "--json", stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, text=True)
        fcntl.fcntl(process.stdout, F_SETPIPE_SZ, 4096)  # it cannot finish while nobody reads
        json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        last = self.end(process, 128 + signal.SIGINT).splitlines()[-1]
        self.assertIn(json.loads(last)["finish_reason"], ["cancelled", "length"])
