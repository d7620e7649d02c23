#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/model/arch/program.hpp"
#include "plugins/abi/synfire_backend.h"
#include "plugins/sdk/dtype.hpp"

// A program cut into stages for devices: what each device loads and runs, and which ports feed
// which. Pure data. Pointers are views of the model file, or of a predictor's tensors; both outlive
// the plan.
namespace synfire {

struct WeightUpload {
  std::string name;
  DType dtype = DType::f32;
  std::uint64_t rows = 0, cols = 0;  // cols contiguous
  const std::byte* data = nullptr;
  bool lookup = false;         // only single rows are read (SF_TENSOR_LOOKUP)
  std::size_t row_stride = 0;  // bytes from row to row; 0: they follow each other

  [[nodiscard]] std::uint64_t bytes() const { return rows * row_bytes(dtype, cols); }
};

// The groups of one layer's FFN that a device holds at the start.
struct NeuronUpload {
  std::uint32_t layer = 0;
  std::uint32_t d_model = 0, d_ff = 0, group_size = 0;
  WeightUpload gate;  // data null: no gate
  WeightUpload up;
  WeightUpload bias;                    // of all d_ff; data null: none
  std::span<const float> gate_weights;  // of all d_ff, what the gate rule weighs by; empty: all 1
  WeightUpload down;                    // as in the file
  bool down_is_neuron_major = false;
  DType down_dtype = DType::f32;      // of the device's neuron-major rows
  std::vector<std::uint32_t> groups;  // rising
};

struct StageOp {
  std::uint32_t id;                   // SF_OP_*
  std::vector<std::uint32_t> inputs;  // values of the stage; SF_NONE for an absent one
  std::vector<std::uint32_t> outputs;
  std::vector<std::uint32_t> weights;  // of the device's list; SF_NONE for an absent one
  std::uint32_t neurons;               // of the device's list, or SF_NONE
  bool uses_kv;  // the device's one KV storage; `layer` in params is the storage's
  OpParams params;
};

struct StageSpec {
  std::string name;
  std::vector<sf_value_desc> values;
  std::vector<StageOp> ops;
  std::vector<std::uint32_t> inputs;   // values that are input ports
  std::vector<std::uint32_t> outputs;  // values that are output ports
};

struct DevicePlan {
  std::vector<WeightUpload> weights;
  std::vector<NeuronUpload> neurons;
  std::vector<std::uint32_t> kv_layers;  // model layers in the device's KV storage
  std::uint32_t n_kv_heads = 0;          // of each of them
  std::vector<StageSpec> stages;         // run in this order, once per step
};

struct PortRef {
  std::uint32_t device, stage, port;  // port: index into the stage's inputs or outputs
};

// Memory and an event that carry one value from the stage that writes it to those that read it.
struct Channel {
  sf_value_desc value;
  PortRef from;
  std::vector<PortRef> to;  // empty: only the host reads it (logits, taps)
};

struct ExecutionPlan {
  std::vector<DevicePlan> devices;
  std::vector<Channel> channels;
  std::vector<std::uint32_t> logits;     // channels whose rows, one after the other, are the logits
  std::vector<std::uint32_t> taps;       // channels by layer, where the host wants to see them
  std::vector<std::uint32_t> gate_taps;  // the same of the values that decide which neurons fire
  std::map<std::uint32_t, std::uint32_t> score_taps;  // and of scores, by layers that have some
  std::uint32_t forks = 0;         // per step: times that a value leaves for several devices
  std::uint32_t joins = 0;         // per step: times that parts of several devices meet
  std::vector<std::string> notes;  // what a user should know: requantized tensors
};

}  // namespace synfire
