/* A whole backend of functions that only say, in the host's log, that they were called. Plugins of
 * the loader's tests include this, and break one thing each. */
#ifndef SYNFIRE_TESTS_STUB_BACKEND_H
#define SYNFIRE_TESTS_STUB_BACKEND_H

#include <string.h>

#include "plugins/abi/synfire_backend.h"

#ifndef STUB_NAME
#define STUB_NAME "stub"
#endif

static const sf_host* stub_host = NULL;
static int stub_objects = 0; /* what handles point to */

static void stub_say(const char* what) { stub_host->log(SF_LOG_INFO, STUB_NAME, what); }

static sf_error* stub_initialize(const sf_host* host) {
  stub_host = host;
  stub_say("initialize");
  return NULL;
}
static void stub_shutdown(void) { stub_say("shutdown"); }

static uint32_t stub_device_count(void) { return 1; }
static sf_error* stub_describe_device(uint32_t index, sf_device_info* info) {
  (void)index;
  info->kind = SF_DEVICE_OTHER;
  memset(info->description, 'x', sizeof info->description); /* no end: the host must give it one */
  return NULL;
}
static sf_error* stub_open_device(uint32_t index, const sf_options* options, sf_device** device) {
  (void)index;
  stub_say("open_device");
  for (uint32_t i = 0; i < options->count; ++i) {
    stub_say(options->keys[i]);
    stub_say(options->values[i]);
    if (strcmp(options->keys[i], "error") == 0)
      return stub_host->error_create(3, options->values[i]);
    if (strcmp(options->keys[i], "nothing") == 0) return NULL;
  }
  *device = (sf_device*)&stub_objects;
  return NULL;
}
static void stub_close_device(sf_device* device) {
  (void)device;
  stub_say("close_device");
}
static int32_t stub_supports_op(sf_device* device, const sf_op* op, const sf_value_desc* values,
                                const sf_tensor_desc* weights, const sf_neurons_desc* neurons,
                                const sf_kv_desc* kv) {
  (void)device, (void)values, (void)weights, (void)neurons, (void)kv;
  return op->id == 1;
}
static double stub_score(sf_device* device, const sf_op* op, const sf_value_desc* values,
                         const sf_tensor_desc* weights, const sf_neurons_desc* neurons,
                         const sf_kv_desc* kv) {
  (void)device, (void)op, (void)values, (void)weights, (void)neurons, (void)kv;
  return 0.5;
}
static sf_error* stub_alloc(sf_device* device, uint64_t bytes, void** address) {
  (void)device;
  if (bytes > 64) return stub_host->error_create(8, "out of stub memory");
  *address = &stub_objects;
  return NULL;
}
static void stub_free(sf_device* device, void* address) {
  (void)device, (void)address;
  stub_say("free");
}
static sf_error* stub_register(sf_device* device, void* address, uint64_t bytes) {
  (void)device, (void)address, (void)bytes;
  return NULL;
}
static void stub_unregister(sf_device* device, void* address) {
  (void)device, (void)address;
  stub_say("unregister_host_memory");
}
static sf_error* stub_copy(sf_device* device, void* to, uint32_t to_kind, const void* from,
                           uint32_t from_kind, uint64_t bytes) {
  (void)device, (void)to_kind, (void)from_kind;
  memcpy(to, from, bytes);
  return NULL;
}
static sf_error* stub_upload_weights(sf_device* device, const sf_tensor_desc* tensor,
                                     sf_weights** weights) {
  (void)device;
  if (strcmp(tensor->name, "nothing") == 0)
    return NULL; /* a broken plugin: success without weights */
  *weights = (sf_weights*)&stub_objects;
  return NULL;
}
static void stub_release_weights(sf_device* device, sf_weights* weights) {
  (void)device, (void)weights;
  stub_say("release_weights");
}
static sf_error* stub_create_neurons(sf_device* device, const sf_neurons_desc* desc,
                                     sf_neurons** neurons) {
  (void)device, (void)desc;
  *neurons = (sf_neurons*)&stub_objects;
  return NULL;
}
static sf_error* stub_upload_groups(sf_device* device, sf_neurons* neurons, uint32_t count,
                                    const sf_group_source* groups) {
  (void)device, (void)neurons, (void)groups;
  return count == 1 ? NULL : stub_host->error_create(8, "room for one group");
}
static sf_error* stub_evict_groups(sf_device* device, sf_neurons* neurons, uint32_t count,
                                   const uint32_t* ids) {
  (void)device, (void)neurons, (void)count, (void)ids;
  return stub_host->error_create(9, "no group is resident");
}
static void stub_release_neurons(sf_device* device, sf_neurons* neurons) {
  (void)device, (void)neurons;
  stub_say("release_neurons");
}
static sf_error* stub_create_kv(sf_device* device, const sf_kv_desc* desc, sf_kv** kv) {
  (void)device, (void)desc;
  *kv = (sf_kv*)&stub_objects;
  return NULL;
}
static void stub_release_kv(sf_device* device, sf_kv* kv) {
  (void)device, (void)kv;
  stub_say("release_kv");
}
static sf_error* stub_compile_stage(sf_device* device, const sf_stage_desc* desc,
                                    sf_stage** stage) {
  (void)device;
  if (desc->n_ops != 0) return stub_host->error_create(12, "ops are too much for a stub");
  *stage = (sf_stage*)&stub_objects;
  return NULL;
}
static void stub_release_stage(sf_device* device, sf_stage* stage) {
  (void)device, (void)stage;
  stub_say("release_stage");
}
static sf_error* stub_submit(sf_device* device, sf_stage* stage, const sf_submission* submission) {
  (void)device, (void)stage;
  submission->notify(submission->context, SF_STAGE_DONE, stub_host->error_create(10, "stub work"));
  return NULL;
}
static void stub_abort(sf_device* device) {
  (void)device;
  stub_say("abort");
}
static sf_error* stub_measure(sf_device* device, sf_measurement* measurement) {
  (void)device;
  measurement->read_bandwidth = 1e9;
  return NULL;
}

static sf_error* stub_counters(sf_device* device, sf_counters* counters) {
  (void)device;
  counters->stages = 7;
  return NULL;
}

/* The api table of a stub, with `table_size` bytes said to be there. */
#define STUB_API(table_size)                                                                     \
  {                                                                                              \
    table_size, 0, stub_device_count, stub_describe_device, stub_open_device, stub_close_device, \
        stub_supports_op, stub_score, stub_alloc, stub_free, stub_register, stub_unregister,     \
        stub_copy, stub_upload_weights, stub_release_weights, stub_create_neurons,               \
        stub_upload_groups, stub_evict_groups, stub_release_neurons, stub_create_kv,             \
        stub_release_kv, stub_compile_stage, stub_release_stage, stub_submit, stub_abort,        \
        stub_measure, stub_counters                                                              \
  }

static const sf_backend_api stub_api = STUB_API(sizeof(sf_backend_api));

static const sf_plugin stub_plugin = {
    sizeof(sf_plugin), SYNFIRE_ABI_MAJOR, SYNFIRE_ABI_MINOR, SF_PLUGIN_BACKEND, STUB_NAME,
    "1.2.3",           "a stub",          stub_initialize,   stub_shutdown,     &stub_api};

#endif
