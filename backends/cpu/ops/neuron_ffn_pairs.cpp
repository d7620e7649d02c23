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

// Tiles that tokens go over one after the other: enough that a token has several rows in them, few
// enough that the second cache holds their rows and those of the next ones.
constexpr std::uint32_t kBlockTiles = 8;

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

// Tiles of a chunk.
struct NeuronFfnPairs::Block {
  std::uint32_t first, end;
};

// Some entries in tiles: a view of one member's scratch.
struct NeuronFfnPairs::Chunk {
  Chunk(std::byte* memory, std::uint32_t most_tiles, std::uint32_t n_tokens)
      : gates(reinterpret_cast<float*>(memory)),
        out(gates + std::size_t{most_tiles} * n_tokens * kTileRows),
        room(out + std::size_t{kBlockTiles} * n_tokens * kTileRows),
        pending(reinterpret_cast<Pending*>(room + std::size_t{n_tokens} * kTileRows)),
        ids(reinterpret_cast<std::uint32_t*>(pending + n_tokens)),
        masks(reinterpret_cast<RowMask*>(ids + std::size_t{most_tiles} * kTileRows)),
        tokens(n_tokens) {}

  static std::size_t bytes(std::uint32_t most_tiles, std::uint32_t n_tokens) {
    return (std::size_t{most_tiles} + kBlockTiles + 1) * n_tokens * kTileRows * sizeof(float) +
           n_tokens * sizeof(Pending) + most_tiles * kTileRows * sizeof(std::uint32_t) +
           std::size_t{most_tiles} * n_tokens * sizeof(RowMask);
  }

