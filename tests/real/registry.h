// A container registry at a site: as much of the distribution protocol as pulling takes, plain http, with what goes
// wrong with registries on request. What it was asked is what a test looks at.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/real/oci_image.h"
#include "tests/real/site.h"

namespace kelpie::test {

struct RegistryRequest {
  std::string method;
  std::string what;          // "pause:3.10", "pause@sha256:…": manifest or blob
  std::string for_registry;  // which registry a mirror stands in for
  std::uint64_t from = 0;    // a range that begins there
  int status = 0;
  std::uint64_t sent = 0;  // bytes of the body
};

class Registry {
 public:
  Registry(const Site& site, int port);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  void add(const std::string& repository, const std::string& tag, const OciImage& image);

  /// Connections are refused, and those that are open end.
  void close();
  void open();

  /// The next time somebody fetches the blob: so much of it, and then nothing more until let_go, or the end.
  void hold_after(const std::string& digest, std::uint64_t bytes);
  void cut_after(const std::string& digest, std::uint64_t bytes);
  [[nodiscard]] bool is_holding();
  void let_go();
  /// From now on another byte in it than its digest says.
  void corrupt(const std::string& digest);
  /// Who fetches from this repository is told to log in.
  void require_login(const std::string& repository);

  [[nodiscard]] std::vector<RegistryRequest> requests();
  /// How often anything of these bytes was sent.
  [[nodiscard]] std::uint64_t bytes_sent(const std::string& digest);

 private:
  struct Interruption {
    std::uint64_t after = 0;
    bool is_cut = false;
  };
  struct Answer {
    int status = 404;
    std::string type = "application/json";
    std::string digest;
    std::string body;
    std::uint64_t from = 0;
    std::uint64_t size = 0;  // of the whole
  };

  void accept_all(int listener);
  void serve(int peer);
  [[nodiscard]] Answer answer(RegistryRequest& request, const std::string& path);
  void send_body(int peer, const Answer& answer, RegistryRequest& request);

  const Site& site_;
  const int port_;
  Fd listener_;
  std::thread accepting_;
  std::vector<std::thread> serving_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_closing_ = false;
  int holding_ = 0;
  std::uint64_t let_go_ = 0;
  std::vector<int> peers_;
  std::map<std::string, OciBlob> blobs_;
  std::map<std::string, std::string> tags_;  // "pause:3.10" → digest
  std::vector<std::string> locked_;          // repositories
  std::map<std::string, Interruption> interruptions_;
  std::vector<RegistryRequest> requests_;
};

}  // namespace kelpie::test
