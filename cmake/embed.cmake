# Puts files into the program: the Lua scripts as C strings, the shipped configuration as a table.
#
# The writing itself is cmake/embed_files.cmake, run at build time, so that an edited file is embedded anew.
set(CRMPULSE_GEN_DIR ${CMAKE_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${CRMPULSE_GEN_DIR})

# crmpulse_embed(<lua|table> <symbol or -> <base directory> <output stem> <files...>): makes gen/<stem>.c and gen/<stem>.h.
function(crmpulse_embed style symbol base stem)
    set(list_file ${CRMPULSE_GEN_DIR}/${stem}.list)
    list(JOIN ARGN "\n" lines)
    file(CONFIGURE OUTPUT ${list_file} CONTENT "${lines}\n" @ONLY)
    add_custom_command(
        OUTPUT ${CRMPULSE_GEN_DIR}/${stem}.c ${CRMPULSE_GEN_DIR}/${stem}.h
        COMMAND ${CMAKE_COMMAND} -DSTYLE=${style} -DSYMBOL=${symbol} -DBASE=${base} -DSTEM=${CRMPULSE_GEN_DIR}/${stem}
                -DLIST=${list_file} -P ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
        DEPENDS ${ARGN} ${list_file} ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
        COMMENT "Embedding ${stem}"
        VERBATIM)
endfunction()

# Lua: `extern const char lua_<name>[]; extern const size_t lua_<name>_len;` for each daemon/redis/lua/<name>.lua, in lua_scripts.h.
file(GLOB CRMPULSE_LUA CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/daemon/redis/lua/*.lua)
if(CRMPULSE_LUA)
    crmpulse_embed(lua - ${CMAKE_SOURCE_DIR}/daemon/redis/lua lua_scripts ${CRMPULSE_LUA})
endif()

# Configuration: `const struct embedded_file embedded_config[]` with names relative to config/, in embedded_config.h.
file(GLOB CRMPULSE_CONFIG_FILES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/config/crmpulse.yaml ${CMAKE_SOURCE_DIR}/config/start.yaml ${CMAKE_SOURCE_DIR}/config/catalogue/*.yaml
    ${CMAKE_SOURCE_DIR}/config/examples/demo.yaml)
crmpulse_embed(table embedded_config ${CMAKE_SOURCE_DIR}/config embedded_config ${CRMPULSE_CONFIG_FILES})

# The page: the same for web/, in embedded_web.h.
file(GLOB CRMPULSE_WEB_FILES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/*)
crmpulse_embed(table embedded_web ${CMAKE_SOURCE_DIR}/web embedded_web ${CRMPULSE_WEB_FILES})
