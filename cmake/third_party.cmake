# The libraries that crmpulse stands on, all from the distribution. Their headers count as system headers: no warnings from there.
find_package(PkgConfig REQUIRED)
pkg_check_modules(protobuf_c REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4.1)
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka>=2.0.2)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis>=0.14.1)
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
