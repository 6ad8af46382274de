# One static library for each folder of daemon/ that holds a .c file, and the command on top of them.
#
# What a folder may use beyond the core is the row below; a folder without a row may use everything. crmpulse_core has no row on
# purpose: it links with libm alone, and the test core_purity looks at what it calls.
set(CRMPULSE_USES_codec crmpulse_proto PkgConfig::jansson)
set(CRMPULSE_USES_config PkgConfig::yaml PkgConfig::icu)
set(CRMPULSE_USES_redis PkgConfig::hiredis PkgConfig::libuv)
set(CRMPULSE_USES_kafka PkgConfig::rdkafka PkgConfig::libuv)
set(CRMPULSE_USES_http PkgConfig::libuv)
set(CRMPULSE_USES_ALL crmpulse_proto PkgConfig::jansson PkgConfig::zlib
    PkgConfig::yaml PkgConfig::icu PkgConfig::hiredis PkgConfig::rdkafka PkgConfig::libuv)
if(NOT CRMPULSE_PROTO)
    list(REMOVE_ITEM CRMPULSE_USES_ALL crmpulse_proto)
    set(CRMPULSE_USES_codec PkgConfig::protobuf_c PkgConfig::jansson)
endif()

# The shipped configuration is data: a library of its own that any folder may use.
add_library(crmpulse_embedded STATIC ${CRMPULSE_GEN_DIR}/embedded_config.c ${CRMPULSE_GEN_DIR}/embedded_config.h)
target_include_directories(crmpulse_embedded PUBLIC ${CRMPULSE_GEN_DIR})
target_link_libraries(crmpulse_embedded PRIVATE crmpulse_build)

set(CRMPULSE_LIBRARIES "")

function(crmpulse_library name)
    set(target crmpulse_${name})
    add_library(${target} STATIC ${ARGN})
    target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CRMPULSE_GEN_DIR} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} PRIVATE crmpulse_warnings crmpulse_build PUBLIC ${LIBM})
    if(name STREQUAL "core")
        target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
    else()
        target_compile_definitions(${target} PRIVATE _GNU_SOURCE=)
        if(DEFINED CRMPULSE_USES_${name})
            target_link_libraries(${target} PUBLIC ${CRMPULSE_USES_${name}})
        else()
            target_link_libraries(${target} PUBLIC ${CRMPULSE_USES_ALL})
        endif()
        target_link_libraries(${target} PUBLIC crmpulse_embedded)
    endif()
endfunction()

file(GLOB folders CONFIGURE_DEPENDS LIST_DIRECTORIES true ${CMAKE_SOURCE_DIR}/daemon/*)
foreach(folder IN LISTS folders)
    if(IS_DIRECTORY ${folder})
        get_filename_component(name ${folder} NAME)
        file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
        if(name STREQUAL "redis" AND CRMPULSE_LUA)
            list(APPEND sources ${CRMPULSE_GEN_DIR}/lua_scripts.c ${CRMPULSE_GEN_DIR}/lua_scripts.h)
        endif()
        if(sources)
            crmpulse_library(${name} ${sources})
            list(APPEND CRMPULSE_LIBRARIES crmpulse_${name})
        endif()
    endif()
endforeach()

# daemon/*.c but main.c: a library too, so that a unit test can use the loop.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/daemon/*.c)
list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/daemon/main.c)
if(sources)
    crmpulse_library(daemon ${sources})
    list(APPEND CRMPULSE_LIBRARIES crmpulse_daemon)
endif()

# What a program needs to use everything. The libraries are searched until nothing is missing: they may name one another.
add_library(crmpulse_all INTERFACE)
target_include_directories(crmpulse_all INTERFACE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR})
if(CRMPULSE_LIBRARIES)
    list(JOIN CRMPULSE_LIBRARIES "," joined)
    target_link_libraries(crmpulse_all INTERFACE "$<LINK_GROUP:RESCAN,${joined}>")
endif()
target_link_libraries(crmpulse_all INTERFACE crmpulse_embedded ${CRMPULSE_USES_ALL} ${LIBM} Threads::Threads)

if(EXISTS ${CMAKE_SOURCE_DIR}/daemon/main.c)
    add_executable(crmpulse daemon/main.c)
    target_compile_definitions(crmpulse PRIVATE _GNU_SOURCE= CRMPULSE_VERSION="${PROJECT_VERSION}")
    target_link_libraries(crmpulse PRIVATE crmpulse_all crmpulse_warnings crmpulse_build)
    install(TARGETS crmpulse)
endif()
