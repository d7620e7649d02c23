"""verify on two devices: whole layers, or neurons of every layer, in every proportion."""

from support import ARCEE, ARCEE_GOLDEN, STORIES, STORIES_GOLDEN, VerifyCase


class Splits(VerifyCase):
    def split(self, model, golden, predictor):
        for placement in ["layer", "neuron"]:
            for share in [0, 0.1, 0.5, 1]:
                with self.subTest(placement=placement, split=share, predictor=predictor):
                    self.checks(model, golden, "--device", "cpu:0,reference:0", "--placement", placement,
                                "--split", share, "--predictor", predictor)

    def test_shards(self):
        for model, golden, predictor in [(STORIES, STORIES_GOLDEN, "none"), (ARCEE, ARCEE_GOLDEN, "exact")]:
            for devices in ["cpu:0,reference:0", "cpu:0[cores=0],cpu:0[cores=1]"]:
                with self.subTest(devices=devices, predictor=predictor):
                    self.checks(model, golden, "--device", devices, "--placement", "shard", "--predictor", predictor)

    def test_splits_of_a_silu_model(self):
        self.split(STORIES, STORIES_GOLDEN, "none")

    def test_splits_of_a_relu2_model_dense(self):
        self.split(ARCEE, ARCEE_GOLDEN, "none")

    def test_splits_of_a_relu2_model_exact(self):
        self.split(ARCEE, ARCEE_GOLDEN, "exact")

    def test_a_plan_file(self):
        layers = "".join("  - cpu:0: [0-1, 4]\n    reference:0: [2-3, 5-7]\n" for _ in range(2))
        plan = self.write("plan.yaml", f"version: 1\ngroup_size: 32\nlayers:\n{layers}")
        for devices in [[], ["--device", "reference:0,cpu:0"]]:
            done = self.run_program("verify", ARCEE, "--golden", ARCEE_GOLDEN, "--plan", plan, *devices)
            self.assertRegex(done.stderr, r"cpu:0: (attention of 2 layers, )?192 neurons")
            self.assertRegex(done.stderr, r"reference:0: (attention of 2 layers, )?320 neurons")
        self.fails("verify", ARCEE, "--golden", ARCEE_GOLDEN, "--plan", plan, "--device", "cpu:0",
                   says=["plan.yaml", "reference:0"])

