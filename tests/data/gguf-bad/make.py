#!/usr/bin/env python3
"""Writes the bad GGUF files of this folder, and small good ones into ../gguf-good. A bad file has one fault, named by
the file; tests/unit/model/gguf_bad_files_test.cpp says which error each must give. The good ones are where the fuzzer
starts. Run it after a change: python3 make.py"""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMATS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}
DTYPE_F32, DTYPE_Q8_0, DTYPE_Q3_K, DTYPE_I32, DTYPE_F64, DTYPE_BF16 = 0, 8, 11, 26, 28, 30
POWERINFER_I32 = 18


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def payload(kind, value):
    if kind == STRING:
        return string(value)
    if kind == ARRAY:
        element, values = value
        return struct.pack("<IQ", element, len(values)) + b"".join(payload(element, v) for v in values)
    return struct.pack("<" + FORMATS[kind], value)


def key(name, kind, value):
    return string(name) + struct.pack("<I", kind) + payload(kind, value)


def tensor(name, shape, offset=0, dtype=DTYPE_F32, n_dims=None):
    count = len(shape) if n_dims is None else n_dims
    return string(name) + struct.pack(f"<I{len(shape)}QIQ", count, *shape, dtype, offset)


def gguf(keys=(), tensors=(), data=b"", magic=b"GGUF", version=3, n_keys=None, n_tensors=None, alignment=32):
    head = magic + struct.pack("<IQQ", version, len(tensors) if n_tensors is None else n_tensors,
                               len(keys) if n_keys is None else n_keys)
    head += b"".join(keys) + b"".join(tensors)
    if not tensors:
        return head + data
    return head + bytes(-len(head) % alignment) + data


ARCH = key("general.architecture", STRING, "llama")
HUGE = 1 << 62
TWO = [tensor("a", [8]), tensor("b", [8], 32)]  # 32 bytes each


def nested(depth):
    """An array of arrays ... of u8, `depth` arrays deep."""
    value = (U8, [1])
    for _ in range(depth - 1):
        value = (ARRAY, [value])
    return value


def cut(data, count):
    return data[:len(data) - count]


FILES = {
    "empty": b"",
    "magic-short": b"GG",
    "magic-wrong": b"GGML" + bytes(28),
    "version-cut": b"GGUF\x03\x00",
    "version-0": gguf([ARCH], version=0),
    "version-1": gguf([ARCH], version=1),
    "version-4": gguf([ARCH], version=4),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "counts-cut": cut(gguf(), 9),
    "tensor-count-huge": gguf([ARCH], n_tensors=HUGE),
    "tensor-count-over-metadata": gguf([ARCH, key("k", ARRAY, (U8, [0] * 40))], n_tensors=2),
    "tensor-count-more": gguf([ARCH], TWO, bytes(64), n_tensors=3),
    "key-count-huge": gguf([ARCH], n_keys=HUGE),
    "key-count-more": gguf([ARCH], data=bytes(8), n_keys=2),
    "key-empty": gguf([key("", U32, 1), ARCH]),
    "key-length-huge": gguf([struct.pack("<Q", HUGE) + b"general.name" + bytes(16)]),
    "key-twice": gguf([ARCH, key("llama.block_count", U32, 1), key("llama.block_count", U32, 2)]),
    "key-unprintable-twice": gguf([key("a\n\x1b[1m", U8, 1), key("a\n\x1b[1m", U8, 1)]),
    "type-unknown": gguf([ARCH, string("llama.block_count") + struct.pack("<II", 13, 1)]),
    "type-cut": cut(gguf([key("general.quantization_version", U32, 2)]), 6),
    "u32-cut": cut(gguf([ARCH, key("llama.block_count", U32, 2)]), 1),
    "f64-cut": cut(gguf([ARCH, key("x", F64, 2.0)]), 1),
    "bool-7": gguf([ARCH, key("tokenizer.ggml.add_bos_token", BOOL, 7)]),
    "bool-in-array-2": gguf([ARCH, key("x", ARRAY, (BOOL, [0, 1, 2]))]),
    "string-cut": cut(gguf([key("general.name", STRING, "a name")]), 2),
    "string-length-huge": gguf([string("general.name") + struct.pack("<IQ", STRING, (1 << 64) - 1) + bytes(16)]),
    "array-type-unknown": gguf([ARCH, string("x") + struct.pack("<IIQ", ARRAY, 99, 0)]),
    "array-cut": cut(gguf([key("tokenizer.ggml.scores", ARRAY, (F32, [1.0] * 4))]), 1),
    "array-length-huge": gguf([string("x") + struct.pack("<IIQ", ARRAY, F64, HUGE) + bytes(16)]),
    "array-length-overflow": gguf([string("x") + struct.pack("<IIQ", ARRAY, F64, 1 << 61) + bytes(16)]),
    "array-of-strings-huge": gguf([string("x") + struct.pack("<IIQ", ARRAY, STRING, 1 << 40) + bytes(64)]),
    "array-of-strings-cut": cut(gguf([key("tokenizer.ggml.tokens", ARRAY, (STRING, ["<s>", "word"]))]), 1),
    "array-too-deep": gguf([key("x", ARRAY, nested(5))]),
    "array-of-arrays-huge": gguf([string("x") + struct.pack("<IIQ", ARRAY, ARRAY, 1 << 40) + bytes(64)]),
    "alignment-0": gguf([key("general.alignment", U32, 0)]),
    "alignment-4": gguf([key("general.alignment", U32, 4)]),
    "alignment-48": gguf([key("general.alignment", U32, 48)]),
    "alignment-huge": gguf([key("general.alignment", U64, 1 << 63)]),
    "alignment-string": gguf([key("general.alignment", STRING, "32")]),
    "alignment-negative": gguf([key("general.alignment", I32, -32)]),
    "tensor-name-empty": gguf([ARCH], [tensor("", [8])], bytes(32)),
    "tensor-name-cut": gguf([ARCH], [struct.pack("<Q", 64) + b"blk.0.ffn_up.weight" + bytes(24)]),
    "tensor-twice": gguf([ARCH], [tensor("a", [8]), tensor("a", [8], 32)], bytes(64)),
    "tensor-info-cut": cut(gguf([ARCH], [tensor("output.weight", [8])], alignment=1), 3),
    "dims-0": gguf([ARCH], [tensor("a", [], n_dims=0)], bytes(64)),
    "dims-5": gguf([ARCH], [tensor("a", [2, 2, 2, 2, 2])], bytes(128)),
    "dims-huge": gguf([ARCH], [tensor("a", [8], n_dims=0xFFFFFFFF)], bytes(64)),
    "shape-zero": gguf([ARCH], [tensor("a", [8, 0])], bytes(64)),
    "shape-overflow": gguf([ARCH], [tensor("a", [1 << 32, 1 << 32])], bytes(64)),
    "shape-overflow-bytes": gguf([ARCH], [tensor("a", [HUGE, 2])], bytes(64)),
    "shape-wraps-to-small": gguf([ARCH], [tensor("a", [1 << 33, 1 << 31, 2])], bytes(64)),
    "row-not-of-blocks": gguf([ARCH], [tensor("blk.0.ffn_up.weight", [33, 2], dtype=DTYPE_Q8_0)], bytes(128)),
    "dtype-q3-k": gguf([ARCH], [tensor("blk.0.ffn_up.weight", [256], dtype=DTYPE_Q3_K)], bytes(110)),
    "dtype-unknown": gguf([ARCH], [tensor("blk.0.ffn_up.weight", [8], dtype=4711)], bytes(64)),
    "dtype-bf16-in-powerinfer": gguf([ARCH], [tensor("a", [8], dtype=DTYPE_BF16)], bytes(64), magic=b"PWRI"),
    "offset-odd": gguf([ARCH], [tensor("a", [8], 4)], bytes(64)),
    "offset-unaligned-to-key": gguf([key("general.alignment", U32, 64)], TWO, bytes(96), alignment=64),
    "offset-past-end": gguf([ARCH], [tensor("a", [8], 64)], bytes(64)),
    "offset-huge": gguf([ARCH], [tensor("a", [8], (1 << 64) - 32)], bytes(64)),
    "data-cut": cut(gguf([ARCH], TWO, bytes(64)), 1),
    "data-missing": gguf([ARCH], TWO),
    "data-missing-before-padding": gguf([ARCH], TWO, alignment=1),
    "data-same": gguf([ARCH], [tensor("a", [8]), tensor("b", [8])], bytes(64)),
    "data-overlap": gguf([ARCH], [tensor("b", [8], 32), tensor("a", [9])], bytes(64)),
}

