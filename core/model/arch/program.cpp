#include "core/model/arch/program.hpp"

namespace synfire {

ParamBytes param_bytes(const OpParams& params) {
  return std::visit([](const auto& held) { return ParamBytes{&held, sizeof held}; }, params);
}

}  // namespace synfire
