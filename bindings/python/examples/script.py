"""Asks for a treatment and ends.

python script.py ann
"""

import sys
import threading

from settings import CONFIG, SDK_KEY

from splitio import get_factory
from splitio.exceptions import TimeoutException


def main(user):
    factory = get_factory(SDK_KEY, config=CONFIG)
    try:
        factory.block_until_ready(5)
    except TimeoutException:
        print("not ready: every treatment is control", file=sys.stderr)

    client = factory.client()
    treatment, config = client.get_treatment_with_config(user, "new_checkout", {"plan": "pro"})
    client.track(user, "user", "asked")
    print(f"{user}: {treatment} {config}")

    # What was recorded is sent before this is set.
    done = threading.Event()
    factory.destroy(done)
    done.wait()


if __name__ == "__main__":
    main(sys.argv[1])
