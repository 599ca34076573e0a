"""Forked children have connections of their own: nobody reads another's answers, and nothing is pushed twice."""

import collections
import json
import os
import signal
import threading
import time

import pytest

from rig import records, seeds
from rig.servers import Server, tls_settings
from support.emulated import destroy
from support.waiting import eventually

WORKERS = 8


@pytest.fixture
def named_flags(client):
    """Flags whose treatment is their name."""
    names = [f"flag_{number}" for number in range(50)]
    seeds.put_flags(client, *(seeds.flag(name, name) for name in names))
    return names


class Children:
    """Forked processes, each of which does something and says what came of it."""

    def __init__(self, count, work):
        self._readers = []
        self._processes = []
        for number in range(count):
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    os.close(reader)
                    with os.fdopen(writer, "w") as answer:
                        json.dump(work(number), answer)
                    status = 0
                finally:
                    os._exit(status)
            os.close(writer)
            self._readers.append(reader)
            self._processes.append(child)

    def answers(self, seconds=60):
        """What each said, once all have ended well."""
        said = []
        killer = threading.Timer(seconds, lambda: [os.kill(child, signal.SIGKILL) for child in self._processes])
        killer.daemon = True
        killer.start()
        for reader in self._readers:
            with os.fdopen(reader) as answer:
                said.append(answer.read())
        statuses = [os.waitpid(child, 0)[1] for child in self._processes]
        killer.cancel()
        assert statuses == [0] * len(statuses)
        return [json.loads(text) for text in said]


def test_each_record_of_eight_workers_arrives_once(server, factory_of, named_flags, client):
    factory = factory_of(server, impressionsMode="DEBUG", redisLocalCacheTTL=1)
    split = factory.client()
    assert split.get_treatment("parent", "flag_0") == "flag_0"
    assert split.track("parent", "user", "clicked")

    def work(worker):
        for number in range(200):
            assert split.get_treatment(f"{worker}-{number}", "flag_0") == "flag_0"
            assert split.track(f"{worker}-{number}", "user", "clicked")
        destroy(factory)
        return split.get_treatment("late", "flag_0")

    children = Children(WORKERS, work)
    assert split.get_treatment("parent again", "flag_0") == "flag_0"
    assert children.answers() == ["control"] * WORKERS
    assert split.track("parent again", "user", "clicked")
    destroy(factory)
    expected = [f"{worker}-{number}" for worker in range(WORKERS) for number in range(200)] + ["parent", "parent again"]
    left = records.Left(client)
    assert sorted(key for key, _ in left.impressions_of("flag_0")) == sorted(expected)
    assert sorted(left.keys_of_events()) == sorted(expected)
    assert left.measured() == {"treatment": len(expected), "track": len(expected)}


def test_buffers_are_not_inherited(server, factory_of, named_flags, client):
    """What the parent has counted, collected or not pushed yet is the parent's: children begin with nothing of it."""
    seeds.put_flags(client, seeds.flag("counted", impressionsDisabled=True))
    factory = factory_of(server)
    split = factory.client()
    for _ in range(3):
        assert split.get_treatment("ann", "flag_0") == "flag_0"
    assert split.get_treatment("ann", "counted") == "on"

    def work(worker):
        assert split.get_treatment(f"child-{worker}", "counted") == "on"
        destroy(factory)
        return True

    assert Children(4, work).answers() == [True] * 4
    destroy(factory)
    left = records.Left(client)
    assert left.counted() == {"flag_0": 2, "counted": 5}
    assert left.unique() == {"counted": {"ann", *(f"child-{number}" for number in range(4))}}
    assert collections.Counter(key for one in left.unique_keys for key in one["ks"]) == collections.Counter(
        ["ann", *(f"child-{number}" for number in range(4))]
    )


def test_nobody_reads_answers_of_another(server, factory_of, named_flags):
    """Parent and children ask at the same time, 10,000 times each, for flags whose treatment is their name."""
    factory = factory_of(server, redisLocalCacheEnabled=False, impressionsMode="NONE")
    split = factory.client()
    assert split.get_treatment("ann", "flag_0") == "flag_0"

    def ask(process):
        wrong = []
        for number in range(10_000):
            name = named_flags[(number * 7 + process) % len(named_flags)]
            answer = split.get_treatment("ann", name)
            if answer != name:
                wrong.append([name, answer])
        return wrong

    children = Children(WORKERS, ask)
    assert ask(WORKERS) == []
    assert children.answers() == [[]] * WORKERS


