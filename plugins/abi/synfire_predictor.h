/* The predictor ABI: which neurons of an FFN will fire, said as ops.
 *
 * A predictor declares, per layer, the hidden state that it looks at (its tap), the ops that turn the tap
 * into one score per neuron, and the weights of these ops. The engine runs the ops on the device that has
 * the tap, selects the neurons whose score exceeds the threshold, and hands the active list to every device
 * that shares the layer. The gate rule then decides for each of them whether up and down are read.
 *
 * Threads: calls for one predictor come one at a time, from any thread.
 */
#ifndef SYNFIRE_PREDICTOR_H
#define SYNFIRE_PREDICTOR_H

#include "plugins/abi/synfire_backend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sf_predictor sf_predictor;

enum {                           /* taps: float [n_tokens, d_model] */
  SF_TAP_LAYER_INPUT = 1,        /* residual stream into the layer */
  SF_TAP_FFN_RESIDUAL = 2,       /* residual stream before the FFN norm */
  SF_TAP_FFN_INPUT = 3,          /* normed input of the FFN */
  SF_TAP_PREVIOUS_FFN_INPUT = 4, /* normed FFN input of the layer before (its own for layer 0) */
};

enum {                       /* gate rules: which computed gates let up and down be read */
  SF_GATE_NONE = 0,          /* all */
  SF_GATE_POSITIVE = 1,      /* g > 0: ReLU families, lossless */
  SF_GATE_ABS_ABOVE = 2,     /* |act(g)| > gate_threshold; in the FFN, times the neuron's weight */
};

typedef struct sf_model_desc { /* the model to predict for */
  uint32_t struct_size;
  uint32_t n_layers;
  uint32_t d_model;
  uint32_t d_ff;
  uint32_t activation;         /* SF_ACTIVATION_* of plugins/sdk/ops.h */
  uint32_t gated;
  const char* path;            /* of the model file; the sidecar folder lies beside it */
  /* The tensor of that name, or NULL: of the model file, else of the predictor's own file in the sidecar
   * folder, predictor-NAME.gguf, where there is one. Valid until the predictor is closed. */
  const sf_tensor_desc* (*find_tensor)(void* context, const char* name);
  void* context;
  /* Since 1.1. The number under a key of the same files' metadata: 1 and *value, or 0 where there is none. */
  int32_t (*find_number)(void* context, const char* key, double* value);
} sf_model_desc;

/* One layer's prediction. Value 0 is the tap; ops write values 1 .. n_values-1; `scores` has width d_ff.
 * Everything pointed to lives until the predictor is closed.
 * Since 1.3: without ops, `scores` may be SF_NONE. Then nothing is guessed: all gates are computed, and the gate
 * rule alone decides. */
typedef struct sf_predictor_layer {
  uint32_t struct_size;
  uint32_t tap;
  uint32_t gate_rule;
  float gate_threshold;
  float score_threshold;         /* selected: score > score_threshold */
  uint32_t n_values;
  uint32_t n_ops;
  uint32_t n_tensors;
  uint32_t scores;               /* index of the value that holds the scores, or SF_NONE */
  uint32_t reserved;
  const sf_value_desc* values;
  const sf_op* ops;              /* weights are indices into `tensors`; no neurons, no KV */
  const sf_tensor_desc* tensors; /* host memory */
  double recall;                 /* expected, in [0, 1]; negative = unknown */
  double precision;              /* likewise */
  uint64_t bytes_per_token;      /* that the prediction reads */
  /* Since 1.3. d_ff numbers, what SF_GATE_ABS_ABOVE multiplies |act(g)| of each neuron with; NULL: 1. */
  const float* gate_weights;
} sf_predictor_layer;

/* No function may be NULL but where that is said. */
typedef struct sf_predictor_api {
  uint32_t struct_size;
  uint32_t reserved;
  sf_error* (*open)(const sf_model_desc* model, const sf_options* options, sf_predictor** predictor);
  void (*close)(sf_predictor* predictor);
  /* Fills *out, whose struct_size the caller sets. */
  sf_error* (*describe_layer)(sf_predictor* predictor, uint32_t layer, sf_predictor_layer* out);
  /* Told afterwards what was predicted and what truly fired (host memory); may be NULL. */
  void (*observe)(sf_predictor* predictor, uint32_t layer, const sf_active_header* predicted,
                  const sf_active_header* fired);
} sf_predictor_api;

#ifdef __cplusplus
}
#endif
#endif
