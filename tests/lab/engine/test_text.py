"""The simulated model as a function: the same for ever, different for whatever should differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.lab.engine.text import answer, count, decode, encode, render

_MODEL = "Qwen/Qwen2.5-0.5B-Instruct"
_ASK = [{"role": "user", "content": "Where does the night train stop?"}]


def test_the_answer_to_a_prompt_never_changes() -> None:
    assert (
        "".join(answer(_MODEL, "main", _ASK, 12)) == "Ledger cold third since ticket. Plan river waits cold São ticket"
    )


def test_no_revision_is_the_main_one() -> None:
    assert answer(_MODEL, "", _ASK, 50) == answer(_MODEL, "main", _ASK, 50)


def test_a_shorter_limit_gives_the_beginning_of_the_same_answer() -> None:
    assert answer(_MODEL, "main", _ASK, 200)[:10] == answer(_MODEL, "main", _ASK, 10)


def test_answers_differ_by_model_revision_prompt_role_and_kind() -> None:
    asks: list[tuple[str, str, str | list[dict[str, str]]]] = [
        (_MODEL, "main", _ASK),
        ("other/model", "main", _ASK),
        (_MODEL, "refs/pr/1", _ASK),
        (_MODEL, "main", [{"role": "user", "content": "Where does the day train stop?"}]),
        (_MODEL, "main", [{"role": "system", "content": _ASK[0]["content"]}]),
        (_MODEL, "main", _ASK[0]["content"]),
    ]
    assert len({"".join(answer(model, revision, prompt, 16)) for model, revision, prompt in asks}) == len(asks)


def test_a_thousand_prompts_have_a_thousand_answers() -> None:
    assert len({"".join(answer(_MODEL, "main", f"question {number}", 8)) for number in range(1000)}) == 1000


def test_parts_of_a_message_read_as_its_text() -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": _ASK[0]["content"]}]}]
    assert render(parts) == render(_ASK)


@given(st.text())
def test_any_text_survives_the_tokenizer(text: str) -> None:
    assert decode(encode(text)) == text
    assert len(encode(text)) == count(text)