SCALARS = [key("u8", U8, 1), key("i8", I8, -1), key("u16", U16, 2), key("i16", I16, -2), key("u32", U32, 3),
           key("i32", I32, -3), key("f32", F32, 0.5), key("bool", BOOL, 1), key("string", STRING, "text"),
           key("u64", U64, 4), key("i64", I64, -4), key("f64", F64, 0.25)]
ARRAYS = [key("tokens", ARRAY, (STRING, ["<s>", "", "word"])), key("scores", ARRAY, (F32, [0.0, -1.0])),
          key("flags", ARRAY, (BOOL, [0, 1])), key("none", ARRAY, (U64, [])), key("nested", ARRAY, nested(4))]
GOLDEN_KEYS = [key("general.architecture", STRING, "golden"), key("golden.source", STRING, "made by hand"),
               key("golden.prompt_count", U32, 1), key("golden.predictor.threshold", F32, 0.0),
               key("golden.prompt.0.text", STRING, "Once"), key("golden.text.mean_nll", F64, 1.0),
               key("golden.text.perplexity", F64, 2.7)]
GOLDEN_TENSORS = [
    tensor("prompt.0.tokens", [2], 0, DTYPE_I32), tensor("prompt.0.logits", [3, 2], 32),
    tensor("prompt.0.greedy", [2], 64, DTYPE_I32), tensor("prompt.0.greedy_gap", [2], 96),
    tensor("prompt.0.layer.0.input", [2, 2], 128), tensor("prompt.0.layer.0.ffn_input", [2, 2], 160),
    tensor("prompt.0.layer.1.gate", [4, 2], 192), tensor("text.windows", [4, 2], 224, DTYPE_I32),
    tensor("text.window_nll", [2], 256, DTYPE_F64)]
GOOD = {
    "scalars": gguf(SCALARS),
    "arrays-v2": gguf(ARRAYS, version=2),
    "tensors": gguf([ARCH, key("general.alignment", U32, 64)],
                    [tensor("a", [32, 2], 0, DTYPE_Q8_0), tensor("b", [2, 1, 2], 128, DTYPE_BF16)],
                    bytes(192), alignment=64),
    "powerinfer": gguf([ARCH], [tensor("blk.0.gpu_idx", [8], dtype=POWERINFER_I32)], bytes(32), magic=b"PWRI"),
    "golden": gguf(GOLDEN_KEYS, GOLDEN_TENSORS, bytes(288)),
}


def write(folder, files):
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.gguf"):
        path.unlink()
    for name, data in files.items():
        assert len(data) < 4096, name
        (folder / f"{name}.gguf").write_bytes(data)


write(HERE, FILES)
write(HERE.parent / "gguf-good", GOOD)
