"""Patterns of projects and windows, by what gobwas/glob says of them (its README, and argo-cd 3.2's own tests)."""

from __future__ import annotations

import pytest

from pointsman.delivery.argocd.globs import fits


@pytest.mark.parametrize(
    ("pattern", "text", "separator", "wanted"),
    [
        ("*", "anything/at all", "", True),
        ("https://git.example.com/*", "https://git.example.com/platform", "/", True),
        ("https://git.example.com/*", "https://git.example.com/team/platform", "/", False),
        ("https://git.example.com/*", "https://git.example.com/team/platform", "", True),
        ("https://git.example.com/**", "https://git.example.com/team/platform", "/", True),
        ("llm-?", "llm-d", "", True),
        ("llm-?", "llm-", "", False),
        ("a?b", "a/b", "/", False),
        ("{serving,llm-*}", "llm-d", "", True),
        ("{serving,llm-*}", "kserve", "", False),
        ("{a,{b,c}}d", "cd", "", True),
        ("[abc]at", "cat", "", True),
        ("[!c]at", "cat", "", False),
        ("[!c]at", "bat", "", True),
        ("[a-c]at", "cat", "", True),
        ("[[]x", "[x", "", True),
        ("[a[]x", "[x", "", True),
        ("[^c]at", "^at", "", True),
        ("[a||b&&c~~]", "|", "", True),
        ("[+--]", ",", "", True),
        (r"\*", "*", "", True),
        (r"\*", "x", "", False),
        ("a.b+c", "a.b+c", "", True),
        ("a.b", "axb", "", False),
        ("a,b", "a,b", "", True),
        ("{a,b", "a", "", False),
        ("raw", "raw-vllm", "", False),
        ("", "", "", True),
        ("one\ntwo*", "one\ntwo\nthree", "", True),
    ],
)
def test_a_pattern_fits_as_argo_cd_reads_it(pattern: str, text: str, separator: str, wanted: bool) -> None:
    assert fits(pattern, text, separator) is wanted
