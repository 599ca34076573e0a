"""Split's feature flags (Harness FME), evaluated by libsplitio.

The public API is that of Split's own SDK for Python: `get_factory`, `get_factory_async`, and what they return.
"""

from .client.client import EvaluationOptions, Explanation
from .client.factory import get_factory, get_factory_async
from .client.key import Key
from .version import __version__

__all__ = ["EvaluationOptions", "Explanation", "Key", "__version__", "get_factory", "get_factory_async"]
