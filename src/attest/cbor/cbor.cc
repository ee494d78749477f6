#include "attest/cbor/cbor.h"
