#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/backend.hpp"
#include "plugins/sdk/dtype.hpp"

// Weights, neurons and KV storage of backends whose device memory is host memory.
namespace synfire::sdk {

// Uninitialised memory, aligned to a cache line (and to AVX-512). Move-only.
class AlignedBytes {
 public:
  static constexpr std::size_t kAlignment = 64;

  AlignedBytes() = default;
  explicit AlignedBytes(std::size_t bytes)
      : data_(static_cast<std::byte*>(
            std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment))) {
    if (data_ == nullptr && bytes != 0) throw std::bad_alloc();
  }

  [[nodiscard]] std::byte* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> data_;
};

inline const DTypeInfo& require_dtype(std::uint32_t dtype, const char* name) {
  const DTypeInfo* const info = find_dtype(dtype);
  if (info == nullptr || !info->is_weight)
    throw Error(kUnimplemented, std::string(name) + ": dtype number " + std::to_string(dtype) +
                                    " is not the dtype of a weight");
  return *info;
}

inline const DTypeInfo& require_device_dtype(std::uint32_t dtype, const char* name) {
  const DTypeInfo* const info = find_dtype(dtype);
  return info != nullptr && is_device_dtype(*info) ? *info : require_dtype(dtype, name);
}

// One matrix or vector, borrowed where the host allows it.
struct HostWeights : Weights {
  explicit HostWeights(const sf_tensor_desc& desc)
      : name(desc.name == nullptr ? "weights" : desc.name),
        dtype(require_device_dtype(desc.dtype, name.c_str()).dtype),
        rows(desc.rows),
        cols(desc.cols),
        row_bytes(synfire::row_bytes(dtype, desc.cols)),
        data(static_cast<const std::byte*>(desc.data)) {
    if (cols % dtype_info(dtype).block_size != 0)
      throw Error(kInvalidArgument, name + ": row of " + std::to_string(cols) +
                                        " elements, want a multiple of " +
                                        std::to_string(dtype_info(dtype).block_size));
    if ((desc.flags & SF_TENSOR_BORROW) != 0) return;
    owned = AlignedBytes(rows * row_bytes);
    std::memcpy(owned.data(), data, rows * row_bytes);
    data = owned.data();
  }

  [[nodiscard]] const std::byte* row(std::size_t r) const { return data + r * row_bytes; }
  [[nodiscard]] sf_tensor_desc desc() const {
    return {sizeof(sf_tensor_desc),
            static_cast<std::uint32_t>(dtype),
            SF_TENSOR_BORROW,
            0,
            rows,
            cols,
            name.c_str(),
            data};
  }

  std::string name;
  DType dtype;
  std::size_t rows;
  std::size_t cols;
  std::size_t row_bytes;
  const std::byte* data;  // rows x row_bytes
  AlignedBytes owned;
};

// The resident groups of one layer's FFN. Rows of a group lie at fixed strides; where, the derived
// class may say (set_strides, set_rows). Here: gate and up as they come, or copied; down copied.
class HostNeurons : public Neurons {
 public:
  explicit HostNeurons(const sf_neurons_desc& desc)
      : desc_(known_part(check(desc))),
        bias_(copied(desc_.bias, desc_.d_ff)),
        gate_weights_(copied(desc_.gate_weights, desc_.d_ff)),
        gate_bytes_(bytes_of(desc, desc.gate_dtype, desc.gated != 0)),
        up_bytes_(bytes_of(desc, desc.up_dtype, true)),
        down_bytes_(bytes_of(desc, desc.down_dtype, true)),
        gate_stride_(gate_bytes_),
        up_stride_(up_bytes_),
        down_stride_(down_bytes_),
        groups_((desc.d_ff + desc.group_size - 1) / desc.group_size),
        group_shift_(std::has_single_bit(desc.group_size) ? std::countr_zero(desc.group_size)
                                                          : kNoShift) {
    desc_.bias = bias_.empty() ? nullptr : bias_.data();
    desc_.gate_weights = gate_weights_.empty() ? nullptr : gate_weights_.data();
  }

