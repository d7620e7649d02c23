#pragma once

#include <cstdint>
#include <filesystem>

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire::test {

// Writes a model that ends where layer `layer` of `file` norms its FFN's input, and whose first
// d_model logits are that input: the layers before as they are, the layer's own `down` zero, the
// FFN norm as output norm, the unit matrix as output. So an engine, with all that it does on the
// way, tells what it feeds an FFN. Needs n_vocab >= d_model.
Status cut_before_ffn(const GgufFile& file, std::uint32_t layer, const std::filesystem::path& out);

}  // namespace synfire::test
