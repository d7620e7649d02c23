#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "plugins/abi/synfire_backend.h"
#include "plugins/sdk/error.hpp"

// C++ sugar over the backend ABI: derive Device, name a Backend, and one macro makes the plugin.
// Exceptions thrown by overrides become sf_errors here.
namespace synfire::sdk {

// What a device makes. The plugin derives its own; the base only lets the ABI delete them.
struct Weights {
  virtual ~Weights() = default;
};
struct Neurons {
  virtual ~Neurons() = default;
};
struct Kv {
  virtual ~Kv() = default;
};
struct Stage {
  virtual ~Stage() = default;
};

// One op with what it works on, for supports() and score(). Borrowed; weights[i].data may be null.
struct OpQuery {
  const sf_op& op;
  const sf_value_desc* values;
  const sf_tensor_desc* weights;
  const sf_neurons_desc* neurons;  // null without
  const sf_kv_desc* kv;            // null without
};

// One open device. Called from its owner's thread alone, but for abort(). See synfire_backend.h.
class Device {
 public:
  virtual ~Device() = default;

  virtual bool supports(const OpQuery& query) = 0;
  virtual double score(const OpQuery&) { return -1; }

  virtual void* alloc(std::uint64_t bytes) = 0;
  virtual void free(void* address) = 0;
  virtual void register_host_memory(void*, std::uint64_t) {}
  virtual void unregister_host_memory(void*) {}
  virtual void copy(void* to, std::uint32_t to_kind, const void* from, std::uint32_t from_kind,
                    std::uint64_t bytes) = 0;

  virtual std::unique_ptr<Weights> upload_weights(const sf_tensor_desc& tensor) = 0;
  virtual std::unique_ptr<Neurons> create_neurons(const sf_neurons_desc& desc) = 0;
  virtual void upload_groups(Neurons& neurons, std::span<const sf_group_source> groups) = 0;
  virtual void evict_groups(Neurons& neurons, std::span<const std::uint32_t> ids) = 0;
  virtual std::unique_ptr<Kv> create_kv(const sf_kv_desc& desc) = 0;
  virtual std::unique_ptr<Stage> compile_stage(const sf_stage_desc& desc) = 0;
  virtual void submit(Stage& stage, const sf_submission& submission) = 0;
  virtual void abort() = 0;  // any thread
  virtual void measure(sf_measurement& measurement) = 0;
  virtual void counters(sf_counters&) { throw Error(kUnimplemented, "counters: not counted"); }
};

// The C table of a backend class B:
//   static constexpr const char *kName, *kVersion, *kDescription;
//   static std::uint32_t device_count();
//   static void describe(std::uint32_t index, sf_device_info& info);
//   static std::unique_ptr<Device> open(std::uint32_t index, const sf_options& options);
template <typename B>
struct BackendTable {
  static Device& of(sf_device* device) { return *reinterpret_cast<Device*>(device); }
  template <typename Object, typename Handle>
  static Object& as(Handle* handle) {
    return *reinterpret_cast<Object*>(handle);
  }
  template <typename Handle, typename Object>
  static Handle* release(std::unique_ptr<Object> object) {
    return reinterpret_cast<Handle*>(object.release());
  }

  // Fills a host's struct up to the size that the host knows, and leaves that size in it.
  template <typename Struct>
  static void fill(Struct* to, Struct from) {
    from.struct_size = to->struct_size;
    std::memcpy(to, &from, std::min<std::size_t>(to->struct_size, sizeof from));
  }

