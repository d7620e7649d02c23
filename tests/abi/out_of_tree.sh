#!/bin/bash
# out_of_tree.sh BUILD SOURCE ABI_LOAD: installs Synfire, builds plugins/example against what was installed,
# loads it through the host, and runs a model with it when the program is part of the build.
set -euo pipefail
build=$1 source=$2 abi_load=$3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

echo "== install"
cmake --install "$build" --prefix "$prefix" >"$work/install.log" || { cat "$work/install.log"; exit 1; }

echo "== build the example out of tree"
cp -r "$source/plugins/example" "$work/example"  # a copy: nothing of the source tree is near it
cmake -S "$work/example" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$prefix" >"$work/configure.log" ||
  { cat "$work/configure.log"; exit 1; }
cmake --build "$work/build"
plugin=$(find "$work/build" -name 'synfire_backend_example.so')
[ -n "$plugin" ] || { echo "the example built no synfire_backend_example.so"; exit 1; }
exported=$(nm -D --defined-only "$plugin" | awk '{print $NF}')
[ "$exported" = synfire_plugin_query ] || { echo "the example exports: $exported"; exit 1; }

echo "== load it"
"$abi_load" "$(dirname "$plugin")" example

[ -x "$prefix/bin/synfire" ] || { echo "no program in this build: no model was run"; exit 0; }

echo "== run a model with it"
generate() {
  "$prefix/bin/synfire" run -m "$source/tests/data/stories260K/stories260K-f32.gguf" \
    -p "Once upon a time" -n 24 --temp 0 "$@"
}
cp "$plugin" "$prefix/lib/synfire/plugins/"
on_example=$(generate --device example:0)
on_reference=$(generate --device reference:0)
echo "$on_example"
[ -n "$on_example" ] && [ "$on_example" = "$on_reference" ] || {
  echo "the example's text differs from the reference's: $on_reference"
  exit 1
}
