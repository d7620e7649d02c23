#include "backends/cpu/ops/neuron_ffn_pairs.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace synfire::cpu {
namespace {

using RowMask = std::uint16_t;  // of a tile's rows
static_assert(kTileRows == 16);

// Of partial sums at once; tokens go by in groups where they have more.
constexpr std::size_t kPartialBytes = std::size_t{64} << 20;

// body(row) for the rows of a mask, rising.
template <typename Body>
void for_rows(RowMask mask, const Body& body) {
  for (std::uint32_t left = mask; left != 0; left &= left - 1)
    body(static_cast<std::uint32_t>(std::countr_zero(left)));
}

// Down rows and factors of a token, until there are enough for one call.
struct Pending {
  std::uint32_t ids[kTileRows];
  float factors[kTileRows];
  std::uint32_t n;
};

}  // namespace

// Up to kTileRows entries, and which of them each token needs.
struct NeuronFfnPairs::Tile {
  const std::uint32_t* ids;
  const RowMask* masks;  // [tokens]
};

// Entries `first` .. of a chunk, in tiles: a view of one member's scratch.
struct NeuronFfnPairs::Chunk {
  Chunk(std::byte* memory, std::uint32_t most_tiles, std::uint32_t n_tokens)
      : gates(reinterpret_cast<float*>(memory)),
        out(gates + std::size_t{most_tiles} * n_tokens * kTileRows),
        room(out + std::size_t{n_tokens} * kTileRows),
        pending(reinterpret_cast<Pending*>(room + std::size_t{n_tokens} * kTileRows)),
        ids(reinterpret_cast<std::uint32_t*>(pending + n_tokens)),
        masks(reinterpret_cast<RowMask*>(ids + std::size_t{most_tiles} * kTileRows)),
        tokens(n_tokens) {}

  static std::size_t bytes(std::uint32_t most_tiles, std::uint32_t n_tokens) {
    return (std::size_t{most_tiles} + 2) * n_tokens * kTileRows * sizeof(float) +
           n_tokens * sizeof(Pending) + most_tiles * kTileRows * sizeof(std::uint32_t) +
           std::size_t{most_tiles} * n_tokens * sizeof(RowMask);
  }

  [[nodiscard]] Tile tile(std::uint32_t i) const {
    return {ids + i * kTileRows, masks + std::size_t{i} * tokens};
  }
  [[nodiscard]] RowMask* masks_of(std::uint32_t i) const { return masks + std::size_t{i} * tokens; }
  [[nodiscard]] float* gates_of(std::uint32_t i) const {
    return gates + std::size_t{i} * tokens * kTileRows;
  }
  // Rows that some token needs.
  [[nodiscard]] RowMask any_of(std::uint32_t i) const {
    RowMask any = 0;
    for (std::uint32_t t = 0; t < tokens; ++t) any |= masks_of(i)[t];
    return any;
  }

  float* gates;        // [tiles, tokens, kTileRows]
  float *out, *room;   // [tokens, kTileRows]
  Pending* pending;    // [tokens]
  std::uint32_t* ids;  // [tiles, kTileRows]
  RowMask* masks;      // [tiles, tokens]: needed, later also agreed by the gate rule
  std::uint32_t tokens;
  std::uint32_t n_tiles = 0;
};

void NeuronFfnPairs::run() {
  const std::uint32_t all = call_.batch().n_tokens;
  each_ = chunk_neurons(entries_.size());
  chunks_ = (entries_.size() + each_ - 1) / each_;
  const std::size_t token_bytes = chunks_ * accumulator_floats(d_model_) * sizeof(float);
  const auto together = static_cast<std::uint32_t>(
      std::max<std::size_t>(kPartialBytes / std::max<std::size_t>(token_bytes, 1) / kWideTokens,
                            1) *
      kWideTokens);
  const std::uint32_t* const tokens = all_tokens(device_, all);
  for (std::uint32_t first = 0; first < all; first += together) {
    tokens_ = tokens + first;
    n_tokens_ = std::min(together, all - first);
    run_tokens();
  }
}

