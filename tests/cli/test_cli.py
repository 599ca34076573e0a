"""The program `splitio`, as a shell runs it: what it says, where, and what it ends with.

Usage: test_cli.py PROGRAM EMULATOR    (the last line is "N passed, M failed")
"""

import json
import os
import pty
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ROOT / "tests/c/data/flags.json"
SHOP = ["--file", str(FLAGS), "--segments", str(ROOT / "tests/c/data/segments")]
PROGRAM, EMULATOR = sys.argv[1:3]
KEY = "an-sdk-key-that-nobody-may-see"
SECRETS = (ROOT / "tests/secrets.txt").read_text().splitlines()
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TERM": "xterm"}


def run(*words, status=0, environment=None, given="", where=None):
    """What it writes. Never a secret."""
    found = subprocess.run(
        [PROGRAM, *words],
        env={**ENVIRONMENT, **(environment or {})},
        input=given,
        cwd=where,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = f"{words}\n{found.stdout}\n{found.stderr}"
    assert found.returncode == status, f"{found.returncode} instead of {status}: {said}"
    assert not any(secret in found.stdout + found.stderr for secret in SECRETS), said
    return found


def rows(*words, **more):
    return [json.loads(line) for line in run(*words, **more).stdout.splitlines()]


def on_a_terminal(*words, **environment):
    """What a terminal gets."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execve(PROGRAM, [PROGRAM, *words], {**ENVIRONMENT, **environment})
        finally:
            os._exit(127)
    said = b""
    try:
        while chunk := os.read(terminal, 4096):
            said += chunk
    except OSError:  # the other side is closed
        pass
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0, said
    return said.decode().replace("\r\n", "\n")


def eventually(holds, what):
    until = time.monotonic() + 30
    while not (found := holds()):
        assert time.monotonic() < until, what
        time.sleep(0.02)
    return found


class Scratch(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)

    def file(self, name, text):
        """Put there at once, for who follows it."""
        path = self.directory / name
        beside = self.directory / (name + ".new")
        beside.write_text(text)
        beside.rename(path)
        return str(path)


class Usage(Scratch):
    def test_each_command_has_help(self):
        general = run("--help").stdout
        self.assertEqual(general, run("help").stdout)
        for command in ("evaluate", "explain", "flags", "watch", "check"):
            self.assertIn(f"  {command} ", general)
            own = run(command, "--help").stdout
            self.assertIn(f"usage: splitio {command} ", own)
            self.assertEqual(own, run("help", command).stdout)
            # A promise of the manual.
            manual = (ROOT / "cli/splitio.1").read_text().replace("\\-", "-")
            for option in re.findall(r"^  (--[a-z-]+)", own, re.M):
                self.assertIn(option, manual, command)

    def test_versions(self):
        version = re.search(r'#define SPLIT_VERSION "(.*)"', (ROOT / "include/splitio.h").read_text())[1]
        found = run("--version")
        self.assertEqual((found.stdout, found.stderr), (f"splitio {version}, with libsplitio {version}\n", ""))
        self.assertIn("splitio --version", run("--help").stdout)

    def test_what_makes_no_sense_is_refused(self):
        cases = [
            ([], "a command is missing"),
            (["evaluat"], "there is no command evaluat"),
            (["flags", "--sett", "x"], "there is no option --sett"),
            (["flags", "--key", "x"], "flags has no option --key"),
            (["flags", "--version"], "flags has no option --version"),
            (["--version=2"], "--version takes no value"),
            (["flags", "x"], "flags takes no names: x"),
            (["evaluate", "x", *SHOP], "evaluate needs --key"),
            (["evaluate", "--key", "ann", *SHOP], "needs the name of a flag, or --set"),
            (["explain", "a", "b", "--key", "ann", *SHOP], "needs the name of one flag"),
            (["explain", "a", "--key"], "--key needs a value: KEY"),
            (["check"], "check needs one file"),
            (["flags", "--json=yes", *SHOP], "--json takes no value"),
            (["flags", "--json", "--text", *SHOP], "exclude each other"),
            (["flags", "--file", "x", "--redis", "y"], "--file excludes --redis"),
            (["flags", "--segments", "x"], "--segments goes with --file"),
            (["flags", "--timeout", "soon", *SHOP], "soon is not a number of seconds"),
            (["flags", "--timeout", "-1", *SHOP], "-1 is not a number of seconds"),
            (["flags"], "where from?"),
            (["flags", "--sdk-key-file", "/nonexistent"], "/nonexistent: No such file"),
            (["watch", "--redis", "127.0.0.1:1"], "Redis does not tell of changes"),
            (["watch", "--file", "flags.yaml"], "flags.yaml: only JSON files are followed"),
            (["flags", "--config", self.file("c.json", '{"featureRefreshRate": 5}'), *SHOP], "featuresRefreshRate"),
            (["evaluate", "x", "--key", "a", "--attributes", "@/nonexistent", *SHOP], "/nonexistent: No such file"),
        ]
        for words, expected in cases:
            with self.subTest(words=words):
                found = run(*words, status=2)
                self.assertIn(expected, found.stderr)
                self.assertEqual(found.stdout, "")

    def test_an_sdk_key_is_no_argument(self):
        for words in (["--sdk-key", KEY], [f"--sdk-key={KEY}"], [f"--api-key={KEY}"]):
            self.assertIn("SPLIT_SDK_KEY", run("flags", *words, status=2).stderr)

    def test_names_may_begin_with_a_hyphen(self):
        self.assertEqual(rows("evaluate", "--key=ann", *SHOP, "--", "--x", status=1)[0]["flag"], "--x")


class Evaluate(Scratch):
    def test_it_answers_as_an_evaluation_does(self):
        names = [flag["name"] for flag in rows("flags", *SHOP)]
        for key in ("ann", "carl", "dora"):
            question = [*names, "--key", key, "--attributes", '{"age": 30, "version": "2.0.0"}', *SHOP]
            answers = rows("evaluate", *question, status=1)  # one of the flags depends on itself
            recorded = rows("evaluate", "--record", *question, status=1)
            self.assertEqual(len(answers), 15)
            for answer, same in zip(answers, recorded, strict=True):
                self.assertEqual(answer, same)

    def test_text_is_for_people(self):
        said = run("evaluate", "checkout", "dead", "--key", "ann", "--text", *SHOP).stdout
        self.assertEqual(
            said, 'checkout  on  (whitelisted)\n  config: {"color":"red"}\ndead  stopped  (killed)\n  config: why\n'
        )

    def test_a_terminal_obeys_no_name(self):
        said = run("evaluate", "a\u009b2J\u202eb\u2066c\x1b[2Jé", "--key", "ann", "--text", *SHOP, status=1).stdout
        self.assertIn("a?2J?b?c?[2Jé  control", said)

    def test_the_flags_of_a_set(self):
        answers = rows("evaluate", "--set", "shop", "--key", "dora", *SHOP)
        self.assertEqual({a["flag"]: a["treatment"] for a in answers}, {"checkout": "off", "staff_tools": "on"})
        found = run("evaluate", "--set", "nothing", "--key", "dora", *SHOP, status=1)
        self.assertEqual((found.stdout, found.stderr), ("", "splitio: no flag is in these sets\n"))

    def test_a_bucketing_key_and_attributes_from_elsewhere(self):
        def treatment(*more, **given):
            return rows("evaluate", *more, *SHOP, **given)[0]["treatment"]

        self.assertEqual(treatment("rollout", "--key", "user-1"), "off")
        self.assertEqual(treatment("rollout", "--key", "user-1", "--bucketing-key", "user-2"), "on")
        attributes = '{"age": 17}'
        self.assertEqual(treatment("adults", "--key", "ann", "--attributes", '{"age": 18}'), "yes")
        self.assertEqual(treatment("adults", "--key", "ann", "--attributes", "@-", given=attributes), "no")
        path = self.file("attributes.json", attributes)
        self.assertEqual(treatment("adults", "--key", "ann", "--attributes", f"@{path}"), "no")

    def test_what_was_not_evaluated_shows(self):
        for flag, status in (("unknown", "unknown_flag"), ("loop", "failed")):
            (answer,) = rows("evaluate", flag, "--key", "ann", *SHOP, status=1)
            self.assertEqual((answer["treatment"], answer["status"]), ("control", status))
        (answer,) = rows("evaluate", "checkout", "--key", "ann", "--attributes", "[]", *SHOP, status=1)
        self.assertEqual(answer["status"], "invalid")


class Explain(Scratch):
    def test_json_is_the_account(self):
        (account,) = rows("explain", "adults", "--key", "ann", "--attributes", '{"age": 30}', *SHOP)
        self.assertEqual((account["treatment"], account["evaluation"]["decided_by"]), ("yes", "condition"))

    def test_text_tells_the_whole_story(self):
        said = run("explain", "gated", "--key", "carl", "--text", *SHOP).stdout
        expected = """gated serves closed to carl
  label: prerequisites not met
  change: 16
  flag gated serves closed: a prerequisite does not hold
    no   prerequisite: flag banner serves red, wanted blue
      flag banner serves red: a condition matched
"""
        self.assertTrue(said.startswith(expected), said)
        said = run("explain", "adults", "--key", "a", "--attributes", '{"age": "x\\u001b[31m"}', "--text", *SHOP).stdout
        self.assertIn(
            '    no   condition "age >= 18" (ROLLOUT)\n'
            '      no   GREATER_THAN_OR_EQUAL_TO: attribute age is "x\\u001b[31m", wanted at least 18\n',
            said,
        )
        self.assertNotIn("\x1b", said)
        self.assertRegex(said, r"\n    bucket \d+ \(murmur3, seed -605938843\): 1 to 100 get no\n")

    def test_no_step_is_shown_as_json(self):
        for flag in rows("flags", *SHOP):
            status = 1 if flag["name"] == "loop" else 0
            said = run("explain", flag["name"], "--key", "dora", "--text", *SHOP, status=status).stdout
            self.assertNotIn('"step"', said)

    def test_an_unknown_flag_has_no_steps(self):
        said = run("explain", "unknown", "--key", "ann", "--text", *SHOP, status=1).stdout
        self.assertEqual(
            said,
            "unknown serves control to ann\n  status: unknown_flag\n  label: definition not found\n  change: -1\n",
        )


class Documented(Scratch):
    """What the documentation shows of the program."""

    DATA = ROOT / "tests/c/data"

    def test_the_session_of_cli_md(self):
        (session,) = re.findall(r"^```\n(\$ splitio .*?)^```$", (ROOT / "docs/cli.md").read_text(), re.M | re.S)
        commands = re.findall(r"^\$ splitio (.*)\n((?:[^$].*\n)*)", session, re.M)
        self.assertEqual(len(commands), session.count("$ splitio"))
        for command, said in commands:
            with self.subTest(command):
                self.assertEqual(run(*shlex.split(command), "--text", where=self.DATA).stdout, said)

    def test_the_account_of_explain_md(self):
        command, text = re.search(
            r"\(`splitio (explain .*?)`\).*?^```json\n(.*?)^```$", (ROOT / "docs/explain.md").read_text(), re.M | re.S
        ).groups()
        (account,) = rows(*shlex.split(command), "--file", "flags.json", where=self.DATA)
        self.assertEqual(account, json.loads(text))


class Flags(Scratch):
    def test_all_or_those_of_a_set(self):
        self.assertEqual(len(rows("flags", *SHOP)), 15)
        self.assertEqual([flag["name"] for flag in rows("flags", "--set", "shop", *SHOP)], ["checkout", "staff_tools"])
        both = [flag["name"] for flag in rows("flags", "--set", "shop", "--set", "web", *SHOP)]
        self.assertEqual(both, ["banner", "checkout", "staff_tools"])

    def test_json_is_that_of_the_library(self):
        (checkout,) = (flag for flag in rows("flags", *SHOP) if flag["name"] == "checkout")
        self.assertEqual((checkout["sets"], checkout["change_number"]), (["shop", "web"], 11))
        self.assertEqual((checkout["configs"], checkout["killed"]), ({"on": '{"color":"red"}'}, False))

    def test_text(self):
        said = run("flags", "--text", *SHOP).stdout
        self.assertIn("checkout      on, off  sets: shop, web  change 11\n", said)
        self.assertRegex(said, r"dead +killed, stopped  change \d+\n")

    def test_colours_are_for_terminals(self):
        for environment, coloured in (
            ({}, True),
            ({"NO_COLOR": "1"}, False),
            ({"TERM": "dumb"}, False),
            ({"NO_COLOR": ""}, True),
        ):
            said = on_a_terminal("flags", *SHOP, **environment)
            self.assertEqual("\x1b[" in said, coloured, environment)
            self.assertEqual(re.sub(r"\x1b\[\d*m", "", said), run("flags", "--text", *SHOP).stdout)
        self.assertNotIn("\x1b", on_a_terminal("flags", "--json", *SHOP))

    def test_a_file_that_is_not_there(self):
        for name in ("none.json", "none.yaml"):
            found = run("flags", "--file", str(self.directory / name), "--timeout", "0.3", status=3)
            self.assertRegex(found.stderr, "no definitions within the time|none.yaml")


class Check(Scratch):
    def test_good_files(self):
        text = "checkout on\nbanner off\n"
        for name, content in (
            ("flags.yaml", '- checkout: {treatment: "on"}\n- banner: {treatment: "off"}\n'),
            ("flags.split", text),
        ):
            path = self.file(name, content)
            (found,) = rows("check", path)
            self.assertEqual(found, {"file": path, "good": True, "flags": ["banner", "checkout"], "problems": []})
            self.assertEqual(run("check", path, "--text").stdout, f"banner\ncheckout\n{path}: good, 2 flags\n")
        self.assertEqual(len(rows("check", *SHOP[1:])[0]["flags"]), 15)

    def test_a_segment_that_is_not_there_is_a_mistake(self):
        (found,) = rows("check", str(FLAGS), status=1)
        self.assertIn("staff.json", found["problems"][0]["message"])
        self.assertEqual(len(found["flags"]), 15)

    def test_mistakes(self):
        cases = [
            ("flags.yaml", "- checkout: {treatment: [}\n"),
            ("flags.yaml", "checkout: on\n"),
            ("flags.json", '{"ff": {"d": ['),
            ("flags.json", "[]"),
        ]
        for name, content in cases:
            with self.subTest(content=content):
                path = self.file(name, content)
                (found,) = rows("check", path, status=1)
                self.assertEqual((found["good"], found["flags"]), (False, []))
                self.assertEqual(found["problems"][0]["level"], "error")
                self.assertIn(name, found["problems"][0]["message"])
                said = run("check", path, "--text", status=1).stdout
                self.assertRegex(said, rf"^error    .*\n(.*\n)*{re.escape(path)}: has mistakes\n$")

    def test_a_matcher_of_the_future_is_a_mistake(self):
        document = json.loads(FLAGS.read_text())
        matcher = document["ff"]["d"][0]["conditions"][0]["matcherGroup"]["matchers"][0]
        matcher["matcherType"] = "IN_THE_MOOD"
        (found,) = rows("check", self.file("flags.json", json.dumps(document)), *SHOP[2:], status=1)
        self.assertEqual((found["good"], len(found["flags"])), (False, 15))
        self.assertIn("IN_THE_MOOD", found["problems"][0]["message"])

    def test_a_file_that_is_not_there(self):
        for name in ("none.json", "none.yaml"):
            (found,) = rows("check", str(self.directory / name), status=1)
            self.assertIn(name, found["problems"][0]["message"])


class Watch(Scratch):
    def begin(self, *words):
        # As `edit` writes it: another form of the same definition counts as changed.
        path = self.file("flags.json", json.dumps(json.loads(FLAGS.read_text())))
        out = (self.directory / "out").open("w")
        process = subprocess.Popen([PROGRAM, "watch", "--file", path, *SHOP[2:], *words], env=ENVIRONMENT, stdout=out)
        self.addCleanup(out.close)
        self.addCleanup(lambda: process.poll() is None and (process.kill(), process.wait()))
        return process, lambda: (self.directory / "out").read_text()

    def edit(self, change):
        document = json.loads((self.directory / "flags.json").read_text())
        document["ff"]["t"] += 1
        change(document["ff"])
        self.file("flags.json", json.dumps(document))

    def kill(self, flags):
        flags["d"][0].update(killed=True, changeNumber=flags["t"])

    def add(self, flags):
        flags["d"].append({**flags["d"][0], "name": "brand_new", "killed": False, "changeNumber": flags["t"]})

    def archive(self, flags):
        flags["d"][1].update(status="ARCHIVED", changeNumber=flags["t"])

    def test_changes_arrive_and_an_interrupt_ends_it(self):
        process, said = self.begin()

        def lines(count):
            return eventually(lambda: (all := said().splitlines())[count - 1 :] and all, said())

        self.assertEqual(json.loads(lines(1)[0])["flags"], 15)
        for number, (change, name, what) in enumerate(
            [(self.kill, "checkout", "updated"), (self.add, "brand_new", "added"), (self.archive, "banner", "removed")]
        ):
            self.edit(change)
            event = json.loads(lines(number + 2)[-1])
            self.assertEqual((event["event"], event["flag"], event["change"]), ("flag", name, what))
            self.assertEqual(event["definition"] and event["definition"]["name"], None if what == "removed" else name)
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=20), 0)
        self.assertLess(time.monotonic() - began, 5)

    def test_text(self):
        process, said = self.begin("--text")
        eventually(lambda: "watching 15 flags" in said(), said())
        self.edit(self.kill)
        eventually(lambda: re.search(r"\n\d\d:\d\d:\d\d  updated  checkout  killed, serves off\n", said()), said())
        process.terminate()
        self.assertEqual(process.wait(timeout=20), 0)

    def test_it_ends_when_nobody_reads(self):
        path = self.file("flags.json", FLAGS.read_text())
        process = subprocess.Popen(
            [PROGRAM, "watch", "--file", path, *SHOP[2:]], env=ENVIRONMENT, stdout=subprocess.PIPE
        )
        self.assertIn(b"ready", process.stdout.readline())
        process.stdout.close()
        self.edit(self.kill)
        self.assertEqual(process.wait(timeout=20), 0)


class Backend(Scratch):
    @classmethod
    def setUpClass(cls):
        cls.emulator = subprocess.Popen(
            [
                EMULATOR,
                "--port",
                "0",
                "--file",
                str(FLAGS),
                "--segments",
                str(ROOT / "tests/c/data/segments"),
                "--key",
                KEY,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        cls.url = cls.emulator.stdout.readline().split()[-1]

    @classmethod
    def tearDownClass(cls):
        cls.emulator.terminate()
        cls.emulator.wait()
        cls.emulator.stdout.close()

    def setUp(self):
        super().setUp()
        names = ("sdk", "events", "auth", "streaming", "telemetry")
        urls = {f"{name}_api_base_url": f"{self.url}/api" for name in names}
        self.config = self.file("config.json", json.dumps({**urls, "streamingEnabled": False}))
        self.asked("POST", "reset")

    def asked(self, method, what):
        request = urllib.request.Request(f"{self.url}/control/{what}", method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.load(answer)

    def impressions(self):
        return sum(request["endpoint"].startswith("testImpressions") for request in self.asked("GET", "requests"))

    def test_the_sdk_key_comes_from_the_environment_or_a_file(self):
        key = {"SPLIT_SDK_KEY": KEY}
        question = ["evaluate", "checkout", "--key", "ann", "--config", self.config]
        self.assertEqual(rows(*question, environment=key)[0]["treatment"], "on")
        self.assertEqual(rows(*question, "--sdk-key-file", self.file("key", KEY + "\n"))[0]["treatment"], "on")
        self.assertEqual(self.impressions(), 0)
        self.assertEqual(rows(*question, "--record", environment=key)[0]["treatment"], "on")
        self.assertGreater(self.impressions(), 0)

    def test_a_key_that_is_refused(self):
        found = run(
            "flags", "--config", self.config, "--timeout", "1", environment={"SPLIT_SDK_KEY": "another"}, status=3
        )
        self.assertIn("does not accept the SDK key", found.stderr)
        self.assertNotIn("another", found.stderr)

    def test_nobody_there(self):
        config = self.file("nobody.json", json.dumps({"sdk_api_base_url": "http://127.0.0.1:1/api"}))
        found = run("flags", "--config", config, "--timeout", "0.5", environment={"SPLIT_SDK_KEY": KEY}, status=3)
        self.assertIn("no definitions within the time given by --timeout", found.stderr)


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class Redis(Scratch):
    def test_flags_in_redis(self):
        path = self.directory / "socket"
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(self.directory)],
            stdout=subprocess.DEVNULL,
        )
        self.addCleanup(lambda: (server.terminate(), server.wait()))
        eventually(path.exists, "redis-server")
        checkout = json.dumps(json.loads(FLAGS.read_text())["ff"]["d"][0])
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            command = ("SET", "SPLITIO.split.checkout", checkout)
            parts = "".join(f"${len(part.encode())}\r\n{part}\r\n" for part in command)
            connection.sendall(f"*{len(command)}\r\n{parts}".encode())
            self.assertEqual(connection.recv(100), b"+OK\r\n")
        self.assertEqual(rows("evaluate", "checkout", "--key", "ann", "--redis", str(path))[0]["treatment"], "on")
        account = rows("explain", "checkout", "--key", "ann", "--redis", str(path))[0]
        self.assertEqual(account["evaluation"]["steps"][0]["result"], True)
        self.assertEqual([flag["name"] for flag in rows("flags", "--redis", str(path))], ["checkout"])
        config = self.file("config.json", json.dumps({"redisUnixSocketPath": str(path), "redisPrefix": "other"}))
        self.assertEqual(rows("flags", "--config", config), [])

    def test_no_redis(self):
        self.assertIn("127.0.0.1:1", run("flags", "--redis", "127.0.0.1:1", status=3).stderr)


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv[:1], exit=False, verbosity=1).result
    bad = len(result.failures) + len(result.errors)
    print(f"\n{result.testsRun - bad} passed, {bad} failed")
    sys.exit(bad > 0 or result.testsRun == 0)
