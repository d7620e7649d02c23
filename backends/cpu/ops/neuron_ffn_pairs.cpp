#include "backends/cpu/ops/neuron_ffn_pairs.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "backends/cpu/ops/neuron_block.hpp"

namespace synfire::cpu {
namespace {

using RowMask = std::uint16_t;  // of a tile's rows
static_assert(kTileRows == 16);

// Of lists at once; tokens go by in groups where they have more.
constexpr std::size_t kListBytes = std::size_t{64} << 20;

// Tiles that tokens go over one after the other: enough that a token has several rows in them, few
// enough that the second cache holds their rows and those of the next ones.
constexpr std::uint32_t kBlockTiles = 8;
constexpr std::uint32_t kBlockEntries = kBlockTiles * kTileRows;

// body(row) for the rows of a mask, rising.
template <typename Body>
void for_rows(std::uint32_t mask, const Body& body) {
  for (; mask != 0; mask &= mask - 1) body(static_cast<std::uint32_t>(std::countr_zero(mask)));
}

}  // namespace

// A block's entries in tiles of kTileRows, and which of them each token needs: a view of one
// member's scratch.
class NeuronFfnPairs::Tiles {
 public:
  Tiles(std::byte* memory, std::uint32_t n_tokens)
      : gates_(reinterpret_cast<float*>(memory)),
        ups_(gates_ + floats(n_tokens)),
        room_(ups_ + floats(n_tokens)),
        masks_(reinterpret_cast<RowMask*>(room_ + std::size_t{n_tokens} * kTileRows)),
        n_tokens_(n_tokens) {}

  static std::size_t bytes(std::uint32_t n_tokens) {
    const std::size_t all =
        (2 * kBlockTiles + std::size_t{1}) * n_tokens * kTileRows * sizeof(float) +
        std::size_t{kBlockTiles} * n_tokens * sizeof(RowMask);
    return (all + 63) / 64 * 64;
  }

  void begin(Block block, std::uint32_t index) {
    block_ = block;
    index_ = index;
    n_ = pieces_of(block.end - block.first, kTileRows);
    std::memset(gates_, 0, std::size_t{n_} * n_tokens_ * kTileRows * sizeof(float));
  }
  // After masks have changed.
  void count() {
    for (std::uint32_t i = 0; i < n_; ++i) {
      any_[i] = 0;
      pairs_[i] = 0;
      for (std::uint32_t t = 0; t < n_tokens_; ++t) {
        any_[i] |= masks(i)[t];
        pairs_[i] += static_cast<std::uint32_t>(std::popcount(masks(i)[t]));
      }
    }
  }

  [[nodiscard]] std::uint32_t index() const { return index_; }  // the block's
  [[nodiscard]] std::uint32_t size() const { return n_; }
  // Of tile i: its first entry, how many it has, which of them some token needs, and how many pairs
  // of an entry and a token there are.
  [[nodiscard]] std::uint32_t first(std::uint32_t i) const { return block_.first + i * kTileRows; }
  [[nodiscard]] std::uint32_t entries(std::uint32_t i) const {
    return std::min(kTileRows, block_.end - first(i));
  }
  [[nodiscard]] RowMask any(std::uint32_t i) const { return any_[i]; }
  [[nodiscard]] std::uint32_t pairs(std::uint32_t i) const { return pairs_[i]; }
  [[nodiscard]] std::uint32_t needed() const {
    std::uint32_t n = 0;
    for (std::uint32_t i = 0; i < n_; ++i) n += static_cast<std::uint32_t>(std::popcount(any_[i]));
    return n;
  }
  [[nodiscard]] std::uint64_t all_pairs() const {
    std::uint64_t n = 0;
    for (std::uint32_t i = 0; i < n_; ++i) n += pairs_[i];
    return n;
  }

  // [tokens]: needed, later also agreed by the gate rule.
  [[nodiscard]] RowMask* masks(std::uint32_t i) const {
    return masks_ + std::size_t{i} * n_tokens_;
  }
  // Of tile i and token t, kTileRows each; gates become hidden values.
  [[nodiscard]] float* gates(std::uint32_t i, std::uint32_t t) const {
    return gates_ + (std::size_t{i} * n_tokens_ + t) * kTileRows;
  }
  [[nodiscard]] float* ups(std::uint32_t i, std::uint32_t t) const {
    return ups_ + (std::size_t{i} * n_tokens_ + t) * kTileRows;
  }
  [[nodiscard]] float* room() const { return room_; }  // [tokens, kTileRows]

 private:
  static std::size_t floats(std::uint32_t n_tokens) {
    return std::size_t{kBlockTiles} * n_tokens * kTileRows;
  }

