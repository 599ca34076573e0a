"""Split's own SDK for Python in the start-up bench. Usage: start.py URL KEY FLAG

Prints what start.c prints: milliseconds to ready, CPU milliseconds of that, peak memory in KiB.
"""

import os
import resource
import sys
import time

from splitio import get_factory

url, key, flag = sys.argv[1:]
options = {
    "streamingEnabled": False,
    "impressionsMode": "NONE",
    # In milliseconds: not what is measured here may fail.
    "connectionTimeout": 120_000,
    "readTimeout": 120_000,
}
begun = time.monotonic()
used = time.process_time()
base = url + "/api"
factory = get_factory(
    "bench-key",
    config=options,
    sdk_api_base_url=base,
    events_api_base_url=base,
    auth_api_base_url=base,
    telemetry_api_base_url=base,
    streaming_api_base_url=url,
)
factory.block_until_ready(300)
took, used = time.monotonic() - begun, time.process_time() - used
treatment = factory.client().get_treatment(key, flag)
if treatment != "on":
    sys.exit(f"{flag} is {treatment}")
print(f"{took * 1000:.0f} {used * 1000:.0f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}", flush=True)
# Nothing is left to be sent, and its threads take their time.
os._exit(0)
