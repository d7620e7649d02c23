#include "core/model/gguf_dtype.hpp"

#include <array>
#include <string_view>

namespace synfire::gguf {

namespace {

struct Code {
  std::uint32_t code;
  DType dtype;
};
constexpr std::array<Code, 3> kPowerInferCodes{
    {{16, DType::i8}, {17, DType::i16}, {18, DType::i32}}};
constexpr std::uint32_t kFirstDifferentCode = 16;

struct ForeignDType {
  std::uint32_t code;
  std::string_view name;
};
// Types of ggml that the dtype table lacks, for the error's sake.
constexpr std::array<ForeignDType, 20> kForeign{{
    {6, "Q5_0"},     {7, "Q5_1"},   {9, "Q8_1"},    {10, "Q2_K"},    {11, "Q3_K"},
    {12, "Q4_K"},    {13, "Q5_K"},  {15, "Q8_K"},   {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"},   {22, "IQ2_S"},
    {23, "IQ4_XS"},  {29, "IQ1_M"}, {34, "TQ1_0"},  {35, "TQ2_0"},   {39, "MXFP4"},
}};

std::string known_names(bool is_powerinfer) {
  std::string names;
  for (const DTypeInfo& info : kDTypes) {
    if (!code_of_dtype(info.dtype, is_powerinfer)) continue;
    if (!names.empty()) names += ' ';
    names += info.name;
  }
  return names;
}

const DTypeInfo* find_code(std::uint32_t code, bool is_powerinfer) {
  if (!is_powerinfer || code < kFirstDifferentCode) return find_dtype(code);
  for (const Code& entry : kPowerInferCodes)
    if (entry.code == code) return &dtype_info(entry.dtype);
  return nullptr;
}

}  // namespace

Result<DType> dtype_from_code(std::uint32_t code, bool is_powerinfer) {
  if (const DTypeInfo* info = find_code(code, is_powerinfer)) return info->dtype;
  for (const ForeignDType& foreign : kForeign)
    if (foreign.code == code && (!is_powerinfer || code < kFirstDifferentCode))
      return error(StatusCode::unimplemented, "dtype {} ({}), want one of {}", foreign.name, code,
                   known_names(is_powerinfer));
  return invalid_argument("dtype {}, want one of {}", code, known_names(is_powerinfer));
}

std::optional<std::uint32_t> code_of_dtype(DType dtype, bool is_powerinfer) {
  const auto code = static_cast<std::uint32_t>(dtype);
  if (!is_powerinfer || code < kFirstDifferentCode) return code;
  for (const Code& entry : kPowerInferCodes)
    if (entry.dtype == dtype) return entry.code;
  return std::nullopt;
}

}  // namespace synfire::gguf
