#include <cstring>

#include "backends/cpu/ops/neuron_ffn.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kToken = 0;  // the only one

}  // namespace

void NeuronFfnDecode::run() {
  const std::uint32_t chunks = n_chunks();
  auto* const partials =
      device_.workspace().get<float>(Workspace::partials, std::size_t{chunks} * d_model_);
  const std::size_t chunk_bytes =
      std::size_t{chunk_neurons_ < entries_.size() ? chunk_neurons_ : entries_.size()} *
      (2 * sizeof(std::uint32_t) + sizeof(float));
  const MemberScratch scratch(device_.workspace(), device_.team().members(),
                              rows_.scratch_bytes() + chunk_bytes);
  device_.team().parallel_for(chunks, [&](std::size_t chunk, std::size_t member) {
    run_chunk(static_cast<std::uint32_t>(chunk), partials + chunk * d_model_, scratch.of(member),
              member);
  });
  add_partials(partials);
}

// Ids of the chunk's neurons that are here and needed.
std::uint32_t NeuronFfnDecode::list_chunk(std::uint32_t chunk, std::uint32_t* ids) const {
  const std::uint32_t first = chunk * chunk_neurons_;
  const std::uint32_t n = std::min(chunk_neurons_, entries_.size() - first);
  std::uint32_t listed = 0;
  for (std::uint32_t i = first; i < first + n; ++i)
    if (entries_.is_here(i) && entries_.needs(i, kToken)) ids[listed++] = entries_.id(i);
  return listed;
}

// Neurons that pass the rule, with their gates; their number.
std::uint32_t NeuronFfnDecode::fire_tile(const std::uint32_t* ids, std::uint32_t n,
                                         std::uint32_t n_next, std::uint32_t* fired, float* gates,
                                         std::byte* scratch) const {
  float tile[kTileRows] = {};
  if (gates_given())
    for (std::uint32_t i = 0; i < n; ++i) tile[i] = given_gate(kToken, ids[i]);
  else
    rows_.dot(rows_.deciding(), ids, n, n_next, &kToken, 1, tile, scratch);
  bool passes[kTileRows];
  apply_rule(tile, n, passes);
  std::uint32_t n_fired = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (!passes[i]) continue;
    fired[n_fired] = ids[i];
    gates[n_fired++] = tile[i];
  }
  return n_fired;
}

void NeuronFfnDecode::run_chunk(std::uint32_t chunk, float* partial, std::byte* scratch,
                                std::size_t member) const {
  const std::uint32_t room = std::min(chunk_neurons_, entries_.size());
  auto* const ids = reinterpret_cast<std::uint32_t*>(scratch + rows_.scratch_bytes());
  std::uint32_t* const fired = ids + room;
  auto* const gates = reinterpret_cast<float*>(fired + room);
  const std::uint32_t listed = list_chunk(chunk, ids);
  std::uint32_t n_fired = 0;
  for (std::uint32_t i = 0; i < listed; i += kTileRows) {
    const std::uint32_t n = std::min(kTileRows, listed - i);
    n_fired += fire_tile(ids + i, n, listed - i - n, fired + n_fired, gates + n_fired, scratch);
  }
  count(listed, n_fired, n_fired, member);
  std::memset(partial, 0, d_model_ * sizeof(float));
  for (std::uint32_t i = 0; i < n_fired; i += kTileRows) {
    const std::uint32_t n = std::min(kTileRows, n_fired - i);
    float ups[kTileRows];
    float hidden[kTileRows];
    if (neurons_.gated())
      rows_.dot(NeuronRow::up, fired + i, n, n_fired - i - n, &kToken, 1, ups, scratch);
    activate(gates + i, ups, n, hidden);
    for (std::uint32_t r = 0; r < n; ++r) down_.add(fired[i + r], hidden[r], partial);
  }
}

void NeuronFfnDecode::add_partials(const float* partials) const {
  float* const y = call_.output(0);
  const std::uint32_t chunks = n_chunks();
  const std::uint32_t slice = 256;  // columns
  const auto add_slice = [&](std::size_t first) {
    const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(slice, d_model_ - first));
    std::fill_n(y + first, n, 0.0f);
    for (std::uint32_t chunk = 0; chunk < chunks; ++chunk)
      device_.kernels().add(y + first, partials + std::size_t{chunk} * d_model_ + first, n,
                            y + first);
  };
  const std::size_t slices = (d_model_ + slice - 1) / slice;
  const std::uint32_t per_chunk = tiles_per_chunk(device_, static_cast<std::uint32_t>(slices),
                                                  std::size_t{slice} * sizeof(float) * chunks);
  device_.team().parallel_for(
      (slices + per_chunk - 1) / per_chunk, [&](std::size_t piece, std::size_t) {
        const std::size_t first = piece * per_chunk;
        for (std::size_t i = first; i < std::min<std::size_t>(first + per_chunk, slices); ++i)
          add_slice(i * slice);
      });
}

}  // namespace synfire::cpu
