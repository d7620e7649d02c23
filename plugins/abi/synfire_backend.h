/* The backend ABI: devices, memory, weights, sparse weights, KV storage, stages.
 *
 * Threads: one thread at a time owns a device (the host's device actor). Every call that takes a device, or
 * an object made from it, comes from that thread, except where "any thread" is written. Different devices
 * are used from different threads at the same time.
 *
 * Lifetime: whoever made an object releases it, objects before their device. Stages are released before the
 * weights, neurons and KV storage that they name. Descriptions (sf_*_desc, sf_op and what they point to)
 * are borrowed for the call only, unless a flag says more.
 *
 * Matrices are row-major: [rows, cols] with cols contiguous; a linear op gives y[r] = dot(row r, x).
 * dtypes are GGUF's numbers (plugins/sdk/dtype.hpp has the table).
 */
#ifndef SYNFIRE_BACKEND_H
#define SYNFIRE_BACKEND_H

#include "plugins/abi/synfire_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sf_device sf_device;   /* an open device */
typedef struct sf_weights sf_weights; /* one tensor, in whatever layout the plugin likes */
typedef struct sf_neurons sf_neurons; /* the resident groups of one layer's FFN */
typedef struct sf_kv sf_kv;           /* KV blocks of one or more layers */
typedef struct sf_stage sf_stage;     /* a compiled run of ops */

#define SF_NONE UINT32_MAX /* "no value, no neurons, no KV" where an index stands */

/* ---- Devices ---------------------------------------------------------------------------------------- */

enum { /* sf_device_info.kind */
  SF_DEVICE_CPU = 1,
  SF_DEVICE_GPU = 2,
  SF_DEVICE_OTHER = 3,
};

enum {                     /* sf_device_info.flags */
  SF_DEVICE_ASYNC = 1u,    /* submit returns before the stage ends, and takes inputs not yet signalled */
  SF_DEVICE_UNIFIED = 2u,  /* device memory is host memory: addresses may be read and written by the host */
  SF_DEVICE_PACKS = 4u,    /* keeps weights in memory of its own, borrowed or not, but for look-up tables */
};

typedef struct sf_device_info {
  uint32_t struct_size;
  uint32_t kind;
  uint32_t flags;
  uint32_t cores;          /* processing units: CPU cores, GPU multiprocessors */
  uint64_t memory_total;   /* bytes; 0 = unknown */
  uint64_t memory_free;    /* bytes; 0 = unknown */
  char description[128];   /* "Intel Xeon, AVX-512" */
} sf_device_info;

typedef struct sf_measurement { /* what measure() found, on this device, now */
  uint32_t struct_size;
  uint32_t reserved;
  double read_bandwidth;   /* bytes/s, streaming reads of device memory by all its units */
  double host_bandwidth;   /* bytes/s between host memory and device memory; 0 where they are the same */
  double submit_seconds;   /* cost of an empty submission */
} sf_measurement;

/* What a device did since it was opened; totals that only rise. What a plugin does not count stays 0.
 *
 * A row of a neuron counts when an op reads it, once however many tokens of the batch share the read. Gate rows
 * decide what fires; without gate rows, up rows do. */
typedef struct sf_counters {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t stages;         /* runs of stages that ended, well or not */
  uint64_t tokens;         /* of their batches */
  uint64_t busy_ns;        /* in these runs, without wait_ns */
  uint64_t wait_ns;        /* for input ports within them */
  uint64_t weight_bytes;   /* of sf_weights read: each once per op; of an embedding the rows of the tokens */
  uint64_t neuron_bytes;   /* of the rows below */
  uint64_t neurons;        /* that the FFNs could have computed: the resident ones x tokens */
  uint64_t active;         /* that they computed to the end, x tokens: the gate rule, or its absence, let them pass */
  uint64_t gate_rows;      /* read */
  uint64_t up_rows;        /* read */
  uint64_t down_rows;      /* read */
} sf_counters;

/* ---- Memory ----------------------------------------------------------------------------------------- */

