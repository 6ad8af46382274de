# Checks that are no unit tests: what the core calls, headers alone, formatting, proto and shell lint. Each is one script below tests/tools.
if(NOT BUILD_TESTING)
    return()
endif()
set(tools ${CMAKE_SOURCE_DIR}/tests/tools)

if(TARGET crmpulse_core)
    add_test(NAME core_purity
        COMMAND ${tools}/core_purity.sh $<TARGET_FILE:crmpulse_core> ${CMAKE_SOURCE_DIR}/tests/unit/core_allowlist.txt "${CRMPULSE_SANITIZE}")
endif()

# Every golden case and trap, in one process; counted case by case.
if(TARGET crmpulse)
    add_test(NAME golden_cases COMMAND crmpulse test --quiet tests/golden/kpi tests/golden/traps WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(golden_cases PROPERTIES TIMEOUT 600)
    add_test(NAME command COMMAND python3 ${tools}/run_unittest.py ${CMAKE_SOURCE_DIR}/tests/command)
    set_tests_properties(command PROPERTIES TIMEOUT 600 FAIL_REGULAR_EXPRESSION "unittest: [0-9]+ passed, [1-9]"
        ENVIRONMENT "CRMPULSE_BIN=$<TARGET_FILE:crmpulse>;PYTHONDONTWRITEBYTECODE=1")
    # Is anything left out? Fails while KPIs, cases, traps or the page are missing (label complete: `ctest -LE complete` passes it over).
    add_test(NAME lists COMMAND python3 ${tools}/run_unittest.py ${CMAKE_SOURCE_DIR}/tests/lists)
    set_tests_properties(lists PROPERTIES TIMEOUT 300 LABELS complete FAIL_REGULAR_EXPRESSION "unittest: [0-9]+ passed, [1-9]"
        ENVIRONMENT "CRMPULSE_BIN=$<TARGET_FILE:crmpulse>;PYTHONDONTWRITEBYTECODE=1")
endif()

# The include path of the third-party headers that ours may name.
set(header_flags -std=c17 -Wall -Wextra -Wshadow -Werror -D_GNU_SOURCE= -I${CMAKE_SOURCE_DIR}/include -isystem ${CRMPULSE_GEN_DIR}
    ${protobuf_c_CFLAGS} ${rdkafka_CFLAGS} ${hiredis_CFLAGS} ${libuv_CFLAGS} ${jansson_CFLAGS} ${yaml_CFLAGS} ${icu_CFLAGS})
add_test(NAME headers_alone COMMAND ${tools}/headers_alone.sh ${CMAKE_SOURCE_DIR}/include ${CMAKE_C_COMPILER} ${header_flags})
add_test(NAME format_check COMMAND ${CMAKE_SOURCE_DIR}/scripts/format --check)
add_test(NAME shellcheck COMMAND ${tools}/shellcheck.sh ${CMAKE_SOURCE_DIR})
add_test(NAME monitoring COMMAND ${tools}/monitoring.sh ${CMAKE_SOURCE_DIR})
add_test(NAME buf_lint COMMAND ${tools}/buf_lint.sh ${CMAKE_SOURCE_DIR})
set_tests_properties(format_check shellcheck monitoring buf_lint PROPERTIES LABELS source)
