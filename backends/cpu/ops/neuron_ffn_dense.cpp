#include <algorithm>

#include "backends/cpu/ops/neuron_ffn.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kSliceRows = 64;  // decoded at once: with their columns, a part of L1

}  // namespace

void NeuronFfnDense::run() {
  const std::uint32_t n_tokens = call_.batch().n_tokens;
  const std::uint32_t n = entries_.size();
  hidden_ = device_.workspace().get<float>(Workspace::hidden, std::size_t{n_tokens} * n);
  constexpr std::uint32_t kColumns = DownRows::kSliceColumns;
  const std::size_t tile_bytes = std::size_t{n_tokens} * 2 * kTileRows * sizeof(float);
  const std::size_t slice_bytes = (std::size_t{n_tokens} + kSliceRows) * kColumns * sizeof(float);
  const std::uint32_t* const tokens = all_tokens(device_, n_tokens);
  const MemberScratch scratch(device_.workspace(), device_.team().members(),
                              std::max(tile_bytes, slice_bytes));
  device_.team().parallel_for(
      (n + kTileRows - 1) / kTileRows, [&](std::size_t tile, std::size_t member) {
        run_hidden_tile(static_cast<std::uint32_t>(tile) * kTileRows, tokens,
                        reinterpret_cast<float*>(scratch.of(member)), member);
      });
  device_.team().parallel_for(units_of(d_model_), [&](std::size_t slice, std::size_t member) {
    run_down_slice(static_cast<std::uint32_t>(slice) * kColumns,
                   reinterpret_cast<float*>(scratch.of(member)));
  });
}

void NeuronFfnDense::run_hidden_tile(std::uint32_t first, const std::uint32_t* tokens,
                                     float* scratch, std::size_t member) {
  const std::uint32_t n_tokens = call_.batch().n_tokens;
  const std::uint32_t n = std::min(kTileRows, entries_.size() - first);
  std::uint32_t ids[kTileRows];
  for (std::uint32_t r = 0; r < n; ++r) ids[r] = entries_.id(first + r);
  float* const gates = scratch;
  float* const ups = scratch + std::size_t{n_tokens} * kTileRows;
  rows_.dot(rows_.deciding(), ids, n, nullptr, tokens, n_tokens, gates);
  if (neurons_.gated()) rows_.dot(NeuronRow::up, ids, n, nullptr, tokens, n_tokens, ups);
  count_asked(n, member);
  count_fired(n, std::uint64_t{n} * n_tokens, member);
  for (std::uint32_t t = 0; t < n_tokens; ++t)
    activate(gates + t * kTileRows, ups + t * kTileRows, n,
             hidden_ + std::size_t{t} * entries_.size() + first);
}

void NeuronFfnDense::run_down_slice(std::uint32_t first_column, float* scratch) const {
  const std::uint32_t n_tokens = call_.batch().n_tokens;
  const std::uint32_t columns = std::min(DownRows::kSliceColumns, d_model_ - first_column);
  float* const down = scratch;
  float* const partial = down + std::size_t{kSliceRows} * columns;
  const auto y = [&](std::uint32_t t) {
    return call_.output(0) + std::size_t{t} * d_model_ + first_column;
  };
  for (std::uint32_t t = 0; t < n_tokens; ++t) std::fill_n(y(t), columns, 0.0f);
  const std::uint32_t each = chunk_neurons(entries_.size());
  for (std::uint32_t first = 0; first < entries_.size(); first += each) {
    const std::uint32_t end = first + std::min(each, entries_.size() - first);
    std::fill_n(partial, std::size_t{n_tokens} * columns, 0.0f);
    for (std::uint32_t i = first; i < end; i += kSliceRows)
      add_down_rows(i, std::min(kSliceRows, end - i), first_column, columns, down, partial);
    for (std::uint32_t t = 0; t < n_tokens; ++t)
      device_.kernels().add(y(t), partial + std::size_t{t} * columns, columns, y(t));
  }
}

// Adds n neurons' parts to the partial sums of all tokens.
void NeuronFfnDense::add_down_rows(std::uint32_t first, std::uint32_t n, std::uint32_t first_column,
                                   std::uint32_t columns, float* down, float* partial) const {
  for (std::uint32_t i = 0; i < n; ++i)
    down_.decode(entries_.id(first + i), first_column, columns, down + std::size_t{i} * columns);
  device_.kernels().combine(down, n, columns, hidden_ + first, entries_.size(),
                            call_.batch().n_tokens, partial);
}

}  // namespace synfire::cpu
