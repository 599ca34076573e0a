"""What an emulator was sent: a line for each request with its endpoint, whether a proxy passed it on, and its status.

Usage: record.py URL CA-FILE list|clear
"""

import json
import ssl
import sys
import urllib.request


def control(url, authority, method):
    context = ssl.create_default_context(cafile=authority) if url.startswith("https") else None
    handlers = [urllib.request.ProxyHandler({})]
    if context:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(f"{url}/control/requests", method=method)
    with urllib.request.build_opener(*handlers).open(request) as answer:
        return json.load(answer)


url, authority, action = sys.argv[1:]
if action == "clear":
    control(url, authority, "DELETE")
else:
    for request in control(url, authority, "GET"):
        # RFC 9110: a proxy that passes a request on says so in Via.
        way = "proxied" if any(name == "via" for name, _ in request["headers"]) else "direct"
        print(request["endpoint"], way, request["status"])
