// Keys, trust and signed frames for the API's tests, and a store in memory.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include <kelpie/v1/release.pb.h>

#include "hub/api/call.h"
#include "hub/store/kv.h"
#include "proto/wire/keys.h"
#include "proto/wire/trust.h"

namespace kelpie::test {

/// Keys of ana (1) and ben (2), who operate, and of eve (3), who does not.
[[nodiscard]] wire::SigningKey key_of(std::uint64_t seed);
/// Changes need one person, dangerous work two.
[[nodiscard]] wire::Trust sample_trust();

/// kiosk@1: install, start, one image, one add-on, one workload, two checks.
[[nodiscard]] v1::Release sample_release();
[[nodiscard]] std::string sample_manifest(const std::string& name_space = "default");
[[nodiscard]] v1::Plan sample_plan();

/// Signed by these keys, in order.
[[nodiscard]] std::string signed_frame(wire::FrameType type, const std::string& payload,
                                       const std::vector<std::uint64_t>& seeds = {1});

template <typename Request>
[[nodiscard]] hub::ApiCall call_of(std::string method, Request request) {
  hub::ApiCall out;
  out.method = std::move(method);
  out.input = std::make_shared<Request>(std::move(request));
  out.actor = {.name = "ana", .request = "r1"};
  return out;
}

/// "E_SIG: the frame …" or "ok".
template <typename Value>
[[nodiscard]] std::string told(const Result<Value>& result) {
  if (result) return "ok";
  const std::string code(to_string(result.error().code));
  return (result.error().reason.empty() ? code : result.error().reason) + ": " + result.error().message;
}

class MemoryStore final : public hub::KeyValueStore {
 public:
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] Result<void> scan(
      std::string_view prefix, std::string_view after,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;
  [[nodiscard]] Result<void> commit(const hub::Batch& batch) override;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> rows_;
};

void store_event(MemoryStore& store, std::uint64_t sequence, const std::string& device = "pi-1");

}  // namespace kelpie::test