enum {                       /* kinds of memory, as seen from a device */
  SF_MEMORY_DEVICE = 1,      /* the device's own; only SF_DEVICE_UNIFIED devices let the host touch it */
  SF_MEMORY_HOST = 2,        /* host-visible memory of the engine, registered with the device */
};

/* ---- Weights ---------------------------------------------------------------------------------------- */

enum {                     /* sf_tensor_desc.flags, sf_group_source.flags */
  SF_TENSOR_BORROW = 1u,   /* data stays valid and unchanged until the weights are released */
  SF_TENSOR_LOOKUP = 2u,   /* only single rows are read, by embed: not worth a layout for products */
};

typedef struct sf_tensor_desc {
  uint32_t struct_size;
  uint32_t dtype;
  uint32_t flags;
  uint32_t reserved;
  uint64_t rows;           /* 1 for a vector */
  uint64_t cols;           /* contiguous */
  const char* name;        /* for messages */
  const void* data;        /* rows x row bytes, host memory; NULL where only the shape matters */
} sf_tensor_desc;

/* One layer's FFN as neurons. Neuron j has a gate row (gated only), an up row and a down row, each of
 * d_model elements: down is neuron-major. Groups are group_size neurons; the last may be short. */
typedef struct sf_neurons_desc {
  uint32_t struct_size;
  uint32_t layer;          /* for messages */
  uint32_t d_model;
  uint32_t d_ff;           /* of the whole layer, wherever its groups live */
  uint32_t group_size;
  uint32_t capacity;       /* groups that may be resident at once */
  uint32_t gated;          /* 0: up rows decide, there are no gate rows */
  uint32_t gate_dtype;
  uint32_t up_dtype;
  uint32_t down_dtype;
  /* Since 1.2. */
  const float* bias;       /* d_ff numbers, one added to each gate (without gates, to up); copied; NULL: none */
  /* Since 1.3. */
  const float* gate_weights; /* d_ff numbers: SF_GATE_ABS_ABOVE looks at |act(g)| times the neuron's; copied; NULL: 1 */
} sf_neurons_desc;

typedef struct sf_group_source { /* rows of one group, host memory */
  uint32_t group;          /* id: neurons [group x group_size, ...) of the layer */
  uint32_t flags;          /* SF_TENSOR_BORROW speaks of gate and up; down is always copied */
  const void* gate;
  const void* up;
  const void* down;
} sf_group_source;

/* ---- KV storage ------------------------------------------------------------------------------------- */

/* Block ids are the engine's, storage is the device's. Token p of a sequence lies in block
 * block_table[p / block_tokens] at slot p % block_tokens, for every layer of the storage. */
typedef struct sf_kv_desc {
  uint32_t struct_size;
  uint32_t n_layers;
  uint32_t n_blocks;
  uint32_t block_tokens;
  uint32_t n_kv_heads;
  uint32_t head_dim;
  uint32_t dtype;          /* F32, F16, or Q8_0: blocks of 32 along head_dim, a multiple of 32 */
  uint32_t reserved;
} sf_kv_desc;

/* ---- Stages ----------------------------------------------------------------------------------------- */

enum {                       /* sf_value_desc.kind */
  SF_VALUE_ROWS = 1,         /* float [n_tokens, width] */
  SF_VALUE_WANTED_ROWS = 2,  /* float [n_wanted, width] */
  SF_VALUE_ACTIVE = 3,       /* an active list (below) of capacity `width` neurons */
};

typedef struct sf_value_desc {
  uint32_t kind;
  uint32_t width;
} sf_value_desc;

/* An active list, in memory: this header, then uint32_t ids[capacity], padded to 8 bytes, then
 * uint64_t mask[capacity][mask_words]. ids are neurons of the layer (not of the device), rising; bit t of
 * mask[i] says that token t of the batch needs neuron ids[i]. Only the first `count` entries count. */
typedef struct sf_active_header {
  uint32_t count;
  uint32_t capacity;
  uint32_t mask_words; /* (n_tokens + 63) / 64 */
  uint32_t reserved;
} sf_active_header;

/* One operation. Ops are data: ids and parameter structs are in plugins/sdk/ops.h, so a new op is no change
 * of this ABI. A plugin that does not know an op, or not with these dtypes and shapes, says no. */
