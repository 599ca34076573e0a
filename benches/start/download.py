"""The floor of the start-up bench: fetching and unpacking what an SDK fetches, and nothing else. Usage: download.py URL

Prints what start.c prints: milliseconds, CPU milliseconds, peak memory in KiB.
"""

import gzip
import resource
import sys
import time
import urllib.request

begun, used = time.monotonic(), time.process_time()
for what in ["splitChanges?s=1.3&since=-1&rbSince=-1", "segmentChanges/everybody?since=-1"]:
    headers = {"Authorization": "Bearer bench-key", "Accept-Encoding": "gzip"}
    with urllib.request.urlopen(urllib.request.Request(f"{sys.argv[1]}/api/{what}", headers=headers)) as answer:
        gzip.decompress(answer.read())
took, used = time.monotonic() - begun, time.process_time() - used
print(f"{took * 1000:.0f} {used * 1000:.0f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}")
