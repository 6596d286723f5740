"""``pointsman completion``: the script that lets a shell complete commands, options, choices and names.

Each script sends the words up to the cursor to ``pointsman __complete`` and shows what comes back; where nothing does,
the shell completes files. So a script stays right when the program is renewed.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["command"]


class Shell(StrEnum):
    """What the script is for."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def command(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="The shell that is to complete.")],
) -> int:
    """Print a script for a shell to complete commands, options and names with.

    bash: source <(pointsman completion bash), in ~/.bashrc.
    zsh: pointsman completion zsh > a file _pointsman in a folder of $fpath.
    fish: pointsman completion fish > ~/.config/fish/completions/pointsman.fish.
    """
    sys.stdout.write(SCRIPTS[shell])
    return 0


BASH = r"""# pointsman: completion for bash 4 and later
_pointsman() {
    local line program=${COMP_WORDS[0]/#\~/$HOME}
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("${line%%$'\t'*}")
    done < <("$program" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
}
complete -o default -F _pointsman pointsman
"""
ZSH = r"""#compdef pointsman
# pointsman: completion for zsh
_pointsman() {
    local line
    local -a found
    while IFS= read -r line; do
        found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done < <(${~words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)
    if (( $#found )); then
        _describe pointsman found
    else
        _files
    fi
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _pointsman "$@"
else
    compdef _pointsman pointsman
fi
"""
FISH = r"""# pointsman: completion for fish
function __pointsman_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l found ($program __complete $words "$last" 2>/dev/null </dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path "$last"
    end
end
complete -c pointsman -f -a '(__pointsman_complete)'
"""
SCRIPTS = {Shell.bash: BASH, Shell.zsh: ZSH, Shell.fish: FISH}
