// The way of an archive to the hub: one PUT over TCP, to this machine's loopback alone until TLS comes.
#pragma once

#include "device-agent/host/host.h"

namespace kelpie::agent {

/// Errors: PermissionDenied when the address is not http://127.x.x.x:PORT/… or http://[::1]:PORT/…; Unavailable;
/// DeadlineExceeded.
[[nodiscard]] Result<UploadReply> put_on_loopback(const Upload& upload);

}  // namespace kelpie::agent
