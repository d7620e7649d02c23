#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/cpu/ops/neuron_ffn.hpp"
#include "backends/cpu/ops/partial_sums.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kToken = 0;  // the only one

}  // namespace

// Neurons that fired, copied from where a member found them.
struct NeuronFfnDecode::Tile {
  std::uint32_t first = 0, n = 0;
  std::uint32_t ids[kTileRows];
  float gates[kTileRows];
};

// The one at hand, and the one that comes next.
struct NeuronFfnDecode::Tiles {
  Tile memory[2];
  Tile* now = memory;
  Tile* next = memory + 1;
};

void NeuronFfnDecode::run() {
  const std::uint32_t n = entries_.size();
  const GuidedRuns runs(device_, pieces_of(n, kTileRows),
                        kTileRows * rows_.bytes(rows_.deciding()));
  FiredRuns fired(device_.workspace(), runs, n);
  find_fired(runs, fired);
  fired.index();
  if (fired.size() == 0)
    std::fill_n(call_.output(0), d_model_, 0.0f);
  else
    add_pairs(fired);
}

void NeuronFfnDecode::find_fired(const GuidedRuns& runs, const FiredRuns& fired) const {
  const std::uint32_t n = entries_.size();
  const RuleScratch scratch{device_.workspace().get<float>(Workspace::hidden, n),
                            device_.workspace().get<std::uint32_t>(Workspace::tokens, n)};
  device_.team().parallel_members(runs.size(), [&](std::size_t member) {
    MemberRuns mine(runs, member);
    std::uint32_t n_asked = list_asked({mine.first(), mine.end()}, runs, fired);
    if (!gates_given())
      for (std::uint32_t i = 0; i < std::min(kTileRows, n_asked); ++i)
        rows_.fetch(rows_.deciding(), fired.ids(runs.index(mine.first()))[i]);
    while (mine.any()) {
      const std::size_t run = runs.index(mine.first());
      const std::uint32_t n_next = find_gates(runs, mine, n_asked, fired);
      count_asked(n_asked, member);
      fired.set_size(run, keep_fired(fired.ids(run), fired.gates(run), n_asked,
                                     scratch.of(mine.first() * kTileRows)));
      mine.advance();
      n_asked = n_next;
    }
  });
}

// Writes a run's neurons that are needed and here, if there is such a run; how many.
std::uint32_t NeuronFfnDecode::list_asked(const TileRun& run, const GuidedRuns& runs,
                                          const FiredRuns& fired) const {
  if (!run.any()) return 0;
  const std::uint32_t end = std::min(run.end * kTileRows, entries_.size());
  return entries_.list_needed(run.first * kTileRows, end, kToken, fired.ids(runs.index(run.first)));
}

// Of n_asked neurons of a member's run. Its next one is listed before the last tile, while which
// the first rows of that run come; how many neurons that has is returned.
std::uint32_t NeuronFfnDecode::find_gates(const GuidedRuns& runs, MemberRuns& mine,
                                          std::uint32_t n_asked, const FiredRuns& fired) const {
  const std::size_t run = runs.index(mine.first());
  const std::uint32_t* const ids = fired.ids(run);
  float* const gates = fired.gates(run);
  const std::uint32_t last = n_asked == 0 ? 0 : (n_asked - 1) / kTileRows * kTileRows;
  if (!gates_given())
    for (std::uint32_t i = 0; i < last; i += kTileRows)
      dot_gates(ids + i, kTileRows, ids + i + kTileRows,
                std::min(kTileRows, n_asked - i - kTileRows), gates + i);
  const TileRun next = mine.next();
  const std::uint32_t n_next = list_asked(next, runs, fired);
  if (gates_given())
    for (std::uint32_t i = 0; i < n_asked; ++i) gates[i] = given_gate(kToken, ids[i]);
  else if (n_asked != 0)
    dot_gates(ids + last, n_asked - last, n_next == 0 ? nullptr : fired.ids(runs.index(next.first)),
              std::min(kTileRows, n_next), gates + last);
  return n_next;
}

// A tile of gates, while the rows of the one after it come.
void NeuronFfnDecode::dot_gates(const std::uint32_t* ids, std::uint32_t n,
                                const std::uint32_t* next, std::uint32_t n_next,
                                float* gates) const {
  const NeuronRow row = rows_.deciding();
  const std::byte* pieces[kTileRows];
  rows_.dot(row, ids, n, rows_.ahead(row, ids, n, next, n_next, 1, pieces), &kToken, 1, gates);
}

// Keeps those that pass the rule; how many.
std::uint32_t NeuronFfnDecode::keep_fired(std::uint32_t* ids, float* gates, std::uint32_t n,
                                          const RuleScratch& scratch) const {
  if (params_.gate_rule == SF_GATE_NONE) return n;
  const bool weighs = params_.gate_rule == SF_GATE_ABS_ABOVE;
  if (weighs) find_magnitudes(ids, gates, n, scratch.values);
  const std::uint32_t n_kept = device_.kernels().above(
      weighs ? scratch.values : gates, n, weighs ? params_.gate_threshold : 0.0f, 0, scratch.kept);
  if (n_kept == n) return n;
  for (std::uint32_t i = 0; i < n_kept; ++i) {
    ids[i] = ids[scratch.kept[i]];
    gates[i] = gates[scratch.kept[i]];
  }
  return n_kept;
}

