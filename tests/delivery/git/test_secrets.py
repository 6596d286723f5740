"""No secret value comes into a commit, and none into what is said."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.delivery.git import Edit, Mark
from pointsman.delivery.git.changes import Made
from pointsman.delivery.git.disclosure import disclosed
from pointsman.delivery.git.wording import redacted, server_words
from pointsman.errors import PointsmanError, RefusedError, UsageError
from tests.delivery.git.ground import CONFIG, FILE, Ground, change

SECRET = "hf_0123456789abcdef"
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END KEY-----\n"


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"token: {SECRET}\n", SECRET),
        (f"token: {base64.b64encode(SECRET.encode()).decode()}\n", SECRET),
        ("key: |\n  -----BEGIN KEY-----\n  MIIEvQIBADANBgkqhkiG9w0\n  -----END KEY-----\n", PEM),
    ],
)
async def test_a_change_that_would_add_a_secret_value_is_refused(ground: Ground, line: str, secret: str) -> None:
    edit = Edit(FILE, lambda before, files: (before or b"") + line.encode())
    with pytest.raises(RefusedError) as caught:
        await ground.deliver(change(edits=(edit,), secrets=frozenset({secret, "true", ""})))
    assert caught.value.code == "git-secret"
    assert caught.value.where.startswith(f"{FILE}:")
    assert secret not in str(caught.value)
    assert ground.commits() == []


async def test_a_value_that_stands_there_already_does_not_stop_other_changes(ground: Ground) -> None:
    ground.colleague({FILE: CONFIG + f"token: {SECRET}\n".encode()})
    await ground.deliver(change(secrets=frozenset({SECRET, "true"})))
    assert len(ground.commits()) == 1


async def test_a_message_with_a_secret_value_is_refused(ground: Ground) -> None:
    with pytest.raises(RefusedError) as caught:
        await ground.deliver(change(body=f"with {SECRET}", secrets=frozenset({SECRET})))
    assert caught.value.code == "git-secret"


async def test_the_text_of_a_pull_request_hides_values_that_stand_beside_the_change(ground: Ground) -> None:
    beside = f"  tracing: false\n  token: {SECRET}\n".encode()
    ground.colleague({FILE: CONFIG.replace(b"  tracing: false\n", beside)})
    delivered = await ground.request(change(secrets=frozenset({SECRET})))
    assert delivered.request is not None
    assert "+  gateway: true" in delivered.request.body
    assert SECRET not in delivered.request.body


async def test_a_servers_words_are_told_without_values_and_addresses_that_let_in(ground: Ground) -> None:
    words = f"see https://bot:{SECRET}@git.example.org/x?private_token=abcdef12 or ask with {SECRET}"
    ground.hook("pre-receive", f"echo '{words}' >&2; exit 1")
    with pytest.raises(PointsmanError) as caught:
        await ground.deliver(change(secrets=frozenset({SECRET})))
    assert SECRET not in str(caught.value)
    assert "abcdef12" not in str(caught.value)
    assert "https://git.example.org/x" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("fatal: 'https://ada:p@ss@host/r' failed", "fatal: 'https://host/r' failed"),
        ("ssh://git@host:22/r and git@host:r", "ssh://host:22/r and git@host:r"),
        ("Authorization: Basic QWRhOnNlY3JldA==", "Authorization: Basic ***"),
        ("mail ada@example.org", "mail ada@example.org"),
    ],
)
def test_userinfo_is_taken_out_of_what_git_says(said: str, told: str) -> None:
    assert redacted(said) == told


def test_a_servers_frame_of_ornaments_is_left_out() -> None:
    said = "remote: ====\nremote:\nremote: GitLab: no\nremote: ====\nTo x\nerror: failed"
    assert server_words(said) == "GitLab: no"


@given(before=st.text(max_size=40), around=st.tuples(st.text(max_size=20), st.text(max_size=20)))
def test_an_added_value_is_always_seen(before: str, around: tuple[str, str]) -> None:
    after = (before + around[0] + SECRET + around[1]).encode("utf-8", "replace")
    assert disclosed(before.encode("utf-8", "replace"), after, [SECRET]) > 0


@given(content=st.binary(max_size=80))
def test_what_stays_or_goes_is_never_refused(content: bytes) -> None:
    held: Made = content + SECRET.encode()
    assert disclosed(held or b"", held or b"", [SECRET]) == disclosed(held or b"", content, [SECRET]) == 0


@pytest.mark.parametrize("word", ["", "a b", "-x", "a..b", "x.lock", "a/b", "a.", "ü", "x" * 101])
def test_words_that_no_branch_and_no_trailer_takes_are_refused(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        Mark("m-1", word)
    assert caught.value.code == "git-mark"
