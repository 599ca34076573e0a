"""TLS to Redis: whom it trusts, and whom it is trusted by."""

import pytest

from rig import seeds, subject
from rig.servers import Server, tls_settings
from rig.subject import Raised


@pytest.fixture(scope="module")
def secure(authority):
    """A server with a certificate for 127.0.0.1 and redis.test."""
    with Server(*tls_settings(authority), tls=authority) as server, server.client() as client:
        seeds.synchronized(client)
        yield server


def answers(sdk):
    assert sdk.treatment("alice", "checkout_v2") == "on"
    assert sdk.track("alice") is True
    sdk.destroy()


def warnings(sdk):
    return [text for level, text in sdk.log() if level == "WARNING"]


@pytest.mark.ours_alone("R12: it verifies nothing by default")
def test_unknown_authority_is_refused_by_default(secure, sdk):
    for asked in ({}, {"redisSslCertReqs": "required"}, {"redisSslCertReqs": "optional"}, {"redisSslCertReqs": None}):
        with pytest.raises(Raised, match=secure.endpoint) as raised:
            sdk.new(**secure.options, redisSsl=True, **asked)
        assert "certificate" in raised.value.text, asked


@pytest.mark.ours_alone("its default")
@pytest.mark.parametrize("none", ["none", 0, False])
def test_unknown_authority_is_accepted_when_nothing_is_asked(none, secure, sdk):
    sdk.new(**secure.options, redisSsl=True, redisSslCertReqs=none)
    assert [text for text in warnings(sdk) if "redisSslCertReqs" in text or "verif" in text]
    answers(sdk)


@pytest.mark.parametrize("asked", ["required", "optional"])
def test_own_authority(asked, secure, authority, sdk, official_only):
    sdk.new(**secure.options, redisSsl=True, redisSslCertReqs=asked, redisSslCaCerts=str(authority / "ca.pem"))
    answers(sdk)
    assert official_only or not warnings(sdk)


@pytest.mark.ours_alone("R12")
def test_own_authority_by_default(secure, authority, sdk):
    sdk.new(**secure.options, redisSsl=True, redisSslCaCerts=str(authority / "ca.pem"))
    answers(sdk)


def test_another_authority_is_refused(secure, authority, sdk):
    with pytest.raises(Raised):
        sdk.new(
            **secure.options, redisSsl=True, redisSslCertReqs="required", redisSslCaCerts=str(authority / "other.pem")
        )


@pytest.fixture(scope="module")
def named(authority):
    """A server whose certificate names redis.test only."""
    with Server(*tls_settings(authority, "named"), tls=authority) as server, server.client() as client:
        seeds.synchronized(client)
        yield server


@pytest.mark.ours_alone("its own way to check names")
def test_wrong_name_is_refused(named, authority, sdk):
    with pytest.raises(Raised, match=named.endpoint):
        sdk.new(**named.options, redisSsl=True, redisSslCaCerts=str(authority / "ca.pem"))
    with pytest.raises(Raised):
        sdk.new(**named.options, redisSsl=True, redisSslCaCerts=str(authority / "ca.pem"), redisSslServerName="x.test")


@pytest.mark.ours_alone("R17")
def test_name_that_is_given(named, authority, sdk):
    sdk.new(**named.options, redisSsl=True, redisSslCaCerts=str(authority / "ca.pem"), redisSslServerName="redis.test")
    answers(sdk)


@pytest.fixture(scope="module")
def demanding(authority):
    """A server that wants to see a client's certificate."""
    with Server(*tls_settings(authority, clients="yes"), tls=authority) as server, server.client() as client:
        seeds.synchronized(client)
        yield server


def test_client_without_certificate(demanding, authority, sdk):
    with pytest.raises(Raised):
        sdk.new(
            **demanding.options, redisSsl=True, redisSslCertReqs="required", redisSslCaCerts=str(authority / "ca.pem")
        )


@pytest.mark.parametrize(
    "files",
    [
        {"redisSslCertfile": "client.pem", "redisSslKeyfile": "client.key"},
        {"redisSslCertfile": "client-both.pem"},
    ],
)
def test_client_with_certificate(files, demanding, authority, sdk):
    sdk.new(**demanding.options, redisSsl=True, redisSslCertReqs="required", redisSslCaCerts=str(authority / "ca.pem"),
            **{name: str(authority / file) for name, file in files.items()})  # fmt: skip
    answers(sdk)


@pytest.mark.ours_alone("its errors are others")
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"redisSslKeyfile": "client.key"}, "redisSslCertfile|redisSslKeyfile"),
        ({"redisSslCaCerts": "nowhere.pem"}, "redisSslCaCerts"),
        ({"redisSslCaCerts": "empty.pem"}, "redisSslCaCerts"),
        ({"redisSslCertfile": "nowhere.pem"}, "redisSslCertfile"),
        ({"redisSslCertfile": "client.pem", "redisSslKeyfile": "empty.pem"}, "redisSslKeyfile"),
        ({"redisSslCertReqs": "sometimes"}, "redisSslCertReqs"),
    ],
)
def test_unusable_options(options, named, secure, authority, sdk):
    (authority / "empty.pem").write_text("")
    files = {
        name: str(authority / value) if value.endswith((".pem", ".key")) else value for name, value in options.items()
    }
    with pytest.raises(Raised, match=named):
        sdk.new(**secure.options, redisSsl=True, **files)


@pytest.mark.ours_alone("its errors are others")
def test_server_without_tls(server, client, authority, sdk):
    with pytest.raises(Raised, match=server.endpoint):
        sdk.new(
            **server.options,
            redisSsl=True,
            redisSslCaCerts=str(authority / "ca.pem"),
            redisSocketTimeout=1,
            redisSocketConnectTimeout=1,
        )
    assert sdk.seconds < 3


@pytest.mark.ours_alone("it has no B16")
def test_no_trust_store_is_needed_without_tls(server, client, monkeypatch, tmp_path):
    """A slim image has no certificates: plain Redis has no use for them (B16)."""
    seeds.synchronized(client)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with subject.ours() as slim:
        slim.new(**server.options)
        answers(slim)
