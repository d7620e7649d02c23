"""plan: a placement as a file, what it promises, and what is said of plans and devices that do not fit."""

import re
import struct

from support import ARCEE, ARCEE_GOLDEN, STORIES, Case

TWO = "cpu:0[cores=0,throttle=0.5],cpu:0[cores=1]"
D_FF, LAYERS = 256, 2  # of ARCEE


def described(*devices):
    lines = "".join(f"  - {{device: '{name}', memory: {memory}, bandwidth: {bandwidth}, fork_join_us: 0.01}}\n"
                    for name, memory, bandwidth in devices)
    return "version: 1\ndevices:\n" + lines


def gpu_index(hot, flags):
    """A .gpuidx as PowerInfer's exporter writes it: I32 (18 in its files) tensors, flags and buckets."""
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    keys = [text("general.architecture") + struct.pack("<I", 8) + text("generic.gpu_index"),
            text("split.vram_capacity") + struct.pack("<IQ", 10, 1 << 30)]
    tensors, data = [], b""
    for layer in range(LAYERS):
        for name, values in [("gpu_idx", flags), ("gpu_bucket", hot)]:
            tensors.append(text(f"blk.{layer}.{name}") + struct.pack("<IQIQ", 1, len(values), 18, len(data)))
            data += struct.pack(f"<{len(values)}i", *values)
            data += b"\0" * (-len(data) % 32)
    head = b"PWRI" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(keys + tensors)
    return head + b"\0" * (-len(head) % 32) + data


