#include "core/model/arch/families.hpp"

#include <string_view>

namespace synfire {
namespace {

struct Family {
  std::string_view architecture;  // general.architecture
  std::uint32_t activation;       // where the file does not say
  Result<Program> (*build)(const GgufFile&, const Hparams&);
};

constexpr Family kFamilies[] = {
    {"llama", SF_ACTIVATION_SILU, &build_llama},
    {"bamboo", SF_ACTIVATION_DRELU, &build_llama},  // Mistral with dReLU, arXiv 2406.05955
    {"arcee", SF_ACTIVATION_RELU2, &build_arcee},
    {"qwen2", SF_ACTIVATION_SILU, &build_qwen2},
    {"nemotron", SF_ACTIVATION_RELU2, &build_nemotron},
    {"opt", SF_ACTIVATION_RELU, &build_opt},
    {"falcon", SF_ACTIVATION_GELU, &build_falcon},
};

std::string known_families() {
  std::string names;
  for (const Family& family : kFamilies)
    names += (names.empty() ? "" : ", ") + std::string(family.architecture);
  return names;
}

}  // namespace

Result<Program> build_program(const GgufFile& file, const std::string& ffn_activation) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto architecture, file.get<std::string>("general.architecture"));
  for (const Family& family : kFamilies) {
    if (family.architecture != architecture) continue;
    SYNFIRE_ASSIGN_OR_RETURN(const Hparams hparams,
                             read_hparams(file, family.activation, ffn_activation));
    return family.build(file, hparams);
  }
  return error(StatusCode::unimplemented, "{}: architecture '{}', want one of: {}", file.path(),
               architecture, known_families());
}

}  // namespace synfire
