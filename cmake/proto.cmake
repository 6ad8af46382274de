# protoc-c: proto/crmpulse/v1/*.proto -> gen/crmpulse/v1/*.pb-c.{h,c}, one static library without our warnings.
file(GLOB CRMPULSE_PROTO CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/proto/crmpulse/v1/*.proto)
if(CRMPULSE_PROTO)
    set(generated "")
    foreach(path IN LISTS CRMPULSE_PROTO)
        get_filename_component(name ${path} NAME_WE)
        set(stem ${CRMPULSE_GEN_DIR}/crmpulse/v1/${name}.pb-c)
        # Every proto is a dependency of each: they may import one another.
        add_custom_command(
            OUTPUT ${stem}.c ${stem}.h
            COMMAND ${PROTOC_C} --proto_path=${CMAKE_SOURCE_DIR}/proto --c_out=${CRMPULSE_GEN_DIR} crmpulse/v1/${name}.proto
            DEPENDS ${CRMPULSE_PROTO}
            COMMENT "protoc-c ${name}.proto"
            VERBATIM)
        list(APPEND generated ${stem}.c ${stem}.h)
    endforeach()
    add_library(crmpulse_proto STATIC ${generated})
    target_compile_options(crmpulse_proto PRIVATE -w)
    target_include_directories(crmpulse_proto SYSTEM PUBLIC ${CRMPULSE_GEN_DIR})
    target_link_libraries(crmpulse_proto PUBLIC PkgConfig::protobuf_c PRIVATE crmpulse_build)
endif()
