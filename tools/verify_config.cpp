#include "tools/verify_config.hpp"

#include "core/engine/engine_info.hpp"
#include "core/model/gguf_file.hpp"
#include "tools/engine_options.hpp"

namespace synfire::cli {

Result<EngineConfig> verify_config(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(EngineConfig config, engine_config(values));
  config.lossless = true;
  if (names_kv_dtype(values)) return config;
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(config.model));
  if (main_dtype(file) == dtype_info(DType::f32).name) config.kv_dtype = "f32";
  return config;
}

bool names_kv_dtype(const OptionValues& values) {
  return values.source("kv-dtype").kind != SourceKind::defaults;
}

}  // namespace synfire::cli