  // Empty at the end.
  [[nodiscard]] Block block(std::uint32_t first) const {
    return {first, std::min(first + kBlockTiles, n_tiles)};
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

  // Pairs of a neuron and a token that needs it.
  [[nodiscard]] std::uint32_t pairs_of(std::uint32_t i) const {
    std::uint32_t pairs = 0;
    for (std::uint32_t t = 0; t < tokens; ++t)
      pairs += static_cast<std::uint32_t>(std::popcount(masks_of(i)[t]));
    return pairs;
  }

  float* gates;        // [tiles, tokens, kTileRows]
  float* out;          // of a block: likewise
  float* room;         // [tokens, kTileRows]
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
  device_.team().parallel_members(chunks_, [&](ThreadTeam::Chunks& untaken, std::size_t member) {
    Chunk chunk(scratch.of(member), most_tiles, n_tokens_);
    RowFetch fetch;
    for (std::size_t i = untaken.take(), next = chunks_; i < chunks_; i = next) {
      list_pairs(i, chunk);
      find_gates(chunk, fetch, member);
      std::memset(partials + i * floats, 0, floats * sizeof(float));
      add_fired(chunk, partials + i * floats, fetch, member, [&] {
        next = untaken.take();
        fetch_first(next, fetch);
      });
    }
  });
  add_partials(partials);
}

std::uint32_t NeuronFfnPairs::entries_of(std::size_t chunk) const {
  return std::min(each_, entries_.size() - static_cast<std::uint32_t>(chunk) * each_);
}

// The entries of a chunk, where they are here.
void NeuronFfnPairs::list_pairs(std::size_t i, Chunk& chunk) const {
  const std::uint32_t first = static_cast<std::uint32_t>(i) * each_, n = entries_of(i);
  chunk.n_tiles = (n + kTileRows - 1) / kTileRows;
  std::memset(chunk.masks, 0, std::size_t{chunk.n_tiles} * n_tokens_ * sizeof(RowMask));
  std::fill(chunk.ids + n, chunk.ids + std::size_t{chunk.n_tiles} * kTileRows, 0);  // in no mask
  for (std::uint32_t e = 0; e < n; ++e) {
    chunk.ids[e] = entries_.id(first + e);
    if (!entries_.is_here(first + e)) continue;
    RowMask* const masks = chunk.masks_of(e / kTileRows);
    const auto bit = static_cast<RowMask>(1u << e % kTileRows);
    entries_.for_tokens(first + e, tokens_[0], n_tokens_,
                        [&](std::uint32_t t) { masks[t] |= bit; });
  }
}

// out [tiles, tokens, kTileRows]: the dots of the pairs of some tiles; of others, anything or
// nothing. Where most pairs of a tile are needed, all are made at once. The others go by token, so
// that several rows are multiplied at the same time.
void NeuronFfnPairs::dot(NeuronRow which, const Chunk& chunk, Block block, RowFetch& fetch,
                         float* out) const {
  const std::size_t tile_floats = std::size_t{n_tokens_} * kTileRows;
  std::uint32_t ids[kTileRows], n = 0;
  float* places[kTileRows];
  // All listed rows times n_tokens tokens.
  const auto flush = [&](std::uint32_t token, std::uint32_t n_tokens) {
    if (n == 0) return;
    const std::byte* next[kTileRows];
    rows_.dot(which, ids, n, fetch.take(n, rows_.bytes(which), next), tokens_ + token, n_tokens,
              chunk.room);
    for (std::uint32_t t = 0; t < n_tokens; ++t)
      for (std::uint32_t r = 0; r < n; ++r)
        places[r][t * kTileRows] = chunk.room[t * kTileRows + r];
    n = 0;
  };
  const auto add = [&](std::uint32_t tile, std::uint32_t token, std::uint32_t r) {
    ids[n] = chunk.tile(tile).ids[r];
    places[n++] = out + (tile - block.first) * tile_floats + token * kTileRows + r;
  };
  bool apart[kBlockTiles];
  for (std::uint32_t i = block.first; i < block.end; ++i) {
    const RowMask any = chunk.any_of(i);
    apart[i - block.first] = !rows_.all_at_once(
        which, static_cast<std::uint32_t>(std::popcount(any)), n_tokens_, chunk.pairs_of(i));
    if (apart[i - block.first]) continue;
    for_rows(any, [&](std::uint32_t r) { add(i, 0, r); });
    flush(0, n_tokens_);
  }
  for (std::uint32_t t = 0; t < n_tokens_; ++t) {
    for (std::uint32_t i = block.first; i < block.end; ++i)
      if (apart[i - block.first])
        for_rows(chunk.masks_of(i)[t], [&](std::uint32_t r) {
          add(i, t, r);
          if (n == kTileRows) flush(t, 1);
        });
    flush(t, 1);
  }
}

// What a neuron is read by: the deciding row, or what follows where it fired.
void NeuronFfnPairs::fetch_neuron(bool fired, std::uint32_t neuron, RowFetch& fetch) const {
  const auto add = [&](NeuronRow which) {
    fetch.add(rows_.address(which, neuron), rows_.bytes(which));
  };
  if (!fired) return add(rows_.deciding());
  if (neurons_.gated()) add(NeuronRow::up);
  add(NeuronRow::down);
}

// Rows of a block that some token needs.
void NeuronFfnPairs::fetch_block(const Chunk& chunk, Block block, bool fired,
                                 RowFetch& fetch) const {
  fetch.clear();
  for (std::uint32_t i = block.first; i < block.end; ++i)
    for_rows(chunk.any_of(i),
             [&](std::uint32_t r) { fetch_neuron(fired, chunk.tile(i).ids[r], fetch); });
}

// What a chunk begins with.
void NeuronFfnPairs::fetch_first(std::size_t chunk, RowFetch& fetch) const {
  fetch.clear();
  if (chunk >= chunks_) return;
  const std::uint32_t first = static_cast<std::uint32_t>(chunk) * each_;
  const std::uint32_t n = std::min(entries_of(chunk), kBlockTiles * kTileRows);
  for (std::uint32_t i = first; i < first + n; ++i)
    if (entries_.is_here(i)) fetch_neuron(gates_given(), entries_.id(i), fetch);
}

void NeuronFfnPairs::find_gates(Chunk& chunk, RowFetch& fetch, std::size_t member) const {
  std::uint32_t asked = 0;
  std::memset(chunk.gates, 0, chunk.n_tiles * std::size_t{n_tokens_} * kTileRows * sizeof(float));
  for (std::uint32_t i = 0; i < chunk.n_tiles; ++i)
    asked += static_cast<std::uint32_t>(std::popcount(chunk.any_of(i)));
  for (Block block = chunk.block(0); block.first < block.end; block = chunk.block(block.end)) {
    if (gates_given()) {
      take_given(chunk, block);
    } else {
      const Block next = chunk.block(block.end);
      if (next.first < next.end)
        fetch_block(chunk, next, false, fetch);
      else if (block.first != 0)  // the first one's pairs are known
        fetch_block(chunk, chunk.block(0), true, fetch);
      else
        fetch.clear();
      dot(rows_.deciding(), chunk, block, fetch, chunk.gates_of(block.first));
    }
    apply_rule_to(chunk, block);
  }
  count_asked(asked, member);
}

void NeuronFfnPairs::take_given(Chunk& chunk, Block block) const {
  for (std::uint32_t i = block.first; i < block.end; ++i)
    for (std::uint32_t t = 0; t < n_tokens_; ++t)
      for_rows(chunk.masks_of(i)[t], [&](std::uint32_t r) {
        chunk.gates_of(i)[t * kTileRows + r] = given_gate(tokens_[t], chunk.tile(i).ids[r]);
      });
}

void NeuronFfnPairs::apply_rule_to(Chunk& chunk, Block block) const {
  for (std::uint32_t i = block.first; i < block.end; ++i)
    for (std::uint32_t t = 0; t < n_tokens_; ++t) {
      bool passes[kTileRows];
      apply_rule(chunk.tile(i).ids, chunk.gates_of(i) + t * kTileRows, kTileRows, passes);
      RowMask agreed = 0;
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        agreed |= static_cast<RowMask>(std::uint32_t{passes[r]} << r);
      chunk.masks_of(i)[t] &= agreed;
    }
}

// partials [tokens, accumulator_floats(d_model)] += what the chunk's pairs give. ahead(): fetches
// what follows the chunk.
template <typename Ahead>
void NeuronFfnPairs::add_fired(Chunk& chunk, float* partials, RowFetch& fetch, std::size_t member,
                               const Ahead& ahead) const {
  for (std::uint32_t t = 0; t < n_tokens_; ++t) chunk.pending[t].n = 0;
  std::uint32_t fired = 0;
  std::uint64_t passes = 0;
  for (Block block = chunk.block(0); block.first < block.end; block = chunk.block(block.end)) {
    const Block next = chunk.block(block.end);
    if (next.first < next.end)
      fetch_block(chunk, next, true, fetch);
    else
      ahead();
    if (neurons_.gated()) {
      std::memset(chunk.out, 0,
                  (block.end - block.first) * std::size_t{n_tokens_} * kTileRows * sizeof(float));
      dot(NeuronRow::up, chunk, block, fetch, chunk.out);
    }
    for (std::uint32_t i = block.first; i < block.end; ++i) {
      fired += static_cast<std::uint32_t>(std::popcount(chunk.any_of(i)));
      passes += chunk.pairs_of(i);
    }
    for (std::uint32_t t = 0; t < n_tokens_; ++t) add_token(chunk, block, t, partials, fetch);
  }
  for (std::uint32_t t = 0; t < n_tokens_; ++t) add_pending(chunk, t, partials, fetch);
  count_fired(fired, passes, member);
}

// A token's pairs of a block, of which the dots are made.
void NeuronFfnPairs::add_token(Chunk& chunk, Block block, std::uint32_t t, float* partials,
                               RowFetch& fetch) const {
  Pending& rows = chunk.pending[t];
  for (std::uint32_t i = block.first; i < block.end; ++i) {
    const RowMask mask = chunk.masks_of(i)[t];
    if (mask == 0) continue;
    const std::size_t ups = (std::size_t{i - block.first} * n_tokens_ + t) * kTileRows;
    float hidden[kTileRows];
    activate(chunk.gates_of(i) + t * kTileRows, chunk.out + ups, kTileRows, hidden);
    for_rows(mask, [&](std::uint32_t r) {
      rows.ids[rows.n] = chunk.tile(i).ids[r];
      rows.factors[rows.n++] = hidden[r];
      if (rows.n == kTileRows) add_pending(chunk, t, partials, fetch);
    });
  }
}

void NeuronFfnPairs::add_pending(Chunk& chunk, std::uint32_t t, float* partials,
                                 RowFetch& fetch) const {
  Pending& rows = chunk.pending[t];
  const std::byte* next[kTileRows];
  if (rows.n != 0)
    down_.add(rows.ids, rows.n, rows.factors,
              fetch.take(rows.n, rows_.bytes(NeuronRow::down), next),
              partials + std::size_t{t} * accumulator_floats(d_model_));
  rows.n = 0;
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
