#include "tests/real/site.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>

#include <fmt/core.h>

#include "tests/support/child.h"

namespace kelpie::test {
namespace {

constexpr const char* kNsenter = "/usr/bin/nsenter";
constexpr int kBacklog = 16;

/// The namespaces belong to a thread: the test's own stay as they are.
void on_another_thread(const std::function<void()>& act) {
  std::thread(act).join();
}

void require(bool is_done, std::string_view what) {
  if (!is_done) throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

sockaddr_in address_of(const std::string& text, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, text.c_str(), &address.sin_addr);
  return address;
}

bool raise_interface(const Fd& socket, const char* name, const char* address) {
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  const sockaddr_in given = address_of(address, 0);
  std::memcpy(&request.ifr_addr, &given, sizeof(given));
  if (ioctl(socket.get(), SIOCSIFADDR, &request) != 0) return false;
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

/// Of this thread. Empty: done; otherwise what was refused.
std::string enter_new_site(const std::string& folder) {
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return "namespaces of its own";
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "mounts of its own";
  for (const char* const name : {"hosts", "resolv.conf"}) {
    const std::string ours = fmt::format("{}/{}", folder, name);
    if (mount(ours.c_str(), fmt::format("/etc/{}", name).c_str(), nullptr, MS_BIND, nullptr) != 0) return name;
  }
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!raise_interface(socket, "lo", "127.0.0.1") || !raise_interface(socket, "lo:1", kSiteAddress)) return "addresses";
  return {};
}

bool can_make_namespaces() {
  const pid_t child = fork();
  if (child == 0) _exit(unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 ? 0 : 1);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Finished run_quickly(std::vector<std::string> argv) {
  return run({.argv = std::move(argv), .env = {}, .out_file = {}, .err_file = {}, .in_file = {}, .folder = {}});
}

}  // namespace

Site::Site(const std::string& folder, const std::map<std::string, std::string>& hosts) {
  std::string lines = "127.0.0.1 localhost\n";
  for (const auto& [name, address] : hosts) lines += fmt::format("{} {}\n", address, name);
  write_file(folder + "/hosts", lines);
  write_file(folder + "/resolv.conf", "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n");  // no route leads there
  std::string refused;
  on_another_thread([&] {
    refused = enter_new_site(folder);
    network_ = Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    mounts_ = Fd(open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
  });
  require(refused.empty() && network_.is_open() && mounts_.is_open(), "cannot make a site: " + refused);
}

std::vector<std::string> Site::entry() const {
  const auto place = [](const Fd& fd) { return fmt::format("/proc/{}/fd/{}", getpid(), fd.get()); };
  return {kNsenter, "--net=" + place(network_), "--mount=" + place(mounts_)};
}

Fd Site::listen_at(const std::string& address, int port) const {
  Fd socket;
  on_another_thread([&] {
    if (setns(network_.get(), CLONE_NEWNET) != 0) return;
    Fd made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const sockaddr_in at = address_of(address, port);
    if (bind(made.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0) return;
    if (listen(made.get(), kBacklog) == 0) socket = std::move(made);
  });
  return socket;
}

bool Site::mount_small_disk(const std::string& path, std::size_t bytes) const {
  const std::string image = path + ".img";
  write_file(image, "");
  require(truncate(image.c_str(), static_cast<off_t>(bytes)) == 0, "cannot make " + image);
  const Finished made = run_quickly({"/usr/sbin/mkfs.ext4", "-q", "-F", image});
  mkdir(path.c_str(), S_IRWXU);
  std::vector<std::string> argv = entry();
  argv.insert(argv.end(), {"/usr/bin/mount", "-o", "loop", image, path});
  return made.code == 0 && run_quickly(argv).code == 0;
}

std::string why_no_site() {
  if (geteuid() != 0) return "only root can make a site with a network of its own";
  if (access(kNsenter, X_OK) != 0) return "nsenter is not installed: apt-get install util-linux";
  if (!can_make_namespaces()) return "this machine allows no network and mount namespaces";
  return {};
}

}  // namespace kelpie::test