  // Throws where `desc` makes no sense; returns it otherwise.
  static const sf_neurons_desc& check(const sf_neurons_desc& desc) {
    if (desc.d_model == 0 || desc.d_ff == 0 || desc.group_size == 0)
      throw Error(kInvalidArgument, std::string("layer ") + std::to_string(desc.layer) +
                                        ": neurons of d_model " + std::to_string(desc.d_model) +
                                        ", d_ff " + std::to_string(desc.d_ff) + ", group size " +
                                        std::to_string(desc.group_size) + ", want none of them 0");
    bytes_of(desc, desc.gate_dtype, desc.gated != 0);
    bytes_of(desc, desc.up_dtype, true);
    bytes_of(desc, desc.down_dtype, true);
    return desc;
  }
  [[nodiscard]] const sf_neurons_desc& desc() const { return desc_; }
  [[nodiscard]] bool gated() const { return desc_.gated != 0; }
  // What is added to the neuron's gate; without gate rows, to its up.
  [[nodiscard]] float bias(std::uint32_t neuron) const {
    return bias_.empty() ? 0.0F : bias_[neuron];
  }
  // What SF_GATE_ABS_ABOVE multiplies the neuron's |act(gate)| with.
  [[nodiscard]] float gate_weight(std::uint32_t neuron) const {
    return gate_weights_.empty() ? 1.0F : gate_weights_[neuron];
  }
  [[nodiscard]] std::uint32_t n_groups() const {
    return static_cast<std::uint32_t>(groups_.size());
  }
  // Ids of the groups that are here, rising.
  [[nodiscard]] std::span<const std::uint32_t> resident() const { return resident_; }
  [[nodiscard]] bool has(std::uint32_t neuron) const { return groups_[group_of(neuron)].resident; }
  // Asked for several times for each row that is read: so no division where a shift does.
  [[nodiscard]] std::uint32_t group_of(std::uint32_t neuron) const {
    return group_shift_ != kNoShift ? neuron >> group_shift_ : neuron / desc_.group_size;
  }
  [[nodiscard]] std::uint32_t first_neuron(std::uint32_t group) const {
    return group * desc_.group_size;
  }
  [[nodiscard]] std::uint32_t group_neurons(std::uint32_t group) const {
    const std::uint32_t left = desc_.d_ff - first_neuron(group);
    return left < desc_.group_size ? left : desc_.group_size;
  }

  // Rows of a resident neuron.
  [[nodiscard]] const std::byte* gate(std::uint32_t neuron) const {
    const std::uint32_t group = group_of(neuron);
    return groups_[group].gate + (neuron - first_neuron(group)) * gate_stride_;
  }
  [[nodiscard]] const std::byte* up(std::uint32_t neuron) const {
    const std::uint32_t group = group_of(neuron);
    return groups_[group].up + (neuron - first_neuron(group)) * up_stride_;
  }
  [[nodiscard]] const std::byte* down(std::uint32_t neuron) const {
    const std::uint32_t group = group_of(neuron);
    return groups_[group].down + (neuron - first_neuron(group)) * down_stride_;
  }

  virtual void upload(std::span<const sf_group_source> sources) {
    for (const sf_group_source& source : sources) {
      admit(source.group);
      copy(source);
    }
  }
  virtual void evict(std::span<const std::uint32_t> ids) {
    for (const std::uint32_t id : ids) {
      if (id >= groups_.size() || !groups_[id].resident)
        throw Error(kFailedPrecondition, label(id) + ": evicted, but not resident");
      groups_[id] = Group{};
      resident_.erase(std::lower_bound(resident_.begin(), resident_.end(), id));
    }
  }

