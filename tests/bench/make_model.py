#!/usr/bin/env python3
"""Writes a llama model of random weights, to measure shapes and dtypes of which no trained file is at hand.

make_model.py 1b q4_0 OUT.gguf            deterministic by --seed; needs nothing but Python
synfire bench -m OUT.gguf --json          the file has no tokenizer: token ids only

Weights have the scale of a fresh initialization, so that the logits stay finite. They repeat a random
pool of some MiB, which no cache or kernel can take advantage of: 1b takes seconds.
"""

import argparse
import dataclasses
import math
import random
import struct
import sys

POOL_VALUES = 1 << 21
ALIGNMENT = 32
U32, F32, STRING = 4, 6, 8  # GGUF types of values
SPREAD_Q4 = math.sqrt((16**2 - 1) / 12 + 0.25)  # root mean square of q - 8, q uniform in 0..15
SPREAD_Q8 = math.sqrt((256**2 - 1) / 12 + 0.25)  # of q uniform in -128..127


@dataclasses.dataclass(frozen=True)
class Shape:
    d_model: int
    d_ff: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int = 32000
    context: int = 2048


SHAPES = {
    "10m": Shape(d_model=256, d_ff=768, layers=4, heads=4, kv_heads=2, vocab=16000),
    "1b": Shape(d_model=2048, d_ff=5632, layers=22, heads=32, kv_heads=4),
    "3b": Shape(d_model=3072, d_ff=8192, layers=28, heads=24, kv_heads=8),
}


def f16_block(rng, deviation):
    return struct.pack("<e", rng.uniform(-1, 1) * deviation * math.sqrt(3))


def q4_0_block(rng, deviation):
    return struct.pack("<e", rng.choice([-1, 1]) * deviation / SPREAD_Q4) + rng.randbytes(16)


def q8_0_block(rng, deviation):
    return struct.pack("<e", rng.choice([-1, 1]) * deviation / SPREAD_Q8) + rng.randbytes(32)


@dataclasses.dataclass(frozen=True)
class DType:
    code: int  # of GGUF
    values: int  # per block
    bytes: int  # per block
    block: object


DTYPES = {
    "f16": DType(1, 1, 2, f16_block),
    "q4_0": DType(2, 32, 18, q4_0_block),
    "q8_0": DType(8, 32, 34, q8_0_block),
}


class Pools:
    """Random blocks, one pool for each deviation; tensors are cut out of them at random places."""

    def __init__(self, dtype, seed):
        self.dtype, self.rng, self.pools = dtype, random.Random(seed), {}

    def pool(self, deviation):
        if deviation not in self.pools:
            blocks = POOL_VALUES // self.dtype.values
            self.pools[deviation] = b"".join(self.dtype.block(self.rng, deviation) for _ in range(blocks))
        return self.pools[deviation]

    def write(self, file, inputs, outputs):
        pool = self.pool(1 / math.sqrt(inputs))
        left = inputs * outputs // self.dtype.values * self.dtype.bytes
        while left > 0:
            start = self.rng.randrange(len(pool) // self.dtype.bytes) * self.dtype.bytes
            left -= file.write(memoryview(pool)[start:start + left])


def tensors_of(shape, tied):
    """Name -> (inputs, outputs), or (n,) of a norm's weights."""
    d, ff, kv = shape.d_model, shape.d_ff, shape.d_model // shape.heads * shape.kv_heads
    tensors = {"token_embd.weight": (d, shape.vocab)}
    for i in range(shape.layers):
        layer = {"attn_norm": (d,), "attn_q": (d, d), "attn_k": (d, kv), "attn_v": (d, kv),
                 "attn_output": (d, d), "ffn_norm": (d,), "ffn_gate": (d, ff), "ffn_up": (d, ff),
                 "ffn_down": (ff, d)}
        tensors |= {f"blk.{i}.{name}.weight": size for name, size in layer.items()}
    tensors["output_norm.weight"] = (d,)
    return tensors if tied else tensors | {"output.weight": (d, shape.vocab)}


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def metadata(shape, name):
    keys = {
        "general.architecture": (STRING, "llama"),
        "general.name": (STRING, name),
        "general.alignment": (U32, ALIGNMENT),
        "llama.block_count": (U32, shape.layers),
        "llama.context_length": (U32, shape.context),
        "llama.embedding_length": (U32, shape.d_model),
        "llama.feed_forward_length": (U32, shape.d_ff),
        "llama.attention.head_count": (U32, shape.heads),
        "llama.attention.head_count_kv": (U32, shape.kv_heads),
        "llama.attention.layer_norm_rms_epsilon": (F32, 1e-5),
        "llama.rope.freq_base": (F32, 10000.0),
        "llama.vocab_size": (U32, shape.vocab),
    }
    pack = {U32: lambda v: struct.pack("<I", v), F32: lambda v: struct.pack("<f", v), STRING: text}
    return len(keys), b"".join(text(k) + struct.pack("<I", t) + pack[t](v) for k, (t, v) in keys.items())


def padded(size):
    return -(-size // ALIGNMENT) * ALIGNMENT


def header(shape, name, dtype, tensors):
    """Everything before the data."""
    count, body = metadata(shape, name)
    offset = 0
    for tensor, size in tensors.items():
        code, nbytes = 0, 4 * size[0]  # F32 norms
        if len(size) == 2:
            code, nbytes = dtype.code, size[0] * size[1] // dtype.values * dtype.bytes
        body += text(tensor) + struct.pack(f"<I{len(size)}QIQ", len(size), *size, code, offset)
        offset += padded(nbytes)
    return b"GGUF" + struct.pack("<IQQ", 3, len(tensors), count) + body


def write_model(file, shape, name, dtype, tied, seed):
    tensors = tensors_of(shape, tied)
    pools = Pools(dtype, seed)
    file.write(header(shape, name, dtype, tensors))
    for size in tensors.values():
        file.write(bytes(-file.tell() % ALIGNMENT))
        if len(size) == 1:
            file.write(struct.pack("<f", 1.0) * size[0])
        else:
            pools.write(file, *size)
    file.write(bytes(-file.tell() % ALIGNMENT))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("dtype", choices=DTYPES)
    parser.add_argument("out")
    parser.add_argument("--tied", action="store_true", help="the embedding is the output matrix too")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with open(options.out, "wb") as file:
        write_model(file, SHAPES[options.shape], f"random {options.shape}", DTYPES[options.dtype],
                    options.tied, options.seed)
        size = file.tell()
    print(f"{options.out}: {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
