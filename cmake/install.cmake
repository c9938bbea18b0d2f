# What `cmake --install` writes, all of it relocatable:
#     bin/runner, lib/librunner.so.<abi>, lib/runner/*.so        the program and the built-in plugins
#     include/runner/*.h, lib/cmake/runner, lib/pkgconfig        what a plugin of somebody else is built against
include(CMakePackageConfigHelpers)
set(runner_cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/runner)

install(TARGETS runner EXPORT runner-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS runner_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/runner DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT runner-targets NAMESPACE runner:: DESTINATION ${runner_cmake_folder})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/runner-config.cmake.in ${CMAKE_BINARY_DIR}/cmake/runner-config.cmake
    INSTALL_DESTINATION ${runner_cmake_folder} PATH_VARS CMAKE_INSTALL_LIBDIR)
# The ABI number decides whether a plugin fits, and it may change with any minor version.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cmake/runner-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/cmake/runner-config.cmake ${CMAKE_BINARY_DIR}/cmake/runner-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/runner-plugin.cmake
        DESTINATION ${runner_cmake_folder})

# pkg-config finds the prefix from where runner.pc lies.
file(RELATIVE_PATH runner_pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" runner_pc_to_prefix "${runner_pc_to_prefix}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/runner.pc.in ${CMAKE_BINARY_DIR}/cmake/runner.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/cmake/runner.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
