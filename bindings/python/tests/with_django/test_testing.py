"""django_splitio.testing: treatments that a test sets."""

from __future__ import annotations

import socket

import pytest
from django.test import SimpleTestCase

from django_splitio import get_factory
from django_splitio.testing import treatments


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Nothing in here may need a network."""

    def refused(*_args):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refused)


def test_for_everybody():
    with treatments(checkout="on", banner=("v2", '{"color": "röd"}')):
        client = get_factory().client()
        assert client.get_treatment("ann", "checkout") == "on"
        assert client.get_treatment_with_config("ann", "banner") == ("v2", '{"color": "röd"}')
        assert client.get_treatments("ann", ["checkout", "banner"]) == {"checkout": "on", "banner": "v2"}
        assert client.get_treatment("ann", "another") == "control"
        assert client.explain("ann", "checkout")["treatment"] == "on"


def test_by_key():
    with treatments({"beta": {"ann": "on", "bob": ("late", "{}"), None: "off"}}):
        client = get_factory().client()
        assert [client.get_treatment(key, "beta") for key in ("ann", "bob", "zoe")] == ["on", "late", "off"]
        assert client.get_treatment_with_config("bob", "beta") == ("late", "{}")


@pytest.mark.parametrize("name", ['a"b', "a: b", "- a", "ü", "#a", "{a}", "true", "0"])
def test_any_name(name):
    with treatments({name: {name: ("on", name)}}):
        assert get_factory().client().get_treatment_with_config(name, name) == ("on", name)


def test_inside_another():
    with treatments(first="a", second="a"):
        client = get_factory().client()
        with treatments(second="b", third="b"):
            assert client.get_treatments("k", ["first", "second", "third"]) == {
                "first": "a",
                "second": "b",
                "third": "b",
            }
        assert client.get_treatments("k", ["first", "second", "third"])["third"] == "control"
        assert client.get_treatment("k", "second") == "a"


def test_a_client_that_was_made_before():
    with treatments():
        client, manager = get_factory().client(), get_factory().manager()
        assert manager.split_names() == []
    with treatments(checkout="on"):
        assert client.get_treatment("ann", "checkout") == "on"
        assert manager.split_names() == ["checkout"]
        assert manager.split("checkout").treatments == ["on"]
    assert client.get_treatment("ann", "checkout") == "control"


def test_tracked_events():
    with treatments() as split:
        client = get_factory().client()
        assert client.track("ann", "user", "paid", 9.5, {"currency": "EUR"}) is True
        assert client.track("ann", "user", "seen") is True
        assert client.track("ann", "user", "not valid!") is False
        assert split.events == [("ann", "user", "paid", 9.5, {"currency": "EUR"}), ("ann", "user", "seen", None, None)]


def test_it_ends_with_a_failure():
    with pytest.raises(ZeroDivisionError), treatments(checkout="on"):
        raise ZeroDivisionError
    with treatments():
        assert get_factory().client().get_treatment("ann", "checkout") == "control"


class AsADecorator(SimpleTestCase):
    @treatments(checkout="on")
    def test_once(self):
        assert get_factory().client().get_treatment("ann", "checkout") == "on"

    def test_twice(self):
        @treatments({"checkout": "v2"})
        def ask():
            return get_factory().client().get_treatment("ann", "checkout")

        assert [ask(), ask()] == ["v2", "v2"]
