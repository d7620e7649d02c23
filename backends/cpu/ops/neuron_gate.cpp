#include "backends/cpu/ops/neuron_rows.hpp"
#include "backends/cpu/ops/ops.hpp"

namespace synfire::cpu {

void neuron_gate(CpuDevice& device, const sdk::OpCall& call) {
  const std::uint32_t n_tokens = call.batch().n_tokens;
  const sdk::HostNeurons& neurons = call.neurons();
  const std::size_t d_ff = neurons.desc().d_ff;
  if (n_tokens == 0 || neurons.resident().empty()) return;
  std::uint32_t* ids = nullptr;
  const std::uint32_t n = list_resident(device, neurons, &ids);
  call.count_rows(neurons.gated() ? sdk::NeuronPart::gate : sdk::NeuronPart::up, n);
  const NeuronRows rows(device, neurons, call.input(0), n_tokens);
  const std::uint32_t* const tokens = all_tokens(device, n_tokens);

  const std::uint32_t tiles = (n + kTileRows - 1) / kTileRows;
  const std::size_t out_floats = std::size_t{n_tokens} * kTileRows;
  const NeuronRow row = rows.deciding();
  const GuidedRuns runs(device, tiles, kTileRows * rows.bytes(row) * std::max(n_tokens / 4, 1u));
  const MemberScratch scratch(device.workspace(), device.team().members(),
                              out_floats * sizeof(float));
  const auto ids_of = [&](std::uint32_t tile) { return ids + std::size_t{tile} * kTileRows; };
  const auto size_of = [&](std::uint32_t tile) {
    return std::min(kTileRows, n - tile * kTileRows);
  };
  device.team().parallel_members(runs.size(), [&](std::size_t member) {
    auto* const out = reinterpret_cast<float*>(scratch.of(member));
    for (MemberRuns mine(runs, member); mine.any(); mine.advance())
      for (std::uint32_t tile = mine.first(); tile < mine.end(); ++tile) {
        const std::uint32_t* const here = ids_of(tile);
        const std::uint32_t in_tile = size_of(tile), next = mine.ahead(tile, 1);
        const bool more = next != MemberRuns::kNone;
        const std::byte* pieces[kTileRows];
        rows.dot(row, here, in_tile,
                 rows.ahead(row, here, in_tile, more ? ids_of(next) : nullptr,
                            more ? size_of(next) : 0, n_tokens, pieces),
                 tokens, n_tokens, out);
        const bool in_line = here[in_tile - 1] - here[0] == in_tile - 1;
        for (std::uint32_t t = 0; t < n_tokens; ++t) {
          const float* const dots = out + std::size_t{t} * kTileRows;
          float* const gates = call.output(0) + t * d_ff;
          if (in_line)
            copy_row(dots, in_tile, gates + here[0]);
          else
            for (std::uint32_t r = 0; r < in_tile; ++r) gates[here[r]] = dots[r];
        }
      }
  });
}

}  // namespace synfire::cpu
