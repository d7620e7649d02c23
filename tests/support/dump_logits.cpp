// Writes the logits of a model at every position of given sequences, for compare_llama_cpp.py.
//
//   dump_logits MODEL DEVICES OUT    sequences on stdin, one per line as token ids with blanks;
//                                    OUT gets float32, [all positions, n_vocab]
//
// DEVICES as users write them (cpu:0); the plugins are this build's.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/device_spec.hpp"
#include "core/engine/engine.hpp"
#include "tests/support/paths.hpp"

namespace synfire::test {
namespace {

Result<std::vector<std::int32_t>> parse_ids(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::int32_t> ids;
  for (std::int32_t id = 0; stream >> id;) ids.push_back(id);
  if (!stream.eof()) return invalid_argument("stdin: '{}', want token ids", line);
  return ids;
}

Status dump(const std::string& model, const std::string& devices, const std::string& path) {
  EngineConfig config;
  config.model = model;
  config.plugin_dirs = {plugin_dir()};
  SYNFIRE_ASSIGN_OR_RETURN(config.devices, parse_device_specs(devices));
  SYNFIRE_ASSIGN_OR_RETURN(const auto engine, Engine::make(config));
  std::ofstream out(path, std::ios::binary);
  for (std::string line; std::getline(std::cin, line);) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> ids, parse_ids(line));
    SYNFIRE_ASSIGN_OR_RETURN(const std::vector<float> logits, engine->logits(ids));
    out.write(reinterpret_cast<const char*>(logits.data()),
              static_cast<std::streamsize>(logits.size() * sizeof(float)));
  }
  out.close();
  if (!out) return error(StatusCode::unavailable, "{}: cannot write", path);
  return {};
}

}  // namespace
}  // namespace synfire::test

int main(int count, char** arguments) {
  if (count != 4) {
    std::fputs("usage: dump_logits MODEL DEVICES OUT\n", stderr);
    return 2;
  }
  const synfire::Status status = synfire::test::dump(arguments[1], arguments[2], arguments[3]);
  if (!status.ok()) std::fprintf(stderr, "dump_logits: %s\n", status.to_string().c_str());
  return status.ok() ? 0 : 1;
}
