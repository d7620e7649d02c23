#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/kv_format.hpp"
#include "backends/cpu/ops/ops.hpp"

namespace synfire::cpu {
namespace {

// That one thread takes in one go where a long context is shared out: enough to fetch ahead.
constexpr std::uint32_t kSegmentPositions = 1024;
static_assert(kSegmentPositions % kAttendPositions == 0 &&
              kSegmentPositions % kWideAttendPositions == 0);
// Query rows that share one reading of keys and values.
constexpr std::uint32_t kItemRows = 64;

void (*attend_of(const KernelTable& kernels, KvFormat format))(const AttendChunk&) {
  switch (format) {
    case KvFormat::f32: return kernels.attend_f32;
    case KvFormat::f16: return kernels.attend_f16;
    case KvFormat::wide: return kernels.attend_wide;
    default: return kernels.attend_q8_0;
  }
}

// Attention of a batch. An item is some tokens of one sequence that follow each other and one KV
// head, with all query heads of its group. Its positions are taken in chunks of kAttendPositions,
// whose partial results are merged in order: by one thread as it goes along where there are items
// for everybody; where a long context has to be shared out, by whoever finishes an item's last
// segment. Both give the same bits.
class PagedAttention {
 public:
  PagedAttention(CpuDevice& device, const sdk::OpCall& call)
      : device_(device),
        call_(call),
        params_(call.params<sf_attention_params>()),
        group_(params_.n_heads / params_.n_kv_heads),
        format_(kv_format_of(device.kernels(), call.kv().dtype())),
        tile_positions_(kv_tile_positions(format_)),
        chunk_tiles_(attend_positions(format_) / tile_positions_),
        segment_chunks_(kSegmentPositions / attend_positions(format_)),
        block_tiles_((call.kv().desc().block_tokens + tile_positions_ - 1) / tile_positions_),
        key_bytes_(key_tile_bytes(format_, params_.head_dim)),
        value_bytes_(value_tile_bytes(format_, params_.head_dim)),
        attend_(attend_of(device.kernels(), format_)),
        queries_(call.input(0)) {
    find_spans();
    if (format_ == KvFormat::q8_0) quantize_queries();
  }

  void run() {
    std::uint64_t all_chunks = 0;
    std::uint32_t most_chunks = 1;
    for (const Span& span : spans_) {
      all_chunks += std::uint64_t{span.n_chunks} * params_.n_kv_heads;
      most_chunks = std::max(most_chunks, span.n_chunks);
    }
    if (most_chunks <= segment_chunks_ ||
        all_chunks >= 4 * device_.team().members() * std::uint64_t{most_chunks})
      run_items();
    else
      run_segments(most_chunks);
  }

 private:
  // Tokens [first, first + n) of the batch: of one sequence, at positions that follow each other.
  struct Span {
    std::uint32_t first, n;
    std::uint32_t n_tiles, n_chunks;  // that the last of them sees
  };

  void quantize_queries() {
    const std::size_t n = std::size_t{call_.batch().n_tokens} * params_.n_heads * params_.head_dim;
    Workspace& workspace = device_.workspace();
    quants_ = workspace.get<std::int8_t>(Workspace::quants, n);
    scales_ = workspace.get<float>(Workspace::scales, n / 32);
    sums_ = workspace.get<std::int32_t>(Workspace::sums, n / 32);
    constexpr std::size_t kPiece = 8192;
    device_.team().parallel_for((n + kPiece - 1) / kPiece, [&](std::size_t piece, std::size_t) {
      const std::size_t at = piece * kPiece;
      device_.kernels().quantize_queries(queries_ + at,
                                         static_cast<std::uint32_t>(std::min(kPiece, n - at)),
                                         quants_ + at, scales_ + at / 32, sums_ + at / 32);
    });
  }

  void find_spans() {
    const sf_batch& batch = call_.batch();
    const std::uint32_t most = std::max(kItemRows / group_, 1u);
    for (std::uint32_t t = 0; t < batch.n_tokens; ++t) {
      const bool follows = !spans_.empty() && spans_.back().n < most &&
                           batch.sequences[t] == batch.sequences[t - 1] &&
                           batch.positions[t] == batch.positions[t - 1] + 1;
      if (!follows) spans_.push_back({t, 0, 0, 0});
      Span& span = spans_.back();
      ++span.n;
      const std::uint32_t block_tokens = call_.kv().desc().block_tokens;
      span.n_tiles = batch.positions[t] / block_tokens * block_tiles_ +
                     batch.positions[t] % block_tokens / tile_positions_ + 1;
      span.n_chunks = (span.n_tiles + chunk_tiles_ - 1) / chunk_tiles_;
      most_rows_ = std::max(most_rows_, span.n * group_);
    }
  }