 protected:
  // Bytes from one neuron's row to the next one's, in every group.
  void set_strides(std::size_t gate, std::size_t up, std::size_t down) {
    gate_stride_ = gate;
    up_stride_ = up;
    down_stride_ = down;
  }
  // Where the rows of an admitted group's first neuron lie.
  void set_rows(std::uint32_t group, const std::byte* gate, const std::byte* up,
                const std::byte* down) {
    groups_[group].gate = gate;
    groups_[group].up = up;
    groups_[group].down = down;
  }
  // Makes a group resident, or throws.
  void admit(std::uint32_t id) {
    if (id >= groups_.size())
      throw Error(kOutOfRange, label(id) + ": want less than " + std::to_string(groups_.size()));
    if (groups_[id].resident) throw Error(kFailedPrecondition, label(id) + ": uploaded twice");
    if (resident_.size() + 1 > desc_.capacity)
      throw Error(kResourceExhausted,
                  label(id) + ": all " + std::to_string(desc_.capacity) + " slots taken");
    groups_[id].resident = true;
    resident_.insert(std::upper_bound(resident_.begin(), resident_.end(), id), id);
  }

 private:
  struct Group {
    const std::byte* gate = nullptr;
    const std::byte* up = nullptr;
    const std::byte* down = nullptr;
    bool resident = false;
    AlignedBytes memory;  // of what was copied
  };
  static constexpr int kNoShift = -1;

  // What an older host did not set is absent.
  static sf_neurons_desc known_part(const sf_neurons_desc& desc) {
    sf_neurons_desc known{};
    std::memcpy(&known, &desc, std::min<std::size_t>(desc.struct_size, sizeof known));
    return known;
  }
  static std::vector<float> copied(const float* numbers, std::uint32_t n) {
    if (numbers == nullptr) return {};
    return {numbers, numbers + n};
  }
  // Of one row; 0 for rows that these neurons do not have.
  static std::size_t bytes_of(const sf_neurons_desc& desc, std::uint32_t dtype, bool used) {
    if (!used) return 0;
    const std::string name = std::string("layer ") + std::to_string(desc.layer) + " neurons";
    const DTypeInfo& info = require_dtype(dtype, name.c_str());
    if (desc.d_model % info.block_size != 0)
      throw Error(kInvalidArgument, name + ": rows of " + std::to_string(desc.d_model) +
                                        " elements, want a multiple of " +
                                        std::to_string(info.block_size));
    return row_bytes(info.dtype, desc.d_model);
  }
  [[nodiscard]] std::string label(std::uint32_t group) const {
    return std::string("layer ") + std::to_string(desc_.layer) + " group " + std::to_string(group);
  }

  void copy(const sf_group_source& source) {
    const std::size_t n = group_neurons(source.group);
    const bool borrows = (source.flags & SF_TENSOR_BORROW) != 0;
    const std::size_t gates = borrows ? 0 : n * gate_bytes_;
    const std::size_t ups = borrows ? 0 : n * up_bytes_;
    Group& group = groups_[source.group];
    group.memory = AlignedBytes(gates + ups + n * down_bytes_);
    std::byte* const memory = group.memory.data();
    if (gates != 0) std::memcpy(memory, source.gate, gates);
    if (ups != 0) std::memcpy(memory + gates, source.up, ups);
    std::memcpy(memory + gates + ups, source.down, n * down_bytes_);
    set_rows(source.group, borrows ? static_cast<const std::byte*>(source.gate) : memory,
             borrows ? static_cast<const std::byte*>(source.up) : memory + gates,
             memory + gates + ups);
  }

  sf_neurons_desc desc_;
  std::vector<float> bias_, gate_weights_;          // [d_ff], or empty
  std::size_t gate_bytes_, up_bytes_, down_bytes_;  // of a row as it comes
  std::size_t gate_stride_, up_stride_, down_stride_;
  std::vector<Group> groups_;            // by id
  int group_shift_;                      // where groups are a power of two of neurons
  std::vector<std::uint32_t> resident_;  // ids, rising
};

