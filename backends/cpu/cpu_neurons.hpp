#pragma once

#include <vector>

#include "backends/cpu/thread_team.hpp"
#include "backends/cpu/weight_arena.hpp"
#include "plugins/sdk/host_memory.hpp"

namespace synfire::cpu {

// A layer's neurons in slots of a group each: packed gate rows of all slots, then an up and a down
// row for each neuron, side by side, since whoever needs one needs the other. So gates, which are
// often read all, follow each other however small the groups are.
class CpuNeurons : public sdk::HostNeurons {
 public:
  CpuNeurons(const sf_neurons_desc& desc, WeightArena& arena, ThreadTeam& team);

  void upload(std::span<const sf_group_source> sources) override;
  void evict(std::span<const std::uint32_t> ids) override;

 private:
  void place(std::uint32_t group);
  void pack_neuron(const sf_group_source& source, std::uint32_t neuron) const;

  ThreadTeam& team_;
  // Rows of gates follow each other as in matrices; whoever reads a pair reads it apart from
  // others, so ups and downs begin at cache lines.
  std::size_t gate_bytes_, up_bytes_, pair_bytes_;  // from row to row; from up to down; from pair
                                                    // to pair
  std::size_t all_gate_bytes_;                      // of all slots
  WeightMemory memory_;                             // gates of `capacity` groups, then their pairs
  std::vector<std::uint32_t> slots_;                // by group, while resident
  std::vector<std::uint32_t> free_;                 // slots, the lowest last
};

}  // namespace synfire::cpu
