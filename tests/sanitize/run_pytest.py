"""Runs pytest in a process that a sanitizer's runtime was loaded into, and keeps it out of the servers that tests start."""

import os
import sys

import pytest

del os.environ["LD_PRELOAD"]
sys.exit(pytest.main())
