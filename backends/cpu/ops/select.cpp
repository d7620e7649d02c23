#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/ops/ops.hpp"

namespace synfire::cpu {
namespace {

// Scans the scores of one token after the other and notes who needs which neuron.
class Select {
 public:
  Select(CpuDevice& device, const sdk::OpCall& call)
      : device_(device),
        call_(call),
        params_(call.params<sf_select_params>()),
        d_ff_(call.input_width(0)),
        list_(call.active_output(0)) {
    list_.reset(d_ff_, call.batch().n_tokens);
    ids_ = device.workspace().get<std::uint32_t>(Workspace::ids, d_ff_);
    magnitudes_ = params_.rule == SF_GATE_ABS_ABOVE
                      ? device.workspace().get<float>(Workspace::gates, d_ff_)
                      : nullptr;
  }

  void run() {
    const std::uint32_t n_tokens = call_.batch().n_tokens;
    if (n_tokens == 1) {
      list_.assign(ids_, scan(0));
      return;
    }
    const std::size_t words = list_.mask_words();
    auto* const masks =
        device_.workspace().get<std::uint64_t>(Workspace::hidden, std::size_t{d_ff_} * words);
    std::memset(masks, 0, std::size_t{d_ff_} * words * sizeof(std::uint64_t));
    for (std::uint32_t t = 0; t < n_tokens; ++t) {
      const std::uint32_t found = scan(t);
      for (std::uint32_t i = 0; i < found; ++i)
        masks[ids_[i] * words + t / 64] |= std::uint64_t{1} << (t % 64);
    }
    for (std::uint32_t neuron = 0; neuron < d_ff_; ++neuron) {
      const std::uint64_t* const mask = masks + neuron * words;
      if (std::any_of(mask, mask + words, [](std::uint64_t word) { return word != 0; }))
        std::memcpy(list_.push(neuron), mask, words * sizeof(std::uint64_t));
    }
  }

 private:
  // Ids of the neurons that a token selects, into ids_; their number.
  std::uint32_t scan(std::uint32_t token) {
    const float* scores = call_.input(0) + std::size_t{token} * d_ff_;
    if (!call_.has_neurons()) return scan_run(scores, 0, d_ff_, ids_);
    const sdk::HostNeurons& neurons = call_.neurons();
    const std::span<const std::uint32_t> groups = neurons.resident();
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < groups.size();) {  // neighbours are scanned in one go
      std::size_t last = i;
      while (last + 1 < groups.size() && groups[last + 1] == groups[last] + 1) ++last;
      const std::uint32_t first = neurons.first_neuron(groups[i]);
      const std::uint32_t end =
          neurons.first_neuron(groups[last]) + neurons.group_neurons(groups[last]);
      found += scan_run(scores, first, end - first, ids_ + found);
      i = last + 1;
    }
    return found;
  }

  std::uint32_t scan_run(const float* scores, std::uint32_t first, std::uint32_t n,
                         std::uint32_t* ids) {
    const float* from = scores + first;
    if (magnitudes_ != nullptr) {
      device_.kernels().activate(params_.activation, from, nullptr, n, magnitudes_);
      for (std::uint32_t i = 0; i < n; ++i) magnitudes_[i] = std::fabs(magnitudes_[i]);
      from = magnitudes_;
    }
    return device_.kernels().above(from, n, params_.threshold, first, ids);
  }

  CpuDevice& device_;
  const sdk::OpCall& call_;
  const sf_select_params& params_;
  std::uint32_t d_ff_;
  sdk::ActiveList list_;
  std::uint32_t* ids_;
  float* magnitudes_;  // null where the scores themselves are compared
};

}  // namespace

void select(CpuDevice& device, const sdk::OpCall& call) { Select(device, call).run(); }

}  // namespace synfire::cpu
