#!/usr/bin/env python3
"""Compares Synfire with llama.cpp on ten prompts: token ids, and the logits of every position.

    python3 -m venv /tmp/llama && /tmp/llama/bin/pip install llama-cpp-python   # compiles: minutes
    ninja -C build/release synfire dump_logits
    /tmp/llama/bin/python tests/support/compare_llama_cpp.py --build build/release MODEL.gguf

Exits 1 where the token ids differ or a given limit is exceeded. Not a test of ctest's: llama.cpp takes too
long to build, and how far two programs may differ depends on the file.

Both round activations to 8 bits before they multiply them with quantized weights, each in its own way;
`--device reference:0` never does. --float32 keeps llama.cpp from it: it first writes the same weights as F32
into a temporary file, and answers from that. So `--device reference:0 --float32` compares everything else.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest.mock

import llama_cpp
import numpy

PROMPTS = [
    "The lighthouse keeper climbed the stairs one last time before the storm.",
    "Water boils at a lower temperature on a mountain because",
    "Once upon a time, there was a little dog who wanted to see the sea.",
    "def area(width, height):\n    return width * height\n\nprint(area(3, 4))",
    "In 1969, two people walked on the Moon; 650 million watched them.",
    "My grandmother's recipe needs 250 g of flour, 3 eggs and a pinch of salt.",
    "Die Straße führt über den Fluß, vorbei an der alten Mühle.",
    "  Two spaces before, a tab\tinside,\n\nand two newlines.",
    "She said: \"I'm sure we'll be late!\" They weren't, though.",
    "Le café est prêt ☕ 東京 is Japanese for Tokyo, and 🎲 is a die.",
]
CONTEXT = 512
F32 = 0  # ggml_type of the KV cache, and llama_ftype of a file


def synfire_tokens(synfire, model, text):
    done = subprocess.run([synfire, "tokenize", "-m", model, "--json", "-p", text], check=True,
                          capture_output=True, text=True)
    return [token["id"] for token in json.loads(done.stdout)["tokens"]]


def synfire_logits(program, model, device, sequences):
    lines = "".join(" ".join(map(str, tokens)) + "\n" for tokens in sequences)
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([program, model, device, out.name], input=lines, text=True, check=True)
        logits = numpy.fromfile(out.name, dtype=numpy.float32)
    return logits.reshape(sum(map(len, sequences)), -1)


def open_llama(model, threads):
    # Without weights repacked for AMX: that code of llama.cpp crashes on some machines.
    defaults = llama_cpp.llama_cpp.llama_model_default_params

    def params():
        plain = defaults()
        plain.use_extra_bufts = False
        return plain

    with unittest.mock.patch.object(llama_cpp.llama_cpp, "llama_model_default_params", params):
        return llama_cpp.Llama(str(model), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads,
                               logits_all=True, type_k=F32, type_v=F32, n_gpu_layers=0, verbose=False)


def llama_logits(model, threads, sequences):
    llama = open_llama(model, threads)
    rows = []
    for tokens in sequences:
        llama.reset()
        llama.eval(tokens)
        rows.append(numpy.array(llama.scores[:len(tokens)], dtype=numpy.float32))
    return numpy.concatenate(rows)


def write_float32(model, out):
    """The same weights as F32, by llama.cpp."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = F32, True
    if llama_cpp.llama_model_quantize(str(model).encode(), str(out).encode(), params) != 0:
        sys.exit(f"{model}: llama.cpp cannot write it as F32")


def log_softmax(logits):
    logits = logits.astype(numpy.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - numpy.log(numpy.exp(logits).sum(axis=1, keepdims=True))


def compare(theirs, ours, next_tokens):
    """Figures of two [positions, n_vocab]; next_tokens is -1 at a sequence's end."""
    difference = numpy.abs(theirs - ours)
    p, q = log_softmax(theirs), log_softmax(ours)
    kl = (numpy.exp(p) * (p - q)).sum(axis=1)
    at = numpy.flatnonzero(next_tokens >= 0)
    nll_p, nll_q = (-x[at, next_tokens[at]].mean() for x in (p, q))
    return {
        "positions": len(theirs),
        "max_logit_difference": float(difference.max()),
        "mean_logit_difference": float(difference.mean()),
        "standard_deviation_of_logits": float(theirs.std()),
        "mean_kl": float(kl.mean()),
        "max_kl": float(kl.max()),
        "same_best_token": float((theirs.argmax(axis=1) == ours.argmax(axis=1)).mean()),
        "mean_nll_difference": float(nll_q - nll_p),
    }


def tokens_of_both(options):
    """The sequences, and how many of them Synfire splits otherwise than llama.cpp."""
    llama = open_llama(options.model, options.threads)
    sequences, wrong = [], 0
    for text in PROMPTS:
        theirs = llama.tokenize(text.encode(), add_bos=True, special=False)
        ours = synfire_tokens(options.build / "bin" / "synfire", options.model, text)
        if ours != theirs:
            wrong += 1
            print(f"{text!r}:\n  llama.cpp {theirs}\n  Synfire   {ours}", file=sys.stderr)
        sequences.append(theirs)
    return sequences, wrong


def their_logits(options, sequences):
    if not options.float32:
        return llama_logits(options.model, options.threads, sequences)
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "float32.gguf"
        write_float32(options.model, model)
        return llama_logits(model, options.threads, sequences)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="build folder of Synfire")
    parser.add_argument("--device", default="cpu:0", help="of Synfire; default: cpu:0")
    parser.add_argument("--threads", type=int, default=2, help="of llama.cpp; default: 2")
    parser.add_argument("--float32", action="store_true", help="llama.cpp's weights as F32")
    parser.add_argument("--max-logit-diff", type=float, default=float("inf"))
    parser.add_argument("--max-kl", type=float, default=float("inf"))
    options = parser.parse_args()
    sequences, wrong = tokens_of_both(options)
    theirs = their_logits(options, sequences)
    ours = synfire_logits(options.build / "tests" / "dump_logits", options.model, options.device, sequences)
    next_tokens = numpy.concatenate([[*tokens[1:], -1] for tokens in sequences])
    report = {"llama_cpp_python": llama_cpp.__version__, "device": options.device,
              "same_tokens": f"{len(PROMPTS) - wrong} of {len(PROMPTS)}",
              **compare(theirs, ours, next_tokens)}
    print(json.dumps(report, indent=2))
    passes = (wrong == 0 and report["max_logit_difference"] <= options.max_logit_diff
              and report["max_kl"] <= options.max_kl)
    return 0 if passes else 1


if __name__ == "__main__":
    sys.exit(main())
