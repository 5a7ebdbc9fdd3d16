// kelpie key, trust and hub init: keys of people, and what each of them could do.
#include <unistd.h>

#include <cstdlib>

#include <fmt/core.h>

#include "proto/base/ids.h"
#include "tools/kelpie/commands.h"
#include "tools/kelpie/context.h"
#include "tools/kelpie/object.h"
#include "tools/kelpie/sign.h"
#include "tools/kelpie/signing/installation.h"
#include "tools/kelpie/signing/trust_words.h"

namespace kelpie::cli {
namespace {

using google::protobuf::Struct;

constexpr std::string_view kSystemFolder = "/etc/kelpie";

constexpr Flag kNoPassphraseFlag{.name = "no-passphrase", .what = "leave the key open: whoever reads the file has it"};
constexpr Flag kNewPassphraseFlag{.name = "passphrase-file",
                                  .value = "FILE",
                                  .what = "its first line locks the key; else it is asked",
                                  .completes = Completes::Files};

Result<Passphrase> new_passphrase(Invocation& in, std::string_view of) {
  if (in.has("no-passphrase") && in.has("passphrase-file")) {
    return fail(Code::InvalidArgument, "either --passphrase-file or --no-passphrase");
  }
  if (in.has("no-passphrase")) return Passphrase();
  if (in.has("passphrase-file")) return read_passphrase_file(in.value("passphrase-file"));
  Result<Passphrase> asked = ask_new_passphrase(fmt::format("new passphrase of {}", of));
  if (asked || in.screen().can_ask()) return asked;
  Error error = asked.error();
  error.hint = "--passphrase-file FILE, or --no-passphrase";
  return fail(std::move(error));
}

View key_view(const std::string& path, const wire::PublicKey& key) {
  return view_of(object_of("Key", {{"file", path}, {"publicKey", key.hex()}, {"fingerprint", fingerprint_of(key)}}),
                 {Line{{fmt::format("file         {}", path)}}, Line{{fmt::format("public key   {}", key.hex())}},
                  Line{{fmt::format("fingerprint  {}", fingerprint_of(key))}}});
}

Result<View> run_key_new(Invocation& in) {
  const std::string path = in.argument("FILE");
  KELPIE_TRY(const Passphrase passphrase, new_passphrase(in, path));
  SystemEntropy entropy;
  const wire::SigningKey key = wire::SigningKey::generate(entropy);
  KELPIE_TRY(key.save(path, entropy, passphrase.text()));
  View view = key_view(path, key.public_key());
  view.notes.push_back(
      fmt::format("give the public key to whoever makes the installation: kelpie hub init --add-operator NAME={}",
                  key.public_key().hex()));
  return view;
}

Result<View> run_key_show(Invocation& in) {
  const std::string path = in.argument("FILE").empty() ? in.settings().sign_key.value : in.argument("FILE");
  if (path.empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = "key show needs a key file",
                 .reason = {},
                 .hint = "kelpie key show operator/operator.key"});
  }
  KELPIE_TRY(const wire::SigningKey key, load_key(path, [&]() -> Result<Passphrase> {
               if (in.has("passphrase-file")) return read_passphrase_file(in.value("passphrase-file"));
               return ask_passphrase(fmt::format("passphrase of {}", path));
             }));
  return key_view(path, key.public_key());
}

void add_keys(std::vector<Block>& blocks, Struct& object, std::string_view role,
              const std::vector<wire::TrustOperator>& keys) {
  google::protobuf::ListValue& list = *(*object.mutable_fields())[fmt::format("{}s", role)].mutable_list_value();
  for (const wire::TrustOperator& one : keys) {
    blocks.emplace_back(Line{{fmt::format("  {:<10}{}  {}", role, fingerprint_of(one.key), one.person)}});
    list.add_values()->set_string_value(fmt::format("{} {}", fingerprint_of(one.key), one.person));
  }
}

