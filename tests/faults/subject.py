"""A factory, over the functions of splitio.h."""

import ctypes
import json
import time

from splitio import _native as library
from support import secrets

KEY = "a-key-of-faults"
PATIENCE_MS = 20_000
# SPLIT_LOG_ERROR
ERROR = 1


class Subject:
    """A factory whose log is kept; for a `with`."""

    def __init__(self, options):
        error = library.Error()
        config = library.config_new()
        assert library.config_merge_json(config, json.dumps(options).encode(), error) == library.OK, error.text()
        assert library.config_enable_queue(config, library.QUEUE_LOGS, 10_000) == library.OK
        self._factory = library.factory_new(KEY.encode(), config, error)
        library.config_free(config)
        assert self._factory, error.text()
        self._lines = []
        self._destroyed = False

    def __enter__(self):
        return self

    def __exit__(self, *_raised):
        if not self._destroyed:
            library.destroy(self._factory, 0)
        library.factory_free(self._factory)

    def wait_ready(self):
        assert library.block_until_ready(self._factory, PATIENCE_MS) == library.OK, self.lines()

    def treatment(self, key, flag):
        answer = library.TREATMENT[False](library.argument(self._factory), key.encode(), flag.encode(), None)
        return ctypes.string_at(answer).decode()

    def track(self, key):
        assert library.track(self._factory, key.encode(), b"user", b"paid", 1.0, None) == library.OK

    def flush(self, timeout_ms=PATIENCE_MS):
        return library.flush(self._factory, timeout_ms)

    def destroy(self, timeout_ms):
        """The status, and how many seconds it took."""
        self._destroyed = True
        begun = time.monotonic()
        status = library.destroy(self._factory, timeout_ms)
        return status, time.monotonic() - begun

    def lines(self):
        """What was logged so far, at the level of warnings: (whether it is an error, message)."""
        while True:
            _, records = library.poll(self._factory, 0, 1000)
            if records is None:
                return self._lines
            assert not secrets.found_in(records.decode()), records
            self._lines += [(line["level"] == ERROR, line["message"]) for line in json.loads(records)]
