#!/usr/bin/env python3
"""Compares `synfire quantize` with llama.cpp's llama-quantize: the mean squared error of each tensor.

    python3 -m venv /tmp/numpy && /tmp/numpy/bin/pip install numpy
    tests/bench/fetch_llama_cpp && ninja -C build/llama.cpp/build-* llama-quantize
    /tmp/numpy/bin/python tests/support/compare_llama_quantize.py --synfire build/release/bin/synfire \\
        --llama-quantize build/llama.cpp/build-*/bin/llama-quantize MODEL.gguf

MODEL has F32, F16 or BF16 weights. First all matrices in one dtype (both programs' --pure, no importance matrix),
then each program's own choice of dtypes, where tensors of another dtype than ours are listed, not judged. Blocks are
decoded here, by neither program's code. Exits 1 where an error of ours is larger at the same dtype. Not a test of
ctest's: llama.cpp takes too long to build.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy

THEIR_NAMES = {"Q8_0": "Q8_0", "Q4_0": "Q4_0", "Q4_K": "Q4_K_S", "Q6_K": "Q6_K", "BF16": "BF16"}
BLOCKS = {"F32": (1, 4), "F16": (1, 2), "BF16": (1, 2), "Q8_0": (32, 34), "Q4_0": (32, 18), "Q4_1": (32, 20),
          "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210)}


def half(blocks, at):
    return blocks[:, at:at + 2].copy().view(numpy.float16).astype(numpy.float64)


def nibbles(packed):
    """[n, 16 or 32] bytes to [n, 32 or 64] codes: the low ones first."""
    return numpy.concatenate([packed & 15, packed >> 4], axis=1)


def k_scales(packed):
    """12 bytes to 8 scales and 8 minimums of 6 bits."""
    low, high, rest = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales = numpy.concatenate([low & 63, (rest & 15) | (low >> 6) << 4], axis=1)
    minimums = numpy.concatenate([high & 63, rest >> 4 | (high >> 6) << 4], axis=1)
    return scales.astype(numpy.float64), minimums.astype(numpy.float64)


def decode_k(blocks, codes):
    scales, minimums = k_scales(blocks[:, 4:16])
    values = codes.reshape(len(blocks), 8, 32).astype(numpy.float64)
    return (half(blocks, 0) * scales)[:, :, None] * values - (half(blocks, 2) * minimums)[:, :, None]


def decode_q4_k(blocks):
    return decode_k(blocks, nibbles(blocks[:, 16:].reshape(-1, 32)))


def decode_q5_k(blocks):
    codes = nibbles(blocks[:, 48:].reshape(-1, 32)).reshape(len(blocks), 8, 32)
    fifth = (blocks[:, None, 16:48] >> numpy.arange(8, dtype=numpy.uint8)[None, :, None]) & 1
    return decode_k(blocks, codes | fifth << 4)


def decode_q6_k(blocks):
    low = nibbles(blocks[:, :128].reshape(-1, 64))
    high = (blocks[:, 128:192].reshape(-1, 1, 32) >> numpy.array([[0], [2], [4], [6]], numpy.uint8)) & 3
    codes = (low | high.reshape(-1, 128) << 4).reshape(len(blocks), 16, 16).astype(numpy.float64) - 32
    scales = blocks[:, 192:208].copy().view(numpy.int8).astype(numpy.float64)
    return (half(blocks, 208) * scales)[:, :, None] * codes


def decode(dtype, data):
    """All values of a tensor; None for a dtype that is not known here."""
    if dtype not in BLOCKS:
        return None
    raw = numpy.frombuffer(data, dtype=numpy.uint8)
    if dtype == "F32":
        return raw.view(numpy.float32).astype(numpy.float64)
    if dtype == "F16":
        return raw.view(numpy.float16).astype(numpy.float64)
    if dtype == "BF16":
        return (raw.view(numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32).astype(numpy.float64)
    blocks = raw.reshape(-1, BLOCKS[dtype][1])
    if dtype == "Q8_0":
        values = half(blocks, 0) * blocks[:, 2:].copy().view(numpy.int8)
    elif dtype == "Q4_0":
        values = half(blocks, 0) * (nibbles(blocks[:, 2:]).astype(numpy.float64) - 8)
    elif dtype == "Q4_1":
        values = half(blocks, 0) * nibbles(blocks[:, 4:]) + half(blocks, 2)
    else:
        values = {"Q4_K": decode_q4_k, "Q5_K": decode_q5_k, "Q6_K": decode_q6_k}[dtype](blocks)
    return values.reshape(-1)


class Model:
    def __init__(self, synfire, path):
        self.path = path
        done = subprocess.run([synfire, "inspect", "--json", path], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{path}: {done.stderr}")
        self.tensors = {tensor["name"]: tensor for tensor in json.loads(done.stdout)["tensors"]}

    def values(self, name):
        tensor = self.tensors[name]
        with open(self.path, "rb") as file:
            file.seek(tensor["offset"])
            return decode(tensor["dtype"], file.read(tensor["bytes"]))

    def dtype(self, name):
        return self.tensors[name]["dtype"]


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def error(exact, values):
    return float(numpy.mean((exact - values) ** 2))


def compare(source, ours, theirs):
    """Rows (name, our dtype, their dtype, our error, their error or None) of the tensors that changed."""
    rows = []
    for name, tensor in source.tensors.items():
        if len(tensor["shape"]) < 2:
            continue
        exact, other = source.values(name), theirs.values(name)
        rows.append((name, ours.dtype(name), theirs.dtype(name), error(exact, ours.values(name)),
                     None if other is None else error(exact, other)))
    return rows


def ratio(row):
    return row[3] / row[4] if row[4] else (1.0 if row[3] == 0 else float("inf"))


def report(title, rows, verbose):
    """Prints; whether no error of ours is larger at the same dtype."""
    same = [row for row in rows if row[1] == row[2]]
    worst = max(same, key=ratio, default=None)
    better = sum(ratio(row) < 1 for row in same)
    line = f"{title:14} {len(rows):4} tensors"
    if worst is not None:
        mean = sum(map(ratio, same)) / len(same)
        line += f", {len(same)} of the same dtype: MSE ours / theirs {mean:.3f} in the mean, "
        line += f"{ratio(worst):.3f} at worst ({worst[0]}); smaller in {better}"
    print(line)
    for name, our_dtype, their_dtype, mine, other in rows:
        if verbose or our_dtype != their_dtype:
            print(f"    {name:32} {our_dtype:5} {mine:.4e}   {their_dtype:5} {'?' if other is None else f'{other:.4e}'}")
    return worst is None or ratio(worst) <= 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--synfire", required=True, help="the program")
    parser.add_argument("--llama-quantize", required=True, help="the program")
    parser.add_argument("--dtype", action="append", choices=THEIR_NAMES, help="one of them; default: all")
    parser.add_argument("-v", "--verbose", action="store_true", help="each tensor")
    options = parser.parse_args()
    source = Model(options.synfire, options.model)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = pathlib.Path(folder) / "ours.gguf", pathlib.Path(folder) / "theirs.gguf"
        for pure in [["--pure"], []]:
            for dtype in options.dtype or THEIR_NAMES:
                run(options.synfire, "quantize", options.model, "-o", ours, "--dtype", dtype, *pure)
                run(options.llama_quantize, *pure, options.model, theirs, THEIR_NAMES[dtype])
                rows = compare(source, Model(options.synfire, ours), Model(options.synfire, theirs))
                good = report(f"{dtype}{' --pure' if pure else ''}", rows, options.verbose) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
