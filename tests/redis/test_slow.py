"""A Redis that is slow and healthy is not taken for one that is silent."""

import time

from rig import records, seeds
from rig.proxy import Proxy
from support.emulated import destroy
from support.waiting import eventually

TIMEOUT = 0.6


def test_each_record_arrives_once(server, factory_of, client):
    """Reading for a call by flag set takes two answers, after which there is no time for a third."""
    seeds.put_flags(client, seeds.flag("slow", sets=["backend"]))
    with Proxy(server) as proxy:
        factory = factory_of(
            server,
            **proxy.options,
            redisSocketTimeout=TIMEOUT,
            redisLocalCacheEnabled=False,
            impressionsMode="DEBUG",
        )
        split = factory.client()
        assert split.get_treatment("warm", "slow") == "on"
        proxy.held = 0.85 * TIMEOUT
        for number in range(2):
            assert split.get_treatments_by_flag_set(f"key-{number}", "backend") == {"slow": "on"}
            # The next call finds a connection at rest: making one takes an answer, too.
            eventually(lambda so_far=number + 2: client.llen("SPLITIO.impressions") >= so_far, "the record")
            time.sleep(TIMEOUT)
        destroy(factory)
    expected = [("warm", "on"), *((f"key-{number}", "on") for number in range(2))]
    assert records.Left(client).impressions_of("slow") == expected
