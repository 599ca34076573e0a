"""Where the examples get their flags: from Split with SPLIT_SDK_KEY in the environment, else from flags.yaml."""

import os
from pathlib import Path

SDK_KEY = os.environ.get("SPLIT_SDK_KEY", "localhost")
CONFIG = {"splitFile": str(Path(__file__).with_name("flags.yaml"))}
