/* What every Synfire plugin exports, and what the host gives it. C11; depends on nothing.
 *
 * A plugin is one shared library with one exported symbol, synfire_plugin_query. Tables start with their
 * size and grow only at their tail, so a host may meet an older plugin of the same major version: a member
 * beyond struct_size is absent. All structs are plain data. Strings are UTF-8, NUL-terminated.
 *
 * Errors: functions return NULL for success, or an error made by sf_host.error_create. The caller that
 * receives an error owns it and destroys it with sf_host.error_destroy. Codes are gRPC's.
 */
#ifndef SYNFIRE_PLUGIN_H
#define SYNFIRE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYNFIRE_ABI_MAJOR 1u
#define SYNFIRE_ABI_MINOR 3u

#if defined(__GNUC__)
#define SYNFIRE_EXPORT __attribute__((visibility("default")))
#else
#define SYNFIRE_EXPORT
#endif

typedef struct sf_error sf_error; /* opaque; made, read and destroyed by the host's functions only */

enum { /* levels of sf_host.log */
  SF_LOG_DEBUG = 1,
  SF_LOG_INFO = 2,
  SF_LOG_WARNING = 3,
  SF_LOG_ERROR = 4,
};

/* The host's table. Lives as long as the process; every function may be called from any thread. */
typedef struct sf_host {
  uint32_t struct_size; /* sizeof(sf_host) of the host */
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  /* A new error; copies `message`. Never returns NULL. `code` 0 becomes INTERNAL. */
  sf_error* (*error_create)(int32_t code, const char* message);
  int32_t (*error_code)(const sf_error* error);
  /* Valid until the error is destroyed. */
  const char* (*error_message)(const sf_error* error);
  void (*error_destroy)(sf_error* error); /* NULL is fine */
  /* Writes one line to the host's log; copies both strings. */
  void (*log)(int32_t level, const char* plugin, const char* message);
} sf_host;

/* Key and value strings, as a user wrote them ("cores" "0-3"). Borrowed for the call that takes them. */
typedef struct sf_options {
  uint32_t count;
  uint32_t reserved;
  const char* const* keys;
  const char* const* values;
} sf_options;

enum { /* sf_plugin.kind */
  SF_PLUGIN_BACKEND = 1,   /* sf_plugin.api is a const sf_backend_api*   (synfire_backend.h)   */
  SF_PLUGIN_PREDICTOR = 2, /* sf_plugin.api is a const sf_predictor_api* (synfire_predictor.h) */
};

/* The plugin's table. Static: lives as long as the process (plugins are never unloaded). */
typedef struct sf_plugin {
  uint32_t struct_size; /* sizeof(sf_plugin) of the plugin */
  uint32_t abi_major;   /* must equal the host's */
  uint32_t abi_minor;   /* may be older than the host's */
  uint32_t kind;
  const char* name;        /* as users say it: "cpu" */
  const char* version;     /* of the plugin, "1.2.0" */
  const char* description; /* one line; may be NULL */
  /* Called once, before anything else, on the thread that loads. Keeps `host`, which outlives the plugin.
   * After an error nothing of the plugin is called again. After shutdown it may be called anew. */
  sf_error* (*initialize)(const sf_host* host);
  /* Called once at the end, after every object of the plugin was released; no other call is under way.
   * From any thread; may be NULL. */
  void (*shutdown)(void);
  const void* api;
} sf_plugin;

/* The one exported symbol. May be called more than once; always returns the same table, never NULL. */
SYNFIRE_EXPORT const sf_plugin* synfire_plugin_query(void);

#define SYNFIRE_PLUGIN_QUERY_SYMBOL "synfire_plugin_query"

#ifdef __cplusplus
}
#endif
#endif
