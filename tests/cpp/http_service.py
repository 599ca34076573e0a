"""Runs examples/cpp/http_service.cpp as a load balancer and two users see it: http_service.py PROGRAM DIRECTORY."""

import signal
import subprocess
import sys
import urllib.error
import urllib.request

SECONDS = 30


def ask(url, **options):
    with urllib.request.urlopen(urllib.request.Request(url, **options), timeout=SECONDS) as answer:
        return answer.status, answer.read().decode()


def main(program, directory):
    service = subprocess.Popen([program, directory, "0"], stdout=subprocess.PIPE, text=True)
    try:
        url = service.stdout.readline().split()[-1]
        assert ask(url + "/healthz")[0] == 200

        _, ann = ask(url + "/checkout?user=ann&cart=10")
        _, mia = ask(url + "/checkout?user=mia&cart=75")
        assert "one-page" in ann and '"layout":"single"' in ann, ann
        assert "step 1 of 4" in mia and '"layout":"classic"' in mia, mia
        assert "free shipping" not in ann and "free shipping" in mia, (ann, mia)
        _, nobody = ask(url + "/checkout")
        assert "step 1 of 4" in nobody, nobody

        assert ask(url + "/paid?user=ann&amount=49.90", method="POST", data=b"")[0] == 204
        try:
            ask(url + "/paid?amount=49.90", method="POST", data=b"")
            raise AssertionError("an event without a key was accepted")
        except urllib.error.HTTPError as refused:
            assert refused.code == 400, refused

        service.send_signal(signal.SIGTERM)
        said, _ = service.communicate(timeout=SECONDS)
        assert said == "ended in order\n", said
        assert service.returncode == 0, service.returncode
    finally:
        if service.poll() is None:
            service.kill()


main(*sys.argv[1:])
