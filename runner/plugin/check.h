#ifndef RN_PLUGIN_CHECK_H
#define RN_PLUGIN_CHECK_H
/* Is a descriptor whole? A stranger's mistake must be a message when the plugin is loaded and not a crash when
 * the component is first used.
 * Thread safety: pure. */
#include <runner/plugin.h>

/* The array of components of a kind, NULL for none (or where the plugin is older than the kind). */
const rn_component *const *rn_plugin_list(const rn_plugin *plugin, rn_kind kind);

/* Was a plugin with this ABI number built for this runner? Errors: RN_EPLUGIN with both numbers. */
RN_NODISCARD bool rn_plugin_check_abi(uint32_t abi, rn_error *err);

/* ABI, size, name, version, licence. Errors: RN_EPLUGIN. */
RN_NODISCARD bool rn_plugin_check(const rn_plugin *plugin, rn_error *err);

/* Size, name, documentation, parameter schema, required functions. Errors: RN_EPLUGIN, "layer 'foo': build is
 * missing". */
RN_NODISCARD bool rn_component_check(rn_kind kind, const rn_component *c, rn_error *err);

#endif
