// The second pass of NeuronFfnPairs: what fired, times its down rows.
#include <algorithm>
#include <cstring>

#include "backends/cpu/ops/neuron_block.hpp"

namespace synfire::cpu {

// What one member adds at a time: some columns of some tokens.
struct NeuronFfnPairs::DownTask {
  DownRows::Slices slices;
  std::uint32_t first_token, n_tokens;
};

// All of them. Slices of columns first; tokens are shared out as well where members would have
// nothing to do, though rows are then read again.
struct NeuronFfnPairs::DownTasks {
  DownTasks(std::uint32_t slices, std::uint32_t n_tokens, std::uint32_t members)
      : n_slices(slices), tokens(n_tokens), slices_each(std::max(slices / members, 1u)) {
    std::uint32_t groups = 1;  // of tokens
    const auto many_idle = [&] {
      const std::uint32_t n = pieces_of(n_slices, slices_each) * groups;
      return 5 * n < 4 * pieces_of(n, members) * members;
    };
    while (groups < std::min(tokens, members) && many_idle()) ++groups;
    tokens_each = pieces_of(tokens, groups);
  }

  [[nodiscard]] std::uint32_t size() const {
    return pieces_of(n_slices, slices_each) * pieces_of(tokens, tokens_each);
  }
  [[nodiscard]] DownTask operator[](std::size_t i) const {
    const std::uint32_t by_slices = pieces_of(n_slices, slices_each);
    const std::uint32_t slice = static_cast<std::uint32_t>(i) % by_slices * slices_each;
    const std::uint32_t token = static_cast<std::uint32_t>(i) / by_slices * tokens_each;
    return {{slice, std::min(slices_each, n_slices - slice)},
            token,
            std::min(tokens_each, tokens - token)};
  }

  std::uint32_t n_slices, tokens;
  std::uint32_t slices_each, tokens_each = 0;
};

// The sums of a task, in an order of the kernel's own: a view of one member's scratch.
class NeuronFfnPairs::DownSums {
 public:
  // Down rows and factors of a token, until there are enough for one call.
  struct Pending {
    std::uint32_t ids[kTileRows];
    float factors[kTileRows];
    std::uint32_t n;
  };

  DownSums(std::byte* memory, const DownTasks& tasks)
      : partials_(reinterpret_cast<float*>(memory)),
        totals_(partials_ + floats(tasks)),
        pending_(reinterpret_cast<Pending*>(totals_ + floats(tasks))) {}

  static std::size_t bytes(const DownTasks& tasks) {
    return 2 * floats(tasks) * sizeof(float) + tasks.tokens_each * sizeof(Pending);
  }

  void begin(const DownTask& task) {
    n_tokens_ = task.n_tokens;
    width_ = task.slices.n * DownRows::kSliceColumns;
    std::memset(totals_, 0, std::size_t{n_tokens_} * width_ * sizeof(float));
    std::memset(partials_, 0, std::size_t{n_tokens_} * width_ * sizeof(float));
    for (std::uint32_t t = 0; t < n_tokens_; ++t) pending_[t].n = 0;
  }
  void end_partials(const KernelTable& kernels) {
    kernels.add(totals_, partials_, n_tokens_ * width_, totals_);
    std::memset(partials_, 0, std::size_t{n_tokens_} * width_ * sizeof(float));
  }
  [[nodiscard]] float* partial(std::uint32_t t) const {
    return partials_ + std::size_t{t} * width_;
  }
  [[nodiscard]] float* total(std::uint32_t t) const { return totals_ + std::size_t{t} * width_; }
  [[nodiscard]] Pending& pending(std::uint32_t t) const { return pending_[t]; }

 private:
  static std::size_t floats(const DownTasks& tasks) {
    return std::size_t{tasks.tokens_each} * tasks.slices_each * DownRows::kSliceColumns;
  }

  float* partials_;
  float* totals_;
  Pending* pending_;  // [tokens]
  std::uint32_t n_tokens_ = 0, width_ = 0;
};

void NeuronFfnPairs::add_downs(const PairLists& lists) const {
  const std::size_t members = device_.team().members();
  const DownTasks tasks(units_of(d_model_), n_tokens_, static_cast<std::uint32_t>(members));
  const MemberScratch scratch(device_.workspace(), members, DownSums::bytes(tasks));
  device_.team().parallel_for(tasks.size(), [&](std::size_t i, std::size_t member) {
    DownSums sums(scratch.of(member), tasks);
    add_downs(lists, tasks[i], sums);
    store(tasks[i], sums);
  });
}

void NeuronFfnPairs::add_downs(const PairLists& lists, const DownTask& task, DownSums& sums) const {
  const std::uint32_t n = n_blocks();
  RowFetch fetch;
  const auto fetch_rows = [&](std::uint32_t i) {
    for (const std::uint32_t id : lists.neurons(i))
      fetch.add(down_.address(id, task.slices), down_.bytes(task.slices));
  };
  const auto flush_all = [&] {
    for (std::uint32_t t = 0; t < task.n_tokens; ++t) flush(task, t, sums, fetch);
  };
  if (n != 0) lists.fetch(0);
  if (n > 1) lists.fetch_numbers(1);
  sums.begin(task);
  if (n != 0) fetch_rows(0);
  for (std::uint32_t i = 0; i < n; ++i) {
    if (i != 0 && block(i).begins_chunk) {
      flush_all();
      sums.end_partials(device_.kernels());
    }
    if (i != 0) fetch.clear();
    if (i + 1 < n) fetch_rows(i + 1);
    if (i + 2 < n) lists.fetch(i + 2);
    if (i + 3 < n) lists.fetch_numbers(i + 3);
    add_block(lists, i, task, sums, fetch);
  }
  flush_all();
  sums.end_partials(device_.kernels());
}

void NeuronFfnPairs::add_block(const PairLists& lists, std::uint32_t i, const DownTask& task,
                               DownSums& sums, RowFetch& fetch) const {
  for (std::uint32_t t = 0; t < task.n_tokens; ++t) {
    DownSums::Pending& rows = sums.pending(t);
    for (const FiredPair& pair : lists.pairs(i, task.first_token + t)) {
      rows.ids[rows.n] = pair.neuron;
      rows.factors[rows.n++] = pair.hidden;
      if (rows.n == kTileRows) flush(task, t, sums, fetch);
    }
  }
}

void NeuronFfnPairs::flush(const DownTask& task, std::uint32_t t, DownSums& sums,
                           RowFetch& fetch) const {
  DownSums::Pending& rows = sums.pending(t);
  const std::byte* next[kTileRows];
  if (rows.n != 0)
    down_.add(rows.ids, rows.n, task.slices, rows.factors,
              fetch.take(rows.n, down_.bytes(task.slices), next), sums.partial(t));
  rows.n = 0;
}

// The task's columns of the output.
void NeuronFfnPairs::store(const DownTask& task, const DownSums& sums) const {
  constexpr std::uint32_t kColumns = DownRows::kSliceColumns;
  for (std::uint32_t t = 0; t < task.n_tokens; ++t) {
    float* const y = call_.output(0) + tokens_[task.first_token + t] * std::size_t{d_model_};
    for (std::uint32_t slice = 0; slice < task.slices.n; ++slice) {
      const std::uint32_t first = (task.slices.first + slice) * kColumns;
      alignas(64) float columns[kColumns];
      down_.settle(sums.total(t) + std::size_t{slice} * kColumns, first, columns);
      std::memcpy(y + first, columns, std::min(kColumns, d_model_ - first) * sizeof(float));
    }
  }
}

}  // namespace synfire::cpu
