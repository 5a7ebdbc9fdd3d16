#include "proto/wire/http_client.h"

#include <memory>

#include <curl/curl.h>
#include <fmt/core.h>

namespace kelpie::wire {
namespace {

constexpr long kConnectTimeoutMs = 10'000;  // chosen: a host that does not answer by then is away
constexpr int kErrorStatusMin = 400;

struct EasyCleanup {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;

class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list_); }
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    KELPIE_ASSERT(longer != nullptr);
    list_ = longer;
  }
  [[nodiscard]] curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

/// What curl's write callback needs, and what it decided.
struct Sink {
  CURL* curl = nullptr;
  const std::function<bool(std::string_view)>* on_bytes = nullptr;  // null: collect all
  const std::function<bool()>* on_idle = nullptr;                   // null: not asked
  std::size_t bytes_max = 0;
  std::string collected;
  bool is_over_cap = false;
  bool was_ended_by_caller = false;
};

int status_of(CURL* curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

std::size_t take_bytes(const char* bytes, std::size_t, std::size_t count, void* context) {
  Sink& sink = *static_cast<Sink*>(context);
  if (sink.on_bytes != nullptr && status_of(sink.curl) < kErrorStatusMin) {
    sink.was_ended_by_caller = !(*sink.on_bytes)({bytes, count});
    return sink.was_ended_by_caller ? 0 : count;
  }
  if (count > sink.bytes_max - sink.collected.size()) {
    sink.is_over_cap = true;
    return 0;
  }
  sink.collected.append(bytes, count);
  return count;
}

int take_pause(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  Sink& sink = *static_cast<Sink*>(context);
  sink.was_ended_by_caller = !(*sink.on_idle)();
  return sink.was_ended_by_caller ? 1 : 0;
}

void start_curl() {
  static const CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);
  KELPIE_ASSERT(rc == CURLE_OK);
}

struct UrlCleanup {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

/// Empty: there is no such part.
std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

Result<void> check_request(const HttpRequest& request) {
  KELPIE_TRY(const HttpOrigin origin, parse_origin(request.url));
  for (const auto& [name, value] : request.headers) {
    if (name.find_first_of("\r\n") != std::string::npos || value.find_first_of("\r\n") != std::string::npos) {
      return fail(Code::InvalidArgument, fmt::format("header \"{}\" has a line break", name));
    }
  }
  return {};
}

void set_method(CURL* curl, const HttpRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void set_options(CURL* curl, const HttpRequest& request, const HeaderList& headers, Sink& sink) {
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // other threads are running
  curl_easy_setopt(curl, CURLOPT_PROXY, "");     // what the environment says must not redirect an operator's call
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  if (sink.on_idle != nullptr) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, take_pause);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &sink);
  }
  if (!request.unix_socket.empty()) {
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  }
}

Error error_of(CURLcode rc, const HttpRequest& request, const Sink& sink) {
  const std::string& where = request.unix_socket.empty() ? request.url : request.unix_socket;
  const std::string what = fmt::format("{} {}", request.method, where);
  if (sink.is_over_cap) {
    return {.code = Code::ResourceExhausted,
            .message = fmt::format("{}: answer is over {} bytes", what, sink.bytes_max),
            .reason = {},
            .hint = {}};
  }
  const Code code = rc == CURLE_OPERATION_TIMEDOUT ? Code::DeadlineExceeded
                    : rc == CURLE_URL_MALFORMAT    ? Code::InvalidArgument
                                                   : Code::Unavailable;
  return {.code = code, .message = fmt::format("{}: {}", what, curl_easy_strerror(rc)), .reason = {}, .hint = {}};
}

Result<HttpResponse> perform(const HttpRequest& request, const std::function<bool(std::string_view)>* on_bytes,
                             const std::function<bool()>* on_idle) {
  KELPIE_TRY(check_request(request));
  start_curl();
  const Easy curl(curl_easy_init());
  KELPIE_ASSERT(curl != nullptr);
  HeaderList headers;
  for (const auto& [name, value] : request.headers) headers.add(fmt::format("{}: {}", name, value));
  headers.add("Expect:");  // curl would wait for "100 Continue" before larger bodies
  Sink sink{.curl = curl.get(), .on_bytes = on_bytes, .on_idle = on_idle, .bytes_max = request.response_bytes_max};
  set_method(curl.get(), request);
  set_options(curl.get(), request, headers, sink);
  const CURLcode rc = curl_easy_perform(curl.get());
  if (rc != CURLE_OK && !sink.was_ended_by_caller) return fail(error_of(rc, request, sink));
  const char* content_type = nullptr;
  curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_TYPE, &content_type);
  curl_header* challenge = nullptr;
  const bool is_challenged =
      curl_easy_header(curl.get(), "WWW-Authenticate", 0, CURLH_HEADER, -1, &challenge) == CURLHE_OK;
  return HttpResponse{.status = status_of(curl.get()),
                      .content_type = content_type != nullptr ? content_type : "",
                      .body = std::move(sink.collected),
                      .challenge = is_challenged ? challenge->value : ""};
}

}  // namespace

Result<HttpOrigin> parse_origin(const std::string& url) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" {}", url, why));
  };
  if (!url.starts_with("http://") && !url.starts_with("https://")) return refuse("is no http or https URL");
  const std::unique_ptr<CURLU, UrlCleanup> parsed(curl_url());
  KELPIE_ASSERT(parsed != nullptr);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return refuse("is no http or https URL");
  // "http://127.0.0.1@elsewhere" reads as one host and reaches the other.
  if (!part_of(parsed.get(), CURLUPART_USER).empty() || !part_of(parsed.get(), CURLUPART_PASSWORD).empty()) {
    return refuse("has a user name in it");
  }
  return HttpOrigin{.scheme = part_of(parsed.get(), CURLUPART_SCHEME), .host = part_of(parsed.get(), CURLUPART_HOST)};
}

Result<HttpResponse> http_call(const HttpRequest& request) {
  return perform(request, nullptr, nullptr);
}

Result<HttpResponse> http_stream(const HttpRequest& request, const std::function<bool(std::string_view)>& on_bytes,
                                 const std::function<bool()>& on_idle) {
  return perform(request, &on_bytes, on_idle ? &on_idle : nullptr);
}

}  // namespace kelpie::wire
