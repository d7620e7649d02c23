#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/model/convert/checkpoint.hpp"
#include "core/model/gguf_header.hpp"

namespace synfire::convert {

// One tensor of the GGUF file to be written: rows of a tensor of the checkpoint.
struct PlannedTensor {
  std::string name;                    // "blk.0.attn_q.weight"
  const SafeTensor* source = nullptr;  // [rows, cols] or [rows], the last one contiguous
  std::vector<std::uint32_t> rows;     // of the source, by row of the output; empty: all, in order
  float added = 0;                     // to every value
  bool transposed = false;             // [cols, rows] of the source, whose rows are all there
  std::vector<float> values;           // in place of a source: a vector that follows from the keys

  [[nodiscard]] bool is_vector() const { return source == nullptr || source->shape.size() == 1; }
  // As GGUF has it: [0] contiguous.
  [[nodiscard]] std::vector<std::uint64_t> shape() const;
};

// How the checkpoint's tensors become those of the file. A family's function fills it; the first
// error is kept and given by finish(), so that they read straight down.
class ModelPlan {
 public:
  explicit ModelPlan(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  GgufHeader header;  // keys
  std::vector<std::string> warnings;

  [[nodiscard]] const Checkpoint& checkpoint() const { return checkpoint_; }

  // `shape` is what the source must have: [rows, cols] or [rows]. The plan's new tensor, for
  // whatever else is to be said of it.
  PlannedTensor& add(const std::string& name, const std::string& source,
                     const std::vector<std::uint64_t>& shape);
  // `<name>.weight`, and `<name>.bias` where the source has one or `with_bias` says that it must.
  // What is said of `rows` holds for both.
  enum class Bias { optional, wanted };
  void add_linear(const std::string& name, const std::string& source, std::uint64_t rows,
                  std::uint64_t cols, std::vector<std::uint32_t> order = {},
                  Bias bias = Bias::optional);
  void add_values(const std::string& name, std::vector<float> values);
  // Tensors that follow from others, or that nobody reads.
  void ignore(const std::string& source) { used_.insert(source); }

  [[nodiscard]] const std::vector<PlannedTensor>& tensors() const { return tensors_; }
  [[nodiscard]] std::vector<PlannedTensor>& tensors() { return tensors_; }
  // The first error; that of a tensor which no part of the family takes.
  [[nodiscard]] Status finish() const;

 private:
  const Checkpoint& checkpoint_;
  std::vector<PlannedTensor> tensors_;
  std::set<std::string, std::less<>> used_;  // sources, as the checkpoint names them
  Status error_;
};

}  // namespace synfire::convert