void NeuronFfnDecode::add_pairs(const FiredRuns& fired) const {
  const std::uint32_t each = chunk_neurons(fired.size());
  const std::uint32_t chunks = pieces_of(fired.size(), each);
  PartialSums sums(device_.workspace(), chunks, accumulator_floats(d_model_));
  const std::size_t neuron_bytes = rows_.bytes(NeuronRow::up) + rows_.bytes(NeuronRow::down);
  const GuidedRuns runs(device_, chunks, each * neuron_bytes);
  device_.team().parallel_members(runs.size(), [&](std::size_t member) {
    MemberRuns mine(runs, member);
    Tiles tiles;
    if (mine.any()) {
      take(fired, mine.first() * each, each, *tiles.now);
      fetch_pairs(*tiles.now);
    }
    for (; mine.any(); mine.advance())
      for (std::uint32_t chunk = mine.first(); chunk < mine.end(); ++chunk) {
        const std::uint32_t n = add_chunk(fired, each, chunk, mine, tiles, sums.begin(chunk));
        count_fired(n, n, member);
        const float* const total = sums.add_up(device_.kernels(), chunk);
        if (total != nullptr) settle(total);
      }
  });
}

// The tile that begins at a fired neuron; an empty one at their end.
void NeuronFfnDecode::take(const FiredRuns& fired, std::uint32_t first, std::uint32_t each,
                           Tile& tile) const {
  const std::uint32_t chunk_end = std::min((first / each + 1) * each, fired.size());
  tile.first = first;
  tile.n = std::min(tile_pairs(), chunk_end - std::min(first, chunk_end));
  fired.copy(first, tile.n, tile.ids, tile.gates);
}

// The rows that a member begins with.
void NeuronFfnDecode::fetch_pairs(const Tile& tile) const {
  for (std::uint32_t i = 0; i < std::min(tile.n, kTileRows / 2); ++i) {
    if (neurons_.gated()) rows_.fetch(NeuronRow::up, tile.ids[i]);
    rows_.fetch(NeuronRow::down, tile.ids[i]);
  }
}

// Adding packed rows takes as long for a few as for kTileRows. Float rows go by in smaller tiles,
// so that what is fetched for the next one is soon used.
std::uint32_t NeuronFfnDecode::tile_pairs() const {
  return wants_quants(static_cast<DType>(neurons_.desc().down_dtype)) ? kTileRows : kTileRows / 2;
}

// Adds a member's chunk, whose first tile is at hand, and leaves it the first one of its next
// chunk. How many neurons it had.
std::uint32_t NeuronFfnDecode::add_chunk(const FiredRuns& fired, std::uint32_t each,
                                         std::uint32_t chunk, MemberRuns& mine, Tiles& tiles,
                                         float* sum) const {
  const std::uint32_t end = std::min((chunk + 1) * each, fired.size());
  for (std::uint32_t at = chunk * each; at < end; std::swap(tiles.now, tiles.next)) {
    at += tiles.now->n;
    const std::uint32_t next_chunk = at < end ? chunk : mine.ahead(chunk, 1);
    take(fired,
         at < end                          ? at
         : next_chunk == MemberRuns::kNone ? fired.size()
                                           : next_chunk * each,
         each, *tiles.next);
    add_tile(*tiles.now, *tiles.next, sum);
  }
  return end - chunk * each;
}

// While a tile's up rows are read, those of the next tile come, and then its down rows likewise.
void NeuronFfnDecode::add_tile(const Tile& tile, const Tile& next_tile, float* sum) const {
  const std::byte* pieces[kTileRows];
  const auto next = [&](NeuronRow which) -> const std::byte* const* {
    if (next_tile.n == 0) return nullptr;
    rows_.name(which, next_tile.ids, next_tile.n, tile.n, pieces);
    return pieces;
  };
  float ups[kTileRows];
  float hidden[kTileRows];
  if (neurons_.gated())
    rows_.dot(NeuronRow::up, tile.ids, tile.n, next(NeuronRow::up), &kToken, 1, ups);
  activate(tile.gates, ups, tile.n, hidden);
  down_.add(tile.ids, tile.n, hidden, next(NeuronRow::down), sum);
}

void NeuronFfnDecode::settle(const float* total) const {
  constexpr std::uint32_t kSlice = DownRows::kSliceColumns;
  for (std::uint32_t first = 0; first < d_model_; first += kSlice) {
    alignas(64) float columns[kSlice];
    down_.settle(total + first, first, columns);
    std::memcpy(call_.output(0) + first, columns,
                std::min(kSlice, d_model_ - first) * sizeof(float));
  }
}

}  // namespace synfire::cpu
