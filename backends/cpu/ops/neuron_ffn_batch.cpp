#include <cstring>

#include "backends/cpu/ops/neuron_ffn.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kSliceRows = 64;  // decoded at once: with their columns, a part of L1

}  // namespace

// Up to kTileRows entries under way, and the tokens that need any of them: a view of one member's
// scratch. Row r of token i is at [i * kTileRows + r] everywhere.
struct NeuronFfnBatch::Tile {
  Tile(std::byte* memory, std::uint32_t max_tokens)
      : gates(reinterpret_cast<float*>(memory)),
        ups(gates + std::size_t{max_tokens} * kTileRows),
        tokens(reinterpret_cast<std::uint32_t*>(ups + std::size_t{max_tokens} * kTileRows)),
        passes(reinterpret_cast<bool*>(tokens + max_tokens)) {}

  static std::size_t bytes(std::uint32_t max_tokens) {
    return std::size_t{max_tokens} *
           (kTileRows * (2 * sizeof(float) + sizeof(bool)) + sizeof(std::uint32_t));
  }

  // Drops the rows and tokens for which nothing passes, so that no more is read.
  void compact() {
    bool row_passes[kTileRows] = {};
    std::uint32_t kept_tokens = 0;
    for (std::uint32_t i = 0; i < n_tokens; ++i) {
      bool any = false;
      for (std::uint32_t r = 0; r < n_rows; ++r) {
        row_passes[r] |= passes[i * kTileRows + r];
        any |= passes[i * kTileRows + r];
      }
      if (any) move_token(i, kept_tokens++);
    }
    n_tokens = kept_tokens;
    std::uint32_t kept_rows = 0;
    for (std::uint32_t r = 0; r < n_rows; ++r)
      if (row_passes[r]) move_row(r, kept_rows++);
    n_rows = kept_rows;
  }

  [[nodiscard]] std::uint64_t n_passes() const {
    std::uint64_t n = 0;
    for (std::uint32_t i = 0; i < n_tokens; ++i)
      n += static_cast<std::uint64_t>(
          std::count(passes + i * kTileRows, passes + i * kTileRows + n_rows, true));
    return n;
  }

  void move_token(std::uint32_t from, std::uint32_t to) {
    tokens[to] = tokens[from];
    std::copy_n(gates + from * kTileRows, kTileRows, gates + to * kTileRows);
    std::copy_n(passes + from * kTileRows, kTileRows, passes + to * kTileRows);
  }
  void move_row(std::uint32_t from, std::uint32_t to) {
    ids[to] = ids[from];
    entries[to] = entries[from];
    for (std::uint32_t i = 0; i < n_tokens; ++i) {
      gates[i * kTileRows + to] = gates[i * kTileRows + from];
      passes[i * kTileRows + to] = passes[i * kTileRows + from];
    }
  }

  std::uint32_t n_rows = 0;
  std::uint32_t n_tokens = 0;
  std::uint32_t ids[kTileRows];      // neurons
  std::uint32_t entries[kTileRows];  // their places in the list
  float* gates;
  float* ups;
  std::uint32_t* tokens;
  bool* passes;  // the token needs the neuron, and the gate rule agrees
};

namespace {

// Rows that are here, and the tokens that need any of them.
void list_tile(const NeuronEntries& entries, std::uint32_t first, std::uint32_t n,
               std::uint32_t n_tokens, NeuronFfnBatch::Tile& tile) {
  for (std::uint32_t i = first; i < first + n; ++i) {
    if (!entries.is_here(i)) continue;
    tile.ids[tile.n_rows] = entries.id(i);
    tile.entries[tile.n_rows++] = i;
  }
  for (std::uint32_t t = 0; t < n_tokens; ++t) {
    bool* const passes = tile.passes + tile.n_tokens * kTileRows;
    bool any = false;
    for (std::uint32_t r = 0; r < tile.n_rows; ++r)
      any |= passes[r] = entries.needs(tile.entries[r], t);
    if (any) tile.tokens[tile.n_tokens++] = t;
  }
}

}  // namespace