  [[nodiscard]] const Span& span_of(std::size_t item) const {
    return spans_[item / params_.n_kv_heads];
  }
  [[nodiscard]] std::uint32_t rows_of(std::size_t item) const { return span_of(item).n * group_; }
  [[nodiscard]] std::size_t items() const { return spans_.size() * params_.n_kv_heads; }
  // Of the largest item, in whole cache lines.
  [[nodiscard]] std::size_t partial_floats() const {
    return (attend_partial_floats(most_rows_, params_.head_dim) + 15) / 16 * 16;
  }

  void run_items() {
    const std::size_t floats = partial_floats();
    const MemberScratch scratch(device_.workspace(), device_.team().members(),
                                2 * floats * sizeof(float) + names_bytes());
    device_.team().parallel_for(items(), [&](std::size_t item, std::size_t member) {
      auto* const sum = reinterpret_cast<float*>(scratch.of(member));
      float* const partial = sum + floats;
      const AttendRow* const rows = name_rows(item, partial + floats);
      for (std::uint32_t chunk = 0; chunk < span_of(item).n_chunks; chunk += segment_chunks_)
        attend_segment(
            item, chunk, rows, [&](std::uint32_t i) { return i == 0 ? sum : partial; },
            [&](std::uint32_t i) {
              if (i != 0) merge(item, partial, sum);
            });
      finish(item, sum);
    });
  }

  void run_segments(std::uint32_t most_chunks) {
    const std::uint32_t segments = (most_chunks + segment_chunks_ - 1) / segment_chunks_;
    const std::size_t item_floats = most_chunks * partial_floats();
    Shared shared{segments,
                  item_floats,
                  device_.workspace().get<float>(Workspace::partials, items() * item_floats),
                  {device_.workspace(), device_.team().members(), names_bytes()},
                  std::vector<std::atomic<std::uint32_t>>(items())};
    const std::vector<std::size_t> runs = runs_of(items() * segments);
    std::atomic<std::size_t> next_run = 0;
    device_.team().parallel_members(runs.size() - 1, [&](std::size_t member) {
      Named named{items(), nullptr};
      for (std::size_t run;
           (run = next_run.fetch_add(1, std::memory_order_relaxed)) + 1 < runs.size();)
        for (std::size_t piece = runs[run]; piece < runs[run + 1]; ++piece)
          attend_piece(shared, piece, member, named);
    });
  }

  // Items that members share; a piece is a segment of one.
  struct Shared {
    std::uint32_t segments;   // of an item
    std::size_t item_floats;  // partial results of an item's chunks
    float* partials;
    MemberScratch scratch;
    std::vector<std::atomic<std::uint32_t>> ended;  // segments of each item
  };
  // The item whose rows a member has named: its pieces follow each other.
  struct Named {
    std::size_t item;
    const AttendRow* rows;
  };

  void attend_piece(Shared& shared, std::size_t piece, std::size_t member, Named& named) const {
    const std::size_t item = piece / shared.segments, floats = partial_floats();
    const auto first = static_cast<std::uint32_t>(piece % shared.segments) * segment_chunks_;
    float* const own = shared.partials + item * shared.item_floats;
    if (named.item != item) named = {item, name_rows(item, shared.scratch.of(member))};
    if (first < span_of(item).n_chunks)
      attend_segment(
          item, first, named.rows, [&](std::uint32_t chunk) { return own + chunk * floats; },
          [](std::uint32_t) {});
    if (shared.ended[item].fetch_add(1, std::memory_order_acq_rel) + 1 != shared.segments) return;
    for (std::uint32_t chunk = 1; chunk < span_of(item).n_chunks; ++chunk)
      merge(item, own + chunk * floats, own);
    finish(item, own);
  }

  // Where the runs of pieces begin that members take, and where the last one ends. What follows
  // each other in memory is read faster by one member; shorter runs at the end let all end
  // together.
  [[nodiscard]] std::vector<std::size_t> runs_of(std::size_t pieces) const {
    std::vector<std::size_t> runs{0};
    while (runs.back() < pieces) {
      const std::size_t share = 2 * (pieces - runs.back()) / (3 * device_.team().members());
      runs.push_back(runs.back() + std::max<std::size_t>(share, 1));
    }
    return runs;
  }

  // Chunks from `first` on, at most segment_chunks_: chunk i to where(i), then done(i).
  template <typename Where, typename Done>
  void attend_segment(std::size_t item, std::uint32_t first, const AttendRow* rows,
                      const Where& where, const Done& done) const {
    AttendTile tiles[kSegmentPositions / kKvTile];
    const std::uint32_t first_tile = first * chunk_tiles_;
    const std::uint32_t n =
        std::min(span_of(item).n_tiles - first_tile, segment_chunks_ * chunk_tiles_);
    find_tiles(item, first_tile, n, tiles);
    for (std::uint32_t at = 0; at < n; at += chunk_tiles_) {
      const std::uint32_t in_chunk = std::min(n - at, chunk_tiles_);
      const std::uint32_t chunk = first + at / chunk_tiles_;
      attend_({tiles + at, in_chunk, n - at - in_chunk, rows, rows_of(item), params_.head_dim,
               params_.scale, where(chunk)});
      done(chunk);
    }
  }

