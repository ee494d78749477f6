# libmintmark.so: both public faces, from the archives that the programs are linked from too, and what other builds find it by.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(faces "${PROJECT_SOURCE_DIR}/include")

# The versions are in the headers: of the C face MINTMARK_ABI_VERSION, of the C++ face this release's.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${faces}/mintmark/mintmark.h" "${faces}/mintmark/verifier.h")
file(READ "${faces}/mintmark/mintmark.h" c_header)
if(NOT c_header MATCHES "#define MINTMARK_ABI_VERSION ([0-9]+)")
  message(FATAL_ERROR "mintmark.h has no MINTMARK_ABI_VERSION")
endif()
set(abi_version "${CMAKE_MATCH_1}")
file(READ "${faces}/mintmark/verifier.h" cpp_header)
string(REPLACE "." "_" release "v${PROJECT_VERSION}")
if(NOT cpp_header MATCHES "\ninline namespace ${release} {")
  message(FATAL_ERROR "verifier.h: this release's inline namespace is ${release}")
endif()

add_library(mintmark SHARED c_face.cc)
add_library(mintmark::mintmark ALIAS mintmark)
mintmark_reuse(mintmark mintmark_precompiled)
target_include_directories(mintmark INTERFACE
  $<BUILD_INTERFACE:${faces}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(mintmark INTERFACE cxx_std_20)  # As its C++ header needs; C programs do not mind.
target_link_libraries(mintmark PRIVATE $<BUILD_INTERFACE:mintmark_verify>)
# -Bsymbolic-functions: it calls its own code, also in a program that has a copy of that.
target_link_options(mintmark PRIVATE "LINKER:--version-script=${faces}/mintmark.map" LINKER:-Bsymbolic-functions)
if(NOT MINTMARK_SANITIZE)  # Their library comes with the program.
  target_link_options(mintmark PRIVATE LINKER:--no-undefined)
endif()
set_target_properties(mintmark PROPERTIES
  DEFINE_SYMBOL ""
  VERSION "${abi_version}.${PROJECT_VERSION}" SOVERSION "${abi_version}" LINK_DEPENDS "${faces}/mintmark.map"
  LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

# `cmake --install BUILD --component library` installs these alone.
install(TARGETS mintmark EXPORT mintmark
  LIBRARY COMPONENT library NAMELINK_COMPONENT library)
install(FILES "${faces}/mintmark/mintmark.h" "${faces}/mintmark/verifier.h"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/mintmark" COMPONENT library)
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/mintmark")
install(EXPORT mintmark NAMESPACE mintmark:: FILE mintmark-targets.cmake DESTINATION "${package}" COMPONENT library)
configure_file("${faces}/mintmark-config.cmake.in" mintmark-config.cmake COPYONLY)
write_basic_package_version_file(mintmark-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/mintmark-config.cmake" "${CMAKE_CURRENT_BINARY_DIR}/mintmark-config-version.cmake"
  DESTINATION "${package}" COMPONENT library)
# Moved with its tree, it still says where it is.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig"
  OUTPUT_VARIABLE MINTMARK_PREFIX_FROM_PC)
configure_file("${faces}/mintmark.pc.in" mintmark.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/mintmark.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT library)
