"""4xx: ApplicationSets: what they make of the groups file, and what they silently leave out."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.adopt.findings import AddItem
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.selectors import not_text
from pointsman.checks.view import View, get

__all__ = ["CHECKS"]

_KIND = "ApplicationSet"
_STRICT = "missingkey=error"
_READS = frozenset({_KIND})


def _lenient(view: View) -> Iterator[Told]:
    for one in view.of(_KIND):
        options = get(one.data, "spec", "goTemplateOptions")
        said = [str(each) for each in options] if isinstance(options, list) else []
        if get(one.data, "spec", "goTemplate") is True and _STRICT not in said and "missingkey=invalid" not in said:
            what = f"goTemplateOptions has no {_STRICT}: a field that an element lacks becomes the text <no value>"
            place = ("spec", "goTemplateOptions") if said else ("spec", "goTemplate")
            yield Told(one, what, place, fixes=(AddItem(one, ("spec",), "goTemplateOptions", _STRICT),))


def _selected(view: View) -> Iterator[Told]:
    for one in view.of(_KIND):
        for place, key, value in not_text(one.data.get("spec")):
            written = str(value).lower() if isinstance(value, bool) else str(value)
            what = f'its selector compares {key} with {written}, which is no text: write "{written}"'
            yield Told(one, what, ("spec", *place))


CHECKS = (
    Check(
        "PM412",
        "appset-missing-key",
        Level.warning,
        _READS,
        cause="without missingkey=error a misspelt field gives Applications odd names and paths, and old ones go",
        remedy=f"add goTemplateOptions: [{_STRICT}]",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; docs/operator-manual/applicationset/GoTemplate.md",
        run=_lenient,
        fixable=True,
    ),
    Check(
        "PM413",
        "selector-not-text",
        Level.error,
        _READS,
        cause="labels of a selector are text: the API server refuses a boolean or a number there",
        remedy='quote it: enabled: "true"',
        sure=Sure.measured,
        fact="Kubernetes 1.34 in the lab, LabelSelector.matchLabels is map[string]string",
        run=_selected,
    ),
)
