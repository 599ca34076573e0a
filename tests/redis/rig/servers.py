"""Real Redis servers on free ports, each in a directory of its own: alone, with replicas and sentinels, in a cluster.

Whatever happens to the tests, no server outlives them: each is a child that the kernel ends with its parent.
"""

import ctypes
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile

import redis

from support.waiting import eventually

HOST = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def free_port():
    """A port that nobody listens at, nor 10,000 above, where a cluster's nodes talk to each other.

    Below what the kernel hands out for outgoing connections: a server that is stopped finds its port free again.
    """
    for _ in range(1000):
        port = random.randrange(12_000, 22_000)
        with socket.socket() as one, socket.socket() as other:
            try:
                for sock, number in ((one, port), (other, port + 10_000)):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    sock.bind((HOST, number))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")


def _end_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Managed:
    """Something with a `start`; for a `with`, which ends it also where it starts badly."""

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self


class Server(Managed):
    """One redis-server process; for a `with`. It can be stopped, killed, paused and started again: what it answered
    to is on disk."""

    def __init__(self, *settings, addresses=HOST, user=None, password=None, tls=None, sentinel=False):
        """`settings` are lines of redis.conf; `user` and `password` are the tests' own, `tls` a directory of
        `certificates`."""
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="splitio-redis-"))
        self._sentinel = sentinel
        self._tls = tls
        self._login = {"username": user, "password": password}
        lines = [
            f"{'tls-port' if tls else 'port'} {self.port}",
            *(["port 0"] if tls else []),
            f"bind {addresses}",
            f"dir {self.directory}",
            f"logfile {self.directory / 'log'}",
        ]
        if not sentinel:
            lines += ['save ""', "appendonly yes", "enable-debug-command yes", "repl-diskless-sync-delay 0"]
        (self.directory / "redis.conf").write_text("\n".join([*lines, *settings]) + "\n")
        self._process = None

    def __exit__(self, *_raised):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def endpoint(self):
        return f"{HOST}:{self.port}"

    @property
    def options(self):
        """Where it is, in the options of a factory."""
        return {"redisHost": HOST, "redisPort": self.port}

    @property
    def running(self):
        return self._process is not None

    def start(self):
        command = ["redis-server", str(self.directory / "redis.conf"), *(["--sentinel"] if self._sentinel else [])]
        self._process = subprocess.Popen(command, preexec_fn=_end_with_parent, stdout=subprocess.DEVNULL)
        eventually(self._answers, f"an answer of {' '.join(command)}")

    def _answers(self):
        if self._process.poll() is not None:
            raise AssertionError((self.directory / "log").read_text())
        try:
            with self.client() as client:
                return client.ping()
        except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
            return False

    def client(self, **arguments):
        """A connection of the tests, to be used by one thread."""
        if self._tls:
            arguments = {
                "ssl": True,
                "ssl_ca_certs": str(self._tls / "ca.pem"),
                "ssl_check_hostname": False,
                **arguments,
            }
            arguments.update(ssl_certfile=str(self._tls / "client.pem"), ssl_keyfile=str(self._tls / "client.key"))
        return redis.Redis(
            HOST, self.port, decode_responses=True, protocol=2, **{**self._login, **arguments, "socket_timeout": 20}
        )

    def stop(self):
        """As an administrator does: what was answered is on disk."""
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, how):
        if self._process is not None:
            self._process.send_signal(how)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(20)
            self._process = None

    def pause(self):
        """From now on connections are made, by the kernel, and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)
        state = pathlib.Path(f"/proc/{self._process.pid}/stat")
        eventually(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "a process that is stopped")

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)

    def catch_up(self):
        """Waits until a replica has taken what its master, which is paused, has sent: between two answers it looks at
        all its connections."""
        with self.client() as client:

            def position():
                return client.info("replication")["slave_repl_offset"]

            eventually(lambda: position() == position(), "a replica in step")


def _pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


class Silent:
    """Accepts connections, and never answers; for a `with`."""

    def __enter__(self):
        self._socket = socket.create_server((HOST, 0), backlog=100)
        self.port = self._socket.getsockname()[1]
        return self

    def __exit__(self, *_raised):
        self._socket.close()

    options = Server.options


class Group(Managed):
    """Servers that belong together."""

    def __init__(self):
        self._all = []

    def _add(self, server):
        self._all.append(server)
        server.start()
        return server

    def __exit__(self, *_raised):
        for server in self._all:
            server.__exit__()


class Replicated(Group):
    """A master and a replica, and three sentinels that watch them by a name; for a `with`."""

    def __init__(self, *settings, service="main", sentinel_settings=(), tls=None, **login):
        self.service = service
        self._settings, self._tls, self._login = settings, tls, login
        self._sentinel_settings = sentinel_settings
        super().__init__()

    def start(self):
        replication = [*self._settings, *(["tls-replication yes"] if self._tls else [])]
        master = self._add(Server(*replication, tls=self._tls, **self._login))
        replica = self._add(Server(*replication, f"replicaof {HOST} {master.port}", tls=self._tls, **self._login))
        self.nodes = [master, replica]
        user, password = self._login.get("user"), self._login.get("password")
        watching = [
            f"sentinel monitor {self.service} {HOST} {master.port} 2",
            *([f"sentinel auth-pass {self.service} {password}"] if password else []),
            *([f"sentinel auth-user {self.service} {user}"] if user else []),
            f"sentinel down-after-milliseconds {self.service} 500",
            f"sentinel failover-timeout {self.service} 2000",
            *(["tls-replication yes"] if self._tls else []),
            *self._sentinel_settings,
        ]
        for node in self.nodes:
            # A sentinel does not promote who was never in step.
            with node.client() as client:
                eventually(
                    lambda c=client: c.info("replication").get("master_link_status", "up") == "up", "the replica"
                )
        login = {}
        for line in self._sentinel_settings:
            if line.startswith("requirepass "):
                login = {"password": line.split()[1]}
        self.sentinels = [self._add(Server(*watching, sentinel=True, tls=self._tls, **login)) for _ in range(3)]
        for sentinel in self.sentinels:
            eventually(lambda s=sentinel: self._complete(s), "sentinels that know each other", 30)

    def _complete(self, sentinel):
        with sentinel.client() as client:
            master = _pairs(client.execute_command("SENTINEL", "MASTER", self.service))
            replicas = [_pairs(replica) for replica in client.execute_command("SENTINEL", "REPLICAS", self.service)]
            in_step = [replica["port"] for replica in replicas if replica["master-link-status"] == "ok"]
            return master["num-other-sentinels"] == "2" and in_step == [str(self.nodes[1].port)]

    @property
    def options(self):
        return {
            "redisSentinels": [(HOST, sentinel.port) for sentinel in self.sentinels],
            "redisMasterService": self.service,
        }

    def master(self):
        """Who is the master at present, by the word of the sentinels that run."""
        sentinel = next(each for each in self.sentinels if each.running)
        with sentinel.client() as client:
            _, port = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)
        return next(node for node in self.nodes if str(node.port) == port)

    def fail_over(self):
        """Makes the replica the master, while the old one lives on as its replica, with all its connections: a sentinel
        would tell it so after eight seconds, in which it takes what is lost then."""
        before = self.master()
        with self.sentinels[-1].client() as client:
            client.execute_command("SENTINEL", "FAILOVER", self.service)
        after = self.wait_for_another_than(before)
        with before.client() as client:
            client.execute_command("REPLICAOF", HOST, after.port)

    def wait_for_another_than(self, before):
        def changed():
            after = self.master()
            if after is before:
                return False
            with after.client() as client:
                return client.role()[0] == "master" and after

        return eventually(changed, "another master", 30)


class Cluster(Group):
    """Three masters, and a replica of the one that has a slot; for a `with`."""

    def __init__(self, slot, *settings, tls=None, **login):
        self.slot = slot
        self._tls, self._login = tls, login
        self._settings = [
            "cluster-enabled yes",
            "cluster-node-timeout 800",
            "cluster-replica-validity-factor 0",
            *settings,
        ]
        super().__init__()

    def start(self):
        for _ in range(4):
            self._add(Server(*self._settings, tls=self._tls, **self._login))
        self.masters, self.replica = self._all[:3], self._all[3]
        bounds = [0, 5461, 10923, 16384]
        clients = [server.client() for server in self._all]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number < 3:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        for server in self._all[1:]:
            clients[0].execute_command("CLUSTER", "MEET", HOST, server.port)
        for client in clients:
            eventually(
                lambda c=client: c.cluster("info")["cluster_known_nodes"] == "4", "nodes that know each other", 20
            )
        owner = next(number for number in range(3) if bounds[number] <= self.slot < bounds[number + 1])
        self.owner = self.masters[owner]
        self._follow()
        for client in clients:
            eventually(lambda c=client: c.cluster("info")["cluster_state"] == "ok", "a cluster that is whole", 20)
        for client in clients:
            client.close()

    def _follow(self):
        """Makes the replica one of the owner, and waits until it is in step."""
        with self.owner.client() as owner, self.replica.client() as replica:
            identity = owner.execute_command("CLUSTER", "MYID")

            def follows():
                try:
                    return replica.execute_command("CLUSTER", "REPLICATE", identity)
                except redis.exceptions.ResponseError:
                    # It has not heard of the owner as a master yet.
                    return False

            def in_step():
                state = replica.info("replication")
                return state["master_port"] == self.owner.port and state["master_link_status"] == "up"

            eventually(follows, "a replica", 20)
            eventually(in_step, "the replica in step", 20)

    @property
    def options(self):
        return {"redisClusterNodes": [(HOST, master.port) for master in self.masters]}

    def client(self):
        """A connection to the owner of the slot."""
        return self.owner.client()

    def begin_migration(self):
        """The slot begins its way to another master: what is not there any more is asked for at the other's."""
        target = next(master for master in self.masters if master is not self.owner)
        with self.owner.client() as source, target.client() as sink:
            self._ids = [client.execute_command("CLUSTER", "MYID") for client in (source, sink)]
            sink.execute_command("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self._ids[0])
            source.execute_command("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self._ids[1])
        self._target = target

    def migrate_keys(self, most=10_000):
        with self.owner.client() as source:
            keys = source.execute_command("CLUSTER", "GETKEYSINSLOT", self.slot, most)
            if keys:
                source.execute_command("MIGRATE", HOST, self._target.port, "", 0, 5000, "KEYS", *keys)
            return len(keys)

    def end_migration(self):
        for server in [self._target, *(master for master in self.masters if master is not self._target)]:
            with server.client() as client:
                client.execute_command("CLUSTER", "SETSLOT", self.slot, "NODE", self._ids[1])
        self.owner = self._target

    def fail_over(self):
        """Kills the master of the slot, whose replica takes over, with all that the master has answered to."""
        self._follow()
        # What was written to the replica's connection still arrives; what only the master saw Redis itself would lose.
        self.owner.pause()
        self.replica.catch_up()
        self.owner.kill()

        def promoted():
            with self.replica.client() as client:
                return client.role()[0] == "master" and client.cluster("info")["cluster_state"] == "ok"

        eventually(promoted, "a new master", 30)
        self.owner = self.replica


def certificates(directory):
    """A private authority, `ca.pem`, and what it vouches for: server.pem for 127.0.0.1 and "redis.test", client.pem for
    a client; other.pem is an authority that vouches for nobody here."""

    def run(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    def new(*arguments):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *arguments)

    for authority in ("ca", "other"):
        new("-x509", "-days", "2", "-subj", f"/CN=The authority {authority}", "-keyout", f"{authority}.key", "-out",
            f"{authority}.pem", "-addext", "basicConstraints=critical,CA:TRUE")  # fmt: skip
    extensions = {
        "server": "subjectAltName=DNS:redis.test,IP:127.0.0.1",
        "named": "subjectAltName=DNS:redis.test",
        "client": "extendedKeyUsage=clientAuth",
    }
    for name, extension in extensions.items():
        new("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (directory / "extension").write_text(extension)
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "extension", "-out", f"{name}.pem")  # fmt: skip
    both = (directory / "client.pem").read_text() + (directory / "client.key").read_text()
    (directory / "client-both.pem").write_text(both)
    return directory


def tls_settings(directory, certificate="server", clients="no"):
    """Lines of redis.conf."""
    return [
        f"tls-cert-file {directory / certificate}.pem",
        f"tls-key-file {directory / certificate}.key",
        f"tls-ca-cert-file {directory / 'ca.pem'}",
        f"tls-auth-clients {clients}",
    ]