  void find_tiles(std::size_t item, std::uint32_t first, std::uint32_t n, AttendTile* tiles) const {
    const sdk::HostKv& kv = call_.kv();
    const std::uint32_t block_tokens = kv.desc().block_tokens;
    const std::uint32_t sequence = call_.batch().sequences[span_of(item).first];
    const auto head = static_cast<std::uint32_t>(item % params_.n_kv_heads);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t in_block = (first + i) % block_tiles_;
      const std::uint32_t position =
          (first + i) / block_tiles_ * block_tokens + in_block * tile_positions_;
      const std::uint32_t block = call_.block_of(sequence, position);
      tiles[i] = {kv.keys(params_.layer, block, head) + in_block * key_bytes_,
                  kv.values(params_.layer, block, head) + in_block * value_bytes_, position,
                  std::min(tile_positions_, block_tokens - in_block * tile_positions_)};
    }
  }

  // Of a wide query, in whole cache lines.
  [[nodiscard]] std::size_t wide_bytes() const {
    return (kv_row_bytes(KvFormat::wide, params_.head_dim) + 63) / 64 * 64;
  }
  // What name_rows() needs.
  [[nodiscard]] std::size_t names_bytes() const {
    return most_rows_ * (sizeof(AttendRow) + (format_ == KvFormat::wide ? wide_bytes() : 0));
  }

  // The item's query rows, by token, then by head.
  const AttendRow* name_rows(std::size_t item, void* memory) const {
    std::byte* wide = static_cast<std::byte*>(memory);
    auto* const rows =
        reinterpret_cast<AttendRow*>(wide + (names_bytes() - most_rows_ * sizeof(AttendRow)));
    const Span& span = span_of(item);
    const std::size_t first_head = item % params_.n_kv_heads * group_;
    for (std::uint32_t i = 0; i < rows_of(item); ++i) {
      const std::uint32_t token = span.first + i / group_;
      const std::size_t head = std::size_t{token} * params_.n_heads + first_head + i % group_;
      const std::size_t at = head * params_.head_dim;
      rows[i] = {};
      rows[i].query = queries_ + at;
      rows[i].length = call_.batch().positions[token] + 1;
      if (format_ == KvFormat::wide) {
        widen_query(wide + i * wide_bytes(), rows[i]);
        continue;
      }
      if (quants_ == nullptr) continue;
      rows[i].quants = quants_ + at;
      rows[i].scales = scales_ + at / 32;
      rows[i].sums = sums_ + at / 32;
    }
    return rows;
  }

  void widen_query(std::byte* wide, AttendRow& row) const {
    const std::size_t bytes = wide_dim(params_.head_dim) * sizeof(std::int16_t);
    device_.kernels().to_wide(row.query, params_.head_dim, wide);
    row.wide = reinterpret_cast<const std::int16_t*>(wide);
    row.scales = reinterpret_cast<const float*>(wide + bytes);
  }

  void merge(std::size_t item, const float* partial, float* sum) const {
    device_.kernels().merge_attended(partial, rows_of(item), params_.head_dim, sum);
  }

  void finish(std::size_t item, const float* sum) const {
    const std::uint32_t n = params_.head_dim;
    const std::size_t first_head = item % params_.n_kv_heads * group_;
    const float* const sums = sum + std::size_t{rows_of(item)} * (n + 1);
    for (std::uint32_t i = 0; i < rows_of(item); ++i) {
      const std::size_t token = span_of(item).first + i / group_;
      float* const out = call_.output(0) + (token * params_.n_heads + first_head + i % group_) * n;
      std::memcpy(out, sum + std::size_t{i} * n, n * sizeof(float));
      device_.kernels().scale(1.0f / sums[i], n, out);
    }
  }

  CpuDevice& device_;
  const sdk::OpCall& call_;
  const sf_attention_params& params_;
  std::uint32_t group_;  // query heads per KV head
  KvFormat format_;
  std::uint32_t tile_positions_;
  std::uint32_t chunk_tiles_;
  std::uint32_t segment_chunks_;
  std::uint32_t block_tiles_;  // tiles per KV block
  std::size_t key_bytes_;      // of a tile
  std::size_t value_bytes_;    // likewise
  void (*attend_)(const AttendChunk&);
  const float* queries_;           // [tokens, n_heads, head_dim]
  std::int8_t* quants_ = nullptr;  // for Q8_0 keys: likewise
  float* scales_ = nullptr;        // [tokens, n_heads, head_dim / 32]
  std::int32_t* sums_ = nullptr;   // likewise
  std::vector<Span> spans_;
  std::uint32_t most_rows_ = 0;  // of an item
};

}  // namespace

void attention(CpuDevice& device, const sdk::OpCall& call) { PagedAttention(device, call).run(); }

}  // namespace synfire::cpu
