"""pyrasp's names, for a search and replace of ``pyrasp.pyrasp`` by ``buckler.pyrasp``::

from buckler.pyrasp import FlaskRASP

MIDDLEWARE = ["buckler.pyrasp.DjangoRASP", ...]
"""

from __future__ import annotations

from . import AzureRASP, DjangoRASP, FastApiRASP, FlaskRASP, GcpRASP, LambdaRASP

__all__ = [
    "AzureRASP",
    "DjangoRASP",
    "FastApiRASP",
    "FlaskRASP",
    "GcpRASP",
    "LambdaRASP",
]
