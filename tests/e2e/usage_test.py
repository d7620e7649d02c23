"""Help, wrong command lines, and which of flag, environment and file wins."""

import subprocess

from support import BINARY, DATA, SOURCE, STORIES, Case, environment

COMMANDS = "run serve generate verify tokenize bench perplexity inspect synth devices plugins".split()


class Help(Case):
    def test_lists_all_commands(self):
        out = self.run_program("--help").stdout
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", out)

    def test_of_each_command_names_its_options(self):
        for command in COMMANDS:
            out = self.run_program(command, "--help").stdout
            self.assertTrue(out.startswith(f"usage: synfire {command} "), out)
            self.assertIn("--log-level", out)
            for line in out.splitlines():
                self.assertLessEqual(len(line), 100)

    def test_comes_before_complaints(self):
        self.run_program("run", "--split", "7", "--help")

    def test_version(self):
        self.assertRegex(self.run_program("--version").stdout, r"^synfire \d+\.\d+\.\d+\n$")

    def test_without_a_command_is_wrong_usage(self):
        done = self.run_program(exit_code=2)
        self.assertIn("usage:", done.stderr)


class WrongUsage(Case):
    def test_unknown_command_suggests_a_near_one(self):
        self.misused("tokenise", says=["unknown command 'tokenise'", "did you mean 'tokenize'?"])
        self.assertNotIn("mean", self.misused("xyzzy", says=["unknown command 'xyzzy'"]))

    def test_unknown_option_suggests_a_near_one(self):
        self.misused("run", "--promt", "x", says=["'--promt'", "did you mean '--prompt'?"])
        self.misused("run", "--promt=x", says=["'--promt'", "did you mean '--prompt'?"])
        self.misused("run", "-Z", says=["unknown option '-Z'"])

    def test_options_of_other_commands_are_unknown(self):
        self.misused("plugins", "-m", STORIES, says=["'-m'"])

    def test_bare_words(self):
        self.misused("devices", "cpu", says=["unexpected argument 'cpu'"])
        self.misused("inspect", STORIES, STORIES, says=["unexpected argument"])

    def test_a_value_is_missing(self):
        self.misused("run", "-m", STORIES, "-p", says=["prompt"])

    def test_values_are_checked(self):
        for option, value in [("--split", "1.5"), ("--split", "nan"), ("--ctx", "0"), ("--temp", "-1"),
                              ("--top-p", "0"), ("--threads", "many"), ("--placement", "diagonal"),
                              ("--device", "cpu:0["), ("--n-predict", "-3"), ("--seed", "1.5"),
                              ("--step-timeout", "5"), ("--logit-bias", "x"), ("--kv-dtype", "f8"),
                              ("--log-level", "loud"), ("--special", None)]:
            argument = [option, value] if value is not None else [option + "=perhaps"]
            self.misused("run", "-m", STORIES, "-p", "x", *argument, says=[option.lstrip("-")])

    def test_what_is_needed(self):
        for command in ["run", "verify", "bench", "perplexity", "tokenize"]:
            self.misused(command, says=["--model: missing"])
        self.misused("inspect", says=["FILE"])
        self.misused("run", "-m", STORIES, says=["--prompt"])
        self.misused("perplexity", "-m", STORIES, says=["--file"])
        self.misused("verify", STORIES, says=["--golden", "--against"])
        self.misused("tokenize", "-m", STORIES, says=["--prompt, --file and --decode"])

    def test_what_excludes_each_other(self):
        self.misused("run", "-m", STORIES, "-p", "x", "--split", "1", "--plan", "p.yaml",
                     says=["--split", "--plan"])
        self.misused("verify", STORIES, "--golden", "g", "--against", "cpu:0", says=["both"])
        self.misused("tokenize", "-m", STORIES, "-p", "x", "--decode", "1", says=["2 of"])
        self.misused("bench", "-m", STORIES, "-p", "0", "-n", "0", says=["nothing to measure"])


class Sources(Case):
    """tokenize takes --model from anywhere."""

    def ids(self, *arguments, **options):
        tokens = self.run_json("tokenize", "-p", "Once", *arguments, **options)["tokens"]
        return [token["id"] for token in tokens]

    def test_environment(self):
        self.assertEqual(self.ids(env={"SYNFIRE_MODEL": str(STORIES)}), self.ids("-m", STORIES))

    def test_flag_beats_environment_beats_file(self):
        config = self.write("c.yaml", "model:\n  path: of-the-file.gguf\n")
        self.fails("tokenize", "-p", "x", "--config", config, says=["of-the-file.gguf"])
        self.fails("tokenize", "-p", "x", "--config", config, env={"SYNFIRE_MODEL": "of-env.gguf"},
                   says=["of-env.gguf"])
        self.fails("tokenize", "-p", "x", "--config", config, "-m", "of-the-flag.gguf",
                   env={"SYNFIRE_MODEL": "of-env.gguf"}, says=["of-the-flag.gguf"])

    def test_the_file_may_come_from_the_environment(self):
        config = self.write("c.yaml", f"model:\n  path: {STORIES}\n")
        self.assertEqual(self.ids(env={"SYNFIRE_CONFIG": str(config)}), self.ids("-m", STORIES))

    def test_the_commented_example_loads(self):
        self.ids("-m", STORIES, "--config", SOURCE / "configs" / "synfire.yaml")

    def test_errors_name_the_place(self):
        config = self.write("c.yaml", "model:\n  context: none\n")
        self.misused("tokenize", "-p", "x", "--config", config, says=["c.yaml:2:12", "model.context"])
        self.misused("tokenize", "-p", "x", "--config", DATA / "config-bad" / "unknown-key.yaml",
                     says=["unknown-key.yaml:"])
        self.misused("tokenize", "-p", "x", "--config", self.folder / "none.yaml", says=["none.yaml"])
        self.misused("devices", env={"SYNFIRE_LOG_LEVEL": "loud"}, says=["SYNFIRE_LOG_LEVEL"])

    def test_values_that_look_like_flags(self):
        dashes = self.run_json("tokenize", "-m", STORIES, "-p", "--json")
        self.assertGreater(len(dashes["tokens"]), 2)
        empty = self.run_json("tokenize", "-m", STORIES, "--prompt=")
        self.assertEqual(len(empty["tokens"]), 1)  # BOS
        brackets = self.run_json("tokenize", "-m", STORIES, "-p", "[a,b]")
        self.assertEqual("".join(t["piece"] for t in brackets["tokens"][1:]), " [a,b]")


class Output(Case):
    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "--help"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  env=environment(), timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("synfire: stdout: No space left", done.stderr)
