// Reads bytes as the files of a Hugging Face folder: after a first byte that says which, a
// safetensors file, a SentencePiece model or a tokenizer.json; and uses what was accepted.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/convert/safetensors_file.hpp"
#include "core/model/convert/sentencepiece_model.hpp"
#include "core/model/convert/tokenizer_json.hpp"
#include "core/model/tokenizer/tokenizer.hpp"

namespace {

using namespace synfire::convert;

// Whoever says no says why.
template <typename Result>
bool accepted(const Result& result) {
  if (!result.ok() && result.status().message().empty()) __builtin_trap();
  return result.ok();
}

void read_safetensors(std::string_view bytes) {
  const auto tensors =
      parse_safetensors({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, "fuzz");
  if (!accepted(tensors)) return;
  volatile std::size_t sum = 0;
  for (const SafeTensor& tensor : *tensors)
    for (const std::byte byte : tensor.data) sum = sum + static_cast<std::size_t>(byte);
}

void use(synfire::Vocab vocab) {
  const auto tokenizer = synfire::Tokenizer::create(std::move(vocab));
  if (!accepted(tokenizer)) return;
  const auto ids = (*tokenizer)->encode("Once upon a time, 12 caf\xc3\xa9s.");
  if (accepted(ids) && !(*tokenizer)->decode(*ids).ok()) __builtin_trap();
}

void read_sentencepiece(std::string_view bytes) {
  auto model = parse_sentencepiece(bytes);
  if (accepted(model)) use(std::move(model->vocab));
}

void read_json(std::string_view bytes) {
  const auto file = JsonObject::parse(bytes, "fuzz");
  if (!accepted(file)) return;
  std::vector<std::string> warnings;
  auto vocab = parse_tokenizer_json(*file, warnings);
  // A hole is something that read_hf_tokenizer() fills.
  if (accepted(vocab) && vocab->pieces.size() < 1000) use(*std::move(vocab));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // A copy, so that its end is where the address sanitizer looks.
  const auto copy = std::make_unique<char[]>(size);
  std::memcpy(copy.get(), data, size);
  const std::string_view bytes(copy.get() + 1, size - 1);
  switch (copy[0]) {
    case 's': read_safetensors(bytes); break;
    case 'p': read_sentencepiece(bytes); break;
    case 'j': read_json(bytes); break;
    default: break;
  }
  return 0;
}