View trust_view(const wire::Trust& trust, bool has_both) {
  Struct object = object_of(
      "Trust",
      {{"name", trust.name}, {"installationId", trust.installation.hex()}, {"version", std::to_string(trust.version)}});
  std::vector<Block> blocks;
  blocks.emplace_back(
      Line{{trust.name, Tone::Strong},
           {fmt::format("   installation {}   version {}", fingerprint(trust.installation.view()), trust.version)}});
  add_keys(blocks, object, "root", trust.roots);
  add_keys(blocks, object, "operator", trust.operators);
  for (const wire::TrustHub& hub : trust.hubs) {
    blocks.emplace_back(Line{{fmt::format("  {:<10}{}  epoch {}", "hub", fingerprint_of(hub.key), hub.epoch)}});
  }
  blocks.emplace_back(Line{{"If a key leaked", Tone::Strong}});
  google::protobuf::ListValue& words = *(*object.mutable_fields())["words"].mutable_list_value();
  for (const std::string& sentence : trust_words(trust)) {
    blocks.emplace_back(Line{{"  " + sentence}});
    words.add_values()->set_string_value(sentence);
  }
  if (has_both) {
    blocks.emplace_back(Line{{"! ", Tone::Warn}, {std::string(kBothFoldersHere)}});
    words.add_values()->set_string_value(std::string(kBothFoldersHere));
  }
  return view_of(std::move(object), std::move(blocks));
}

Result<View> run_trust_show(Invocation& in) {
  const std::string file = in.argument("FILE");
  if (!file.empty()) {
    KELPIE_TRY(const wire::Trust trust, read_trust_file(file));
    return trust_view(trust, has_both_folders(file));
  }
  KELPIE_TRY(const wire::Trust trust, known_trust(in));
  return trust_view(trust, has_both_folders(in.settings().sign_key.value));
}

Result<NewOperator> parse_colleague(const std::string& text) {
  const std::size_t equals = text.find('=');
  const Result<wire::PublicKey> key =
      wire::PublicKey::from_hex(equals == std::string::npos ? std::string() : text.substr(equals + 1));
  if (key && equals != 0) return NewOperator{.key = *key, .person = text.substr(0, equals)};
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("--add-operator \"{}\" is not PERSON=PUBLICKEY", text),
               .reason = {},
               .hint = "the other person runs kelpie key new FILE, which prints the public key"});
}

std::string user_name() {
  const char* user = std::getenv("USER");
  return user != nullptr && *user != '\0' ? user : "operator";
}

Result<NewInstallation> wanted_installation(Invocation& in) {
  const std::string usual = geteuid() == 0 ? std::string(kSystemFolder) : ".";  // where the packaged hub looks
  const std::string given = in.has("dir") ? in.value("dir") : usual;
  const std::string folder = absolute_path(given);
  NewInstallation out;
  out.folder = folder.size() > 1 && folder.back() == '/' ? folder.substr(0, folder.size() - 1) : folder;
  const bool is_system = out.folder == kSystemFolder;
  out.name = in.has("name") ? in.value("name") : "kelpie";
  out.person = in.has("operator") ? in.value("operator") : user_name();
  out.broker = in.has("broker") ? in.value("broker") : "tcp://127.0.0.1:1883";
  out.socket = is_system ? "/run/kelpie/hub.sock" : out.folder + "/hub.sock";
  out.data = is_system ? "/var/lib/kelpie-hub" : out.folder + "/data";
  for (const std::string& one : in.values("add-operator")) {
    KELPIE_TRY(NewOperator colleague, parse_colleague(one));
    out.colleagues.push_back(std::move(colleague));
  }
  return out;
}

