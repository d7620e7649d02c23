#include "plugins/host/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/host/host_table.hpp"
#include "tests/abi/plugin_folder.hpp"
#include "tests/abi/plugin_log.hpp"

namespace synfire {
namespace {

using host::Device;
using testing::ElementsAre;
using testing::IsEmpty;

// A device of the stub backend, which says in the log what it is told to do.
class DeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<host::PluginRegistry> registry = folder_.load();
    ASSERT_TRUE(registry.ok());
    Result<host::Backend> backend = registry->require_backend("good");
    ASSERT_TRUE(backend.ok());
    backend_ = *backend;
    Result<Device> device = backend_->open_device(0, {});
    ASSERT_TRUE(device.ok());
    device_ = *std::move(device);
    log_.take();
  }

  static sf_tensor_desc tensor(const char* name) {
    return {sizeof(sf_tensor_desc), 0, 0, 0, 1, 1, name, nullptr};
  }
  static sf_stage_desc stage() {
    sf_stage_desc desc{};
    desc.struct_size = sizeof desc;
    return desc;
  }

  test::PluginFolder folder_{{"synfire_backend_good", "synfire_backend_without_registration"}};
  test::PluginLog log_;
  std::optional<host::Backend> backend_;
  std::optional<Device> device_;
};

TEST_F(DeviceTest, DescriptionEnds) {
  const Result<sf_device_info> info = backend_->describe(0);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(std::string_view(info->description).size(), sizeof info->description - 1);
}

TEST_F(DeviceTest, NoSuchDevice) {
  const Status want(StatusCode::out_of_range, "plugin good: device 1, want less than 1");
  EXPECT_EQ(backend_->describe(1).status(), want);
  EXPECT_EQ(backend_->open_device(1, {}).status(), want);
}

TEST_F(DeviceTest, OptionsReachThePlugin) {
  EXPECT_EQ(backend_->open_device(0, {{"cores", "0-3"}, {"error", "cores 0-3: not here"}}).status(),
            invalid_argument("plugin good: cores 0-3: not here"));
  EXPECT_THAT(log_.take(), ElementsAre("good: open_device", "good: cores", "good: 0-3",
                                       "good: error", "good: cores 0-3: not here"));
}

TEST_F(DeviceTest, SuccessWithoutAnObjectIsAnError) {
  EXPECT_EQ(backend_->open_device(0, {{"nothing", ""}}).status(),
            Status(StatusCode::internal, "plugin good: open_device succeeded but gave nothing"));
  EXPECT_EQ(device_->upload_weights(tensor("nothing")).status(),
            Status(StatusCode::internal, "plugin good: upload_weights succeeded but gave nothing"));
}

TEST_F(DeviceTest, ErrorsCarryThePluginsWords) {
  EXPECT_EQ(device_->alloc(65).status(),
            Status(StatusCode::resource_exhausted, "plugin good: out of stub memory"));
  sf_stage_desc desc = stage();
  desc.n_ops = 1;
  EXPECT_EQ(device_->compile_stage(desc).status(),
            Status(StatusCode::unimplemented, "plugin good: ops are too much for a stub"));
  const Result<host::Neurons> neurons = device_->create_neurons({});
  ASSERT_TRUE(neurons.ok());
  const std::array<sf_group_source, 2> groups{};
  EXPECT_TRUE(device_->upload_groups(*neurons, std::span(groups).first(1)).ok());
  EXPECT_EQ(device_->upload_groups(*neurons, groups),
            Status(StatusCode::resource_exhausted, "plugin good: room for one group"));
  EXPECT_EQ(device_->evict_groups(*neurons, std::array<std::uint32_t, 1>{0}),
            Status(StatusCode::failed_precondition, "plugin good: no group is resident"));
}

TEST_F(DeviceTest, EverythingIsReleasedOnceAndTheDeviceLast) {
  {
    auto memory = device_->alloc(64);
    auto weights = device_->upload_weights(tensor("w"));
    auto neurons = device_->create_neurons({});
    auto kv = device_->create_kv({});
    auto registration = device_->register_host_memory(&memory, sizeof memory);
    auto compiled = device_->compile_stage(stage());
    ASSERT_TRUE(memory.ok() && weights.ok() && neurons.ok() && kv.ok() && registration.ok() &&
                compiled.ok());
    host::Weights moved = *std::move(weights);
    EXPECT_TRUE(moved);
    EXPECT_FALSE(*weights);
    device_.reset();  // still in use by what it made
    EXPECT_THAT(log_.take(), IsEmpty());
  }
  EXPECT_THAT(
      log_.take(),
      ElementsAre("good: release_weights", "good: release_stage", "good: unregister_host_memory",
                  "good: release_kv", "good: release_neurons", "good: free", "good: close_device"));
  backend_.reset();
  EXPECT_THAT(log_.take(), ElementsAre("good: shutdown"));
}

TEST_F(DeviceTest, AssigningAHandleReleasesTheOldOne) {
  Result<host::Kv> kv = device_->create_kv({});
  ASSERT_TRUE(kv.ok());
  *kv = host::Kv();
  EXPECT_FALSE(*kv);
  EXPECT_THAT(log_.take(), ElementsAre("good: release_kv"));
}

