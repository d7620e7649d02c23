#include "backends/cpu/cpu_neurons.hpp"

#include "backends/cpu/packed_rows.hpp"

namespace synfire::cpu {
namespace {

std::size_t packed_bytes(std::uint32_t dtype, std::uint32_t d_model, bool used) {
  return used ? packed_stride(static_cast<DType>(dtype), d_model) : 0;
}

std::size_t in_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

void pack(std::uint32_t dtype, const void* rows, std::uint32_t r, std::uint32_t d_model,
          const std::byte* to) {
  const auto type = static_cast<DType>(dtype);
  pack_row(type, static_cast<const std::byte*>(rows) + r * row_bytes(type, d_model), d_model,
           const_cast<std::byte*>(to));
}

}  // namespace

CpuNeurons::CpuNeurons(const sf_neurons_desc& desc, WeightArena& arena, ThreadTeam& team)
    : HostNeurons(desc),
      team_(team),
      gate_bytes_(packed_bytes(desc.gate_dtype, desc.d_model, gated())),
      up_bytes_(in_lines(packed_bytes(desc.up_dtype, desc.d_model, true))),
      pair_bytes_(in_lines(up_bytes_ + packed_bytes(desc.down_dtype, desc.d_model, true))),
      all_gate_bytes_(in_lines(std::size_t{desc.capacity} * desc.group_size * gate_bytes_)),
      memory_(arena.allocate(all_gate_bytes_ +
                             std::size_t{desc.capacity} * desc.group_size * pair_bytes_)),
      slots_(n_groups()) {
  set_strides(gate_bytes_, pair_bytes_, pair_bytes_);
  for (std::uint32_t i = desc.capacity; i-- > 0;) free_.push_back(i);
}

void CpuNeurons::upload(std::span<const sf_group_source> sources) {
  // All or nothing is not promised: groups before a refused one stay.
  std::size_t admitted = 0;
  const auto pack_admitted = [&] {
    const std::size_t per_group = desc().group_size;
    team_.parallel_for(admitted * per_group, [&](std::size_t item, std::size_t) {
      const sf_group_source& source = sources[item / per_group];
      const auto i = static_cast<std::uint32_t>(item % per_group);
      if (i < group_neurons(source.group)) pack_neuron(source, i);
    });
  };
  try {
    for (; admitted < sources.size(); ++admitted) {
      admit(sources[admitted].group);
      place(sources[admitted].group);
    }
  } catch (...) {
    pack_admitted();
    throw;
  }
  pack_admitted();
}

void CpuNeurons::evict(std::span<const std::uint32_t> ids) {
  for (const std::uint32_t id : ids) {
    HostNeurons::evict({&id, 1});
    free_.push_back(slots_[id]);
  }
}

void CpuNeurons::place(std::uint32_t group) {
  slots_[group] = free_.back();
  free_.pop_back();
  const std::size_t neurons = std::size_t{slots_[group]} * desc().group_size;  // before it
  const std::byte* const gates = memory_.data() + neurons * gate_bytes_;
  const std::byte* const pairs = memory_.data() + all_gate_bytes_ + neurons * pair_bytes_;
  set_rows(group, gates, pairs, pairs + up_bytes_);
}

void CpuNeurons::pack_neuron(const sf_group_source& source, std::uint32_t neuron) const {
  const std::uint32_t id = first_neuron(source.group) + neuron;
  const sf_neurons_desc& d = desc();
  if (gated()) pack(d.gate_dtype, source.gate, neuron, d.d_model, gate(id));
  pack(d.up_dtype, source.up, neuron, d.d_model, up(id));
  pack(d.down_dtype, source.down, neuron, d.d_model, down(id));
}

}  // namespace synfire::cpu