void NeuronFfnPairs::run_tokens() {
  const std::size_t floats = std::size_t{accumulator_floats(d_model_)} * n_tokens_;
  auto* const partials = device_.workspace().get<float>(Workspace::partials, chunks_ * floats);
  const std::uint32_t most_tiles = (std::min(each_, entries_.size()) + kTileRows - 1) / kTileRows;
  const MemberScratch scratch(device_.workspace(), device_.team().members(),
                              Chunk::bytes(most_tiles, n_tokens_));
  device_.team().parallel_for(chunks_, [&](std::size_t i, std::size_t member) {
    const std::uint32_t first = static_cast<std::uint32_t>(i) * each_;
    Chunk chunk(scratch.of(member), most_tiles, n_tokens_);
    list_pairs(first, std::min(each_, entries_.size() - first), chunk);
    find_gates(chunk, member);
    std::memset(partials + i * floats, 0, floats * sizeof(float));
    add_fired(chunk, partials + i * floats, member);
  });
  add_partials(partials);
}

// n entries from `first` on, where they are here.
void NeuronFfnPairs::list_pairs(std::uint32_t first, std::uint32_t n, Chunk& chunk) const {
  chunk.n_tiles = (n + kTileRows - 1) / kTileRows;
  std::memset(chunk.masks, 0, std::size_t{chunk.n_tiles} * n_tokens_ * sizeof(RowMask));
  std::fill(chunk.ids + n, chunk.ids + std::size_t{chunk.n_tiles} * kTileRows, 0);  // in no mask
  for (std::uint32_t e = 0; e < n; ++e) {
    chunk.ids[e] = entries_.id(first + e);
    if (!entries_.is_here(first + e)) continue;
    RowMask* const masks = chunk.masks_of(e / kTileRows);
    for (std::uint32_t t = 0; t < n_tokens_; ++t)
      if (entries_.needs(first + e, tokens_[t]))
        masks[t] |= static_cast<RowMask>(1u << e % kTileRows);
  }
}

// out [tokens, kTileRows]: the dots of the tile's pairs; of others, anything or nothing. Where most
// pairs are needed, all are made at once. `room`: as large as out.
void NeuronFfnPairs::dot(NeuronRow which, const Tile& tile, RowFetch& fetch, float* room,
                         float* out) const {
  std::uint32_t pairs = 0;
  RowMask any = 0;
  for (std::uint32_t t = 0; t < n_tokens_; ++t) {
    any |= tile.masks[t];
    pairs += static_cast<std::uint32_t>(std::popcount(tile.masks[t]));
  }
  const auto dots_of = [&](RowMask mask, std::uint32_t first, std::uint32_t n) {
    std::uint32_t ids[kTileRows], places[kTileRows];
    std::uint32_t rows = 0;
    for_rows(mask, [&](std::uint32_t r) {
      ids[rows] = tile.ids[r];
      places[rows++] = r;
    });
    if (rows == 0) return;
    const std::byte* next[kTileRows];
    rows_.dot(which, ids, rows, fetch.take(rows, rows_.bytes(which), next), tokens_ + first, n,
              room);
    for (std::uint32_t t = 0; t < n; ++t)
      for (std::uint32_t r = 0; r < rows; ++r)
        out[(first + t) * kTileRows + places[r]] = room[t * kTileRows + r];
  };
  if (rows_.all_at_once(which, static_cast<std::uint32_t>(std::popcount(any)), n_tokens_, pairs))
    dots_of(any, 0, n_tokens_);
  else
    for (std::uint32_t t = 0; t < n_tokens_; ++t) dots_of(tile.masks[t], t, 1);
}

// Rows of a tile that some token needs.
void NeuronFfnPairs::fetch_tile(const Chunk& chunk, std::uint32_t tile, NeuronRow which,
                                RowFetch& fetch) const {
  fetch.clear();
  if (tile >= chunk.n_tiles) return;
  for_rows(chunk.any_of(tile), [&](std::uint32_t r) {
    fetch.add(rows_.address(which, chunk.tile(tile).ids[r]), rows_.bytes(which));
    if (which == NeuronRow::up)
      fetch.add(rows_.address(NeuronRow::down, chunk.tile(tile).ids[r]),
                rows_.bytes(NeuronRow::down));
  });
}

