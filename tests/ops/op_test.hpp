#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/ops/test_device.hpp"
#include "tests/ops/test_stage.hpp"
#include "tests/ops/tolerance.hpp"

// What all op tests share: the backends of this build, and running one stage on two devices.
namespace synfire::ops_test {

// Every backend whose kernels this build has; `reference` first.
std::vector<std::string> all_backends();
// Those that are compared with the reference.
std::vector<std::string> compared_backends();
// Those and the example, which knows no neurons.
std::vector<std::string> dense_backends();

// Every weight dtype whose block divides `cols`.
bool fits(DType dtype, std::size_t cols);
std::vector<DType> weight_dtypes();

// Each element of `got` within the tolerance of `want`; one failure that names the worst.
void expect_close(const std::vector<float>& got, const std::vector<float>& want, float tolerance);

// Runs `spec` on an open device; a failure of the test where that fails.
std::vector<Bytes> run_on(TestDevice& device, const StageSpec& spec, const BatchSpec& batch,
                          const std::vector<Bytes>& inputs);

// A device under test beside the oracle.
class Pair {
 public:
  explicit Pair(const std::string& backend) : device(backend), oracle("reference") {}

  // All outputs of both are rows of floats, and close.
  void compare(const StageSpec& spec, const BatchSpec& batch, const std::vector<Bytes>& inputs,
               float tolerance);

  TestDevice device;
  TestDevice oracle;
};

// "cpu", and "cpu_Q8_0" of a (backend, dtype) pair, as names of test cases.
std::string backend_name(const testing::TestParamInfo<std::string>& info);
std::string backend_and_dtype_name(
    const testing::TestParamInfo<std::tuple<std::string, DType>>& info);

}  // namespace synfire::ops_test