TEST_F(DeviceTest, SubmitNotifiesWithAnErrorOfTheHost) {
  const Result<host::Stage> compiled = device_->compile_stage(stage());
  ASSERT_TRUE(compiled.ok());
  Status outcome;
  sf_submission submission{};
  submission.struct_size = sizeof submission;
  submission.context = &outcome;
  submission.notify = [](void* context, std::uint32_t what, sf_error* error) {
    if (what == SF_STAGE_DONE) *static_cast<Status*>(context) = host::take_error(error, "stage");
  };
  ASSERT_TRUE(device_->submit(*compiled, submission).ok());
  EXPECT_EQ(outcome, Status(StatusCode::aborted, "stage: stub work"));
}

TEST_F(DeviceTest, AborterOutlivesTheDevice) {
  const host::Aborter aborter = device_->aborter();
  aborter.abort();
  device_->abort();
  EXPECT_THAT(log_.take(), ElementsAre("good: abort", "good: abort"));
  device_.reset();
  log_.take();
  aborter.abort();
  EXPECT_THAT(log_.take(), IsEmpty());
}

TEST_F(DeviceTest, PlainCallsGoThrough) {
  sf_op op{};
  op.id = 1;
  EXPECT_TRUE(device_->supports_op({op}));
  op.id = 2;
  EXPECT_FALSE(device_->supports_op({op}));
  EXPECT_EQ(device_->score({op}), 0.5);
  int from = 7;
  int to = 0;
  EXPECT_TRUE(device_->copy(&to, SF_MEMORY_DEVICE, &from, SF_MEMORY_HOST, sizeof to).ok());
  EXPECT_EQ(to, 7);
  const Result<sf_measurement> measurement = device_->measure();
  ASSERT_TRUE(measurement.ok());
  EXPECT_EQ(measurement->struct_size, sizeof(sf_measurement));
  EXPECT_EQ(measurement->read_bandwidth, 1e9);
}

TEST_F(DeviceTest, CountersComeFromThePlugin) {
  const Result<sf_counters> counters = device_->counters();
  ASSERT_TRUE(counters.ok());
  EXPECT_EQ(counters->struct_size, sizeof(sf_counters));
  EXPECT_EQ(counters->stages, 7U);
  EXPECT_EQ(counters->down_rows, 0U);
}

TEST_F(DeviceTest, OlderPluginsAndThoseThatDoNotCountSaySo) {
  for (const std::string name : {"older_minor", "without_registration"}) {
    const test::PluginFolder folder({"synfire_backend_" + name});
    const Result<host::PluginRegistry> registry = folder.load();
    ASSERT_TRUE(registry.ok());
    const Result<host::Backend> backend = registry->require_backend(name);
    ASSERT_TRUE(backend.ok()) << backend.status().to_string();
    Result<Device> device = backend->open_device(0, {});
    ASSERT_TRUE(device.ok());
    EXPECT_EQ(device->counters().status(),
              Status(StatusCode::unimplemented, "plugin " + name + ": it counts nothing"));
  }
}

TEST_F(DeviceTest, OlderPluginsGetNoNeuronsWithBiases) {
  const test::PluginFolder folder({"synfire_backend_older_minor"});
  const Result<host::PluginRegistry> registry = folder.load();
  ASSERT_TRUE(registry.ok());
  const Result<host::Backend> backend = registry->require_backend("older_minor");
  ASSERT_TRUE(backend.ok()) << backend.status().to_string();
  Result<Device> device = backend->open_device(0, {});
  ASSERT_TRUE(device.ok());
  const float bias = 1;
  sf_neurons_desc neurons{};
  neurons.struct_size = sizeof neurons;
  EXPECT_TRUE(device->create_neurons(neurons).ok());
  neurons.bias = &bias;
  EXPECT_EQ(device->create_neurons(neurons).status(),
            Status(StatusCode::unimplemented,
                   "plugin older_minor: neurons with biases: ABI 1.0, want 1.2"));
  neurons.bias = nullptr;
  neurons.gate_weights = &bias;
  EXPECT_EQ(device->create_neurons(neurons).status(),
            Status(StatusCode::unimplemented,
                   "plugin older_minor: neurons with gate weights: ABI 1.0, want 1.3"));
}

TEST_F(DeviceTest, HostMemoryNeedsNoRegistrationWhereThePluginHasNone) {
  const Result<host::PluginRegistry> registry = folder_.load();
  ASSERT_TRUE(registry.ok());
  const Result<host::Backend> backend = registry->require_backend("without_registration");
  ASSERT_TRUE(backend.ok());
  Result<Device> device = backend->open_device(0, {});
  ASSERT_TRUE(device.ok());
  int memory = 0;
  const Result<host::HostRegistration> registration =
      device->register_host_memory(&memory, sizeof memory);
  ASSERT_TRUE(registration.ok());
  EXPECT_FALSE(*registration);
}

}  // namespace
}  // namespace synfire
