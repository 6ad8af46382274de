# The libraries that crmpulse stands on. Their headers count as system headers: no warnings from there.
#
# CRMPULSE_LIBS says which librdkafka and hiredis: `system`, those of the distribution (the floor is Debian 12), or `newest`, the newest
# releases, which scripts/get-libs fetches and builds outside the tree. All others are the distribution's. TLS with Redis needs hiredis 1.0.
set(CRMPULSE_LIBS system CACHE STRING "librdkafka and hiredis: system or newest")
set_property(CACHE CRMPULSE_LIBS PROPERTY STRINGS system newest)
find_package(PkgConfig REQUIRED)
if(CRMPULSE_LIBS STREQUAL newest)
    execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/get-libs OUTPUT_VARIABLE CRMPULSE_LIBS_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE
        COMMAND_ERROR_IS_FATAL ANY)
    set(ENV{PKG_CONFIG_PATH} ${CRMPULSE_LIBS_PREFIX}/lib/pkgconfig)
    set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
elseif(NOT CRMPULSE_LIBS STREQUAL system)
    message(FATAL_ERROR "CRMPULSE_LIBS is '${CRMPULSE_LIBS}', must be system or newest")
endif()
pkg_check_modules(protobuf_c REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4.1)
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka>=2.0.2)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis>=0.14.1)
pkg_check_modules(hiredis_ssl IMPORTED_TARGET hiredis_ssl>=1.0)
pkg_check_modules(openssl IMPORTED_TARGET openssl>=1.1.1)
if(hiredis_ssl_FOUND AND openssl_FOUND)
    set(CRMPULSE_REDIS_TLS 1)
else()
    set(CRMPULSE_REDIS_TLS 0)
endif()
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(icu REQUIRED IMPORTED_TARGET icu-i18n icu-uc)
find_library(LIBM m REQUIRED)
find_package(Threads REQUIRED)

# Needed for the build and its checks only.
find_program(PROTOC_C protoc-c REQUIRED)
if(BUILD_TESTING)
    pkg_check_modules(criterion REQUIRED IMPORTED_TARGET criterion)
endif()
