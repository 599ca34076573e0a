# The version is the installed header's, so that there is one place less to forget. Same major version, and not older
# than what is asked for; a range (1.0...<2) means what it says.

get_filename_component(_splitio_prefix "${CMAKE_CURRENT_LIST_DIR}" REALPATH)
while(NOT EXISTS "${_splitio_prefix}/include/splitio.h")
    get_filename_component(_splitio_above "${_splitio_prefix}" DIRECTORY)
    if(_splitio_above STREQUAL _splitio_prefix)
        set(PACKAGE_VERSION "unknown")
        set(PACKAGE_VERSION_UNSUITABLE TRUE)
        return()
    endif()
    set(_splitio_prefix "${_splitio_above}")
endwhile()
file(STRINGS "${_splitio_prefix}/include/splitio.h" PACKAGE_VERSION REGEX "^#define SPLIT_VERSION \"")
string(REGEX REPLACE "^#define SPLIT_VERSION \"([0-9.]*).*$" "\\1" PACKAGE_VERSION "${PACKAGE_VERSION}")
string(REGEX MATCH "^[0-9]+" _splitio_major "${PACKAGE_VERSION}")

# It is for 64 bits; a project without languages does not say what it is for.
if(CMAKE_SIZEOF_VOID_P AND NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(PACKAGE_VERSION "${PACKAGE_VERSION} (64 bit)")
    set(PACKAGE_VERSION_UNSUITABLE TRUE)
    return()
endif()

set(PACKAGE_VERSION_COMPATIBLE FALSE)
set(PACKAGE_VERSION_EXACT FALSE)
if(PACKAGE_FIND_VERSION_RANGE)
    if(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION_MIN AND
            (PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION_MAX OR
                (PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "INCLUDE" AND
                    PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION_MAX)))
        set(PACKAGE_VERSION_COMPATIBLE TRUE)
    endif()
elseif(NOT PACKAGE_FIND_VERSION_MAJOR STREQUAL "" AND PACKAGE_FIND_VERSION_MAJOR EQUAL _splitio_major AND
        PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
    if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
        set(PACKAGE_VERSION_EXACT TRUE)
    endif()
endif()