class Plan(Case):
    def setUp(self):
        super().setUp()
        self.model = self.write("model.gguf", ARCEE.read_bytes())
        self.yaml = self.folder / "plan.yaml"

    def plan(self, *arguments, **options):
        return self.run_json("plan", "-m", self.model, "--tokens", 64, "-o", self.yaml, *arguments, **options)

    def says(self, *arguments):
        return self.run_program("run", "-m", self.model, "-p", "a", "-n", 12, "--temp", 0, *arguments).stdout

    def devices(self, *devices):
        return self.write("devices.yaml", described(*devices))

    def test_a_plan_of_measured_devices_gives_the_same_text(self):
        report = self.plan("--device", TWO, "--depth", 8)
        self.assertEqual([device["name"] for device in report["devices"]], TWO.replace(",cpu", " cpu").split())
        self.assertGreater(report["tokens_per_second"], 0)
        self.assertGreater(report["home_seconds"], 0)
        self.assertLess(report["home_seconds"], report["seconds"])
        self.assertLessEqual(report["bound_seconds"], report["seconds"])
        self.assertEqual(self.says("--plan", self.yaml), self.says("--device", "cpu:0[cores=0]"))

    def test_bench_says_what_the_plan_expected(self):
        report = self.plan("--device", TWO, "--depth", 8)
        self.assertIn("  depth: 8\n", self.yaml.read_text())
        bench = ["bench", "-m", self.model, "--plan", self.yaml, "-p", 0, "-n", 8, "-r", 1]
        self.assertAlmostEqual(self.run_json(*bench)["expected"]["tokens_per_second"],
                               report["tokens_per_second"], delta=0.001 * report["tokens_per_second"])
        self.assertRegex(self.run_program(*bench).stdout, r"the plan expected [\d.]+ tokens/s at 8 tokens")

    def test_groups_that_fire_together(self):
        devices = self.devices(("cpu:0[cores=0]", "2MB", "1GB"), ("cpu:0[cores=1]", "1GB", "1GB"))
        report = self.plan("--devices", devices, "--cluster", "--group-size", 16)
        self.assertEqual(sum(16 * part["groups"] + part["cut_neurons"] for part in report["layers"][0]["parts"]), D_FF)
        self.assertIn("group_size: 1\n", self.yaml.read_text())
        self.assertEqual(self.says("--plan", self.yaml), self.says("--device", "cpu:0[cores=0]"))

    def test_single_neurons_balance_devices(self):
        devices = self.devices(("cpu:0", "1GB", "10GB"), ("reference:0", "1GB", "9GB"))
        whole = self.plan("--devices", devices)
        self.assertIn("group_size: 32\n", self.yaml.read_text())
        self.assertEqual({part["cut_neurons"] for layer in whole["layers"] for part in layer["parts"]}, {0})
        cut = self.plan("--devices", devices, "--cut")
        self.assertIn("group_size: 1\n", self.yaml.read_text())
        self.assertLess(cut["seconds"], whole["seconds"])
        parts = [part for layer in cut["layers"] for part in layer["parts"]]
        self.assertGreater(sum(part["cut_neurons"] for part in parts), 0)
        self.assertEqual(sum(32 * part["groups"] + part["cut_neurons"] for part in parts), LAYERS * D_FF)
        done = self.run_program("verify", self.model, "--golden", ARCEE_GOLDEN, "--predictor", "exact",
                                "--plan", self.yaml)
        neurons = [int(n) for n in re.findall(r":0: (?:attention of 2 layers, )?(\d+) neurons", done.stderr)]
        self.assertEqual(len(neurons), 2)
        self.assertEqual(sum(neurons), LAYERS * D_FF)
        self.assertNotEqual(neurons[0] % 32, 0)
        self.assertEqual(self.says("--plan", self.yaml), self.says("--device", "cpu:0"))

    def test_people_may_edit_it(self):
        self.plan("--devices", self.devices(("cpu:0", "1GB", "10GB"), ("reference:0", "1GB", "10GB")))
        layers = "".join("  - \"cpu:0\": [0-2, 6]\n    \"reference:0\": [3-5, 7]\n" for _ in range(LAYERS))
        edited = re.sub(r"(?s)layers:\n.*", "layers:\n" + layers, self.yaml.read_text())
        self.yaml.write_text(edited)
        done = self.run_program("run", "-m", self.model, "-p", "a", "-n", 4, "--temp", 0, "--plan", self.yaml)
        self.assertRegex(done.stderr, r"cpu:0: attention of 2 layers, 256 neurons")
        self.assertRegex(done.stderr, r"reference:0: 256 neurons")

    def test_plans_are_for_machines_that_are_elsewhere(self):
        report = self.plan("--devices", self.devices(("cuda:0", "1GB", "900GB"), ("cpu:0", "1GB", "30GB")))
        self.assertEqual(report["devices"][0]["name"], "cuda:0")
        self.assertIn('"cuda:0"', self.yaml.read_text())
        self.fails("run", "-m", self.model, "-p", "a", "--plan", self.yaml, says=["cuda"])

    def test_fixed_costs_of_described_devices_count(self):
        text = described(("cpu:0", "1GB", "10GB"))
        before = self.plan("--devices", self.write("devices.yaml", text))["seconds"]
        slower = text.replace("fork_join_us: 0.01", "step_us: 1000, layer_us: 500")
        after = self.plan("--devices", self.write("devices.yaml", slower))["seconds"]
        self.assertAlmostEqual(after - before, 1000e-6 + LAYERS * 500e-6, places=6)

    def test_budgets_are_kept(self):
        # The first device has everything but the FFNs, and these are faster on the other one.
        all_at_home = self.plan("--devices", self.devices(("cpu:0", "1GB", "1GB")))["devices"][0]["bytes"]
        ffns = LAYERS * D_FF * 2 * 64 * 4
        home = all_at_home - ffns
        for share in [0.25, 0.5]:
            budget = int(ffns * share)
            report = self.plan("--devices", self.devices(("cpu:0", home + ffns, "1GB"),
                                                         ("reference:0", budget, "100GB")))
            used = report["devices"][1]["bytes"]
            self.assertLessEqual(used, budget)
            self.assertGreaterEqual(used, 0.98 * budget)

    def test_powerinfers_choice(self):
        hot = list(range(0, D_FF, 3))
        flags = [int(neuron % 3 == 0) for neuron in range(D_FF)]
        index = self.write("model.gpuidx", gpu_index(hot, flags))
        devices = self.devices(("cpu:0", "1GB", "10GB"), ("reference:0", "1GB", "10GB"))
        report = self.plan("--devices", devices, "--gpuidx", index)
        self.assertNotIn("gap", report)  # of a placement that is given there is no bound
        self.assertNotIn("gap", self.run_program("plan", "-m", self.model, "--devices", devices, "--gpuidx", index,
                                                 "--tokens", 64, "--dry-run").stdout)
        self.assertEqual([part["groups"] for part in report["layers"][1]["parts"]], [len(hot), D_FF - len(hot)])
        self.assertEqual(self.says("--plan", self.yaml), self.says("--device", "cpu:0"))
        short = self.write("short.gpuidx", gpu_index([0], [1, 0]))
        self.fails("plan", "-m", self.model, "--devices", devices, "--gpuidx", short,
                   says=["short.gpuidx: layer 0: 2 neurons, the model has 256"])
        self.fails("plan", "-m", self.model, "--devices", self.devices(("cpu:0", "1GB", "1GB")), "--gpuidx", index,
                   says=["1 devices, want two"])
        self.fails("plan", "-m", self.model, "--devices", devices, "--gpuidx", self.model, says=["blk.0.gpu_idx"])

    def test_dry_run_writes_nothing(self):
        devices = self.devices(("cpu:0", "1GB", "1GB"))
        out = self.run_program("plan", "-m", self.model, "--tokens", 64, "--devices", devices, "--dry-run").stdout
        self.assertRegex(out, r"(?m)^LAYER +DEVICE +GROUPS")
        self.assertRegex(out, r"[\d.]+ tokens/s predicted")
        self.assertFalse((self.folder / "model.gguf.synfire").exists())
        self.run_program("plan", "-m", self.model, "--tokens", 64, "--devices", devices)
        self.assertTrue((self.folder / "model.gguf.synfire" / "plan-devices.yaml").exists())

    def test_the_plan_beside_the_model_is_followed(self):
        run = ["run", "-m", self.model, "-p", "a", "-n", 4, "--temp", 0]
        before = self.run_program(*run)
        self.run_program("plan", "-m", self.model, "--tokens", 64, "--device", TWO, "--depth", 8)
        planned = self.folder / "model.gguf.synfire" / "plan.yaml"
        after = self.run_program(*run)
        self.assertIn(f"plan: {planned}", after.stderr)
        self.assertIn("cpu:0[cores=0", after.stderr)
        self.assertEqual(after.stdout, before.stdout)
        for more in (["--device", "cpu:0"], ["--placement", "single"]):
            self.assertNotIn("plan:", self.run_program(*run, *more).stderr)
        planned.write_text("version: 7\n")
        self.fails(*run, says=["plan.yaml", "version"])

    def test_errors(self):
        run = ["run", "-m", self.model, "-p", "a", "-n", 1]
        self.plan("--devices", self.devices(("cpu:0", "1GB", "1GB"), ("cpu:7", "1GB", "100GB")))
        self.fails(*run, "--plan", self.yaml, says=["cpu: device 7, want less than"])
        self.plan("--devices", self.devices(("cpu:0", "1GB", "1GB")))
        self.fails(*run, "--plan", self.yaml, "--device", "reference:0", says=["plan.yaml", "cpu:0"])
        self.fails("run", "-m", STORIES, "-p", "a", "--plan", self.yaml, says=["layer"])
        self.fails("plan", "-m", self.model, "--devices", self.devices(("cpu:0", "1KiB", "1GB")),
                   says=["device cpu:0: 1024 bytes of memory", "attention"])
        small = self.devices(("cpu:0", "500kB", "1GB"), ("reference:0", "1KiB", "1GB"))
        self.fails("plan", "-m", self.model, "--ctx", 64, "--devices", small, says=["bytes", "have"])
        self.fails("plan", "-m", self.model, "--devices", self.write("bad.yaml", "version: 1\ndevices: 5\n"),
                   says=["bad.yaml:2:10"])
        self.fails("plan", "-m", self.model, "--device", "cpu:0[throttle=2]", says=["throttle=2", "0.01 to 1"])
        self.misused("plan", "-m", self.model, "--split", 0.5, says=["split"])
