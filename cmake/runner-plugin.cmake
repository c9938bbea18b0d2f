# runner_plugin(<name> <sources>…): a target <name> that makes the plugin <name>.so. It exports nothing but the
# rn_plugin_export of RN_PLUGIN, and rounds a·b + c twice, as the built-in kernels do. What is linked into it
# statically stays hidden too.
function(runner_plugin name)
    add_library(${name} MODULE ${ARGN})
    target_link_libraries(${name} PRIVATE runner::runner)
    target_compile_options(${name} PRIVATE -ffp-contract=off)
    target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
    set_target_properties(${name} PROPERTIES PREFIX "" C_STANDARD 11 C_VISIBILITY_PRESET hidden
        CXX_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
endfunction()
