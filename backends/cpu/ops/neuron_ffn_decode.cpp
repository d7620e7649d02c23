#include <cstring>

#include "backends/cpu/ops/neuron_ffn.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kToken = 0;  // the only one

}  // namespace

// Neurons of a chunk that pass the rule, with their gates: a view of a member's scratch.
struct NeuronFfnDecode::Fired {
  std::uint32_t* ids;
  float* gates;
  std::uint32_t n = 0;
};

void NeuronFfnDecode::run() {
  const std::uint32_t chunks = n_chunks();
  const std::size_t width = accumulator_floats(d_model_);
  auto* const partials = device_.workspace().get<float>(Workspace::partials, chunks * width);
  const std::size_t chunk_bytes = std::size_t{std::min(chunk_neurons_, entries_.size())} *
                                  (2 * sizeof(std::uint32_t) + sizeof(float));
  const MemberScratch scratch(device_.workspace(), device_.team().members(), chunk_bytes);
  device_.team().parallel_for(chunks, [&](std::size_t chunk, std::size_t member) {
    run_chunk(static_cast<std::uint32_t>(chunk), partials + chunk * width, scratch.of(member),
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

void NeuronFfnDecode::run_chunk(std::uint32_t chunk, float* partial, std::byte* scratch,
                                std::size_t member) const {
  const std::uint32_t room = std::min(chunk_neurons_, entries_.size());
  auto* const ids = reinterpret_cast<std::uint32_t*>(scratch);
  Fired fired{ids + room, reinterpret_cast<float*>(ids + 2 * room)};
  const std::uint32_t listed = list_chunk(chunk, ids);
  find_fired(ids, listed, fired);
  count(listed, fired.n, fired.n, member);
  std::memset(partial, 0, accumulator_floats(d_model_) * sizeof(float));
  add_fired(fired, partial);
}

// Gates, tile by tile, while the next tile's rows come.
void NeuronFfnDecode::find_fired(const std::uint32_t* ids, std::uint32_t n, Fired& fired) const {
  for (std::uint32_t i = 0; i < n; i += kTileRows) {
    const std::uint32_t in_tile = std::min(kTileRows, n - i);
    float gates[kTileRows];
    if (gates_given()) {
      for (std::uint32_t r = 0; r < in_tile; ++r) gates[r] = given_gate(kToken, ids[i + r]);
    } else {
      const std::byte* next_rows[kTileRows];
      const std::uint32_t left = n - i - in_tile;
      if (left != 0) rows_.name(rows_.deciding(), ids + i + in_tile, left, in_tile, next_rows);
      rows_.dot(rows_.deciding(), ids + i, in_tile, left == 0 ? nullptr : next_rows, &kToken, 1,
                gates);
    }
    bool passes[kTileRows];
    apply_rule(gates, in_tile, passes);
    for (std::uint32_t r = 0; r < in_tile; ++r) {
      if (!passes[r]) continue;
      fired.ids[fired.n] = ids[i + r];
      fired.gates[fired.n++] = gates[r];
    }
  }
}

// Up, then down, tile by tile: an up row's neighbour in memory is its down row, so that comes while
// the dot is made; the next tile's up rows come while the down rows are added.
void NeuronFfnDecode::add_fired(const Fired& fired, float* partial) const {
  for (std::uint32_t i = 0; i < fired.n; i += kTileRows) {
    const std::uint32_t n = std::min(kTileRows, fired.n - i);
    const std::uint32_t* const ids = fired.ids + i;
    const std::uint32_t left = fired.n - i - n;
    const std::byte* next_rows[kTileRows];
    float ups[kTileRows];
    float hidden[kTileRows];
    if (neurons_.gated()) {
      rows_.name(NeuronRow::down, ids, n, n, next_rows);
      rows_.dot(NeuronRow::up, ids, n, next_rows, &kToken, 1, ups);
    }
    activate(fired.gates + i, ups, n, hidden);
    if (left != 0)
      rows_.name(neurons_.gated() ? NeuronRow::up : NeuronRow::down, ids + n, left, n, next_rows);
    down_.add(ids, n, hidden, left == 0 ? nullptr : next_rows, partial);
  }
}

void NeuronFfnDecode::add_partials(const float* partials) const {
  constexpr std::uint32_t kSlice = DownRows::kSliceColumns;
  const std::uint32_t chunks = n_chunks();
  const std::size_t width = accumulator_floats(d_model_);
  const std::uint32_t slices = units_of(d_model_);
  const auto add_slice = [&](std::size_t slice) {
    const std::size_t first = slice * kSlice;
    alignas(64) float sum[kSlice] = {};
    for (std::uint32_t chunk = 0; chunk < chunks; ++chunk)
      device_.kernels().add(sum, partials + chunk * width + first, kSlice, sum);
    alignas(64) float columns[kSlice];
    down_.settle(sum, columns);
    std::memcpy(call_.output(0) + first, columns,
                std::min<std::size_t>(kSlice, d_model_ - first) * sizeof(float));
  };
  const std::uint32_t per_chunk =
      tiles_per_chunk(device_, slices, std::size_t{kSlice} * sizeof(float) * chunks);
  device_.team().parallel_for(
      (slices + per_chunk - 1) / per_chunk, [&](std::size_t piece, std::size_t) {
        const std::size_t first = piece * per_chunk;
        for (std::size_t i = first; i < std::min<std::size_t>(first + per_chunk, slices); ++i)
          add_slice(i);
      });
}

}  // namespace synfire::cpu
