#include "tools/kelpie/context.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <array>

#include <fmt/core.h>

#include "proto/base/ids.h"
#include "proto/base/options.h"
#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

std::string contexts_folder(const std::string& config_dir) {
  return config_dir + "/contexts";
}

std::string file_of(const std::string& config_dir, const std::string& name) {
  return fmt::format("{}/{}", contexts_folder(config_dir), name);
}

Error cannot(std::string_view what, const std::string& path) {
  return {.code = Code::Unavailable, .message = fmt::format("cannot {} \"{}\": {}", what, path, std::strerror(errno))};
}

/// Whole or not at all: written beside it and renamed.
Result<void> write_whole(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  std::ofstream file(fresh, std::ios::trunc);
  file << text;
  file.close();
  if (!file || rename(fresh.c_str(), path.c_str()) != 0) return fail(cannot("write", path));
  return {};
}

}  // namespace

std::string config_folder() {
  const char* xdg = std::getenv("XDG_CONFIG_HOME");
  if (xdg != nullptr && *xdg == '/') return std::string(xdg) + "/kelpie";
  const char* home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? std::string(home) + "/.config/kelpie" : std::string();
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  return path.empty() ? path : std::filesystem::absolute(path, error).lexically_normal().string();
}

std::vector<std::string> context_names(const std::string& config_dir) {
  std::vector<std::string> out;
  std::error_code error;
  std::filesystem::directory_iterator at(contexts_folder(config_dir), error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (is_name(name)) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<Context> load_context(const std::string& config_dir, const std::string& name) {
  std::ifstream file(file_of(config_dir, name));
  if (!is_name(name) || !file) {
    return fail(
        {.code = Code::NotFound,
         .message = fmt::format("there is no context \"{}\"{}", name, did_you_mean(name, context_names(config_dir))),
         .reason = "CONTEXT_UNKNOWN",
         .hint = "kelpie context list"});
  }
  std::stringstream text;
  text << file.rdbuf();
  Context out;
  const std::array options{Option{"hub", &out.hub, "ADDRESS", ""}, Option{"token-file", &out.token_file, "FILE", ""},
                           Option{"sign-key", &out.sign_key, "FILE", ""}, Option{"confirm", &out.confirm, "WORD", ""}};
  Result<void> read = read_config(text.str(), options);
  if (!read) return fail(with_context(read.error(), file_of(config_dir, name)));
  return out;
}

Result<void> save_context(const std::string& config_dir, const std::string& name, const Context& context) {
  std::string text = fmt::format("hub = {}\n", context.hub);
  if (!context.token_file.empty()) text += fmt::format("token-file = {}\n", context.token_file);
  if (!context.sign_key.empty()) text += fmt::format("sign-key = {}\n", context.sign_key);
  if (!context.confirm.empty()) text += fmt::format("confirm = {}\n", context.confirm);
  return write_whole(file_of(config_dir, name), text);
}

Result<void> remove_context(const std::string& config_dir, const std::string& name) {
  KELPIE_TRY(const Context known, load_context(config_dir, name));
  if (unlink(file_of(config_dir, name).c_str()) != 0) return fail(cannot("remove", file_of(config_dir, name)));
  if (current_context(config_dir) != name) return {};
  if (unlink((config_dir + "/current-context").c_str()) != 0) {
    return fail(cannot("remove", config_dir + "/current-context"));
  }
  return {};
}

std::string current_context(const std::string& config_dir) {
  std::ifstream file(config_dir + "/current-context");
  std::string out;
  std::getline(file, out);
  return out;
}

Result<void> use_context(const std::string& config_dir, const std::string& name) {
  KELPIE_TRY(const Context known, load_context(config_dir, name));
  return write_whole(config_dir + "/current-context", name + "\n");
}

}  // namespace kelpie::cli
