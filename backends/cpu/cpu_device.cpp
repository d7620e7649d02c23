#include "backends/cpu/cpu_device.hpp"

#include <string>

#include "backends/cpu/cpu_neurons.hpp"
#include "backends/cpu/cpu_weights.hpp"
#include "backends/cpu/kv_format.hpp"
#include "backends/cpu/measure.hpp"
#include "backends/cpu/node_memory.hpp"
#include "backends/cpu/ops/ops.hpp"
#include "backends/cpu/throttled_stage.hpp"
#include "backends/cpu/topology.hpp"
#include "plugins/sdk/op_shapes.hpp"

namespace synfire::cpu {
namespace {

// Spinning members must have a core each.
bool may_spin(const CpuOptions& options) {
  const std::vector<unsigned>& own = options.homes.processors;
  return options.threads <= (own.empty() ? machine_topology().processing_units.size() : own.size());
}

}  // namespace

const KernelTable& kernels_of(SimdLevel level, const CpuFeatures& features) {
  if (level == SimdLevel::amx) return amx_kernels();
  if (level == SimdLevel::avx512) return avx512_kernels();
  return features.avx_vnni ? avx2_vnni_kernels() : avx2_kernels();
}

CpuDevice::CpuDevice(const CpuOptions& options)
    : CpuDevice(options, kernels_of(options.level, machine_features())) {}

CpuDevice::CpuDevice(const CpuOptions& options, const KernelTable& kernels)
    : HostDevice(options.threads),
      kernels_(kernels),
      claim_(options.homes.one_each ? options.homes.processors : std::vector<unsigned>()),
      homes_(claim_.held() ? options.homes : options.homes_if_shared),
      kept_(homes_),
      team_(options.threads, homes_, may_spin(options)),
      arena_(options.node),
      throttle_(options.throttle) {}

bool CpuDevice::supports(const sdk::OpQuery& query) {
  if (query.neurons != nullptr) sdk::HostNeurons::check(*query.neurons);
  if (query.kv != nullptr) sdk::HostKv::check(*query.kv);
  sdk::check_shapes(query);
  return true;
}

std::unique_ptr<sdk::Weights> CpuDevice::upload_weights(const sf_tensor_desc& tensor) {
  return std::make_unique<CpuWeights>(tensor, kernels_, arena_, team_);
}

std::unique_ptr<sdk::Neurons> CpuDevice::create_neurons(const sf_neurons_desc& desc) {
  return std::make_unique<CpuNeurons>(desc, arena_, team_);
}

std::unique_ptr<sdk::Kv> CpuDevice::create_kv(const sf_kv_desc& desc) {
  const sf_kv_desc& checked = sdk::HostKv::check(desc);
  const KvFormat format = kv_format_of(kernels_, static_cast<DType>(checked.dtype));
  const std::uint32_t positions = kv_tile_positions(format);
  const std::size_t tiles = (checked.block_tokens + positions - 1) / positions;
  auto kv = std::make_unique<sdk::HostKv>(checked, tiles * key_tile_bytes(format, checked.head_dim),
                                          tiles * value_tile_bytes(format, checked.head_dim));
  // A tile is a part of a small page, and every page would have to be looked up before it is read.
  prefer_huge_pages(kv->memory().data(), kv->memory().size());
  return kv;
}

std::unique_ptr<sdk::Stage> CpuDevice::compile_stage(const sf_stage_desc& desc) {
  std::unique_ptr<sdk::Stage> stage;
  if (throttle_ < 1)
    stage = std::make_unique<ThrottledStage>(desc, &find_kernel, this, counters_, &find_fusion,
                                             throttle_);
  else
    stage = std::make_unique<sdk::HostStage>(desc, &find_kernel, this, counters_, &find_fusion);
  follows_guesses_ |= follows_guesses(desc);
  return stage;
}

void CpuDevice::measure(sf_measurement& measurement) {
  measurement.read_bandwidth = throttle_ * measure_read_bandwidth(team_, kernels_);
  measurement.host_bandwidth = 0;  // the same memory
  sf_stage_desc nothing{};
  nothing.struct_size = sizeof nothing;
  nothing.name = "empty stage";
  const std::unique_ptr<sdk::Stage> stage = compile_stage(nothing);
  sf_batch batch{};
  sf_submission submission{};
  submission.batch = &batch;
  measurement.submit_seconds = seconds_per_run(0.01, [&] { submit(*stage, submission); });
}

}  // namespace synfire::cpu
