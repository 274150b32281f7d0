# What `make install` puts where: the program, both libraries, the public headers, a pkg-config file and a CMake package.
file(GLOB public_headers CONFIGURE_DEPENDS include/hone/*.h)
install(FILES ${public_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hone)
install(TARGETS hone_shared EXPORT hone LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS hone_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET hone)
  install(TARGETS hone RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_file(cmake/hone.pc.in hone.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/hone.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

include(CMakePackageConfigHelpers)
write_basic_package_version_file(hone-config-version.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT hone NAMESPACE hone:: FILE hone-config.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hone)
install(FILES ${CMAKE_BINARY_DIR}/hone-config-version.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hone)