void NeuronFfnBatch::run() {
  const std::uint32_t n_tokens = call_.batch().n_tokens;
  const std::uint32_t n = entries_.size();
  hidden_ = device_.workspace().get<float>(Workspace::hidden, std::size_t{n_tokens} * n);
  used_ = device_.workspace().get<bool>(Workspace::gates, n);
  constexpr std::uint32_t kColumns = DownRows::kSliceColumns;
  const std::size_t slice_bytes = (std::size_t{n_tokens} + kSliceRows) * kColumns * sizeof(float);
  const MemberScratch scratch(device_.workspace(), device_.team().members(),
                              std::max(Tile::bytes(n_tokens), slice_bytes));
  device_.team().parallel_for(
      (n + kTileRows - 1) / kTileRows, [&](std::size_t tile, std::size_t member) {
        run_hidden_tile(static_cast<std::uint32_t>(tile) * kTileRows, scratch.of(member), member);
      });
  device_.team().parallel_for(units_of(d_model_), [&](std::size_t slice, std::size_t member) {
    run_down_slice(static_cast<std::uint32_t>(slice) * kColumns, scratch.of(member));
  });
}

void NeuronFfnBatch::find_gates(Tile& tile) const {
  if (gates_given()) {
    for (std::uint32_t i = 0; i < tile.n_tokens; ++i)
      for (std::uint32_t r = 0; r < tile.n_rows; ++r)
        tile.gates[i * kTileRows + r] = given_gate(tile.tokens[i], tile.ids[r]);
  } else {
    rows_.dot(rows_.deciding(), tile.ids, tile.n_rows, nullptr, tile.tokens, tile.n_tokens,
              tile.gates);
  }
  for (std::uint32_t i = 0; i < tile.n_tokens; ++i) {
    bool agrees[kTileRows];
    apply_rule(tile.gates + i * kTileRows, tile.n_rows, agrees);
    for (std::uint32_t r = 0; r < tile.n_rows; ++r) tile.passes[i * kTileRows + r] &= agrees[r];
  }
}

void NeuronFfnBatch::run_hidden_tile(std::uint32_t first, std::byte* scratch, std::size_t member) {
  const std::uint32_t n_tokens = call_.batch().n_tokens;
  const std::size_t n_entries = entries_.size();
  const std::uint32_t n = std::min(kTileRows, entries_.size() - first);
  for (std::uint32_t t = 0; t < n_tokens; ++t)
    std::fill_n(hidden_ + t * n_entries + first, n, 0.0f);
  std::fill_n(used_ + first, n, false);

  Tile tile(scratch, n_tokens);
  list_tile(entries_, first, n, n_tokens, tile);
  if (tile.n_tokens == 0) return;
  find_gates(tile);
  const std::uint32_t asked = tile.n_rows;
  tile.compact();
  count_asked(asked, member);
  count_fired(tile.n_rows, tile.n_passes(), member);
  if (tile.n_tokens == 0) return;
  if (neurons_.gated())
    rows_.dot(NeuronRow::up, tile.ids, tile.n_rows, nullptr, tile.tokens, tile.n_tokens, tile.ups);
  for (std::uint32_t r = 0; r < tile.n_rows; ++r) used_[tile.entries[r]] = true;
  for (std::uint32_t i = 0; i < tile.n_tokens; ++i) {
    float hidden[kTileRows];
    activate(tile.gates + i * kTileRows, tile.ups + i * kTileRows, tile.n_rows, hidden);
    for (std::uint32_t r = 0; r < tile.n_rows; ++r)
      if (tile.passes[i * kTileRows + r])
        hidden_[tile.tokens[i] * n_entries + tile.entries[r]] = hidden[r];
  }
}

void NeuronFfnBatch::run_down_slice(std::uint32_t first_column, std::byte* scratch) const {
  const std::uint32_t n_tokens = call_.batch().n_tokens;
  const std::uint32_t columns = std::min(DownRows::kSliceColumns, d_model_ - first_column);
  auto* const down = reinterpret_cast<float*>(scratch);
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

// Adds n entries' parts to the partial sums of all tokens.
void NeuronFfnBatch::add_down_rows(std::uint32_t first, std::uint32_t n, std::uint32_t first_column,
                                   std::uint32_t columns, float* down, float* partial) const {
  if (std::none_of(used_ + first, used_ + first + n, [](bool used) { return used; })) return;
  for (std::uint32_t i = 0; i < n; ++i) {
    float* const to = down + std::size_t{i} * columns;
    if (used_[first + i])
      down_.decode(entries_.id(first + i), first_column, columns, to);
    else
      std::fill_n(to, columns, 0.0f);
  }
  device_.kernels().combine(down, n, columns, hidden_ + first, entries_.size(),
                            call_.batch().n_tokens, partial);
}

}  // namespace synfire::cpu
