#include "proto/wire/http_client.h"
