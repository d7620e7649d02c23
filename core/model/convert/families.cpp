#include "core/model/convert/families.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace synfire::convert {
namespace {

struct Family {
  std::string_view model_type;  // in config.json
  Status (*plan)(const JsonObject&, const std::string&, ModelPlan&);
};

constexpr std::array kFamilies{
    Family{"llama", &plan_llama},       Family{"mistral", &plan_llama},
    Family{"bamboo", &plan_bamboo},     Family{"qwen2", &plan_qwen2},
    Family{"arcee", &plan_arcee},       Family{"nemotron", &plan_nemotron},
    Family{"opt", &plan_opt},           Family{"falcon", &plan_falcon},
    Family{"RefinedWeb", &plan_falcon}, Family{"RefinedWebModel", &plan_falcon},
};

std::string known_types() {
  std::string names;
  for (const Family& family : kFamilies)
    names += (names.empty() ? "" : ", ") + std::string(family.model_type);
  return names;
}

}  // namespace

Status plan_model(const JsonObject& config, const std::string& activation, ModelPlan& plan) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::string type, config.text("model_type"));
  const auto* const family = std::ranges::find(kFamilies, type, &Family::model_type);
  if (family == kFamilies.end())
    return error(StatusCode::unimplemented, "{}: model_type '{}', want one of: {}", config.name(),
                 type, known_types());
  SYNFIRE_RETURN_IF_ERROR(family->plan(config, activation, plan));
  return plan.finish();
}

}  // namespace synfire::convert
