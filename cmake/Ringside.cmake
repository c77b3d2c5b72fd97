# The project's target functions. A folder is a library or a program: every .cc in it belongs to it.

# The dynamic loader's work is a good part of a sidecar's start, and of a shared library more is resident than is used. Of the
# half megabyte of relocations nearly all are relative and take a fiftieth of that when packed (glibc 2.36 understands them).
if(RINGSIDE_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
  add_link_options(-static-libstdc++ -static-libgcc -Wl,-z,pack-relative-relocs)
  # What runs of the libraries, side by side: the kernel maps 64 KiB around each function that is called, and what is
  # called of OpenSSL is strewn all over it. It is the linker of Clang's toolchain that knows the option.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    set(RINGSIDE_LINK_ORDER ${PROJECT_SOURCE_DIR}/cmake/link-order.txt)
    add_link_options(-Wl,--symbol-ordering-file=${RINGSIDE_LINK_ORDER} -Wl,--no-warn-symbol-ordering)
  endif()
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# ringside_library(NAME [PUBLIC ringside libraries...] [PRIVATE third parties...])
# PUBLIC are libraries of ours whose headers this one's headers include. Third parties are always PRIVATE, so that their
# headers cannot be reached through ours.
function(ringside_library name)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/shared)
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE ringside_options ${ARG_PRIVATE})
endfunction()

# ringside_program(NAME LIBRARIES...): the library ringside_<folder> of every .cc but main.cc, so that tests can link it,
# and the program NAME of main.cc.
function(ringside_program name)
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(library ringside_${folder}_lib)
  add_library(${library} STATIC ${sources})
  target_include_directories(${library} PUBLIC ${PROJECT_SOURCE_DIR}/shared ${PROJECT_SOURCE_DIR})
  target_link_libraries(${library} PUBLIC ${ARGN} PRIVATE ringside_options)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cc)
    add_executable(${name} main.cc)
    target_link_libraries(${name} PRIVATE ${library} ringside_options)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin
                          LINK_DEPENDS "${RINGSIDE_LINK_ORDER}")
  endif()
endfunction()
