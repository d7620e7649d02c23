#!/usr/bin/env python3
"""Checks from the include lines who uses whom: the architecture's layers, one folder per dependency.

include_rules.py ROOT        checks a tree, prints each violation as FILE:LINE, exits 1 if there are any
include_rules.py --self-test checks the checker against snippets that are right and wrong
"""

import pathlib
import re
import sys
import tempfile

# Who may include whom: a folder sees itself, these, and what these see.
USES = {
    "plugins/abi": [],
    "plugins/sdk": ["plugins/abi"],
    "plugins/host": ["plugins/sdk", "core/base"],
    "plugins/predictors": ["plugins/sdk"],
    "plugins/example": ["plugins/sdk"],
    "backends": ["plugins/sdk"],
    "core/base": [],
    "core/actor": ["core/base"],
    "core/config": ["core/base"],
    "core/tensor": ["core/base", "plugins/sdk"],
    "core/model": ["core/tensor"],
    "core/sparsity": ["core/tensor"],
    "core/runtime": ["core/model", "core/sparsity", "plugins/host"],
    "core/engine": ["core/runtime", "core/actor"],
    "core/serve": ["core/engine", "core/config"],
    "tools": ["core/serve"],
}

# Folders that only these may include, whatever USES implies.
ONLY_FOR = {"plugins/host": ["plugins/host", "core/runtime", "core/engine", "tools"]}

# Folders whose subfolders know nothing of each other: each backend, each predictor.
SEPARATE = ["backends", "plugins/predictors"]

# Whose headers may be seen where (folders, or single files). The first pattern that fits decides.
THIRD_PARTY = [
    (r"spdlog/", ["core/base/log.cpp"]),
    (r"fmt/", ["core", "tools", "plugins/host"]),
    (r"yaml-cpp/", ["core/config"]),
    (r"boost/json", ["core/model/convert", "core/serve", "tools"]),
    (r"boost/beast", ["core/serve"]),
    (r"boost/", ["core/actor"]),
    (r"(grpc|grpcpp|grpc\+\+)/|google/protobuf/|.*\.pb\.h$", ["core/serve"]),
    (r"pcre2", ["core/model/tokenizer"]),
    (r"CLI/", ["tools"]),
    (r"Eigen/", ["core/sparsity"]),
    (r"hwy/", ["backends/cpu"]),
    (r"hwloc", ["backends/cpu"]),
    (r"(cuda|cublas|nv)\w*(/|\.h)", ["backends/cuda"]),
    (r"absl/|gtest/|gmock/|benchmark/", []),  # the tests' own, or nobody's
]

# The C++ library has no dot or slash; of C and the system, these.
SYSTEM = re.compile(
    r"[a-z_0-9]+$"
    r"|(std\w+|string|limits|errno|signal|time|math|inttypes|float|assert)\.h$"
    r"|(unistd|fcntl|dlfcn|netdb|pthread|sched|poll|termios|link|elf|numaif)\.h$"
    r"|(sys|linux|netinet|arpa|asm)/[\w/]+\.h$"
    r"|(\w+intrin|cpuid)\.h$"
)

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
PRODUCT = ["core", "plugins", "backends", "tools"]
SUFFIXES = {".h", ".hpp", ".c", ".cpp", ".cc", ".cu", ".cuh", ".inc"}


def within(path, folder):
    return path == folder or path.startswith(folder + "/")


def folder_of(path):
    """The folder of USES that a file belongs to, or None."""
    return next((folder for folder in USES if within(path, folder)), None)


def closure(folder):
    seen, todo = set(), [folder]
    while todo:
        folder = todo.pop()
        if folder not in seen:
            seen.add(folder)
            todo += USES[folder]
    return seen


