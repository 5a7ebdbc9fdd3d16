#include "tests/real/registry.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <fmt/core.h>

namespace kelpie::test {
namespace {

constexpr std::size_t kHeadBytesMax = 64U << 10U;
constexpr std::size_t kPiece = 16U << 10U;

std::string read_head(int peer) {
  std::string head;
  std::string block(4'096, '\0');
  while (head.find("\r\n\r\n") == std::string::npos && head.size() < kHeadBytesMax) {
    const ssize_t got = read(peer, block.data(), block.size());
    if (got <= 0) return {};
    head.append(block, 0, static_cast<std::size_t>(got));
  }
  return head;
}

bool send_all(int peer, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(peer, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string between(const std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + from.size();
  return text.substr(begin, text.find(to, begin) - begin);
}

std::uint64_t range_start(const std::string& head) {
  const std::string text = between(head, "Range: bytes=", "-");
  std::uint64_t start = 0;
  std::from_chars(text.data(), text.data() + text.size(), start);
  return start;
}

/// "pause@sha256:…" for /v2/pause/blobs/sha256:…, "pause:3.10" for /v2/pause/manifests/3.10; empty for others.
std::string subject_of(const std::string& path) {
  for (const std::string_view kind : {"/manifests/", "/blobs/"}) {
    const std::size_t at = path.find(kind);
    if (!path.starts_with("/v2/") || at == std::string::npos) continue;
    const std::string reference = path.substr(at + kind.size());
    return path.substr(4, at - 4) + (reference.starts_with("sha256:") ? "@" : ":") + reference;
  }
  return {};
}

std::string repository_of(const std::string& what) {
  return what.substr(0, what.find_first_of("@:"));
}

std::string_view phrase_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 206: return "Partial Content";
    case 401: return "Unauthorized";
    default: return "Not Found";
  }
}

}  // namespace

Registry::Registry(const Site& site, int port) : site_(site), port_(port) {
  open();
}

Registry::~Registry() {
  close();
}

void Registry::add(const std::string& repository, const std::string& tag, const OciImage& image) {
  const std::lock_guard lock(mutex_);
  blobs_.insert(image.blobs.begin(), image.blobs.end());
  tags_[fmt::format("{}:{}", repository, tag)] = image.digest;
}

void Registry::open() {
  is_closing_ = false;
  listener_ = site_.listen_at(kSiteAddress, port_);
  if (!listener_.is_open()) throw std::runtime_error(fmt::format("the registry's port {} is in use", port_));
  accepting_ = std::thread([this, listener = listener_.get()] { accept_all(listener); });
}

void Registry::close() {
  if (!accepting_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
    for (const int peer : peers_) shutdown(peer, SHUT_RDWR);
  }
  changed_.notify_all();
  shutdown(listener_.get(), SHUT_RDWR);  // wakes the thread in accept
  accepting_.join();
  for (std::thread& one : serving_) one.join();
  serving_.clear();
  listener_.reset();
}

void Registry::hold_after(const std::string& digest, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  interruptions_[digest] = {.after = bytes, .is_cut = false};
}

void Registry::cut_after(const std::string& digest, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  interruptions_[digest] = {.after = bytes, .is_cut = true};
}

bool Registry::is_holding() {
  const std::lock_guard lock(mutex_);
  return holding_ > 0;
}

void Registry::let_go() {
  {
    const std::lock_guard lock(mutex_);
    ++let_go_;
  }
  changed_.notify_all();
}

void Registry::corrupt(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  std::string& bytes = blobs_.at(digest).bytes;
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
}

void Registry::require_login(const std::string& repository) {
  const std::lock_guard lock(mutex_);
  locked_.push_back(repository);
}

std::vector<RegistryRequest> Registry::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::uint64_t Registry::bytes_sent(const std::string& digest) {
  std::uint64_t sum = 0;
  for (const RegistryRequest& one : requests()) {
    if (one.what.ends_with("@" + digest)) sum += one.sent;
  }
  return sum;
}

void Registry::accept_all(int listener) {
  for (;;) {
    const int peer = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    const std::lock_guard lock(mutex_);
    if (is_closing_) shutdown(peer, SHUT_RDWR);
    peers_.push_back(peer);
    serving_.emplace_back([this, peer] { serve(peer); });
  }
}

// One request a connection.
void Registry::serve(int peer) {
  const std::string head = read_head(peer);
  RegistryRequest request{.method = head.substr(0, head.find(' ')), .what = {}, .for_registry = {}};
  const std::string target = between(head, " ", " ");
  request.what = subject_of(target.substr(0, target.find('?')));
  request.for_registry = between(target, "ns=", "&");
  request.from = range_start(head);
  if (!head.empty()) {
    const Answer found = answer(request, target);
    send_body(peer, found, request);
  }
  const std::lock_guard lock(mutex_);
  requests_.push_back(std::move(request));
  std::erase(peers_, peer);
  ::close(peer);
}

Registry::Answer Registry::answer(RegistryRequest& request, const std::string& path) {
  const std::lock_guard lock(mutex_);
  Answer out;
  if (path == "/v2/") out.status = 200;
  if (std::find(locked_.begin(), locked_.end(), repository_of(request.what)) != locked_.end()) out.status = 401;
  const auto tag = tags_.find(request.what);
  const std::size_t at = request.what.find('@');
  const std::string digest = tag != tags_.end()        ? tag->second
                             : at == std::string::npos ? ""
                                                       : request.what.substr(at + 1);
  const auto blob = blobs_.find(digest);
  if (out.status == 404 && blob != blobs_.end()) {
    const std::string& bytes = blob->second.bytes;
    out.from = std::min<std::uint64_t>(request.from, bytes.size());
    out = {.status = out.from > 0 ? 206 : 200,
           .type = blob->second.type,
           .digest = digest,
           .body = bytes.substr(out.from),
           .from = out.from,
           .size = bytes.size()};
  }
  request.status = out.status;
  return out;
}

void Registry::send_body(int peer, const Answer& answer, RegistryRequest& request) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
                                 answer.status, phrase_of(answer.status), answer.type, answer.body.size());
  if (!answer.digest.empty())
    head += fmt::format("Docker-Content-Digest: {}\r\nAccept-Ranges: bytes\r\n", answer.digest);
  if (answer.status == 206)
    head += fmt::format("Content-Range: bytes {}-{}/{}\r\n", answer.from, answer.size - 1, answer.size);
  if (!send_all(peer, head + "\r\n") || request.method == "HEAD") return;
  std::unique_lock lock(mutex_);
  std::optional<Interruption> interruption;
  if (const auto found = interruptions_.find(answer.digest); found != interruptions_.end()) {
    interruption = found->second;
    interruptions_.erase(found);
  }
  lock.unlock();
  while (request.sent < answer.body.size()) {
    std::size_t piece = std::min(kPiece, answer.body.size() - request.sent);
    if (interruption) piece = std::min<std::size_t>(piece, interruption->after - request.sent);
    if (!send_all(peer, std::string_view(answer.body).substr(request.sent, piece))) return;
    request.sent += piece;
    if (!interruption || request.sent < interruption->after) continue;
    if (interruption->is_cut) return;
    lock.lock();
    ++holding_;
    changed_.wait(lock, [&, since = let_go_] { return is_closing_ || let_go_ != since; });
    --holding_;
    lock.unlock();
    interruption.reset();
  }
}

}  // namespace kelpie::test
