# find_package(splitio 1.0 COMPONENTS shared static cpp): an installed libsplitio, as
#
#   splitio::splitio   the shared library, or the static one where BUILD_SHARED_LIBS is off or nothing else is installed
#   splitio::shared, splitio::static
#   splitio::cpp       splitio.hpp (C++17), over splitio::splitio
#
# Nothing here knows where it was installed: a prefix may be moved. The files are looked for from this one's place, which
# is cmake/splitio below lib, lib64, lib/<triplet> or share.

set(splitio_FOUND TRUE)

# By its true place, as /lib is a link to /usr/lib on many systems.
get_filename_component(_splitio_here "${CMAKE_CURRENT_LIST_DIR}" REALPATH)
set(_splitio_prefix "${_splitio_here}")
while(NOT EXISTS "${_splitio_prefix}/include/splitio.h")
    get_filename_component(_splitio_above "${_splitio_prefix}" DIRECTORY)
    if(_splitio_above STREQUAL _splitio_prefix)
        set(splitio_FOUND FALSE)
        set(splitio_NOT_FOUND_MESSAGE "splitio.h is in no include directory beside or above ${_splitio_here}.")
        return()
    endif()
    set(_splitio_prefix "${_splitio_above}")
endwhile()
set(_splitio_include "${_splitio_prefix}/include")

file(STRINGS "${_splitio_include}/splitio.h" _splitio_major REGEX "^#define SPLIT_VERSION_MAJOR ")
string(REGEX MATCH "[0-9]+" _splitio_major "${_splitio_major}")

# Sets `result` to the first of the file names (below the prefix) that exists, or to nothing.
function(_splitio_find result)
    get_filename_component(beside "${_splitio_here}/../.." ABSOLUTE)
    set(directories "${beside}")
    foreach(directory "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib lib64 bin)
        list(APPEND directories "${_splitio_prefix}/${directory}")
    endforeach()
    set(${result} "" PARENT_SCOPE)
    foreach(name ${ARGN})
        foreach(directory ${directories})
            if(EXISTS "${directory}/${name}")
                get_filename_component(file "${directory}/${name}" ABSOLUTE)
                set(${result} "${file}" PARENT_SCOPE)
                return()
            endif()
        endforeach()
    endforeach()
endfunction()

if(WIN32)
    _splitio_find(_splitio_shared splitio.dll)
    _splitio_find(_splitio_import splitio.dll.lib libsplitio.dll.a)
    _splitio_find(_splitio_static splitio.lib libsplitio.a)
    set(_splitio_system ntdll userenv ws2_32 bcrypt dbghelp)
elseif(APPLE)
    _splitio_find(_splitio_shared libsplitio.${_splitio_major}.dylib libsplitio.dylib)
    _splitio_find(_splitio_static libsplitio.a)
    set(_splitio_system m)
else()
    _splitio_find(_splitio_shared libsplitio.so.${_splitio_major})
    _splitio_find(_splitio_static libsplitio.a)
    set(_splitio_system util rt pthread m dl)
endif()

if(_splitio_shared AND NOT TARGET splitio::shared)
    add_library(splitio::shared SHARED IMPORTED)
    set_target_properties(splitio::shared PROPERTIES
        IMPORTED_LOCATION "${_splitio_shared}"
        INTERFACE_INCLUDE_DIRECTORIES "${_splitio_include}")
    if(WIN32)
        set_target_properties(splitio::shared PROPERTIES IMPORTED_IMPLIB "${_splitio_import}")
    elseif(APPLE)
        set_target_properties(splitio::shared PROPERTIES IMPORTED_SONAME "@rpath/libsplitio.${_splitio_major}.dylib")
    else()
        set_target_properties(splitio::shared PROPERTIES IMPORTED_SONAME "libsplitio.so.${_splitio_major}")
    endif()
endif()

if(_splitio_static AND NOT TARGET splitio::static)
    add_library(splitio::static STATIC IMPORTED)
    set_target_properties(splitio::static PROPERTIES
        IMPORTED_LOCATION "${_splitio_static}"
        IMPORTED_LINK_INTERFACE_LANGUAGES C
        INTERFACE_COMPILE_DEFINITIONS SPLIT_STATIC
        INTERFACE_INCLUDE_DIRECTORIES "${_splitio_include}"
        INTERFACE_LINK_LIBRARIES "${_splitio_system}")
endif()

if(NOT TARGET splitio::splitio)
    set(_splitio_kind shared)
    if(NOT _splitio_shared OR (_splitio_static AND DEFINED BUILD_SHARED_LIBS AND NOT BUILD_SHARED_LIBS))
        set(_splitio_kind static)
    endif()
    if(TARGET splitio::${_splitio_kind})
        add_library(splitio::splitio INTERFACE IMPORTED)
        set_target_properties(splitio::splitio PROPERTIES INTERFACE_LINK_LIBRARIES splitio::${_splitio_kind})
    else()
        set(splitio_FOUND FALSE)
        set(splitio_NOT_FOUND_MESSAGE "neither the shared nor the static library of splitio is installed in ${_splitio_prefix}.")
    endif()
endif()

if(TARGET splitio::splitio AND EXISTS "${_splitio_include}/splitio.hpp" AND NOT TARGET splitio::cpp)
    add_library(splitio::cpp INTERFACE IMPORTED)
    set_target_properties(splitio::cpp PROPERTIES
        INTERFACE_COMPILE_FEATURES cxx_std_17
        INTERFACE_LINK_LIBRARIES splitio::splitio)
endif()

foreach(_splitio_component ${splitio_FIND_COMPONENTS})
    set(splitio_${_splitio_component}_FOUND FALSE)
    if(NOT _splitio_component MATCHES "^(shared|static|cpp)$")
        set(_splitio_missing "splitio has no component \"${_splitio_component}\": there are shared, static and cpp.")
    elseif(TARGET splitio::${_splitio_component})
        set(splitio_${_splitio_component}_FOUND TRUE)
        continue()
    else()
        set(_splitio_missing "the component \"${_splitio_component}\" of splitio is not installed in ${_splitio_prefix}.")
    endif()
    if(splitio_FIND_REQUIRED_${_splitio_component})
        set(splitio_FOUND FALSE)
        set(splitio_NOT_FOUND_MESSAGE "${_splitio_missing}")
    endif()
endforeach()