def check_own(path, include):
    """Why a file may not include a header of the project, or None."""
    user, used = folder_of(path), folder_of(include)
    if used is None:
        return f"{include.rsplit('/', 1)[0]} is no folder that the product may include"
    if used not in closure(user) or user not in ONLY_FOR.get(used, [user]):
        return f"{user} must not include {used}"
    for folder in SEPARATE:
        part = len(folder.split("/")) + 1
        if user == used == folder and path.split("/")[:part] != include.split("/")[:part]:
            return f"the parts of {folder} must not include each other"
    return None


def check_foreign(path, include):
    """Why a file may not include a header from elsewhere, or None."""
    for pattern, places in THIRD_PARTY:
        if re.match(pattern, include):
            if any(within(path, place) for place in places):
                return None
            return f"<{include}> may be seen by {', '.join(places) or 'tests'} only"
    if SYSTEM.match(include):
        return None
    return f"<{include}> is unknown: quote our own from the root, name others in THIRD_PARTY"


def check_file(root, file):
    path = file.relative_to(root).as_posix()
    if folder_of(path) is None:
        yield f"{path}:1: in no folder of the architecture"
        return
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, include = match.groups()
        own = include.split("/")[0] in PRODUCT + ["tests"] and quote == '"'
        fault = check_own(path, include) if own else check_foreign(path, include)
        if fault:
            yield f"{path}:{number}: {fault}"


def check_tree(root):
    root = pathlib.Path(root)
    files = [f for top in PRODUCT for f in (root / top).rglob("*") if f.suffix in SUFFIXES]
    return len(files), [fault for file in sorted(files) for fault in check_file(root, file)]


