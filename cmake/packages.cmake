# Debian 12's packages, each found once. Nothing is downloaded.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED CONFIG)
find_package(spdlog REQUIRED CONFIG)
find_package(tl-expected REQUIRED CONFIG)
find_package(Protobuf REQUIRED)
find_package(PahoMqttCpp REQUIRED CONFIG)
find_package(nlohmann_json REQUIRED CONFIG)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)

if(NOT KELPIE_AGENT_ONLY)
  find_package(RocksDB REQUIRED CONFIG)
  find_package(CLI11 REQUIRED CONFIG)
  find_package(yaml-cpp REQUIRED CONFIG)
  pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd)
  pkg_check_modules(mosquitto REQUIRED IMPORTED_TARGET libmosquitto)
endif()

if(KELPIE_TESTS)
  find_package(GTest REQUIRED CONFIG)
endif()
