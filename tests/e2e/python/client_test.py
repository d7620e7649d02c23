"""A client in another language: streams, cancels, and gets each error code of `synfire serve`.

Needs SYNFIRE_BINARY and the stubs of proto/ on PYTHONPATH; run.py brings both.
"""

import concurrent.futures
import pathlib
import signal
import tempfile
import time
import unittest

import grpc

from served import Served
from synfire.v1 import synfire_pb2 as pb
from synfire.v1 import synfire_pb2_grpc as rpc

SOURCE = pathlib.Path(__file__).resolve().parents[3]
MODEL = SOURCE / "models" / "synfire-tiny-q8_0.gguf"
SMALL_MODEL = SOURCE / "tests" / "data" / "stories260K" / "stories260K-f32.gguf"
PROMPT = "Once upon a time"
LIMIT_S = 120  # of every wait: longer than anything takes
TIE_NATS = 0.1  # log-probabilities that rounding can swap (0.035 was seen)


class Client:
    def __init__(self, address: str):
        self.channel = grpc.insecure_channel(address)
        grpc.channel_ready_future(self.channel).result(LIMIT_S)
        self.inference = rpc.InferenceStub(self.channel)
        self.control = rpc.ControlStub(self.channel)

    def stream(self, timeout: float = LIMIT_S, **fields):
        if "token_ids" not in fields:
            fields.setdefault("text", PROMPT)
        return self.inference.Generate(pb.GenerateRequest(**fields), timeout=timeout)

    def generate(self, **fields):
        """All messages of a call."""
        return list(self.stream(**fields))

    def stats(self):
        return self.control.GetStats(pb.GetStatsRequest(), timeout=LIMIT_S)

    def wait_idle(self):
        """Waits until the engine runs nothing, and gives its counts."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            stats = self.stats()
            if stats.requests_running + stats.requests_waiting == 0:
                return stats
            time.sleep(0.01)
        raise AssertionError("the engine still runs something")

    def raw(self, method: str, message: bytes):
        """A unary call with bytes, for services whose .proto files are not here."""
        return self.channel.unary_unary(method)(message, timeout=LIMIT_S)


def text_of(messages) -> str:
    return "".join(message.text for message in messages)


def ids_of(messages) -> list[int]:
    return [token for message in messages for token in message.token_ids]


class ServiceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.served = Served(MODEL)
        cls.addClassCleanup(cls.served.close)
        cls.client = Client(cls.served.address)
        cls.addClassCleanup(cls.client.channel.close)

    def assert_fails(self, code: grpc.StatusCode, want: str, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        self.assertIn(want, caught.exception.details())

    # -- streaming

    def test_streams_tokens_and_one_finish(self):
        messages = self.client.generate(max_tokens=24)
        self.assertTrue(text_of(messages).strip())
        self.assertTrue(all(not message.HasField("finish") for message in messages[:-1]))
        finish = messages[-1].finish
        self.assertEqual(finish.reason, pb.FINISH_REASON_LENGTH)
        self.assertEqual(finish.usage.completion_tokens, 24)
        self.assertEqual(len(ids_of(messages)), 24)
        self.assertGreater(finish.timings.prefill_us + finish.timings.decode_us, 0)

    def test_comes_in_many_messages(self):
        stream = self.client.stream(max_tokens=200, ignore_eos=True)
        messages = list(stream)
        self.assertGreater(len(messages), 1)
        self.assertEqual(stream.code(), grpc.StatusCode.OK)

    def test_token_ids_give_what_their_text_gives(self):
        tokens = self.client.inference.Tokenize(pb.TokenizeRequest(text=PROMPT), timeout=LIMIT_S)
        from_text = self.client.generate(max_tokens=16)
        from_ids = self.client.generate(token_ids=pb.TokenIds(ids=tokens.token_ids), max_tokens=16)
        self.assertEqual(text_of(from_ids), text_of(from_text))
        self.assertEqual(ids_of(from_ids), ids_of(from_text))
        self.assertEqual(from_text[-1].finish.usage.prompt_tokens, len(tokens.token_ids))

    def test_ids_detokenize_to_the_text(self):
        messages = self.client.generate(max_tokens=16)
        tokens = self.client.inference.Tokenize(pb.TokenizeRequest(text=PROMPT), timeout=LIMIT_S)
        whole = self.client.inference.Detokenize(
            pb.DetokenizeRequest(token_ids=list(tokens.token_ids) + ids_of(messages)),
            timeout=LIMIT_S)
        self.assertEqual(whole.text, PROMPT + text_of(messages))

    def test_same_seed_same_text(self):
        def sample(seed):
            sampling = pb.Sampling(temperature=1.5, top_k=0, top_p=1, min_p=0, seed=seed)
            return text_of(self.client.generate(max_tokens=32, sampling=sampling))

        self.assertEqual(sample(7), sample(7))
        self.assertNotEqual(sample(7), sample(8))

    def test_logprobs(self):
        messages = self.client.generate(max_tokens=8, logprobs=True, top_logprobs=3)
        logprobs = [entry for message in messages for entry in message.logprobs]
        self.assertEqual(len(logprobs), 8)
        for token, entry in zip(ids_of(messages), logprobs):
            self.assertLessEqual(entry.logprob, 0)
            self.assertEqual(len(entry.top), 3)
            self.assertEqual(entry.top[0].token_id, token)  # greedy
            self.assertGreaterEqual(entry.top[0].logprob, entry.top[1].logprob)

    def test_stop_text_ends_it_and_is_left_out(self):
        text = text_of(self.client.generate(max_tokens=24))
        stop = text[10:14]
        messages = self.client.generate(max_tokens=24, stop=[stop])
        self.assertEqual(text_of(messages), text[:text.index(stop)])
        self.assertEqual(messages[-1].finish.reason, pb.FINISH_REASON_STOP)

    def test_the_contexts_end_is_a_finish(self):
        model = self.client.control.GetModelInfo(pb.GetModelInfoRequest(), timeout=LIMIT_S)
        context = model.context
        messages = self.client.generate(max_tokens=10 * context, ignore_eos=True)
        usage = messages[-1].finish.usage
        self.assertEqual(messages[-1].finish.reason, pb.FINISH_REASON_LENGTH)
        self.assertLess(usage.completion_tokens, 10 * context)
        self.assertGreaterEqual(usage.prompt_tokens + usage.completion_tokens, context)

    def test_several_at_once_are_all_served(self):
        def entries():
            messages = self.client.generate(max_tokens=20, logprobs=True, top_logprobs=5)
            return [entry for message in messages for entry in message.logprobs]

        alone = entries()
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            for call in [pool.submit(entries) for _ in range(12)]:
                self.assert_same_or_tied(call.result(), alone)

    def assert_same_or_tied(self, got, want):
        """Tokens are those of a request alone, but where two words were as good as each other:

        sums among other requests are rounded otherwise.
        """
        self.assertEqual(len(got), len(want))
        for mine, other in zip(got, want):
            chosen = mine.top[0].token_id  # greedy
            if chosen != other.top[0].token_id:
                behind = {top.token_id: other.logprob - top.logprob for top in other.top}
                self.assertLess(behind.get(chosen, float("inf")), TIE_NATS)
                return  # what follows is another text
            self.assertAlmostEqual(mine.logprob, other.logprob, delta=TIE_NATS)

    # -- errors

    def test_bad_requests_name_the_field(self):
        sampling = pb.Sampling
        bad = {
            "prompt: missing": dict(text=None),
            "prompt: empty": dict(token_ids=pb.TokenIds()),
            "prompt.token_ids[1]: 70000": dict(token_ids=pb.TokenIds(ids=[1, 70000])),
            "prompt.token_ids[0]: -1": dict(token_ids=pb.TokenIds(ids=[-1])),
            "the context is 512": dict(token_ids=pb.TokenIds(ids=[1] * 700)),
            "max_tokens: 0": dict(max_tokens=0),
            "stop[0]: empty": dict(stop=[""]),
            "top_logprobs: 1000": dict(logprobs=True, top_logprobs=1000),
            "sampling.temperature: -1": dict(sampling=sampling(temperature=-1)),
            "sampling.top_p: 2": dict(sampling=sampling(top_p=2)),
            "sampling.min_p: nan": dict(sampling=sampling(min_p=float("nan"))),
            "sampling.repeat_penalty: 0": dict(sampling=sampling(repeat_penalty=0)),
            "sampling.logit_bias[0]: token 5000": dict(sampling=sampling(logit_bias={5000: 1})),
        }
        for want, fields in bad.items():
            with self.subTest(want):
                self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, want,
                                  lambda: self.client.generate(**fields))
        self.assert_fails(
            grpc.StatusCode.INVALID_ARGUMENT, "token_ids[0]: 5000",
            lambda: self.client.inference.Detokenize(pb.DetokenizeRequest(token_ids=[5000])))

    def assert_cancels(self, call):
        """The engine gives the request up before its end. A busy machine may be too late, once."""
        for _ in range(10):
            before = self.client.wait_idle()
            call()
            after = self.client.wait_idle()
            if after.requests_cancelled == before.requests_cancelled + 1:
                self.assertLess(after.generated_tokens - before.generated_tokens, 500)
                return
        self.fail("ten requests came to their end though nobody waited for them")

    def test_cancelled(self):
        def call():
            stream = self.client.stream(max_tokens=500, ignore_eos=True)
            next(stream)
            stream.cancel()
            self.assert_fails(grpc.StatusCode.CANCELLED, "", lambda: list(stream))

        self.assert_cancels(call)

    def test_deadline_exceeded(self):
        self.assert_cancels(lambda: self.assert_fails(
            grpc.StatusCode.DEADLINE_EXCEEDED, "",
            lambda: self.client.generate(max_tokens=500, ignore_eos=True, timeout=0.02)))

    def test_a_message_too_large_is_resource_exhausted(self):
        self.assert_fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "",
                          lambda: self.client.generate(text="a" * (17 << 20)))

    def test_an_unknown_method_is_unimplemented(self):
        self.assert_fails(grpc.StatusCode.UNIMPLEMENTED, "",
                          lambda: self.client.raw("/synfire.v1.Inference/Dream", b""))

    # -- beside it

    def test_control(self):
        control = self.client.control
        model = control.GetModelInfo(pb.GetModelInfoRequest(), timeout=LIMIT_S)
        self.assertEqual((model.architecture, model.context, model.n_vocab, model.n_layers),
                         ("llama", 512, 4096, 8))
        devices = control.ListDevices(pb.ListDevicesRequest(), timeout=LIMIT_S).devices
        self.assertGreater(len(devices), 0)
        self.assertFalse(any(device.lost for device in devices))
        plugins = control.ListPlugins(pb.ListPluginsRequest(), timeout=LIMIT_S).plugins
        self.assertIn("cpu", [plugin.name for plugin in plugins])
        placement = control.GetPlacement(pb.GetPlacementRequest(), timeout=LIMIT_S)
        self.assertEqual(len(placement.layers), 8)
        stats = self.client.stats()
        self.assertGreater(stats.uptime_us, 0)

    def test_health_and_reflection(self):
        for service in (b"", b"synfire.v1.Inference", b"synfire.v1.Control"):
            request = b"\x0a" + bytes([len(service)]) + service
            self.assertEqual(self.client.raw("/grpc.health.v1.Health/Check", request), b"\x08\x01")
        call = self.client.channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        reply = b"".join(call(iter([b"\x3a\x00"]), timeout=LIMIT_S))  # list_services
        self.assertIn(b"synfire.v1.Inference", reply)
        self.assertIn(b"synfire.v1.Control", reply)


class OtherServersTest(unittest.TestCase):
    def connect(self, served: Served) -> Client:
        client = Client(served.address)
        self.addCleanup(client.channel.close)
        return client

    def test_a_full_queue_is_resource_exhausted(self):
        with Served(MODEL, "--queue", "1", "--max-sequences", "1") as served:
            client = self.connect(served)
            streams = [client.stream(max_tokens=400, ignore_eos=True) for _ in range(24)]
            codes = []
            for stream in streams:
                try:
                    messages = list(stream)
                    self.assertTrue(messages[-1].HasField("finish"))
                    codes.append(grpc.StatusCode.OK)
                except grpc.RpcError as error:
                    codes.append(error.code())
            self.assertEqual(set(codes),
                             {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED})

    def test_without_a_tokenizer_text_is_unimplemented(self):
        with tempfile.TemporaryDirectory() as folder:
            model = pathlib.Path(folder) / "no-tokenizer.gguf"
            # Keys of the same length that mean nothing to anybody.
            model.write_bytes(
                SMALL_MODEL.read_bytes().replace(b"tokenizer.ggml.", b"tokeniser.none."))
            with Served(model) as served:
                client = self.connect(served)
                with self.assertRaises(grpc.RpcError) as caught:
                    client.generate()
                self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
                messages = client.generate(token_ids=pb.TokenIds(ids=[1]), max_tokens=4)
                self.assertEqual(len(ids_of(messages)), 4)
                self.assertEqual(text_of(messages), "")

    def check_drain(self, signal_number: int):
        with Served(MODEL) as served:
            client = self.connect(served)
            stream = client.stream(max_tokens=450, ignore_eos=True)
            messages = [next(stream)]
            served.terminate(signal_number)
            refused = False
            while not refused:  # until the signal has arrived
                try:
                    client.generate(max_tokens=1)
                except grpc.RpcError as error:
                    self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)
                    refused = True
            messages += stream
            self.assertEqual(stream.code(), grpc.StatusCode.OK)
            self.assertEqual(messages[-1].finish.usage.completion_tokens, 450)
            self.assertEqual(served.exit_code(), 0, served.output())

    def test_sigterm_drains_and_exits_0(self):
        self.check_drain(signal.SIGTERM)

    def test_ctrl_c_drains_and_exits_0(self):
        self.check_drain(signal.SIGINT)


if __name__ == "__main__":
    unittest.main(verbosity=2)
