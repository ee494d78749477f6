#include "attest/cbor/cose.h"