Result<View> run_hub_init(Invocation& in) {
  KELPIE_TRY(const NewInstallation wanted, wanted_installation(in));
  KELPIE_TRY(const Passphrase passphrase, new_passphrase(in, "the root and operator keys"));
  SystemEntropy entropy;
  KELPIE_TRY(const MadeInstallation made, make_installation(wanted, passphrase, SystemClock().wall(), entropy));
  View view = trust_view(made.trust, true);
  view.blocks.emplace_back(Line{});
  const auto add = [&](std::string_view what, const std::string& text) {
    view.blocks.emplace_back(Line{{fmt::format("{:<11}", what), Tone::Faint}, {text}});
  };
  add("hub", made.hub_folder + "/: hub.key, trust.klp, hub.conf, mosquitto.conf");
  add("operator", made.operator_folder + "/: root.key, operator.key, trust.klp");
  add("broker", fmt::format("mosquitto -c {}/mosquitto.conf", made.hub_folder));
  if (wanted.folder == kSystemFolder) {
    add("start", fmt::format("chown -R kelpie:kelpie {} && systemctl enable --now kelpie-hub", made.hub_folder));
  } else {
    add("start", fmt::format("kelpie-hub run --config {}/hub.conf", made.hub_folder));
  }
  add("then", fmt::format("kelpie context add {} --hub {} --sign-key {}/operator.key",
                          is_name(wanted.name) ? wanted.name : "lab", wanted.socket, made.operator_folder));
  add("a device",
      fmt::format("kelpie-agent init --trust {}/trust.klp --broker {}", made.operator_folder, wanted.broker));
  if (passphrase.empty()) view.notes.emplace_back("the keys have no passphrase: whoever reads the files has them");
  view.notes.push_back(
      fmt::format("move {} to the operator's own machine, and root.key to a safe place", made.operator_folder));
  return view;
}

}  // namespace

std::vector<Command> key_commands() {
  const api::v1::Role none = api::v1::ROLE_UNSPECIFIED;
  return {
      {.path = "hub init",
       .summary = "Make a new installation: the hub's keys and the operator's, in two folders",
       .details = "hub/ stays on the hub's host, operator/ goes to the operator's machine. Nothing is overwritten.",
       .flags = {{.name = "dir",
                  .value = "DIR",
                  .what = "where; /etc/kelpie for root, here for others, unless given",
                  .completes = Completes::Files},
                 {.name = "name", .value = "NAME", .what = "the installation's name, for people"},
                 {.name = "operator", .value = "PERSON", .what = "whose keys are made; you unless given"},
                 {.name = "add-operator",
                  .value = "PERSON=KEY",
                  .what = "another person's public key; dangerous work then needs two",
                  .is_repeated = true},
                 {.name = "broker", .value = "URL", .what = "tcp://127.0.0.1:1883 unless given"},
                 kNewPassphraseFlag,
                 kNoPassphraseFlag},
       .examples = {"kelpie hub init --name hub.example.net --operator ana",
                    "kelpie hub init --dir lab --no-passphrase"},
       .role = none,
       .run = run_hub_init},
      {.path = "key new",
       .summary = "Make a signing key in a new file",
       .arguments = {{.name = "FILE", .what = "never overwritten", .completes = Completes::Files}},
       .flags = {kNewPassphraseFlag, kNoPassphraseFlag},
       .examples = {"kelpie key new ben.key"},
       .role = none,
       .run = run_key_new},
      {.path = "key show",
       .summary = "Show the public half of a key file",
       .arguments = {{.name = "FILE",
                      .what = "the operator's key unless given",
                      .count = Count::Optional,
                      .completes = Completes::Files}},
       .flags = {kSignKeyFlag, kPassphraseFileFlag},
       .examples = {"kelpie key show operator/operator.key"},
       .role = none,
       .run = run_key_show},
      {.path = "trust show",
       .summary = "Show who may sign what, and who could do what if a key leaked",
       .arguments = {{.name = "FILE",
                      .what = "a trust document; the one beside the operator's key unless given, else the hub's",
                      .count = Count::Optional,
                      .completes = Completes::Files}},
       .examples = {"kelpie trust show", "kelpie trust show operator/trust.klp"},
       .run = run_trust_show},
  };
}

}  // namespace kelpie::cli
