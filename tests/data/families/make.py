#!/usr/bin/env python3
"""Makes the tiny random models of this folder, and the answers that transformers gives for them.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install torch transformers tokenizers safetensors gguf
    /tmp/venv/bin/python make.py [NAME...]

For each name a folder as Hugging Face has them (config.json, safetensors, some with a tokenizer) and NAME.golden.gguf
beside it, in the form that core/model/golden.hpp reads. The tests read what is committed and need none of these packages.
"""

import json
import pathlib
import shutil
import sys

import gguf
import numpy
import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
VOCAB = 96
SMALL = dict(vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64)
LLAMA = dict(SMALL, intermediate_size=64, num_key_value_heads=2, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2)


def drelu(model):
    """Bamboo: Mistral whose FFN is down(relu(gate) * relu(up))."""
    for layer in model.model.layers:
        mlp = layer.mlp
        mlp.forward = lambda x, m=mlp: m.down_proj(torch.relu(m.gate_proj(x)) * torch.relu(m.up_proj(x)))


def llama():
    rope = dict(rope_type="llama3", rope_theta=500.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                original_max_position_embeddings=32)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        **LLAMA, hidden_act="relu", attention_bias=True, rope_parameters=rope))


def mistral():
    return transformers.MistralForCausalLM(transformers.MistralConfig(
        **LLAMA, head_dim=16, sliding_window=None, hidden_act="silu"))


def bamboo():
    model = transformers.MistralForCausalLM(transformers.MistralConfig(**LLAMA, sliding_window=None, hidden_act="relu"))
    drelu(model)
    return model


def qwen2():
    rope = dict(rope_type="yarn", rope_theta=10000.0, factor=2.0, original_max_position_embeddings=32)
    return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(
        **dict(LLAMA, tie_word_embeddings=True), rope_parameters=rope))


def arcee():
    return transformers.ArceeForCausalLM(transformers.ArceeConfig(**LLAMA, mlp_bias=True))


def nemotron():
    return transformers.NemotronForCausalLM(transformers.NemotronConfig(**LLAMA, attention_bias=False))


def opt():
    return transformers.OPTForCausalLM(transformers.OPTConfig(
        **SMALL, ffn_dim=64, word_embed_proj_dim=32, bos_token_id=2, eos_token_id=2, pad_token_id=1))


def falcon_7b():
    return transformers.FalconForCausalLM(transformers.FalconConfig(**SMALL, multi_query=True, activation="relu"))


def falcon_40b():
    return transformers.FalconForCausalLM(transformers.FalconConfig(
        **SMALL, new_decoder_architecture=True, num_kv_heads=2, bias=True, tie_word_embeddings=False))


def falcon_11b():
    return transformers.FalconForCausalLM(transformers.FalconConfig(
        **SMALL, new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1, ffn_hidden_size=96))


MODELS = {make.__name__: make for make in (llama, mistral, bamboo, qwen2, arcee, nemotron, opt, falcon_7b, falcon_40b,
                                           falcon_11b)}
# How each is stored: a dtype, and tensors per shard (0: one file).
STORED = {"llama": (torch.bfloat16, 9), "mistral": (torch.float16, 0), "bamboo": (torch.float16, 0),
          "qwen2": (torch.float16, 0), "opt": (torch.float16, 0), "falcon_7b": (torch.bfloat16, 0),
          "falcon_40b": (torch.float16, 7)}


def randomize(model, generator, dtype):
    """Weights that make every part of the model matter: none is zero or one, neurons fire or do not."""
    for name, weight in model.named_parameters():
        scale = 0.6 if weight.dim() == 1 else 2.0 / weight.shape[-1] ** 0.5
        values = torch.randn(weight.shape, generator=generator) * scale
        if weight.dim() == 1 and name.endswith("weight"):
            values = 1 + values / 2
        weight.data = values.to(dtype).float()


def save(model, folder, dtype, per_shard):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    tensors = {name: value.to(dtype).contiguous() for name, value in model.state_dict().items()
               if not (model.config.tie_word_embeddings and name == "lm_head.weight")}
    names = sorted(tensors)
    if per_shard == 0:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        shards = [names[i:i + per_shard] for i in range(0, len(names), per_shard)]
        files = [f"model-{i + 1:05}-of-{len(shards):05}.safetensors" for i in range(len(shards))]
        for file, part in zip(files, shards):
            save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        index = {"metadata": {}, "weight_map": {name: file for file, part in zip(files, shards) for name in part}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    config = model.config.to_dict()
    config["architectures"] = [type(model).__name__]
    config["dtype"] = str(dtype).removeprefix("torch.")
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")


def text_tokenizer(folder):
    """A byte-level BPE tokenizer of VOCAB tokens; what it makes of a text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers, decoders
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    text = "the cat sat on the mat, and the rat ate that hat. " * 4
    trainer = trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=["<pad>", "<s>", "</s>"], show_progress=False,
                                  initial_alphabet=[])
    tokenizer.train_from_iterator([text], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>"}) + "\n")
    return [(t, tokenizer.encode(t).ids) for t in ("the cat sat, and that rat ate", "on the mat")]


@torch.no_grad()
def write_golden(model, prompts, path):
    writer = gguf.GGUFWriter(path, "golden")
    writer.add_string("golden.source", f"transformers {transformers.__version__}, torch {torch.__version__}, float32")
    writer.add_uint32("golden.prompt_count", len(prompts))
    for i, (text, tokens) in enumerate(prompts):
        if text is not None:
            writer.add_string(f"golden.prompt.{i}.text", text)
        logits = model(torch.tensor([tokens])).logits[0]
        assert torch.isfinite(logits).all()
        writer.add_tensor(f"prompt.{i}.tokens", numpy.array(tokens, dtype=numpy.int32))
        writer.add_tensor(f"prompt.{i}.logits", logits.numpy().astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make(name):
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    dtype, per_shard = STORED.get(name, (torch.float32, 0))
    model = MODELS[name]().eval().float()
    randomize(model, generator, dtype)
    folder = HERE / name
    save(model, folder, dtype, per_shard)
    if name == "bamboo":
        config = json.loads((folder / "config.json").read_text())
        config.update(model_type="bamboo", architectures=["BambooForCausalLM"])
        (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    if name == "mistral":
        prompts = text_tokenizer(folder)
    else:
        draw = numpy.random.default_rng(len(name))
        prompts = [(None, draw.integers(3, VOCAB, n).tolist()) for n in (24, 5)]
    write_golden(model, prompts, HERE / f"{name}.golden.gguf")


def main():
    for name in sys.argv[1:] or MODELS:
        make(name)
        size = sum(f.stat().st_size for f in (HERE / name).iterdir())
        print(f"{name}: {size} bytes, golden {(HERE / f'{name}.golden.gguf').stat().st_size}")


if __name__ == "__main__":
    main()