  float* gates_;
  float* ups_;
  float* room_;
  RowMask* masks_;
  std::uint32_t n_tokens_;
  Block block_{};
  std::uint32_t index_ = 0, n_ = 0;
  RowMask any_[kBlockTiles];
  std::uint32_t pairs_[kBlockTiles];
};

// Blocks end where partial sums do.
NeuronFfnPairs::Block NeuronFfnPairs::block(std::uint32_t i) const {
  const std::uint32_t per_chunk = pieces_of(chunk_, kBlockEntries);
  const std::uint32_t chunk = i / per_chunk * chunk_;
  const std::uint32_t first = chunk + i % per_chunk * kBlockEntries;
  return {first, std::min({first + kBlockEntries, chunk + chunk_, entries_.size()}),
          i % per_chunk == 0};
}

std::uint32_t NeuronFfnPairs::n_blocks() const {
  if (entries_.size() == 0) return 0;
  const std::uint32_t whole = (entries_.size() - 1) / chunk_;
  return whole * pieces_of(chunk_, kBlockEntries) +
         pieces_of(entries_.size() - whole * chunk_, kBlockEntries);
}

void NeuronFfnPairs::run() {
  const std::uint32_t all = call_.batch().n_tokens;
  chunk_ = params_.chunk_neurons == 0 ? std::max(entries_.size(), 1u)
                                      : std::min(params_.chunk_neurons, entries_.size() + 1);
  const std::size_t token_bytes = PairLists::bytes_of_token(n_blocks(), kBlockEntries);
  const auto together = static_cast<std::uint32_t>(
      std::max<std::size_t>(kListBytes / std::max<std::size_t>(token_bytes, 1) / kWideTokens, 1) *
      kWideTokens);
  const std::uint32_t* const tokens = all_tokens(device_, all);
  for (std::uint32_t first = 0; first < all; first += together) {
    tokens_ = tokens + first;
    n_tokens_ = std::min(together, all - first);
    const PairLists lists(device_.workspace(), n_blocks(), kBlockEntries, n_tokens_);
    find_hidden(lists);
    add_downs(lists);
  }
}

// A member computes the gates of its next block before the ups of this one: so there is always
// something known to fetch beside the dots, the ups of this one and then the gates of a third.
void NeuronFfnPairs::find_hidden(const PairLists& lists) const {
  const MemberScratch scratch(device_.workspace(), device_.team().members(),
                              2 * Tiles::bytes(n_tokens_));
  const GuidedRuns runs(device_, n_blocks(), kBlockEntries * rows_.bytes(rows_.deciding()));
  device_.team().parallel_members(runs.size(), [&](std::size_t member) {
    Tiles these(scratch.of(member), n_tokens_);
    Tiles others(scratch.of(member) + Tiles::bytes(n_tokens_), n_tokens_);
    RowFetch fetch;
    MemberRuns mine(runs, member);
    if (mine.any()) {
      fetch_deciding(mine.first(), fetch);
      list_pairs(mine.first(), these);
      find_gates(these, fetch, member);
    }
    for (; mine.any(); mine.advance())
      for (std::uint32_t i = mine.first(); i < mine.end(); ++i) {
        const std::uint32_t next = mine.ahead(i, 1);
        const std::uint32_t third = next == MemberRuns::kNone ? next : mine.ahead(i, 2);
        if (next != MemberRuns::kNone) {
          list_pairs(next, others);
          fetch_ups(these, fetch);
          find_gates(others, fetch, member);
        }
        fetch.clear();
        if (next != MemberRuns::kNone && gates_given())
          fetch_ups(others, fetch);
        else if (third != MemberRuns::kNone)
          fetch_deciding(third, fetch);
        find_ups(these, fetch, member);
        write_fired(these, lists.writer(i));
        std::swap(these, others);
      }
  });
}

// The entries of a block, where they are here.
void NeuronFfnPairs::list_pairs(std::uint32_t i, Tiles& tiles) const {
  tiles.begin(block(i), i);
  for (std::uint32_t tile = 0; tile < tiles.size(); ++tile)
    entries_.list_tokens(tiles.first(tile), tiles.entries(tile), tokens_[0], n_tokens_,
                         tiles.masks(tile));
  tiles.count();
}

void NeuronFfnPairs::find_gates(Tiles& tiles, RowFetch& fetch, std::size_t member) const {
  if (gates_given()) {
    take_given(tiles);
  } else {
    dot(rows_.deciding(), tiles, fetch, tiles.gates(0, 0));
    count_asked(tiles.needed(), member);
  }
  apply_rule_to(tiles);
}

void NeuronFfnPairs::take_given(Tiles& tiles) const {
  for (std::uint32_t i = 0; i < tiles.size(); ++i)
    for (std::uint32_t t = 0; t < n_tokens_; ++t)
      for_rows(tiles.masks(i)[t], [&](std::uint32_t r) {
        tiles.gates(i, t)[r] = given_gate(tokens_[t], entries_.id(tiles.first(i) + r));
      });
}

void NeuronFfnPairs::apply_rule_to(Tiles& tiles) const {
  if (params_.gate_rule == SF_GATE_NONE) return;
  for (std::uint32_t i = 0; i < tiles.size(); ++i)
    for (std::uint32_t t = 0; t < n_tokens_; ++t) {
      bool passes[kTileRows] = {};
      apply_rule(entries_.ids() + tiles.first(i), tiles.gates(i, t), tiles.entries(i), passes);
      RowMask agreed = 0;
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        agreed |= static_cast<RowMask>(std::uint32_t{passes[r]} << r);
      tiles.masks(i)[t] &= agreed;
    }
  tiles.count();
}

void NeuronFfnPairs::find_ups(Tiles& tiles, RowFetch& fetch, std::size_t member) const {
  if (neurons_.gated()) {
    std::memset(tiles.ups(0, 0), 0,
                std::size_t{tiles.size()} * n_tokens_ * kTileRows * sizeof(float));
    dot(NeuronRow::up, tiles, fetch, tiles.ups(0, 0));
  }
  for (std::uint32_t i = 0; i < tiles.size(); ++i)
    for (std::uint32_t t = 0; t < n_tokens_; ++t)
      if (tiles.masks(i)[t] != 0)
        activate(tiles.gates(i, t), tiles.ups(i, t), kTileRows, tiles.gates(i, t));
  count_fired(tiles.needed(), tiles.all_pairs(), member);
}

void NeuronFfnPairs::write_fired(const Tiles& tiles, PairLists::Writer fired) const {
  for (std::uint32_t i = 0; i < tiles.size(); ++i)
    for_rows(tiles.any(i),
             [&](std::uint32_t r) { fired.add_neuron(entries_.id(tiles.first(i) + r)); });
  for (std::uint32_t t = 0; t < n_tokens_; ++t) {
    for (std::uint32_t i = 0; i < tiles.size(); ++i)
      for_rows(tiles.masks(i)[t], [&](std::uint32_t r) {
        fired.add({entries_.id(tiles.first(i) + r), tiles.gates(i, t)[r]});
      });
    fired.end_token();
  }
}

// out [tiles, tokens, kTileRows]: the dots of the pairs of some tiles; of others, anything or
// nothing. Where most pairs of a tile are needed, all are made at once. The others go by token, so
// that several rows are multiplied at the same time.
void NeuronFfnPairs::dot(NeuronRow which, const Tiles& tiles, RowFetch& fetch, float* out) const {
  const std::size_t tile_floats = std::size_t{n_tokens_} * kTileRows;
  std::uint32_t ids[kTileRows], n = 0;
  float* places[kTileRows];
  // All listed rows times n_tokens tokens.
  const auto flush = [&](std::uint32_t token, std::uint32_t n_tokens) {
    if (n == 0) return;
    const std::byte* next[kTileRows];
    rows_.dot(which, ids, n, fetch.take(n, rows_.bytes(which), next), tokens_ + token, n_tokens,
              tiles.room());
    for (std::uint32_t t = 0; t < n_tokens; ++t)
      for (std::uint32_t r = 0; r < n; ++r)
        places[r][t * kTileRows] = tiles.room()[t * kTileRows + r];
    n = 0;
  };
  const auto add = [&](std::uint32_t tile, std::uint32_t token, std::uint32_t r) {
    ids[n] = entries_.id(tiles.first(tile) + r);
    places[n++] = out + tile * tile_floats + token * kTileRows + r;
  };
  bool apart[kBlockTiles];
  for (std::uint32_t i = 0; i < tiles.size(); ++i) {
    apart[i] = !rows_.all_at_once(which, static_cast<std::uint32_t>(std::popcount(tiles.any(i))),
                                  n_tokens_, tiles.pairs(i));
    if (apart[i]) continue;
    for_rows(tiles.any(i), [&](std::uint32_t r) { add(i, 0, r); });
    flush(0, n_tokens_);
  }
  for (std::uint32_t t = 0; t < n_tokens_; ++t) {
    for (std::uint32_t i = 0; i < tiles.size(); ++i)
      if (apart[i])
        for_rows(tiles.masks(i)[t], [&](std::uint32_t r) {
          add(i, t, r);
          if (n == kTileRows) flush(t, 1);
        });
    flush(t, 1);
  }
}

// What a block is read by first: all that is here of a list is needed by some token.
void NeuronFfnPairs::fetch_deciding(std::uint32_t i, RowFetch& fetch) const {
  const Block next = block(i);
  entries_.fetch(next.first, next.end - next.first);
  if (gates_given()) return;
  for (std::uint32_t entry = next.first; entry < next.end; ++entry)
    if (entries_.is_here(entry))
      fetch.add(rows_.address(rows_.deciding(), entries_.id(entry)), rows_.bytes(rows_.deciding()));
}

void NeuronFfnPairs::fetch_ups(const Tiles& tiles, RowFetch& fetch) const {
  fetch.clear();
  if (!neurons_.gated()) return;
  for (std::uint32_t i = 0; i < tiles.size(); ++i)
    for_rows(tiles.any(i), [&](std::uint32_t r) {
      fetch.add(rows_.address(NeuronRow::up, entries_.id(tiles.first(i) + r)),
                rows_.bytes(NeuronRow::up));
    });
}

}  // namespace synfire::cpu
