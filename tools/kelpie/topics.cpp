#include "tools/kelpie/topics.h"

#include <array>

namespace kelpie::cli {
namespace {

constexpr std::array kTopics{
    Topic{"selectors", "how to say which devices",
          R"(Devices are named by
  pi-turin-07              their name, or a beginning that only one of them has
  -l site=turin            labels; -l site=turin,tier!=canary: all conditions hold
  fleet/kiosk-eu           everything a fleet selects
  -                        names from stdin, one a line

--where asks for their state; all conditions hold:
  update=failed            up-to-date, updating, out-of-date, failed
  connection!=online       online, offline, never-seen
  health=degraded          healthy, degraded, failed, unknown
  drift=yes                yes, no: not as its release left it
  warning=disk             any, certificates, clock, datastore, disk, inodes, memory, node, pods, power, temperature
  last-seen>24h            a time with ms, s, m, h or d; > or <
Rollouts are asked for by phase=paused and scope!=adhoc.)"},
    Topic{"output", "formats, columns and colours",
          R"(-o table                 for people; drops columns a narrow terminal has no room for
-o wide                  all columns
-o json, -o yaml         everything, as the API gives it; errors too
-o jsonl                 one object a line; while watching {type, seq, object}
-o name                  device/pi-turin-07: for xargs and cut
-o columns=NAME,FLEET    these columns, in this order: the layout scripts may rely on
--sort-by SEEN           by a column; --sort-by -SEEN the other way round
--no-headers             no line of titles

stdout is data, stderr is talk; -q silences the talk. Times are UTC in data and relative in tables.
NO_COLOR, TERM=dumb and --color never switch colours off; without a UTF-8 locale symbols become words.)"},
    Topic{"manifests", "what apply, diff, validate and release create read",
          R"(Documents of YAML, --- between them. All keys: kelpie schema release, kelpie schema fleet.

  kind: Release                        what a device should be; signed, never changes
  name: kiosk
  version: 1.4.0
  microk8s: { channel: 1.32/stable }   1.32-strict/stable on Ubuntu Core
  addons: [dns, hostpath-storage, { name: ingress, state: absent }]
  images: [docker.io/library/nginx:1.27@sha256:...]
  workloads:
    - { name: kiosk, manifest: k8s/kiosk.yaml }
    - { name: nodered, image: "docker.io/nodered/node-red:3.1@sha256:...", port: 1880, expose: NodePort }
  ---
  kind: Fleet                          which devices, their release, and how a rollout goes
  name: kiosk-eu
  selector: region=eu,role=kiosk
  release: kiosk@1.4.0
  policy: { waves: [{ name: canary, size: 2, soak: 2h }, { name: rest, upTo: 100% }] }

Unknown, repeated and misspelt keys are errors with line and column, and nothing is changed.
Nothing starts by itself: apply stores and prints plans; kelpie rollout start signs one and starts it.)"},
    Topic{"exit-codes", "what each exit code means", ""},
    Topic{
        "environment", "variables and files",
        R"(For each setting: flag, then variable, then context, then file, then default. kelpie config show --origin tells.
  KELPIE_HUB             address of the hub: /run/kelpie/hub.sock, https://hub.example:8443
  KELPIE_CONTEXT         name of a context: kelpie context add
  KELPIE_TOKEN_FILE      file with a token, over TCP; never the token itself
  KELPIE_SIGN_KEY        an operator's key file, for commands that sign; its passphrase is asked or in a file
  KELPIE_OUTPUT          as -o
  KELPIE_COLOR           as --color
  KELPIE_PROGRESS        as --progress
  KELPIE_TIMEOUT         as --timeout
  KELPIE_CONFIRM         destruction, or always: ask before every change
  NO_COLOR, TERM, LC_ALL as everywhere
  XDG_CONFIG_HOME        where kelpie/config and kelpie/contexts/ live; else ~/.config
The file holds "name = value" lines: output = wide.)"},
};

}  // namespace

std::span<const Topic> topics() {
  return kTopics;
}

}  // namespace kelpie::cli
