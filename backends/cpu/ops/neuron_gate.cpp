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
  const std::size_t row_bytes = std::size_t{neurons.desc().d_model} * std::max(n_tokens / 4, 1u);
  const GuidedRuns runs(device, tiles, kTileRows * row_bytes);
  const MemberScratch scratch(device.workspace(), device.team().members(),
                              out_floats * sizeof(float));
  device.team().parallel_for(runs.size(), [&](std::size_t run, std::size_t member) {
    auto* const out = reinterpret_cast<float*>(scratch.of(member));
    const std::uint32_t end = runs.end(run);
    for (std::uint32_t tile = runs.first(run); tile < end; ++tile) {
      const std::uint32_t* const tile_ids = ids + tile * kTileRows;
      const std::uint32_t in_tile = std::min(kTileRows, n - tile * kTileRows);
      const std::byte* next_rows[kTileRows];
      const std::uint32_t left = tile + 1 < end ? n - (tile + 1) * kTileRows : 0;
      if (left != 0) rows.name(rows.deciding(), tile_ids + kTileRows, left, kTileRows, next_rows);
      rows.dot(rows.deciding(), tile_ids, in_tile, left == 0 ? nullptr : next_rows, tokens,
               n_tokens, out);
      for (std::uint32_t t = 0; t < n_tokens; ++t)
        for (std::uint32_t r = 0; r < in_tile; ++r)
          call.output(0)[t * d_ff + tile_ids[r]] = out[t * kTileRows + r];
    }
  });
}

}  // namespace synfire::cpu
