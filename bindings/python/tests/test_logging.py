"""Lines of the library in Python's logging."""

import logging
import time

import pytest
from support.programs import run
from support.waiting import eventually

import splitio


def lines(caplog, name, level):
    return [r.getMessage() for r in caplog.records if r.name == name and r.levelno == level]


def test_input_that_is_refused_is_an_error_of_splitio(localhost, caplog):
    localhost().client().get_treatment(None, "checkout")
    eventually(lambda: lines(caplog, "splitio.input", logging.ERROR))
    assert "get_treatment: key is null" in lines(caplog, "splitio.input", logging.ERROR)[0]


def test_a_number_as_key_is_a_warning(localhost, caplog):
    assert localhost().client().get_treatment(5, "checkout") == "off"
    assert lines(caplog, "splitio.input", logging.WARNING)


def test_evaluation_options_of_another_type_are_an_error(localhost, caplog):
    localhost().client().get_treatment("ann", "checkout", None, {"properties": {}})
    assert lines(caplog, "splitio.input", logging.ERROR)


def test_the_level_is_that_of_the_logger_at_the_time(localhost, caplog):
    client = localhost().client()
    logger = logging.getLogger("splitio.input")
    logger.setLevel(logging.CRITICAL)
    try:
        client.get_treatment("", "checkout")
        logger.setLevel(logging.NOTSET)
        client.get_treatment(None, "checkout")
        eventually(lambda: any("null" in line for line in lines(caplog, "splitio.input", logging.ERROR)))
    finally:
        logger.setLevel(logging.NOTSET)
    # Both were said; which are written is decided when they are handed over, in order.
    assert lines(caplog, "splitio.input", logging.ERROR)[-1].startswith("get_treatment: key is null")


def test_a_talkative_logger_gets_the_debug_lines(shop_file, caplog):
    caplog.set_level(logging.DEBUG, logger="splitio")
    factory = splitio.get_factory("localhost", config={"splitFile": shop_file, "anOption": "unknown"})
    factory.block_until_ready(5)
    eventually(lambda: any("anOption" in line for line in lines(caplog, "splitio.config", logging.DEBUG)))
    eventually(lambda: factory.ready and lines(caplog, "splitio.localhost", logging.INFO))
    factory.destroy()


def test_a_misspelt_option_is_told_where_no_factory_comes_of_it(capfd):
    with pytest.raises(Exception, match=r"/nonexistent\.yaml"):
        splitio.get_factory("localhost", config={"splitFile": "/nonexistent.yaml", "featureRefreshRate": 9})
    assert "did you mean featuresRefreshRate?" in capfd.readouterr().err


def test_a_line_has_the_time_at_which_it_was_said(localhost, caplog):
    client = localhost().client()
    before = time.time()
    client.get_treatment(None, "checkout")
    after = time.time()
    eventually(lambda: lines(caplog, "splitio.input", logging.ERROR))
    record = next(r for r in caplog.records if r.name == "splitio.input")
    # The library reads a clock that moves every few milliseconds.
    assert before - 0.02 <= record.created <= after + 0.002


def test_a_handler_that_fails_does_not_end_the_delivery(localhost, caplog):
    asked = []

    class Failing(logging.Handler):
        def handle(self, record):
            asked.append(record)
            raise RuntimeError("no room on the disk")

    logger, failing = logging.getLogger("splitio.input"), Failing()
    client = localhost().client()
    logger.addHandler(failing)
    try:
        client.get_treatment("", "checkout")
        eventually(lambda: asked)
    finally:
        logger.removeHandler(failing)
    client.get_treatment(None, "checkout")
    eventually(lambda: any("null" in line for line in lines(caplog, "splitio.input", logging.ERROR)))


@pytest.mark.parametrize("api_key", [None, "", "  ", 5, b"key", "a\nb", "\u2603"])
def test_what_cannot_be_a_key_gives_no_factory_and_an_error(api_key, caplog):
    assert splitio.get_factory(api_key) is None
    said = lines(caplog, "splitio.factory", logging.ERROR)
    assert len(said) == 1
    assert api_key is None or str(api_key).strip() == "" or str(api_key) not in said[0]


def test_without_any_configuration_warnings_go_to_standard_error(shop_file):
    output, errors = run(
        """
        import sys, threading, splitio
        factory = splitio.get_factory("localhost", config={"splitFile": sys.argv[1]})
        factory.block_until_ready(5)
        factory.client().get_treatment("", "checkout")
        gone = threading.Event()
        factory.destroy(gone)
        gone.wait()
        """,
        shop_file,
    )
    assert output == ""
    assert errors.splitlines() == ["get_treatment: key is empty; pass a string of 1 to 250 characters"]
