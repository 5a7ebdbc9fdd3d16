#include "proto/wire/mqtt_bus.h"