SNIPPETS = [  # file, include line, whether it is allowed
    ("plugins/abi/synfire_backend.h", '#include "plugins/abi/synfire_plugin.h"', True),
    ("plugins/abi/synfire_backend.h", '#include "plugins/sdk/ops.h"', False),
    ("plugins/sdk/backend.hpp", '#include "core/base/status.hpp"', False),
    ("plugins/host/registry.cpp", '#include "core/base/result.hpp"', True),
    ("plugins/host/registry.cpp", '#include "core/tensor/tensor.hpp"', False),
    ("plugins/host/registry.cpp", "#include <dlfcn.h>", True),
    ("plugins/predictors/svd/svd.cpp", '#include "plugins/sdk/dtype.hpp"', True),
    ("plugins/predictors/svd/svd.cpp", '#include "core/base/status.hpp"', False),
    ("plugins/predictors/svd/svd.cpp", '#include "plugins/predictors/mlp/mlp.hpp"', False),
    ("plugins/predictors/svd/svd.cpp", '#include "plugins/predictors/svd/rank.hpp"', True),
    ("plugins/example/example.cpp", '#include "plugins/host/device.hpp"', False),
    ("backends/cpu/norm.cpp", '#include "backends/cpu/norm.hpp"', True),
    ("backends/cpu/norm.cpp", '#include "backends/reference/norm.hpp"', False),
    ("backends/cpu/norm.cpp", '#include "core/base/log.hpp"', False),
    ("backends/cpu/norm.cpp", '#include "hwy/highway.h"', True),
    ("backends/cpu/norm.cpp", "#include <immintrin.h>", True),
    ("backends/reference/norm.cpp", "#include <hwy/highway.h>", False),
    ("backends/reference/norm.cpp", "#include <hwloc.h>", False),
    ("backends/cuda/norm.cu", "#include <cuda_runtime.h>", True),
    ("plugins/host/registry.cpp", "#include <cuda_runtime.h>", False),
    ("core/base/log.cpp", "#include <spdlog/spdlog.h>", True),
    ("core/base/log.hpp", "#include <spdlog/spdlog.h>", False),
    ("core/base/status.hpp", "#include <fmt/format.h>", True),
    ("core/base/status.hpp", '#include "core/tensor/tensor.hpp"', False),
    ("core/tensor/tensor.hpp", '#include "plugins/sdk/dtype.hpp"', True),
    ("core/actor/mailbox.hpp", "#include <boost/asio/io_context.hpp>", True),
    ("core/actor/mailbox.hpp", '#include "core/model/gguf_file.hpp"', False),
    ("core/config/yaml.cpp", "#include <yaml-cpp/yaml.h>", True),
    ("core/config/yaml.cpp", '#include "core/engine/engine.hpp"', False),
    ("core/model/gguf_file.cpp", "#include <sys/mman.h>", True),
    ("core/model/gguf_file.cpp", '#include "core/sparsity/planner.hpp"', False),
    ("core/model/gguf_file.cpp", "#include <yaml-cpp/yaml.h>", False),
    ("core/model/gguf_file.cpp", '#include "gguf_file.hpp"', False),
    ("core/model/tokenizer/pattern.cpp", "#include <pcre2.h>", True),
    ("core/model/gguf_file.cpp", "#include <pcre2.h>", False),
    ("core/model/convert/json_object.hpp", "#include <boost/json.hpp>", True),
    ("core/model/gguf_file.cpp", "#include <boost/json.hpp>", False),
    ("core/sparsity/planner.cpp", '#include "core/model/gguf_file.hpp"', False),
    ("core/runtime/compiler.cpp", '#include "plugins/host/device.hpp"', True),
    ("core/runtime/compiler.cpp", '#include "core/actor/mailbox.hpp"', False),
    ("core/runtime/compiler.cpp", '  #  include "core/engine/engine.hpp"', False),
    ("core/engine/batcher.cpp", '#include "core/actor/mailbox.hpp"', True),
    ("core/engine/batcher.cpp", '#include "core/runtime/sampling/sampler.hpp"', True),
    ("core/engine/batcher.cpp", '#include "core/config/options.hpp"', False),
    ("core/engine/batcher.cpp", "#include <boost/asio/post.hpp>", False),
    ("core/engine/batcher.cpp", '#include "tests/support/paths.hpp"', False),
    ("core/serve/grpc_server.cpp", "#include <grpcpp/grpcpp.h>", True),
    ("core/serve/grpc_server.cpp", '#include "synfire/v1/synfire.grpc.pb.h"', True),
    ("core/serve/grpc_server.cpp", '#include "core/model/gguf_file.hpp"', True),
    ("core/serve/grpc_server.cpp", '#include "plugins/host/registry.hpp"', False),
    ("core/serve/grpc_server.cpp", '#include "tools/run.hpp"', False),
    ("core/engine/batcher.cpp", "#include <grpcpp/grpcpp.h>", False),
    ("core/engine/batcher.cpp", "#include <gtest/gtest.h>", False),
    ("core/serve/json.cpp", "#include <absl/strings/string_view.h>", False),
    ("tools/main.cpp", "#include <CLI/CLI.hpp>", True),
    ("tools/main.cpp", "#include <boost/json.hpp>", True),
    ("tools/main.cpp", '#include "plugins/host/registry.hpp"', True),
    ("tools/main.cpp", "#include <grpcpp/grpcpp.h>", False),
    ("core/config/flags.cpp", "#include <CLI/CLI.hpp>", False),
    ("core/misc/thing.hpp", "#include <string>", False),
    ("core/base/unknown.cpp", "#include <nlohmann/json.hpp>", False),
]


def self_test():
    faults = []
    for path, line, allowed in SNIPPETS:
        with tempfile.TemporaryDirectory() as root:
            file = pathlib.Path(root) / path
            file.parent.mkdir(parents=True)
            file.write_text(f"#pragma once\n{line}\n")
            found = check_tree(root)[1]
        if bool(found) == allowed:
            faults.append(f"{path}: {line}: want {'no' if allowed else 'a'} fault, got {found}")
    print("\n".join(faults) or f"{len(SNIPPETS)} snippets are judged as they should")
    return 1 if faults else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    count, faults = check_tree(sys.argv[1])
    if count == 0:
        faults = [f"{sys.argv[1]} has no source files"]
    print("\n".join(faults) or f"{count} files keep the include rules")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
