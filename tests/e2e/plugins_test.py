"""plugins and devices: what is there, and why something is not."""

import os
import shutil

from support import PLUGINS, Case


class Plugins(Case):
    def test_both_backends_load_from_beside_the_binary(self):
        found = {p["name"]: p for p in self.run_json("plugins")["plugins"]}
        for name in ["cpu", "reference"]:
            self.assertTrue(found[name]["loaded"], found[name])
            self.assertEqual(found[name]["kind"], "backend")
            self.assertTrue(found[name]["version"])
        out = self.run_program("plugins").stdout
        self.assertRegex(out, r"\nreference +backend +\S+ +\d+\.\d+ +loaded +/")

    def test_a_file_that_is_no_library_is_shown_and_the_others_load(self):
        shutil.copy(PLUGINS / "synfire_backend_reference.so", self.folder)
        self.write("synfire_backend_broken.so", "not a library")
        done = self.run_program("plugins", "--plugin-dir", self.folder)
        self.assertRegex(done.stdout, r"broken +backend +FAILED")
        self.assertRegex(done.stdout, r"\nsynfire_backend_broken\.so: .*(invalid|too short)")
        found = {p["name"]: p for p in self.run_json("plugins", "--plugin-dir", self.folder)["plugins"]}
        self.assertTrue(found["reference"]["loaded"])
        self.assertFalse(found["broken"]["loaded"])
        self.assertTrue(found["broken"]["error"])

    def test_a_relative_folder_is_looked_up_from_where_the_command_runs(self):
        relative = os.path.relpath(PLUGINS, self.folder)
        found = self.run_json("plugins", "--plugin-dir", relative, cwd=self.folder)["plugins"]
        self.assertIn("reference", [p["name"] for p in found])

    def test_an_empty_folder_and_none(self):
        self.assertEqual(self.run_json("plugins", "--plugin-dir", self.folder), {"plugins": []})
        self.fails("plugins", "--plugin-dir", self.folder / "none", says=["none"])


class Devices(Case):
    def test_table_and_json_agree(self):
        devices = self.run_json("devices")["devices"]
        names = [device["name"] for device in devices]
        self.assertIn("cpu:0", names)
        self.assertIn("reference:0", names)
        self.assertGreater(devices[names.index("cpu:0")]["cores"], 0)
        lines = self.run_program("devices").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["DEVICE", *names])

    def test_without_backends(self):
        done = self.run_program("devices", "--plugin-dir", self.folder)
        self.assertIn("no device", done.stderr)
        self.assertEqual(self.run_json("devices", "--plugin-dir", self.folder), {"devices": []})
