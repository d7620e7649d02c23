#include "core/base/predictor_spec.hpp"

#include "core/base/spec_reader.hpp"

namespace synfire {

std::string PredictorSpec::to_string() const { return name + bracketed(options); }

Result<PredictorSpec> parse_predictor_spec(std::string_view text) {
  SpecReader reader("predictor", text, "a predictor like exact or mlp[dtype=q8_0]");
  PredictorSpec spec;
  reader.skip_spaces();
  spec.name = std::string(reader.take_name());
  if (spec.name.empty()) return reader.fail("a name");
  SYNFIRE_RETURN_IF_ERROR(reader.take_options(spec.options));
  reader.skip_spaces();
  if (!reader.done()) return reader.fail("the end");
  const bool is_built_in = spec.name == "exact" || spec.name == "none";
  if (is_built_in && !spec.options.empty())
    return invalid_argument("predictor '{}': option '{}', want none for {}", text,
                            spec.options.begin()->first, spec.name);
  return spec;
}

}  // namespace synfire
