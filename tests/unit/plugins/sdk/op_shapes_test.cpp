#include "plugins/sdk/op_shapes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace synfire::sdk {
namespace {

// One op with operands that fit, for a test to spoil.
struct Case {
  std::uint32_t id = 0;
  std::vector<sf_value_desc> values;  // the op's inputs, then its output
  std::vector<std::uint32_t> inputs, outputs, weight_ids;
  std::vector<sf_tensor_desc> weights;
  std::vector<std::byte> params;
  sf_neurons_desc neurons{};
  sf_kv_desc kv{};
  bool has_neurons = false, has_kv = false;

  template <typename Params>
  Params& as() {
    params.resize(sizeof(Params));
    return *reinterpret_cast<Params*>(params.data());
  }

  // What check_shapes says; "" for yes.
  [[nodiscard]] std::string check() const {
    const sf_op op{sizeof(sf_op),
                   id,
                   static_cast<std::uint32_t>(inputs.size()),
                   static_cast<std::uint32_t>(outputs.size()),
                   static_cast<std::uint32_t>(weight_ids.size()),
                   has_neurons ? 0 : SF_NONE,
                   has_kv ? 0 : SF_NONE,
                   static_cast<std::uint32_t>(params.size()),
                   inputs.data(),
                   outputs.data(),
                   weight_ids.data(),
                   params.data()};
    try {
      check_shapes({op, values.data(), weights.data(), has_neurons ? &neurons : nullptr,
                    has_kv ? &kv : nullptr});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

constexpr std::uint32_t kF32 = 0, kQ8_0 = 8, kI8 = 24;

Case make(std::uint32_t id, std::vector<sf_value_desc> in, std::vector<sf_value_desc> out,
          std::vector<sf_tensor_desc> weights = {}) {
  Case c;
  c.id = id;
  for (const sf_value_desc& value : in) {
    c.inputs.push_back(static_cast<std::uint32_t>(c.values.size()));
    c.values.push_back(value);
  }
  for (const sf_value_desc& value : out) {
    c.outputs.push_back(static_cast<std::uint32_t>(c.values.size()));
    c.values.push_back(value);
  }
  for (const sf_tensor_desc& weight : weights) {
    c.weight_ids.push_back(static_cast<std::uint32_t>(c.weights.size()));
    c.weights.push_back(weight);
  }
  c.as<sf_no_params>() = {};
  c.neurons = {sizeof(sf_neurons_desc), 0, 64, 100, 16, 7, 1, kF32, kF32, kF32, nullptr, nullptr};
  c.kv = {sizeof(sf_kv_desc), 2, 8, 16, 2, 32, kF32, 0};
  c.has_neurons = id == SF_OP_NEURON_GATE || id == SF_OP_SELECT || id == SF_OP_NEURON_FFN;
  c.has_kv = id == SF_OP_KV_WRITE || id == SF_OP_ATTENTION;
  return c;
}

sf_value_desc rows(std::uint32_t width) { return {SF_VALUE_ROWS, width}; }
sf_value_desc wanted(std::uint32_t width) { return {SF_VALUE_WANTED_ROWS, width}; }
sf_value_desc active(std::uint32_t width) { return {SF_VALUE_ACTIVE, width}; }
sf_tensor_desc tensor(std::uint64_t r, std::uint64_t c, std::uint32_t dtype = kF32) {
  return {sizeof(sf_tensor_desc), dtype, 0, 0, r, c, "w", nullptr};
}

Case rope() {
  Case c = make(SF_OP_ROPE, {rows(128)}, {rows(128)}, {tensor(1, 16)});
  c.as<sf_rope_params>() = {4, 32, 32, SF_ROPE_HALVES, 10000, 1, 0, 1, 32, 1, 0};
  return c;
}
Case attention() {
  Case c = make(SF_OP_ATTENTION, {rows(128)}, {rows(128)});
  c.as<sf_attention_params>() = {1, 4, 2, 32, 0.1f};
  return c;
}
Case kv_write() {
  Case c = make(SF_OP_KV_WRITE, {rows(64), rows(64)}, {});
  c.as<sf_kv_params>() = {1};
  return c;
}
Case ffn() {
  Case c = make(SF_OP_NEURON_FFN, {rows(64), active(100), rows(100)}, {rows(64)});
  c.as<sf_neuron_ffn_params>() = {SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 0};
  return c;
}
Case select() {
  Case c = make(SF_OP_SELECT, {rows(100)}, {active(100)});
  c.as<sf_select_params>() = {SF_GATE_POSITIVE, 0, 0};
  return c;
}
Case activate(std::uint32_t kind) {
  Case c = make(SF_OP_ACTIVATE, {rows(9), rows(9)}, {rows(9)});
  c.as<sf_activate_params>() = {kind};
  return c;
}
Case linear() { return make(SF_OP_LINEAR, {rows(64)}, {rows(9)}, {tensor(9, 64), tensor(1, 9)}); }
Case sign_linear() {
  return make(SF_OP_SIGN_LINEAR, {rows(65)}, {rows(9)}, {tensor(9, 9, kI8), tensor(1, 9)});
}
Case norm() {
  Case c = make(SF_OP_RMS_NORM, {wanted(5)}, {wanted(5)}, {tensor(1, 5)});
  c.as<sf_norm_params>() = {1e-5f};
  return c;
}
Case layer_norm() {
  Case c = make(SF_OP_LAYER_NORM, {wanted(5)}, {wanted(5)}, {tensor(1, 5), tensor(1, 5)});
  c.as<sf_norm_params>() = {1e-5f};
  return c;
}
Case add_row() { return make(SF_OP_ADD_ROW, {rows(5)}, {rows(5)}, {tensor(1, 5)}); }
Case positions() {
  Case c = make(SF_OP_ADD_POSITIONS, {rows(64)}, {rows(64)}, {tensor(10, 64, kQ8_0)});
  c.as<sf_positions_params>() = {2};
  return c;
}
Case embed() {
  Case c = make(SF_OP_EMBED, {}, {rows(64)}, {tensor(1000, 64, kQ8_0)});
  c.as<sf_embed_params>() = {1};
  return c;
}
Case gather() { return make(SF_OP_GATHER_WANTED, {rows(7)}, {wanted(7)}); }
Case gate() { return make(SF_OP_NEURON_GATE, {rows(64)}, {rows(100)}); }
Case add() { return make(SF_OP_ADD, {rows(7), rows(7)}, {rows(7)}); }
Case copy() { return make(SF_OP_COPY, {active(7)}, {active(7)}); }

TEST(OpShapes, FittingOpsPass) {
  for (const Case& c :
       {rope(), attention(), kv_write(), ffn(), select(), activate(1), linear(), norm(), embed(),
        gather(), gate(), add(), copy(), sign_linear(), layer_norm(), add_row(), positions()})
    EXPECT_EQ(c.check(), "") << find_op(c.id)->name;
  Case without = ffn();
  without.inputs[1] = without.inputs[2] = SF_NONE;
  EXPECT_EQ(without.check(), "");
  without = layer_norm();
  without.weight_ids[1] = SF_NONE;
  EXPECT_EQ(without.check(), "");
  without = linear();
  without.weight_ids[1] = SF_NONE;
  EXPECT_EQ(without.check(), "");
  without = rope();
  without.weight_ids[0] = SF_NONE;
  EXPECT_EQ(without.check(), "");
  without = activate(SF_ACTIVATION_SILU);
  without.inputs[1] = SF_NONE;
  EXPECT_EQ(without.check(), "");
  without = select();
  without.has_neurons = false;
  EXPECT_EQ(without.check(), "");
}

TEST(OpShapes, MisfitsAreNamed) {
  const struct {
    Case good;
    std::function<void(Case&)> spoil;
    const char* text;
  } cases[] = {
      {copy(), [](Case& c) { c.values[1].kind = SF_VALUE_ROWS; },
       "op copy: output: kind 1, want 3"},
      {add(), [](Case& c) { c.values[1].width = 8; }, "op add: input 1: width 8, want 7"},
      {add(), [](Case& c) { c.values[0].kind = SF_VALUE_ACTIVE; }, "not rows of floats"},
      {embed(), [](Case& c) { c.values[0].kind = SF_VALUE_WANTED_ROWS; }, "kind 2, want 1"},
      {embed(), [](Case& c) { c.weights[0].cols = 65; }, "want a multiple of 32"},
      {embed(), [](Case& c) { c.weights[0].dtype = 26; }, "dtype number 26"},
      {norm(), [](Case& c) { c.weights[0].cols = 4; }, "weight w: shape [1, 4], want [1, 5]"},
      {layer_norm(), [](Case& c) { c.weights[1].cols = 4; }, "shape [1, 4], want [1, 5]"},
      {layer_norm(), [](Case& c) { c.weight_ids[0] = SF_NONE; }, "weight 0 is absent"},
      {add_row(), [](Case& c) { c.weights[0].rows = 2; }, "shape [2, 5], want [1, 5]"},
      {positions(), [](Case& c) { c.values[0].width = 32; }, "input: width 32, want 64"},
      {positions(), [](Case& c) { c.as<sf_positions_params>().first_row = 10; },
       "first_row 10, want less than 10"},
      {linear(), [](Case& c) { c.values[1].width = 8; }, "output: width 8, want 9"},
      {linear(), [](Case& c) { c.values[0].width = 63; }, "shape [9, 64], want [9, 63]"},
      {linear(), [](Case& c) { c.weights[1].cols = 8; }, "shape [1, 8], want [1, 9]"},
      {linear(), [](Case& c) { c.weight_ids[0] = SF_NONE; }, "weight 0 is absent"},
      {sign_linear(), [](Case& c) { c.weights[0].cols = 8; }, "shape [9, 8], want [9, 9]"},
      {sign_linear(), [](Case& c) { c.weights[0].dtype = kF32; }, "dtype number 0, want I8"},
      {sign_linear(), [](Case& c) { c.weights[1].dtype = kI8; }, "dtype number 24 is unknown"},
      {rope(), [](Case& c) { c.as<sf_rope_params>().n_rot = 31; }, "n_rot 31"},
      {rope(), [](Case& c) { c.as<sf_rope_params>().n_rot = 34; }, "n_rot 34"},
      {rope(), [](Case& c) { c.as<sf_rope_params>().style = 2; }, "style 2"},
      {rope(), [](Case& c) { c.as<sf_rope_params>().freq_base = 0; }, "freq_base"},
      {rope(), [](Case& c) { c.as<sf_rope_params>().ext_factor = 1; }, "YaRN"},
      {rope(), [](Case& c) { c.as<sf_rope_params>().n_heads = 1u << 31; }, "too big"},
      {rope(), [](Case& c) { c.weights[0].cols = 32; }, "want [1, 16]"},
      {kv_write(), [](Case& c) { c.values[1].width = 32; }, "v: width 32, want 64"},
      {kv_write(), [](Case& c) { c.as<sf_kv_params>().layer = 2; }, "layer 2, want less than 2"},
      {kv_write(), [](Case& c) { c.has_kv = false; }, "KV storage is absent"},
      {attention(), [](Case& c) { c.as<sf_attention_params>().n_kv_heads = 4; }, "n_kv_heads 4"},
      {attention(), [](Case& c) { c.as<sf_attention_params>().head_dim = 64; }, "head_dim 64"},
      {attention(), [](Case& c) { c.as<sf_attention_params>().n_heads = 3; }, "3 heads"},
      {activate(SF_ACTIVATION_RELU), [](Case& c) { c.as<sf_activate_params>().activation = 6; },
       "activation number 6"},
      {activate(SF_ACTIVATION_DRELU), [](Case& c) { c.inputs[1] = SF_NONE; }, "drelu"},
      {gather(), [](Case& c) { c.values[1].kind = SF_VALUE_ROWS; }, "output: kind 1, want 2"},
      {gate(), [](Case& c) { c.values[0].width = 63; }, "input: width 63, want 64"},
      {gate(), [](Case& c) { c.has_neurons = false; }, "neurons are absent"},
      {select(), [](Case& c) { c.as<sf_select_params>().rule = SF_GATE_NONE; }, "rule number 0"},
      {select(), [](Case& c) { c.values[1].width = 99; }, "output: width 99, want 100"},
      {select(), [](Case& c) { c.values[0].width = c.values[1].width = 99; }, "scores: width 99"},
      {ffn(), [](Case& c) { c.as<sf_neuron_ffn_params>().gate_rule = 3; }, "gate rule number 3"},
      {ffn(), [](Case& c) { c.values[1].kind = SF_VALUE_ROWS; }, "active: kind 1, want 3"},
      {ffn(), [](Case& c) { c.values[2].width = 1; }, "gates: width 1, want 100"},
      {ffn(), [](Case& c) { c.values[3].width = 1; }, "output: width 1, want 64"},
      {ffn(),
       [](Case& c) {
         c.neurons.gated = 0;
         c.as<sf_neuron_ffn_params>().activation = SF_ACTIVATION_DRELU;
       },
       "drelu wants gate rows"},
      {add(), [](Case& c) { c.id = 99; }, "op number 99 is unknown"},
      {add(), [](Case& c) { c.inputs.pop_back(); }, "operand counts"},
      {add(), [](Case& c) { c.params.clear(); }, "operand counts"},
      {add(), [](Case& c) { c.inputs[1] = SF_NONE; }, "input 1 is absent"},
  };
  for (const auto& [good, spoil, text] : cases) {
    Case bad = good;
    spoil(bad);
    EXPECT_EQ(good.check(), "");
    EXPECT_THAT(bad.check(), testing::HasSubstr(text));
  }
}

}  // namespace
}  // namespace synfire::sdk
