"""The names that pyrasp's users know."""

from __future__ import annotations

from importlib import import_module

import buckler
import pytest

#: pyrasp's classes, by the names that it has for them.
CLASSES = ("FlaskRASP", "FastApiRASP", "DjangoRASP", "LambdaRASP", "GcpRASP", "AzureRASP")


@pytest.mark.parametrize("name", CLASSES)
def test_pyrasps_classes_are_found_by_its_names(name: str) -> None:
    pyrasp = import_module("buckler.pyrasp")
    assert getattr(pyrasp, name) is getattr(buckler, name)
    assert set(pyrasp.__all__) == set(CLASSES), "no other that could be forgotten here"


def test_django_loads_its_middleware_by_pyrasps_name() -> None:
    module_loading = pytest.importorskip("django.utils.module_loading")
    assert module_loading.import_string("buckler.pyrasp.DjangoRASP") is buckler.DjangoRASP
