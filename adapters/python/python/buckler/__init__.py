"""Buckler: an agent that guards a web application and shares the attackers it catches with a fleet.

One line guards an application::

    from buckler import FlaskRASP

    app = Flask(__name__)
    FlaskRASP(app, cloud_url="https://cloud.example.com/config", key="0b7e2d54")

``FastApiRASP``, ``DjangoRASP``, ``LambdaRASP``, ``GcpRASP`` and ``AzureRASP`` do the same for their hosts; ``buckler.wsgi.Middleware``
and ``buckler.asgi.Middleware`` for any other. All of them take pyrasp's parameters and read its environment variables.

The agent begins with the first request, so that servers may fork their workers whenever they like; all workers of a server have one
agent. It never waits for its server, and whatever fails in it leaves the application at work.
"""

from __future__ import annotations

from . import asgi, wsgi
from ._agent import Agent
from ._azure import AzureRASP
from ._buckler import VERSION, Refusal, Request, SettingsError
from ._django import DjangoRASP
from ._fastapi import FastApiRASP
from ._flask import FlaskRASP
from ._gcp import GcpRASP
from ._lambda import LambdaRASP

__version__ = VERSION

__all__ = [
    "Agent",
    "AzureRASP",
    "DjangoRASP",
    "FastApiRASP",
    "FlaskRASP",
    "GcpRASP",
    "LambdaRASP",
    "Refusal",
    "Request",
    "SettingsError",
    "asgi",
    "wsgi",
]