typedef struct sf_op {
  uint32_t struct_size;
  uint32_t id;
  uint32_t n_inputs;
  uint32_t n_outputs;
  uint32_t n_weights;
  uint32_t neurons;        /* index into sf_stage_desc.neurons, or SF_NONE */
  uint32_t kv;             /* index into sf_stage_desc.kv, or SF_NONE */
  uint32_t params_size;
  const uint32_t* inputs;  /* values; SF_NONE for an optional one that is absent */
  const uint32_t* outputs; /* values */
  const uint32_t* weights; /* indices into sf_stage_desc.weights; SF_NONE for an absent one */
  const void* params;      /* the op's parameter struct */
} sf_op;

/* A run of ops on one device. Ops are in order; each value is written once, before it is read.
 * A value that is an output port is signalled as soon as the op that writes it has finished. */
typedef struct sf_stage_desc {
  uint32_t struct_size;
  uint32_t n_values;
  uint32_t n_ops;
  uint32_t n_weights;
  uint32_t n_neurons;
  uint32_t n_kv;
  uint32_t n_inputs;
  uint32_t n_outputs;
  uint32_t max_tokens;     /* of a batch */
  uint32_t reserved;
  const char* name;        /* for messages: "layer 3" */
  const sf_value_desc* values;
  const sf_op* ops;
  sf_weights* const* weights;
  sf_neurons* const* neurons;
  sf_kv* const* kv;
  const uint32_t* inputs;  /* the values that are input ports: read only by SF_OP_COPY */
  const uint32_t* outputs; /* the values that are output ports: written only by SF_OP_COPY */
} sf_stage_desc;

/* ---- Submission ------------------------------------------------------------------------------------- */

/* An event is a counter in host-visible memory that only rises. It is signalled once *flag >= value
 * (acquire). SF_EVENT_ABORTED in the flag means that the writer failed: whoever waits ends with ABORTED. */
#define SF_EVENT_ABORTED UINT64_MAX

typedef struct sf_port_binding {
  void* address;           /* of the port's value; host-visible memory registered with the device */
  uint64_t bytes;          /* room there; at least what the batch needs */
  uint64_t* flag;          /* input: wait for it (NULL: ready); output: store `value` (release) when written */
  uint64_t value;
} sf_port_binding;

typedef struct sf_batch {  /* one step's tokens; host-visible memory */
  uint32_t struct_size;
  uint32_t n_tokens;
  uint32_t n_sequences;
  uint32_t n_wanted;
  uint32_t max_blocks;         /* row length of block_tables */
  uint32_t reserved;
  const int32_t* tokens;       /* [n_tokens] ids */
  const uint32_t* positions;   /* [n_tokens] in their sequence, from 0 */
  const uint32_t* sequences;   /* [n_tokens] rows of block_tables */
  const uint32_t* wanted;      /* [n_wanted] token indices whose logits are wanted, rising */
  const uint32_t* block_tables; /* [n_sequences, max_blocks] block ids */
} sf_batch;

#define SF_STAGE_DONE UINT32_MAX

typedef struct sf_submission {    /* itself borrowed for the call */
  uint32_t struct_size;
  uint32_t reserved;
  const sf_batch* batch;          /* valid until SF_STAGE_DONE */
  const sf_port_binding* inputs;  /* [n_inputs] of the stage, valid until SF_STAGE_DONE */
  const sf_port_binding* outputs; /* [n_outputs], likewise */
  /* Called after each output port was signalled (`what` is its index), and exactly once with SF_STAGE_DONE,
   * last, with the error that ended the stage or NULL; the callee owns the error. From any thread, possibly
   * before submit returns; must not be called with a lock held that a plugin call takes. */
  void (*notify)(void* context, uint32_t what, sf_error* error);
  void* context;
} sf_submission;

/* ---- The table -------------------------------------------------------------------------------------- */

