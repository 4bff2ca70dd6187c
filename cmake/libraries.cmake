# The libraries that the agent is made of, as ext_NAME: shared for every program but the fully static agent (property RB_STATIC), which
# must start on any Linux of its architecture, whatever that has installed.
define_property(TARGET PROPERTY RB_STATIC BRIEF_DOCS "Link external libraries statically")
function(rb_external NAME SHARED ARCHIVE)
  add_library(ext_${NAME} INTERFACE)
  if(REACHBACK_STATIC_AGENT)
    find_library(ARCHIVE_${NAME} ${ARCHIVE} REQUIRED)
    target_link_libraries(ext_${NAME} INTERFACE
      $<IF:$<BOOL:$<TARGET_PROPERTY:RB_STATIC>>,${ARCHIVE_${NAME}},${SHARED}>)
  else()
    target_link_libraries(ext_${NAME} INTERFACE ${SHARED})
  endif()
endfunction()
rb_external(ssl OpenSSL::SSL libssl.a)
rb_external(crypto OpenSSL::Crypto libcrypto.a)
rb_external(protobuf protobuf::libprotobuf-lite libprotobuf-lite.a)
rb_external(seccomp seccomp libseccomp.a)
rb_external(zlib ZLIB::ZLIB libz.a)
rb_external(minizip minizip libminizip.a)
target_link_libraries(ext_minizip INTERFACE ext_zlib)
# Debian ships no libfmt.a: where a static program is made, fmt is compiled in.
add_library(ext_fmt INTERFACE)
target_link_libraries(ext_fmt INTERFACE $<IF:$<BOOL:${REACHBACK_STATIC_AGENT}>,fmt::fmt-header-only,fmt::fmt>)
