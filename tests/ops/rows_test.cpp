#include "tests/ops/op_test.hpp"

namespace synfire::ops_test {
namespace {

// Ops from rows to rows without a weight dtype that matters: norm, rope, add, activate, gather.
class RowsTest : public testing::TestWithParam<std::string> {
 protected:
  std::vector<float> floats(std::size_t n, float limit = 1) {
    return random_floats(n, random_, -limit, limit);
  }

  static constexpr std::uint32_t kWidths[] = {1, 31, 32, 33, 172, 256};
  static constexpr std::uint32_t kTokens[] = {1, 2, 7, 65};

  Random random_{5};
  Pair pair_{GetParam()};
};

TEST_P(RowsTest, RmsNorm) {
  for (const std::uint32_t d : kWidths)
    for (const std::uint32_t n : kTokens)
      for (const DType dtype : {DType::f32, DType::f16}) {
        SCOPED_TRACE(testing::Message() << "d " << d << ", T " << n);
        StageSpec spec;
        const std::uint32_t x = spec.rows(d);
        const std::uint32_t weight = spec.weight(HostTensor::vector(floats(d), dtype));
        spec.output(
            spec.op(SF_OP_RMS_NORM, {x}, {SF_VALUE_ROWS, d}, sf_norm_params{1e-5f}, {weight}));
        pair_.compare(spec, BatchSpec::of(n), {bytes_of(floats(n * d, 30))},
                      tolerance(SF_OP_RMS_NORM));
      }
}

TEST_P(RowsTest, RmsNormOfZerosIsZero) {
  StageSpec spec;
  const std::uint32_t x = spec.rows(33);
  const std::uint32_t weight = spec.weight(HostTensor::vector(floats(33)));
  spec.output(spec.op(SF_OP_RMS_NORM, {x}, {SF_VALUE_ROWS, 33}, sf_norm_params{1e-6f}, {weight}));
  const auto out = run_on(pair_.device, spec, BatchSpec::of(1), {bytes_of(std::vector<float>(33))});
  expect_close(floats_of(out.at(0)), std::vector<float>(33, 0.0f), 0);
}

TEST_P(RowsTest, LayerNorm) {
  for (const std::uint32_t d : kWidths)
    for (const std::uint32_t n : kTokens)
      for (const DType dtype : {DType::f32, DType::f16})
        for (const bool has_bias : {true, false}) {
          SCOPED_TRACE(testing::Message() << "d " << d << ", T " << n);
          StageSpec spec;
          const std::uint32_t x = spec.rows(d);
          const std::uint32_t weight = spec.weight(HostTensor::vector(floats(d), dtype));
          const std::uint32_t bias =
              has_bias ? spec.weight(HostTensor::vector(floats(d), dtype)) : SF_NONE;
          spec.output(spec.op(SF_OP_LAYER_NORM, {x}, {SF_VALUE_ROWS, d}, sf_norm_params{1e-5f},
                              {weight, bias}));
          pair_.compare(spec, BatchSpec::of(n), {bytes_of(floats(n * d, 30))},
                        tolerance(SF_OP_LAYER_NORM));
        }
}

TEST_P(RowsTest, AddRow) {
  for (const std::uint32_t d : kWidths)
    for (const std::uint32_t n : kTokens) {
      StageSpec spec;
      const std::uint32_t x = spec.rows(d);
      const std::uint32_t row = spec.weight(HostTensor::vector(floats(d)));
      spec.output(spec.op(SF_OP_ADD_ROW, {x}, {SF_VALUE_ROWS, d}, sf_no_params{}, {row}));
      pair_.compare(spec, BatchSpec::of(n), {bytes_of(floats(n * d))}, tolerance(SF_OP_ADD_ROW));
    }
}

TEST_P(RowsTest, AddPositions) {
  for (const std::uint32_t d : kWidths)
    for (const DType dtype : {DType::f32, DType::f16})
      for (const std::uint32_t first : {0u, 2u}) {
        StageSpec spec;
        const std::uint32_t x = spec.rows(d);
        const std::uint32_t table = spec.weight(HostTensor::random(dtype, 9, d, random_, 1));
        spec.output(spec.op(SF_OP_ADD_POSITIONS, {x}, {SF_VALUE_ROWS, d},
                            sf_positions_params{first}, {table}));
        BatchSpec batch = BatchSpec::of(4);
        batch.positions = {6, 0, 3, 3};
        pair_.compare(spec, batch, {bytes_of(floats(4 * d))}, tolerance(SF_OP_ADD_POSITIONS));
      }
}

TEST_P(RowsTest, PositionsThatTheTableLacksAreAnError) {
  StageSpec spec;
  const std::uint32_t x = spec.rows(3);
  const std::uint32_t table = spec.weight(HostTensor::random(DType::f32, 9, 3, random_, 1));
  spec.output(
      spec.op(SF_OP_ADD_POSITIONS, {x}, {SF_VALUE_ROWS, 3}, sf_positions_params{2}, {table}));
  BatchSpec batch = BatchSpec::of(1);
  batch.positions = {7};
  const auto stage = TestStage::make(pair_.device, spec);
  ASSERT_TRUE(stage.ok()) << stage.status().to_string();
  const auto outputs = (*stage)->run(batch, {bytes_of(floats(3))});
  ASSERT_FALSE(outputs.ok());
  EXPECT_NE(outputs.status().message().find("row 9: want less than 9"), std::string::npos)
      << outputs.status().message();
}

TEST_P(RowsTest, Add) {
  for (const std::uint32_t d : kWidths)
    for (const std::uint32_t n : kTokens) {
      StageSpec spec;
      const std::uint32_t a = spec.rows(d);
      const std::uint32_t b = spec.rows(d);
      spec.output(spec.op(SF_OP_ADD, {a, b}, {SF_VALUE_ROWS, d}, sf_no_params{}));
      pair_.compare(spec, BatchSpec::of(n), {bytes_of(floats(n * d)), bytes_of(floats(n * d))},
                    tolerance(SF_OP_ADD));
    }
}

TEST_P(RowsTest, AddOfAValueToItself) {
  StageSpec spec;
  const std::uint32_t a = spec.rows(33);
  spec.output(spec.op(SF_OP_ADD, {a, a}, {SF_VALUE_ROWS, 33}, sf_no_params{}));
  pair_.compare(spec, BatchSpec::of(2), {bytes_of(floats(66))}, tolerance(SF_OP_ADD));
}

TEST_P(RowsTest, Activate) {
  for (std::uint32_t kind = SF_ACTIVATION_SILU; kind <= SF_ACTIVATION_DRELU; ++kind)
    for (const bool has_up : {true, false}) {
      if (!has_up && kind == SF_ACTIVATION_DRELU) continue;
      for (const std::uint32_t d : kWidths) {
        SCOPED_TRACE(testing::Message() << "activation " << kind << ", d " << d);
        StageSpec spec;
        const std::uint32_t gate = spec.rows(d);
        const std::uint32_t up = has_up ? spec.rows(d) : SF_NONE;
        spec.output(
            spec.op(SF_OP_ACTIVATE, {gate, up}, {SF_VALUE_ROWS, d}, sf_activate_params{kind}));
        std::vector<Bytes> inputs{bytes_of(floats(7 * d, 12))};
        if (has_up) inputs.push_back(bytes_of(floats(7 * d)));
        pair_.compare(spec, BatchSpec::of(7), inputs, tolerance(SF_OP_ACTIVATE));
      }
    }
}

TEST_P(RowsTest, ActivateFarFromZero) {
  const std::vector<float> far{-1000, -100, -88, -50, -1e-30f, 0, 1e-30f, 50, 88, 100, 1000};
  for (std::uint32_t kind = SF_ACTIVATION_SILU; kind <= SF_ACTIVATION_GELU; ++kind) {
    StageSpec spec;
    const std::uint32_t gate = spec.rows(11);
    spec.output(
        spec.op(SF_OP_ACTIVATE, {gate, SF_NONE}, {SF_VALUE_ROWS, 11}, sf_activate_params{kind}));
    pair_.compare(spec, BatchSpec::of(1), {bytes_of(far)}, tolerance(SF_OP_ACTIVATE));
  }
}

TEST_P(RowsTest, GatherWanted) {
  for (const std::vector<std::uint32_t>& wanted :
       {std::vector<std::uint32_t>{}, {0}, {6}, {1, 2, 5}, {0, 1, 2, 3, 4, 5, 6}}) {
    StageSpec spec;
    const std::uint32_t x = spec.rows(33);
    spec.output(spec.op(SF_OP_GATHER_WANTED, {x}, {SF_VALUE_WANTED_ROWS, 33}, sf_no_params{}));
    BatchSpec batch = BatchSpec::of(7);
    batch.wanted = wanted;
    pair_.compare(spec, batch, {bytes_of(floats(7 * 33))}, tolerance(SF_OP_GATHER_WANTED));
  }
}

struct RopeCase {
  const char* name;
  sf_rope_params params;
  bool factors;
};

const RopeCase kRopes[] = {
    {"plain", {4, 64, 64, SF_ROPE_ADJACENT, 10000, 1, 0, 1, 32, 1, 0}, false},
    {"halves", {3, 64, 64, SF_ROPE_HALVES, 10000, 1, 0, 1, 32, 1, 0}, false},
    {"partial", {2, 80, 32, SF_ROPE_HALVES, 10000, 1, 0, 1, 32, 1, 0}, false},
    {"two", {5, 2, 2, SF_ROPE_ADJACENT, 10000, 1, 0, 1, 32, 1, 0}, false},
    {"odd_head", {2, 21, 6, SF_ROPE_ADJACENT, 1e6f, 1, 0, 1, 32, 1, 0}, false},
    {"linear", {2, 48, 48, SF_ROPE_ADJACENT, 10000, 0.25f, 0, 1, 32, 1, 0}, false},
    {"factors", {2, 64, 64, SF_ROPE_ADJACENT, 500000, 1, 0, 1, 32, 1, 0}, true},
    {"yarn", {2, 64, 64, SF_ROPE_HALVES, 10000, 0.25f, 1, 1, 32, 1, 256}, false},
    {"yarn_half", {2, 64, 64, SF_ROPE_ADJACENT, 10000, 0.125f, 0.5f, 1.2f, 32, 1, 512}, true},
};

TEST_P(RowsTest, Rope) {
  for (const RopeCase& rope : kRopes)
    for (const std::uint32_t n : kTokens) {
      SCOPED_TRACE(testing::Message() << rope.name << ", T " << n);
      const std::uint32_t width = rope.params.n_heads * rope.params.head_dim;
      StageSpec spec;
      const std::uint32_t x = spec.rows(width);
      const std::uint32_t weight =
          rope.factors
              ? spec.weight(HostTensor::vector(random_floats(rope.params.n_rot / 2, random_, 1, 8)))
              : SF_NONE;
      spec.output(spec.op(SF_OP_ROPE, {x}, {SF_VALUE_ROWS, width}, rope.params, {weight}));
      BatchSpec batch = BatchSpec::of(n);
      for (std::uint32_t t = 0; t < n; ++t) batch.positions[t] = t * 37 % 2048;
      pair_.compare(spec, batch, {bytes_of(floats(n * width))}, tolerance(SF_OP_ROPE));
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, RowsTest, testing::ValuesIn(compared_backends()), backend_name);

class EmbedTest : public testing::TestWithParam<std::tuple<std::string, DType>> {};

TEST_P(EmbedTest, DequantizesRows) {
  const auto& [backend, dtype] = GetParam();
  Random random(9);
  Pair pair(backend);
  for (const std::uint32_t d : {1u, 31u, 32u, 33u, 172u, 256u, 768u}) {
    if (!fits(dtype, d)) continue;
    for (const auto& [rows, scale] : {std::pair{9u, 1.0f}, {9u, 0.25f}, {41u, 1.0f}}) {
      StageSpec spec;
      const std::uint32_t table = spec.weight(HostTensor::random(dtype, rows, d, random, 1));
      spec.output(spec.op(SF_OP_EMBED, {}, {SF_VALUE_ROWS, d}, sf_embed_params{scale}, {table}));
      BatchSpec batch = BatchSpec::of(5);
      batch.tokens = {8, 0, 3, 3, static_cast<std::int32_t>(rows) - 1};
      pair.compare(spec, batch, {}, tolerance(SF_OP_EMBED));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, EmbedTest,
                         testing::Combine(testing::ValuesIn(dense_backends()),
                                          testing::ValuesIn(weight_dtypes())),
                         backend_and_dtype_name);

}  // namespace
}  // namespace synfire::ops_test