def test_fork_amid_calls(server, factory_of, named_flags):
    """Other threads of the parent are in the middle of calls when it forks."""
    factory = factory_of(server, redisLocalCacheEnabled=False, impressionsMode="NONE")
    split = factory.client()
    stop, wrong = threading.Event(), []

    def ask(thread):
        number = thread
        while not stop.is_set():
            name = named_flags[number % len(named_flags)]
            if (answer := split.get_treatment("ann", name)) != name:
                wrong.append([name, answer])
            number += 1

    def work(worker):
        return [split.get_treatment("ann", named_flags[(worker + number) % len(named_flags)]) for number in range(100)]

    threads = [threading.Thread(target=ask, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for worker in range(10):
            (answers,) = Children(1, lambda _, worker=worker: work(worker)).answers()
            assert answers == [named_flags[(worker + number) % len(named_flags)] for number in range(100)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_child_without_resume(server, factory_of, named_flags, client):
    """resumeOnFork off: until `resume` nothing is read and nothing is written."""
    factory = factory_of(server, resumeOnFork=False, redisLocalCacheEnabled=False, impressionsMode="DEBUG")
    split = factory.client()
    assert split.get_treatment("parent", "flag_0") == "flag_0"

    def work(_worker):
        first = [split.get_treatment("early", "flag_0"), split.track("early", "user", "clicked")]
        factory.resume()
        then = [split.get_treatment("child", "flag_0"), split.track("child", "user", "clicked")]
        destroy(factory)
        return [*first, *then]

    assert Children(1, work).answers() == [["control", False, "flag_0", True]]
    left = records.Left(client)
    assert left.impressions_of() == [("parent", "flag_0"), ("child", "flag_0")]
    assert left.keys_of_events() == ["child"]


def test_preforked_master(server, factory_of, named_flags, client):
    factory = factory_of(server, preforkedInitialization=True, impressionsMode="DEBUG")
    split = factory.client()

    def work(worker):
        factory.resume()
        factory.block_until_ready(5)
        answer = split.get_treatment(f"child-{worker}", "flag_1")
        destroy(factory)
        return answer

    assert Children(3, work).answers() == ["flag_1"] * 3
    assert sorted(key for key, _ in records.Left(client).impressions_of("flag_1")) == ["child-0", "child-1", "child-2"]


def test_child_leaves_the_parents_connections_alone(server, factory_of, named_flags, client):
    """A child that ends without having used the factory, or having used it, closes nothing of the parent's."""
    factory = factory_of(server, redisLocalCacheEnabled=False, impressionsMode="NONE")
    split = factory.client()
    assert split.get_treatment("ann", "flag_0") == "flag_0"
    ours = {one["id"] for one in client.client_list() if one["cmd"] in ("mget", "hincrby", "hset", "hlen", "expire")}
    assert ours
    assert Children(2, lambda worker: worker and split.get_treatment("ann", "flag_2")).answers() == [0, "flag_2"]
    assert split.get_treatment("ann", "flag_1") == "flag_1"
    now = {one["id"] for one in client.client_list()}
    assert ours <= now
    # Those of the children are gone with them.
    eventually(lambda: len(client.client_list()) <= len(ours) + 1, "connections that are closed")


def test_connections_with_tls(authority, factory_of):
    """A child must not say goodbye on the parent's connection, or go on where the parent's cipher stands."""
    names = [f"flag_{number}" for number in range(10)]
    with Server(*tls_settings(authority), tls=authority) as server, server.client() as client:
        seeds.put_flags(client, *(seeds.flag(name, name) for name in names))
        trusted = {"redisSsl": True, "redisSslCaCerts": str(authority / "ca.pem")}
        factory = factory_of(server, **trusted, redisLocalCacheEnabled=False, impressionsMode="NONE")
        split = factory.client()
        assert split.get_treatment("ann", "flag_0") == "flag_0"

        def work(worker):
            answers = [split.get_treatment("ann", name) for name in names]
            if worker % 2:
                destroy(factory)
            return answers

        opened = client.info("stats")["total_connections_received"]
        children = Children(4, work)
        assert [split.get_treatment("ann", name) for name in names] == names
        assert children.answers() == [names] * 4
        assert [split.get_treatment("ann", name) for name in names] == names
        # The parent goes on with the one that it had: the others are the children's, one or two each.
        assert 4 <= client.info("stats")["total_connections_received"] - opened <= 8
        destroy(factory)


def test_children_while_redis_is_away(server, factory_of, named_flags, client):
    """A child that cannot reach Redis at its first use answers, and works when Redis is back."""
    factory = factory_of(server, redisLocalCacheEnabled=False)
    split = factory.client()
    assert split.get_treatment("ann", "flag_0") == "flag_0"
    go, answered = os.pipe(), os.pipe()

    def work(_worker):
        began = time.monotonic()
        away = (
            split.get_treatment("ann", "flag_0"),
            split.track("child", "user", "clicked"),
            time.monotonic() - began < 2,
        )
        os.write(answered[1], b".")
        os.read(go[0], 1)
        eventually(lambda: split.get_treatment("ann", "flag_0") == "flag_0", "an answer")
        destroy(factory)
        return away

    server.stop()
    try:
        children = Children(1, work)
        assert os.read(answered[0], 1) == b"."
    finally:
        server.start()
    os.write(go[1], b".")
    assert children.answers() == [["control", True, True]]
    eventually(lambda: records.Left(client).keys_of_events() == ["child"], "the event of the child")
