#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/model/gguf_file.hpp"
#include "plugins/abi/synfire_predictor.h"

namespace synfire {

// A model file's tensors in the form that predictor plugins see. Views of the file, which must
// outlive it.
class ModelTensors {
 public:
  explicit ModelTensors(const GgufFile& file);
  ModelTensors(const ModelTensors&) = delete;
  ModelTensors& operator=(const ModelTensors&) = delete;

  // For sf_model_desc: `context` is a ModelTensors.
  static const sf_tensor_desc* find(void* context, const char* name);

 private:
  std::map<std::string, sf_tensor_desc, std::less<>> tensors_;
};

}  // namespace synfire
