"""pointsman moves a served LLM between serving layers on Kubernetes, live, with nothing lost.

Importing this package imports nothing else: no HTTP library, no Kubernetes library.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
