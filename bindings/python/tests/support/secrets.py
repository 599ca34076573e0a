"""No test may say a secret: tests/secrets.txt lists what the suites use as SDK keys, passwords, headers and tokens.

As a plugin of pytest it looks at what was captured of each test, and of what surrounds it: output and log.
"""

import pathlib

import pytest

SECRETS = (pathlib.Path(__file__).resolve().parents[4] / "tests" / "secrets.txt").read_text().splitlines()


def found_in(text):
    return [secret for secret in SECRETS if secret in text]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    outcome = yield
    report = outcome.get_result()
    said = [f"{title}: {found_in(text)}" for title, text in report.sections if found_in(text)]
    if said and report.passed:
        report.outcome = "failed"
        report.longrepr = f"secrets are in what was captured: {said}"