/* No function may be NULL but where that is said. */
typedef struct sf_backend_api {
  uint32_t struct_size;
  uint32_t reserved;
  /* Devices that this machine has. Any thread. */
  uint32_t (*device_count)(void);
  /* Fills *info up to info->struct_size, which the caller sets. Any thread. */
  sf_error* (*describe_device)(uint32_t index, sf_device_info* info);
  /* Opens a device. Unknown option keys and impossible values are INVALID_ARGUMENT. The calling thread is
   * the owner from now on; a CPU plugin may make it member 0 of the device's thread team. */
  sf_error* (*open_device)(uint32_t index, const sf_options* options, sf_device** device);
  void (*close_device)(sf_device* device);

  /* 1 if the device can run `op`. `values` are the stage's; `weights` describe the op's weights in order
   * (data may be NULL); `neurons` and `kv` describe its neurons and KV storage, or are NULL. */
  int32_t (*supports_op)(sf_device* device, const sf_op* op, const sf_value_desc* values,
                         const sf_tensor_desc* weights, const sf_neurons_desc* neurons,
                         const sf_kv_desc* kv);
  /* Expected seconds of `op` for one token, for planning; negative = unknown. Same arguments. */
  double (*score)(sf_device* device, const sf_op* op, const sf_value_desc* values,
                  const sf_tensor_desc* weights, const sf_neurons_desc* neurons, const sf_kv_desc* kv);

  /* Device memory, at least 64-byte aligned. */
  sf_error* (*alloc)(sf_device* device, uint64_t bytes, void** address);
  void (*free)(sf_device* device, void* address);
  /* Tells the device of host memory that ports, flags and batches will lie in. Both may be NULL (no need). */
  sf_error* (*register_host_memory)(sf_device* device, void* address, uint64_t bytes);
  void (*unregister_host_memory)(sf_device* device, void* address);
  /* Copies between host and device memory of this device, kinds as SF_MEMORY_*; returns when done. */
  sf_error* (*copy)(sf_device* device, void* to, uint32_t to_kind, const void* from, uint32_t from_kind,
                    uint64_t bytes);

  /* The plugin may repack. Borrowed data (SF_TENSOR_BORROW) may be used in place. */
  sf_error* (*upload_weights)(sf_device* device, const sf_tensor_desc* tensor, sf_weights** weights);
  void (*release_weights)(sf_device* device, sf_weights* weights);

  /* Sparse weights: created empty; groups come and go between submissions. Uploading a resident group or
   * evicting an absent one is FAILED_PRECONDITION; more than `capacity` is RESOURCE_EXHAUSTED. */
  sf_error* (*create_neurons)(sf_device* device, const sf_neurons_desc* desc, sf_neurons** neurons);
  sf_error* (*upload_groups)(sf_device* device, sf_neurons* neurons, uint32_t count,
                             const sf_group_source* groups);
  sf_error* (*evict_groups)(sf_device* device, sf_neurons* neurons, uint32_t count, const uint32_t* ids);
  void (*release_neurons)(sf_device* device, sf_neurons* neurons);

  sf_error* (*create_kv)(sf_device* device, const sf_kv_desc* desc, sf_kv** kv);
  void (*release_kv)(sf_device* device, sf_kv* kv);

  /* Checks and prepares a stage: fuses, plans scratch, captures. An unknown op is UNIMPLEMENTED. */
  sf_error* (*compile_stage)(sf_device* device, const sf_stage_desc* desc, sf_stage** stage);
  void (*release_stage)(sf_device* device, sf_stage* stage);
  /* Runs a stage. If this returns an error nothing runs and notify is never called. Stages of one device
   * run in the order of their submission. */
  sf_error* (*submit)(sf_device* device, sf_stage* stage, const sf_submission* submission);
  /* Ends work soon: stages under way (also those that wait for an input's event), and all submitted from
   * now on, end with ABORTED. The device can only be closed then. Any thread, not once it is being closed. */
  void (*abort)(sf_device* device);
  /* Probes the device; takes up to a second or so. */
  sf_error* (*measure)(sf_device* device, sf_measurement* measurement);

  /* Since 1.1. */

  /* Fills *counters up to counters->struct_size, which the caller sets. Complete for the runs whose end the
   * host was told. May be NULL: the plugin counts nothing. */
  sf_error* (*counters)(sf_device* device, sf_counters* counters);
} sf_backend_api;

#ifdef __cplusplus
}
#endif
#endif