// KV blocks: per layer, stretches of blocks, kStretchBytes or one block at most; of a stretch, head
// by head, the keys of all its blocks, then their values. So the keys of a sequence whose blocks
// follow each other do too, for long enough to be a stream, while memory far from any token stays
// untouched. A block's keys of one head are [block_tokens, head_dim], or whatever else the backend
// makes of them.
class HostKv : public Kv {
 public:
  explicit HostKv(const sf_kv_desc& desc)
      : HostKv(desc, bytes_of(check(desc)), bytes_of(check(desc))) {}
  // With other sizes of one head's keys and values in a block.
  HostKv(const sf_kv_desc& desc, std::size_t key_bytes, std::size_t value_bytes)
      : desc_(check(desc)),
        row_bytes_(row_bytes(static_cast<DType>(desc.dtype), desc.head_dim)),
        key_bytes_(key_bytes),
        value_bytes_(value_bytes),
        stretch_shift_(
            std::bit_width(kStretchBytes / ((key_bytes + value_bytes) * desc.n_kv_heads) | 1U) - 1),
        bytes_(std::size_t{desc.n_layers} * desc.n_kv_heads * desc.n_blocks *
               (key_bytes + value_bytes)),
        memory_(bytes_) {}

  // Throws where `desc` makes no sense; returns it otherwise.
  static const sf_kv_desc& check(const sf_kv_desc& desc) {
    if (desc.n_layers == 0 || desc.block_tokens == 0 || desc.n_kv_heads == 0 || desc.head_dim == 0)
      throw Error(kInvalidArgument, "KV storage: layers, block_tokens, heads or head_dim is 0");
    const DTypeInfo* const dtype = find_dtype(desc.dtype);
    if (dtype == nullptr || !is_kv_dtype(dtype->dtype))
      throw Error(kUnimplemented, std::string("KV storage: dtype number ") +
                                      std::to_string(desc.dtype) + ", want F32, F16 or Q8_0");
    if (desc.head_dim % dtype->block_size != 0)
      throw Error(kInvalidArgument, std::string("KV storage in ") + std::string(dtype->name) +
                                        ": head_dim " + std::to_string(desc.head_dim) +
                                        ", want a multiple of " +
                                        std::to_string(dtype->block_size));
    return desc;
  }
  [[nodiscard]] const sf_kv_desc& desc() const { return desc_; }
  // Keys of one head of a block: [block_tokens, head_dim]; values() likewise.
  [[nodiscard]] std::byte* keys(std::uint32_t layer, std::uint32_t block,
                                std::uint32_t head) const {
    const Stretch stretch(*this, block);
    return run(layer, head, stretch) + (block - stretch.first) * key_bytes_;
  }
  [[nodiscard]] std::byte* values(std::uint32_t layer, std::uint32_t block,
                                  std::uint32_t head) const {
    const Stretch stretch(*this, block);
    return run(layer, head, stretch) + stretch.size * key_bytes_ +
           (block - stretch.first) * value_bytes_;
  }
  // All of it.
  [[nodiscard]] std::span<std::byte> memory() const { return {memory_.data(), bytes_}; }
  [[nodiscard]] std::size_t row_bytes_of_head() const { return row_bytes_; }

  [[nodiscard]] DType dtype() const { return static_cast<DType>(desc_.dtype); }

 private:
  static std::size_t bytes_of(const sf_kv_desc& desc) {
    return desc.block_tokens * row_bytes(static_cast<DType>(desc.dtype), desc.head_dim);
  }
  static constexpr std::size_t kStretchBytes = std::size_t{32} << 20;
  // The blocks that lie with a block.
  struct Stretch {
    Stretch(const HostKv& kv, std::uint32_t block) {
      first = block >> kv.stretch_shift_ << kv.stretch_shift_;
      size = std::min(1U << kv.stretch_shift_, kv.desc_.n_blocks - first);
    }
    std::uint32_t first, size;
  };

  // Keys and values of a layer's head.
  [[nodiscard]] std::byte* run(std::uint32_t layer, std::uint32_t head, Stretch stretch) const {
    const std::size_t heads = desc_.n_kv_heads;
    const std::size_t blocks_before =
        (layer * std::size_t{desc_.n_blocks} + stretch.first) * heads + head * stretch.size;
    return memory_.data() + blocks_before * (key_bytes_ + value_bytes_);
  }

  sf_kv_desc desc_;
  std::size_t row_bytes_;    // of one head's key
  std::size_t key_bytes_;    // of one head's keys in a block
  std::size_t value_bytes_;  // likewise
  int stretch_shift_;        // of a stretch: 2^so many blocks
  std::size_t bytes_;        // of all
  AlignedBytes memory_;
};

}  // namespace synfire::sdk
