#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/ops/ops.hpp"

namespace synfire::cpu {
namespace {

// Compares scores with the threshold and notes who needs which neuron.
class Select {
 public:
  Select(CpuDevice& device, const sdk::OpCall& call)
      : device_(device),
        call_(call),
        params_(call.params<sf_select_params>()),
        d_ff_(call.input_width(0)),
        list_(call.active_output(0)) {
    list_.reset(d_ff_, call.batch().n_tokens);
  }

  void run() {
    if (call_.batch().n_tokens == 1)
      list_ids();
    else
      list_masks();
  }

 private:
  // body(first, n) for runs of neurons that are here, rising.
  template <typename Body>
  void for_runs(const Body& body) const {
    if (!call_.has_neurons()) return body(0, d_ff_);
    const sdk::HostNeurons& neurons = call_.neurons();
    const std::span<const std::uint32_t> groups = neurons.resident();
    for (std::size_t i = 0; i < groups.size();) {  // neighbours are scanned in one go
      std::size_t last = i;
      while (last + 1 < groups.size() && groups[last + 1] == groups[last] + 1) ++last;
      const std::uint32_t first = neurons.first_neuron(groups[i]);
      body(first, neurons.first_neuron(groups[last]) + neurons.group_neurons(groups[last]) - first);
      i = last + 1;
    }
  }

  void list_ids() {
    auto* const ids = device_.workspace().get<std::uint32_t>(Workspace::ids, d_ff_);
    auto* const magnitudes = device_.workspace().get<float>(Workspace::gates, d_ff_);
    std::uint32_t found = 0;
    for_runs([&](std::uint32_t first, std::uint32_t n) {
      const float* const values = compared(0, first, n, magnitudes);
      found += device_.kernels().above(values, n, params_.threshold, first, ids + found);
    });
    list_.assign(ids, found);
  }

  void list_masks() {
    const std::size_t words = list_.mask_words();
    auto* const masks =
        device_.workspace().get<std::uint64_t>(Workspace::hidden, std::size_t{d_ff_} * words);
    std::memset(masks, 0, std::size_t{d_ff_} * words * sizeof(std::uint64_t));
    const MemberScratch scratch(device_.workspace(), device_.team().members(),
                                std::size_t{kTokens} * kPiece * sizeof(float));
    for_runs([&](std::uint32_t first, std::uint32_t n) {
      device_.team().parallel_for(
          (n + kPiece - 1) / kPiece, [&](std::size_t piece, std::size_t member) {
            const std::uint32_t at = static_cast<std::uint32_t>(piece) * kPiece;
            find_masks(first + at, std::min(n - at, kPiece),
                       reinterpret_cast<float*>(scratch.of(member)), masks);
          });
    });
    list_.assign_masks(masks, d_ff_);
  }

  // Of n neurons from `first` on, at most kPiece.
  void find_masks(std::uint32_t first, std::uint32_t n, float* room, std::uint64_t* masks) const {
    const std::size_t words = list_.mask_words();
    for (std::uint32_t t = 0; t < call_.batch().n_tokens; t += kTokens) {
      const std::uint32_t some = std::min(call_.batch().n_tokens - t, kTokens);
      const float* values = scores(t, first);
      std::size_t stride = d_ff_;
      if (by_magnitude()) {
        for (std::uint32_t i = 0; i < some; ++i)
          compared(t + i, first, n, room + std::size_t{i} * kPiece);
        values = room;
        stride = kPiece;
      }
      device_.kernels().above_by_token(values, stride, some, n, params_.threshold,
                                       masks + first * words + t / kTokens, words);
    }
  }

  [[nodiscard]] bool by_magnitude() const { return params_.rule == SF_GATE_ABS_ABOVE; }
  [[nodiscard]] const float* scores(std::uint32_t token, std::uint32_t first) const {
    return call_.input(0) + std::size_t{token} * d_ff_ + first;
  }

  // What is compared with the threshold: a token's scores, or their magnitudes in `room`.
  const float* compared(std::uint32_t token, std::uint32_t first, std::uint32_t n,
                        float* room) const {
    const float* const from = scores(token, first);
    if (!by_magnitude()) return from;
    device_.kernels().activate(params_.activation, from, nullptr, n, room);
    for (std::uint32_t i = 0; i < n; ++i) room[i] = std::fabs(room[i]);
    return room;
  }

  static constexpr std::uint32_t kTokens = 64;  // bits of a word of a mask
  static constexpr std::uint32_t kPiece = 512;  // neurons: some microseconds

  CpuDevice& device_;
  const sdk::OpCall& call_;
  const sf_select_params& params_;
  std::uint32_t d_ff_;
  sdk::ActiveList list_;
};

}  // namespace

void select(CpuDevice& device, const sdk::OpCall& call) { Select(device, call).run(); }

}  // namespace synfire::cpu