  static sf_error* initialize(const sf_host* table) {
    host() = table;
    return nullptr;
  }
  static void shutdown() {}
  static std::uint32_t device_count() { return B::device_count(); }
  static sf_error* describe_device(std::uint32_t index, sf_device_info* info) {
    return guard([&] {
      if (index >= B::device_count())
        throw Error(kNotFound, std::string(B::kName) + ": no device " + std::to_string(index) +
                                   ", want less than " + std::to_string(B::device_count()));
      sf_device_info full{};
      B::describe(index, full);
      fill(info, full);
    });
  }
  static sf_error* open_device(std::uint32_t index, const sf_options* options, sf_device** device) {
    return guard([&] {
      if (index >= B::device_count())
        throw Error(kNotFound, std::string(B::kName) + ": no device " + std::to_string(index) +
                                   ", want less than " + std::to_string(B::device_count()));
      *device = release<sf_device>(B::open(index, *options));
    });
  }
  static void close_device(sf_device* device) { delete &of(device); }
  static std::int32_t supports_op(sf_device* device, const sf_op* op, const sf_value_desc* values,
                                  const sf_tensor_desc* weights, const sf_neurons_desc* neurons,
                                  const sf_kv_desc* kv) {
    try {
      return of(device).supports(OpQuery{*op, values, weights, neurons, kv}) ? 1 : 0;
    } catch (...) {
      return 0;
    }
  }
  static double score(sf_device* device, const sf_op* op, const sf_value_desc* values,
                      const sf_tensor_desc* weights, const sf_neurons_desc* neurons,
                      const sf_kv_desc* kv) {
    try {
      return of(device).score(OpQuery{*op, values, weights, neurons, kv});
    } catch (...) {
      return -1;
    }
  }
  static sf_error* alloc(sf_device* device, std::uint64_t bytes, void** address) {
    return guard([&] { *address = of(device).alloc(bytes); });
  }
  static void free(sf_device* device, void* address) { of(device).free(address); }
  static sf_error* register_host(sf_device* device, void* address, std::uint64_t bytes) {
    return guard([&] { of(device).register_host_memory(address, bytes); });
  }
  static void unregister_host(sf_device* device, void* address) {
    of(device).unregister_host_memory(address);
  }
  static sf_error* copy(sf_device* device, void* to, std::uint32_t to_kind, const void* from,
                        std::uint32_t from_kind, std::uint64_t bytes) {
    return guard([&] { of(device).copy(to, to_kind, from, from_kind, bytes); });
  }
  static sf_error* upload_weights(sf_device* device, const sf_tensor_desc* tensor,
                                  sf_weights** weights) {
    return guard([&] { *weights = release<sf_weights>(of(device).upload_weights(*tensor)); });
  }
  static void release_weights(sf_device*, sf_weights* weights) { delete &as<Weights>(weights); }
  static sf_error* create_neurons(sf_device* device, const sf_neurons_desc* desc,
                                  sf_neurons** neurons) {
    return guard([&] { *neurons = release<sf_neurons>(of(device).create_neurons(*desc)); });
  }
  static sf_error* upload_groups(sf_device* device, sf_neurons* neurons, std::uint32_t count,
                                 const sf_group_source* groups) {
    return guard([&] { of(device).upload_groups(as<Neurons>(neurons), {groups, count}); });
  }
  static sf_error* evict_groups(sf_device* device, sf_neurons* neurons, std::uint32_t count,
                                const std::uint32_t* ids) {
    return guard([&] { of(device).evict_groups(as<Neurons>(neurons), {ids, count}); });
  }
  static void release_neurons(sf_device*, sf_neurons* neurons) { delete &as<Neurons>(neurons); }
  static sf_error* create_kv(sf_device* device, const sf_kv_desc* desc, sf_kv** kv) {
    return guard([&] { *kv = release<sf_kv>(of(device).create_kv(*desc)); });
  }
  static void release_kv(sf_device*, sf_kv* kv) { delete &as<Kv>(kv); }
  static sf_error* compile_stage(sf_device* device, const sf_stage_desc* desc, sf_stage** stage) {
    return guard([&] { *stage = release<sf_stage>(of(device).compile_stage(*desc)); });
  }
  static void release_stage(sf_device*, sf_stage* stage) { delete &as<Stage>(stage); }
  static sf_error* submit(sf_device* device, sf_stage* stage, const sf_submission* submission) {
    return guard([&] { of(device).submit(as<Stage>(stage), *submission); });
  }
  static void abort(sf_device* device) { of(device).abort(); }
  static sf_error* measure(sf_device* device, sf_measurement* measurement) {
    return guard([&] {
      sf_measurement full{};
      of(device).measure(full);
      fill(measurement, full);
    });
  }
  static sf_error* counters(sf_device* device, sf_counters* counters) {
    return guard([&] {
      sf_counters full{};
      of(device).counters(full);
      fill(counters, full);
    });
  }

  static constexpr sf_backend_api kApi = {sizeof(sf_backend_api),
                                          0,
                                          &device_count,
                                          &describe_device,
                                          &open_device,
                                          &close_device,
                                          &supports_op,
                                          &score,
                                          &alloc,
                                          &free,
                                          &register_host,
                                          &unregister_host,
                                          &copy,
                                          &upload_weights,
                                          &release_weights,
                                          &create_neurons,
                                          &upload_groups,
                                          &evict_groups,
                                          &release_neurons,
                                          &create_kv,
                                          &release_kv,
                                          &compile_stage,
                                          &release_stage,
                                          &submit,
                                          &abort,
                                          &measure,
                                          &counters};
  static constexpr sf_plugin kPlugin = {
      sizeof(sf_plugin), SYNFIRE_ABI_MAJOR, SYNFIRE_ABI_MINOR, SF_PLUGIN_BACKEND, B::kName,
      B::kVersion,       B::kDescription,   &initialize,       &shutdown,         &kApi};
};

// Writes a description into sf_device_info, cut to its room.
inline void set_description(sf_device_info& info, const std::string& text) {
  std::snprintf(info.description, sizeof info.description, "%s", text.c_str());
}

}  // namespace synfire::sdk

// The plugin's one exported symbol, for a backend class.
#define SYNFIRE_BACKEND_PLUGIN(B)                                         \
  extern "C" SYNFIRE_EXPORT const sf_plugin* synfire_plugin_query(void) { \
    return &::synfire::sdk::BackendTable<B>::kPlugin;                     \
  }
