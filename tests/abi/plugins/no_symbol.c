/* A shared library, but no plugin. */
const char* synfire_plugin_greeting(void);
const char* synfire_plugin_greeting(void) { return "hello"; }
