#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/model/convert/json_object.hpp"
#include "core/model/convert/model_plan.hpp"

namespace synfire::convert {

// One function per kind of checkpoint; a new one is a file, a line here and rows in families.cpp.
// `activation` overrides the configuration's ("" = no).
Status plan_llama(const JsonObject& config, const std::string& activation, ModelPlan& plan);
Status plan_bamboo(const JsonObject& config, const std::string& activation, ModelPlan& plan);
Status plan_qwen2(const JsonObject& config, const std::string& activation, ModelPlan& plan);
Status plan_arcee(const JsonObject& config, const std::string& activation, ModelPlan& plan);
Status plan_nemotron(const JsonObject& config, const std::string& activation, ModelPlan& plan);
Status plan_opt(const JsonObject& config, const std::string& activation, ModelPlan& plan);
Status plan_falcon(const JsonObject& config, const std::string& activation, ModelPlan& plan);

// Keys and tensors of the file, by the configuration's model_type; UNIMPLEMENTED for one that is
// not here.
Status plan_model(const JsonObject& config, const std::string& activation, ModelPlan& plan);

}  // namespace synfire::convert
