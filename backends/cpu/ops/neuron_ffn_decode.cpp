#include <algorithm>
#include <cstring>

#include "backends/cpu/ops/neuron_ffn.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kToken = 0;  // the only one

std::uint32_t pieces_of(std::uint32_t n, std::uint32_t each) { return (n + each - 1) / each; }

}  // namespace

void NeuronFfnDecode::run() {
  Fired fired = list_asked();
  find_gates(fired);
  keep_fired(fired);
  const std::uint32_t each = chunk_neurons(fired.n);
  const std::uint32_t chunks = pieces_of(fired.n, each);
  const std::size_t width = accumulator_floats(d_model_);
  auto* const partials = device_.workspace().get<float>(Workspace::partials, chunks * width);
  const std::size_t neuron_bytes = rows_.bytes(NeuronRow::up) + rows_.bytes(NeuronRow::down);
  const TileShares shares(device_, chunks, each * neuron_bytes);
  device_.team().parallel_members(shares.size(), [&](std::size_t member) {
    MemberRuns mine(shares, member);
    if (mine.any()) fetch_pairs(fired, mine.first() * each);
    for (; mine.any(); mine.advance()) {
      const std::uint32_t n = std::min(mine.end() * each, fired.n) - mine.first() * each;
      std::memset(partials + mine.first() * width, 0,
                  (mine.end() - mine.first()) * width * sizeof(float));
      add_run(fired, mine, each, partials);
      count_fired(n, n, member);
    }
  });
  add_partials(partials, chunks);
}

NeuronFfnDecode::Fired NeuronFfnDecode::list_asked() {
  const std::uint32_t n = entries_.size();
  auto* const gates = device_.workspace().get<float>(Workspace::gates, n);
  float* const values = params_.gate_rule == SF_GATE_ABS_ABOVE
                            ? device_.workspace().get<float>(Workspace::partials, n)
                            : nullptr;
  if (entries_.resident() != nullptr) return {entries_.resident(), gates, values, n};
  Fired asked{device_.workspace().get<std::uint32_t>(Workspace::hidden, n), gates, values, 0};
  for (std::uint32_t i = 0; i < n; ++i)
    if (entries_.is_here(i) && entries_.needs(i, kToken)) asked.ids[asked.n++] = entries_.id(i);
  return asked;
}

void NeuronFfnDecode::find_gates(const Fired& asked) const {
  if (gates_given()) {
    for (std::uint32_t i = 0; i < asked.n; ++i) asked.gates[i] = given_gate(kToken, asked.ids[i]);
    if (asked.values != nullptr) find_magnitudes(asked.ids, asked.gates, asked.n, asked.values);
    return;
  }
  const NeuronRow row = rows_.deciding();
  const std::uint32_t tiles = pieces_of(asked.n, kTileRows);
  const TileShares shares(device_, tiles, kTileRows * rows_.bytes(row));
  device_.team().parallel_members(shares.size(), [&](std::size_t member) {
    MemberRuns mine(shares, member);
    if (mine.any())
      for (std::uint32_t i = mine.first() * kTileRows, end = std::min(i + kTileRows, asked.n);
           i < end; ++i)
        rows_.fetch(row, asked.ids[i]);
    for (; mine.any(); mine.advance()) {
      for (std::uint32_t tile = mine.first(); tile < mine.end(); ++tile)
        dot_gates(asked, tile, mine.ahead(tile, 1));
      const std::uint32_t first = mine.first() * kTileRows;
      const std::uint32_t n = std::min(mine.end() * kTileRows, asked.n) - first;
      if (asked.values != nullptr)
        find_magnitudes(asked.ids + first, asked.gates + first, n, asked.values + first);
      count_asked(n, member);
    }
  });
}

