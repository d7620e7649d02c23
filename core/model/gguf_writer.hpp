#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "core/model/atomic_file.hpp"
#include "core/model/gguf_header.hpp"

namespace synfire {

// Writes a GGUF file as a stream: the header at once, then the data of the declared tensors in
// their order, each in as many parts as the caller likes. The file appears at finish(), whole;
// without it nothing is left.
//
//   GgufHeader header;
//   header.set("general.architecture", "llama");
//   header.add_tensor("output_norm.weight", DType::f32, shape);
//   auto writer = GgufWriter::create(path, header);
//   writer->write("output_norm.weight", bytes);
//   writer->finish();
//
// One thread at a time.
class GgufWriter {
 public:
  [[nodiscard]] static Result<GgufWriter> create(const std::filesystem::path& path,
                                                 GgufHeader header);

  [[nodiscard]] std::span<const GgufTensorSpec> tensors() const { return header_.tensors(); }
  // The next part of a tensor's data. `tensor` must be the one whose turn it is.
  Status write(std::string_view tensor, std::span<const std::byte> part);
  template <typename T>
  Status write_values(std::string_view tensor, std::span<const T> part) {
    return write(tensor, std::as_bytes(part));
  }
  // An error unless every tensor has got all its bytes.
  Status finish();
  // The same file before it appears: by which this process can open it, as long as the writer is
  // there and did not finish.
  [[nodiscard]] Result<std::filesystem::path> readable();

 private:
  GgufWriter(AtomicFile file, GgufHeader header, std::uint64_t alignment)
      : file_(std::move(file)), header_(std::move(header)), alignment_(alignment) {}
  Status end_tensor();
  [[nodiscard]] Status check_whole() const;
  [[nodiscard]] Status check_turn(std::string_view tensor, std::size_t bytes) const;

  AtomicFile file_;
  GgufHeader header_;
  std::uint64_t alignment_;
  std::size_t current_ = 0;    // the tensor whose turn it is
  std::uint64_t written_ = 0;  // bytes of it
};

}  // namespace synfire
