"""Addresses of engines, as entries of LiteLLM say them."""

from __future__ import annotations

import pytest

from pointsman.edge.litellm_base import base_of, leads_astray


@pytest.mark.parametrize("address", ["http://[::1/v1", "http://[", "//[x]/"])
def test_of_what_is_no_address_nothing_is_said(address: str) -> None:
    assert base_of(address) is None
    assert not leads_astray(address, "openai")


@pytest.mark.parametrize(
    ("address", "astray"), [("http://[::1]:8000/v1", False), ("http://[::1]:8000", True), ("http://q/v1/", True)]
)
def test_one_that_ends_in_its_version_does_not_lead_astray(address: str, astray: bool) -> None:
    assert leads_astray(address, "openai") is astray
