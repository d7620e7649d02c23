#include "tests/ops/op_test.hpp"

#include <cmath>
#include <sstream>

namespace synfire::ops_test {

std::vector<std::string> all_backends() {
  std::vector<std::string> names;
  std::istringstream list(SYNFIRE_TEST_BACKENDS);
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  if (!__builtin_cpu_supports("avx512vnni")) std::erase(names, "tiles");  // has no device then
  return names;
}

std::vector<std::string> compared_backends() {
  std::vector<std::string> names = all_backends();
  std::erase(names, "reference");
  return names;
}

std::vector<std::string> dense_backends() {
  std::vector<std::string> names = compared_backends();
  names.push_back("example");
  return names;
}

bool fits(DType dtype, std::size_t cols) { return cols % dtype_info(dtype).block_size == 0; }

std::vector<DType> weight_dtypes() {
  std::vector<DType> dtypes;
  for (const DTypeInfo& info : kDTypes)
    if (info.is_weight) dtypes.push_back(info.dtype);
  return dtypes;
}

void expect_close(const std::vector<float>& got, const std::vector<float>& want, float tolerance) {
  ASSERT_EQ(got.size(), want.size());
  std::size_t worst = 0;
  float excess = -1;  // over the tolerance
  for (std::size_t i = 0; i < got.size(); ++i) {
    const float difference = std::fabs(got[i] - want[i]);
    const float over = difference - tolerance * (1 + std::fabs(want[i]));
    if (std::isnan(over) || over > excess) {
      worst = i;
      excess = std::isnan(over) ? INFINITY : over;
    }
  }
  EXPECT_LE(excess, 0) << "element " << worst << " of " << got.size() << ": got " << got[worst]
                       << ", want " << want[worst] << ", tolerance " << tolerance;
}

std::vector<Bytes> run_on(TestDevice& device, const StageSpec& spec, const BatchSpec& batch,
                          const std::vector<Bytes>& inputs) {
  auto stage = TestStage::make(device, spec);
  EXPECT_TRUE(stage.ok()) << stage.status().to_string();
  if (!stage.ok()) return {};
  auto outputs = (*stage)->run(batch, inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status().to_string();
  return outputs.ok() ? *std::move(outputs) : std::vector<Bytes>{};
}

void Pair::compare(const StageSpec& spec, const BatchSpec& batch, const std::vector<Bytes>& inputs,
                   float tolerance) {
  const std::vector<Bytes> want = run_on(oracle, spec, batch, inputs);
  const std::vector<Bytes> got = run_on(device, spec, batch, inputs);
  ASSERT_EQ(want.size(), spec.outputs.size());
  ASSERT_EQ(got.size(), spec.outputs.size());
  for (std::size_t i = 0; i < want.size(); ++i)
    expect_close(floats_of(got[i]), floats_of(want[i]), tolerance);
}

std::string backend_name(const testing::TestParamInfo<std::string>& info) { return info.param; }

std::string backend_and_dtype_name(
    const testing::TestParamInfo<std::tuple<std::string, DType>>& info) {
  return std::get<0>(info.param) + "_" + std::string(dtype_info(std::get<1>(info.param)).name);
}

}  // namespace synfire::ops_test
