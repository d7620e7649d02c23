#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/gguf_file.hpp"
#include "plugins/abi/synfire_predictor.h"

namespace synfire {

// Files' tensors and numbers in the form that predictor plugins see: a model's, and behind it those
// of a predictor's sidecar. Views of the files, which must outlive it.
class ModelTensors {
 public:
  explicit ModelTensors(const GgufFile& model) { add(model); }
  ModelTensors(const ModelTensors&) = delete;
  ModelTensors& operator=(const ModelTensors&) = delete;

  // What the files before have too stays theirs.
  void add(const GgufFile& file);

  // For sf_model_desc: `context` is a ModelTensors.
  static const sf_tensor_desc* find(void* context, const char* name);
  static std::int32_t find_number(void* context, const char* key, double* value);

 private:
  std::vector<const GgufFile*> files_;
  std::map<std::string, sf_tensor_desc, std::less<>> tensors_;
};

}  // namespace synfire
