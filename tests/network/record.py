"""What an emulator was sent: a line for each request with its endpoint, whether a proxy passed it on, and its status.

Usage: record.py URL CA-FILE list|clear|change

clear also sets definitions back. change waits until somebody streams, and then changes a flag.
"""

import json
import ssl
import sys
import time
import urllib.request


def control(url, authority, method, what="requests", body=None):
    context = ssl.create_default_context(cafile=authority) if url.startswith("https") else None
    handlers = [urllib.request.ProxyHandler({})]
    if context:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/control/{what}", data=data, method=method)
    with urllib.request.build_opener(*handlers).open(request) as answer:
        return json.load(answer)


url, authority, action = sys.argv[1:]
if action == "clear":
    control(url, authority, "POST", "reset")
elif action == "change":
    deadline = time.monotonic() + 20
    while not control(url, authority, "GET", "streams"):
        if time.monotonic() > deadline:
            sys.exit("nobody streams")
        time.sleep(0.05)
    control(url, authority, "POST", "flags/kill", {"name": "checkout_one_page", "treatment": "off"})
else:
    for request in control(url, authority, "GET"):
        # RFC 9110: a proxy that passes a request on says so in Via.
        way = "proxied" if any(name == "via" for name, _ in request["headers"]) else "direct"
        print(request["endpoint"], way, request["status"])