void NeuronFfnPairs::find_gates(Chunk& chunk, std::size_t member) const {
  RowFetch fetch;
  std::uint32_t asked = 0;
  for (std::uint32_t i = 0; i < chunk.n_tiles; ++i) {
    const Tile tile = chunk.tile(i);
    float* const gates = chunk.gates_of(i);
    std::memset(gates, 0, std::size_t{n_tokens_} * kTileRows * sizeof(float));
    asked += static_cast<std::uint32_t>(std::popcount(chunk.any_of(i)));
    if (gates_given()) {
      for (std::uint32_t t = 0; t < n_tokens_; ++t)
        for_rows(tile.masks[t], [&](std::uint32_t r) {
          gates[t * kTileRows + r] = given_gate(tokens_[t], tile.ids[r]);
        });
    } else {
      fetch_tile(chunk, i + 1, rows_.deciding(), fetch);
      dot(rows_.deciding(), tile, fetch, chunk.room, gates);
    }
    for (std::uint32_t t = 0; t < n_tokens_; ++t) {
      bool passes[kTileRows];
      apply_rule(tile.ids, gates + t * kTileRows, kTileRows, passes);
      RowMask agreed = 0;
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        agreed |= static_cast<RowMask>(std::uint32_t{passes[r]} << r);
      chunk.masks_of(i)[t] &= agreed;
    }
  }
  count_asked(asked, member);
}

// partials [tokens, accumulator_floats(d_model)] += what the chunk's pairs give.
void NeuronFfnPairs::add_fired(Chunk& chunk, float* partials, std::size_t member) const {
  RowFetch fetch;
  const auto add = [&](std::uint32_t t) {
    Pending& rows = chunk.pending[t];
    const std::byte* next[kTileRows];
    if (rows.n != 0)
      down_.add(rows.ids, rows.n, rows.factors,
                fetch.take(rows.n, rows_.bytes(NeuronRow::down), next),
                partials + std::size_t{t} * accumulator_floats(d_model_));
    rows.n = 0;
  };
  for (std::uint32_t t = 0; t < n_tokens_; ++t) chunk.pending[t].n = 0;
  std::uint32_t fired = 0;
  std::uint64_t passes = 0;
  for (std::uint32_t i = 0; i < chunk.n_tiles; ++i) {
    const Tile tile = chunk.tile(i);
    const float* const gates = chunk.gates_of(i);
    fetch_tile(chunk, i + 1, neurons_.gated() ? NeuronRow::up : NeuronRow::down, fetch);
    std::memset(chunk.out, 0, std::size_t{n_tokens_} * kTileRows * sizeof(float));
    if (neurons_.gated()) dot(NeuronRow::up, tile, fetch, chunk.room, chunk.out);
    fired += static_cast<std::uint32_t>(std::popcount(chunk.any_of(i)));
    for (std::uint32_t t = 0; t < n_tokens_; ++t) {
      passes += static_cast<std::uint32_t>(std::popcount(tile.masks[t]));
      float hidden[kTileRows];
      activate(gates + t * kTileRows, chunk.out + t * kTileRows, kTileRows, hidden);
      for_rows(tile.masks[t], [&](std::uint32_t r) {
        Pending& rows = chunk.pending[t];
        rows.ids[rows.n] = tile.ids[r];
        rows.factors[rows.n++] = hidden[r];
        if (rows.n == kTileRows) add(t);
      });
    }
  }
  for (std::uint32_t t = 0; t < n_tokens_; ++t) add(t);
  count_fired(fired, passes, member);
}

void NeuronFfnPairs::add_partials(const float* partials) const {
  const std::size_t width = accumulator_floats(d_model_);
  device_.team().parallel_for(n_tokens_, [&](std::size_t t, std::size_t) {
    for (std::size_t first = 0; first < d_model_; first += DownRows::kSliceColumns)
      add_slice(partials + t * width, chunks_, n_tokens_ * width, first,
                call_.output(0) + tokens_[t] * std::size_t{d_model_});
  });
}

}  // namespace synfire::cpu
