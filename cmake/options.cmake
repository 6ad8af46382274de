# Compiler options: the language level, the warnings, the sanitizers and the hardening. One interface target carries each, so that
# generated code can take all but the warnings.
include(CheckCCompilerFlag)
include(CheckPIESupported)

option(CRMPULSE_WERROR "Treat warnings as errors" ON)
option(CRMPULSE_HARDENING "Hardening flags; they need an optimised build" OFF)
set(CRMPULSE_SANITIZE "" CACHE STRING "Comma list for -fsanitize=, empty for none")
option(CRMPULSE_FUZZ "Build for libFuzzer (clang): tests/fuzz and what it links, nothing else" OFF)
option(CRMPULSE_LTO "Optimise crmpulse and the benchmarks across files (gcc); tests link the same objects without it" OFF)
option(CRMPULSE_CRASH_POINTS "Test build: CRASH_AT=name:n kills the process at a named point (daemon/crash_points.def)" OFF)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
check_pie_supported(LANGUAGES C)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT DEFINED CMAKE_C_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(crmpulse_warnings INTERFACE)
target_compile_options(crmpulse_warnings INTERFACE
    -Wall -Wextra -Wshadow
    -Wformat-security -Wimplicit-fallthrough -Wmissing-declarations -Wmissing-prototypes -Wold-style-definition
    -Wpointer-arith -Wredundant-decls -Wstrict-prototypes -Wundef -Wunused-result -Wvla -Wwrite-strings
    $<$<BOOL:${CRMPULSE_WERROR}>:-Werror>)

# Every target links with this one. Generated code gets it too.
add_library(crmpulse_build INTERFACE)
target_compile_options(crmpulse_build INTERFACE -fno-omit-frame-pointer -fno-common)

if(CRMPULSE_CRASH_POINTS)
    target_compile_definitions(crmpulse_build INTERFACE CRMPULSE_CRASH_POINTS)
endif()

if(CRMPULSE_SANITIZE)
    target_compile_options(crmpulse_build INTERFACE -fsanitize=${CRMPULSE_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(crmpulse_build INTERFACE -fsanitize=${CRMPULSE_SANITIZE})
endif()

if(CRMPULSE_FUZZ)
    # Empty buffers are NULL, and clang calls NULL + 0 an overflow of a pointer: harmless, and defined from C2y on.
    target_compile_options(crmpulse_build INTERFACE -fsanitize=fuzzer-no-link -fno-sanitize=pointer-overflow)
endif()

# A flag that this compiler or this processor does not know is left out (-fcf-protection exists on x86 only).
function(crmpulse_hardening_flag flag)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
        target_compile_options(crmpulse_build INTERFACE ${flag})
    endif()
endfunction()

if(CRMPULSE_HARDENING)
    crmpulse_hardening_flag(-fstack-protector-strong)
    crmpulse_hardening_flag(-fstack-clash-protection)
    crmpulse_hardening_flag(-fcf-protection)
    target_compile_options(crmpulse_build INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    target_link_options(crmpulse_build INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack LINKER:--as-needed)
endif()

# Fat objects: only what is shipped or measured takes the time to be linked so.
function(crmpulse_link_time_optimisation target)
    if(CRMPULSE_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        target_link_options(${target} PRIVATE -flto=auto)
    endif()
endfunction()
if(CRMPULSE_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(crmpulse_build INTERFACE -flto=auto -ffat-lto-objects)
endif()
