"""tokenize and inspect: commands that need no device."""

from support import DATA, STORIES, Case

TEXT = "Once upon a tïme\n"


class Tokenize(Case):
    def ids(self, *arguments, **options):
        return [t["id"] for t in self.run_json("tokenize", "-m", STORIES, *arguments, **options)["tokens"]]

    def test_table(self):
        out = self.run_program("tokenize", "-m", STORIES, "-p", TEXT).stdout.splitlines()
        self.assertEqual(out[0].split(), ["ID", "PIECE"])
        self.assertEqual(out[1].split(), ["1", '"<s>"'])
        self.assertEqual(out[2], '403  " Once"')
        self.assertIn('"<0xC3>"', "\n".join(out))

    def test_text_file_and_stdin_agree(self):
        file = self.write("text", TEXT)
        want = self.ids("-p", TEXT)
        self.assertEqual(self.ids("-f", file), want)
        self.assertEqual(self.ids("-f", "-", stdin=TEXT), want)

    def test_there_and_back(self):
        ids = self.ids("-p", TEXT)
        back = self.run_json("tokenize", "-m", STORIES, "--decode", *ids)
        self.assertEqual(back, {"text": TEXT})
        self.assertEqual(self.run_program("tokenize", "-m", STORIES, "--decode", *ids).stdout, TEXT + "\n")

    def test_special_tokens_only_where_asked(self):
        plain, special = self.ids("-p", "<s>"), self.ids("-p", "<s>", "--special")
        self.assertEqual(special, [1, 1])
        self.assertNotEqual(plain, special)
        self.assertEqual(self.run_json("tokenize", "-m", STORIES, "--decode", 1, 403)["text"], "Once")
        shown = self.run_json("tokenize", "-m", STORIES, "--special", "--decode", 1, 403)["text"]
        self.assertTrue(shown.startswith("<s>"), shown)

    def test_errors(self):
        self.fails("tokenize", "-m", "none.gguf", "-p", "x", says=["none.gguf"])
        self.fails("tokenize", "-m", DATA / "gguf-bad" / "magic-wrong.gguf", "-p", "x",
                   says=["magic-wrong.gguf"])
        self.fails("tokenize", "-m", self.without_tokenizer(), "-p", "x",
                   says=["wordless.gguf", "tokenizer.ggml"])
        self.fails("tokenize", "-m", STORIES, "-f", self.folder / "none", says=["No such file"])
        self.fails("tokenize", "-m", STORIES, "-f", self.folder, says=["directory"])
        self.fails("tokenize", "-m", STORIES, "--decode", 9999, says=["9999"])
        self.misused("tokenize", "-m", STORIES, "--decode", "x", says=["--decode"])


class Inspect(Case):
    def test_tables(self):
        out = self.run_program("inspect", STORIES).stdout
        self.assertRegex(out, r"general\.architecture +STRING +llama\n")
        self.assertRegex(out, r"blk\.0\.ffn_up\.weight +F32 +\[64, 172\] +44032\n")
        self.assertRegex(out, r"\nF32 +47 +260032 +1040128\n")

    def test_json(self):
        file = self.run_json("inspect", "-m", STORIES)
        self.assertEqual((file["format"], file["version"], len(file["tensors"])), ("GGUF", 3, 47))
        keys = {entry["key"]: entry for entry in file["metadata"]}
        self.assertEqual(keys["llama.block_count"]["value"], 5)
        self.assertEqual(keys["general.architecture"]["value"], "llama")
        self.assertEqual(keys["tokenizer.ggml.add_bos_token"]["value"], True)
        self.assertEqual(keys["tokenizer.ggml.tokens"]["length"], 512)
        self.assertEqual(file["totals"]["F32"]["bytes"], sum(t["bytes"] for t in file["tensors"]))

    def test_other_good_files(self):
        for file in sorted((DATA / "gguf-good").glob("*.gguf")):
            with self.subTest(file.name):
                self.run_program("inspect", file)
                self.run_json("inspect", file)

    def test_bad_files_are_one_error_that_names_them(self):
        for file in sorted((DATA / "gguf-bad").glob("*.gguf")):
            with self.subTest(file.name):
                self.fails("inspect", file, says=[file.name])