// A tile of gates, while the rows of the one after it come.
void NeuronFfnDecode::dot_gates(const Fired& asked, std::uint32_t tile, std::uint32_t next) const {
  const NeuronRow row = rows_.deciding();
  const std::uint32_t first = tile * kTileRows;
  const std::uint32_t n = std::min(kTileRows, asked.n - first);
  const std::uint32_t at = next * kTileRows;
  const std::uint32_t left = next == MemberRuns::kNone ? 0 : std::min(kTileRows, asked.n - at);
  const std::byte* pieces[kTileRows];
  rows_.dot(
      row, asked.ids + first, n,
      rows_.ahead(row, asked.ids + first, n, left == 0 ? nullptr : asked.ids + at, left, 1, pieces),
      &kToken, 1, asked.gates + first);
}

void NeuronFfnDecode::keep_fired(Fired& asked) const {
  if (params_.gate_rule == SF_GATE_NONE) return;
  const float* const values = asked.values != nullptr ? asked.values : asked.gates;
  const float least = asked.values != nullptr ? params_.gate_threshold : 0.0f;
  auto* const kept = device_.workspace().get<std::uint32_t>(Workspace::tokens, asked.n);
  const std::uint32_t n = device_.kernels().above(values, asked.n, least, 0, kept);
  if (n == asked.n) return;
  for (std::uint32_t i = 0; i < n; ++i) {
    asked.ids[i] = asked.ids[kept[i]];
    asked.gates[i] = asked.gates[kept[i]];
  }
  asked.n = n;
}

// The rows that a member begins with.
void NeuronFfnDecode::fetch_pairs(const Fired& fired, std::uint32_t first) const {
  for (std::uint32_t i = first; i < std::min(first + kTileRows / 2, fired.n); ++i) {
    if (neurons_.gated()) rows_.fetch(NeuronRow::up, fired.ids[i]);
    rows_.fetch(NeuronRow::down, fired.ids[i]);
  }
}

// Adding packed rows takes as long for a few as for kTileRows. Float rows go by in smaller tiles,
// so that what is fetched for the next one is soon used.
std::uint32_t NeuronFfnDecode::tile_pairs() const {
  return wants_quants(static_cast<DType>(neurons_.desc().down_dtype)) ? kTileRows : kTileRows / 2;
}

// While a tile's up rows are read, those of the next tile come, and then its down rows likewise.
void NeuronFfnDecode::add_run(const Fired& fired, MemberRuns& mine, std::uint32_t each,
                              float* partials) const {
  const std::uint32_t end = std::min(mine.end() * each, fired.n);
  const std::uint32_t most = tile_pairs();
  for (std::uint32_t i = mine.first() * each; i < end;) {
    const std::uint32_t chunk = i / each;
    const std::uint32_t n = std::min({most, end - i, (chunk + 1) * each - i});
    const std::uint32_t* const ids = fired.ids + i;
    std::uint32_t at = i + n;  // where the next tile begins
    if (at >= end) {
      const std::uint32_t next_chunk = mine.ahead(chunk, 1);
      at = next_chunk == MemberRuns::kNone ? fired.n : next_chunk * each;
    }
    const std::uint32_t left = std::min(most, fired.n - std::min(at, fired.n));
    const std::byte* pieces[kTileRows];
    const auto next = [&](NeuronRow which) -> const std::byte* const* {
      if (left == 0) return nullptr;
      rows_.name(which, fired.ids + at, left, n, pieces);
      return pieces;
    };
    float ups[kTileRows];
    float hidden[kTileRows];
    if (neurons_.gated()) rows_.dot(NeuronRow::up, ids, n, next(NeuronRow::up), &kToken, 1, ups);
    activate(fired.gates + i, ups, n, hidden);
    down_.add(ids, n, hidden, next(NeuronRow::down),
              partials + chunk * std::size_t{accumulator_floats(d_model_)});
    i += n;
  }
}

void NeuronFfnDecode::add_partials(const float* partials, std::uint32_t n) const {
  constexpr std::uint32_t kSlice = DownRows::kSliceColumns;
  for_chunks(device_, units_of(d_model_), std::size_t{kSlice} * sizeof(float) * n,
             [&](std::size_t first, std::size_t end) {
               for (std::size_t slice = first; slice < end; ++slice)
                 add_slice(partials, n, accumulator_floats(d_model_), slice * kSlice,
                           call_.output(0));
             });
}

}  // namespace synfire::cpu
