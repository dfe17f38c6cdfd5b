"""Completion scripts for shells, with all words in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from shlex import quote
from string import Template

from vgf_robot.commands.verb_words import OptionWords, VerbWords

# Words are told apart by line breaks, so that names of files may have blanks in them.
_BASH = Template("""\
# Completion of vgf-robot for bash, as `vgf-robot completion bash` printed it.
_vgf_robot() {
    local IFS=$$'\\n' word=$${COMP_WORDS[COMP_CWORD]} before=$${COMP_WORDS[COMP_CWORD-1]} offer='' files=''
    if [ "$$COMP_CWORD" -eq 1 ]; then
        offer=$verbs
    else
        case "$${COMP_WORDS[1]} $$before" in
$values
        *)
            case "$$word" in
            -*)
                case "$${COMP_WORDS[1]}" in
$options
                esac ;;
            *)
                files=yes
                case "$${COMP_WORDS[1]}" in
$places
                esac ;;
            esac ;;
        esac
    fi
    COMPREPLY=($$(compgen -W "$$offer" -- "$$word"))
    if [ -n "$$files" ]; then
        COMPREPLY+=($$(compgen -f -- "$$word"))
        compopt -o filenames
    fi
}
complete -F _vgf_robot vgf-robot
""")
# Read by `source`, or found in zsh's fpath as _vgf-robot.
_ZSH = Template("""\
#compdef vgf-robot
# Completion of vgf-robot for zsh, as `vgf-robot completion zsh` printed it.
_vgf_robot() {
    local -a verbs
    verbs=($verbs)
    if (( CURRENT == 2 )); then
        [[ $$PREFIX == -* ]] && compadd -- --help --version || _describe verb verbs
        return
    fi
    case "$$words[2] $$words[CURRENT-1]" in
$values
    esac
    if [[ $$PREFIX == -* ]]; then
        case $$words[2] in
$options
        esac
    else
        case $$words[2] in
$places
        esac
        _files
    fi
}
if [[ $$funcstack[1] == _vgf-robot ]]; then _vgf_robot "$$@"; else compdef _vgf_robot vgf-robot; fi
""")
_FISH_FIRST = """\
# Completion of vgf-robot for fish, as `vgf-robot completion fish` printed it.
complete -c vgf-robot -n __fish_use_subcommand -f -s h -l help
complete -c vgf-robot -n __fish_use_subcommand -f -l version
"""


def bash_script(verbs: Sequence[VerbWords]) -> str:
    """Return the script for bash."""
    values = [
        f"        {_pair(verb, option)}) offer={_lines(option.choices)} ;;" for verb, option in _with_choices(verbs)
    ]
    options = [f"                {verb.name}) offer={_lines(_option_names(verb))} ;;" for verb in verbs]
    places = [f"                {verb.name}) offer={_lines(verb.places)} ;;" for verb in verbs if verb.places]
    return _BASH.substitute(
        verbs=_lines([*(verb.name for verb in verbs), "--help", "--version"]),
        values="\n".join(values),
        options="\n".join(options),
        places="\n".join(places),
    )


def zsh_script(verbs: Sequence[VerbWords]) -> str:
    """Return the script for zsh."""
    values = [
        f"    {_pair(verb, option)}) compadd -- {' '.join(option.choices)}; return ;;"
        for verb, option in _with_choices(verbs)
    ]
    options = [f"        {verb.name}) compadd -- {' '.join(_option_names(verb))} ;;" for verb in verbs]
    places = [f"        {verb.name}) compadd -- {' '.join(verb.places)} ;;" for verb in verbs if verb.places]
    return _ZSH.substitute(
        verbs=" ".join(quote(f"{verb.name}:{verb.summary}") for verb in verbs),
        values="\n".join(values),
        options="\n".join(options),
        places="\n".join(places),
    )


def fish_script(verbs: Sequence[VerbWords]) -> str:
    """Return the script for fish."""
    lines = [
        f"complete -c vgf-robot -n __fish_use_subcommand -f -a {verb.name} -d {_fish_quote(verb.summary)}"
        for verb in verbs
    ]
    for verb in verbs:
        start = f"complete -c vgf-robot -n '__fish_seen_subcommand_from {verb.name}'"
        lines += [f"{start} -l help"]
        lines += [f"{start} -l {option.name.removeprefix('--')}{_fish_value(option)}" for option in verb.options]
        lines += [f"{start} -a {_fish_quote(' '.join(verb.places))}"] if verb.places else []
    return _FISH_FIRST + "\n".join(lines) + "\n"


def _with_choices(verbs: Sequence[VerbWords]) -> list[tuple[VerbWords, OptionWords]]:
    return [(verb, option) for verb in verbs for option in verb.options if option.choices]


def _pair(verb: VerbWords, option: OptionWords) -> str:
    """Return the pattern for a verb whose option was the last word."""
    return quote(f"{verb.name} {option.name}")


def _option_names(verb: VerbWords) -> list[str]:
    return [*(option.name for option in verb.options), "--help"]


def _lines(words: Iterable[str]) -> str:
    """Return words as bash's quoted text of one word per line."""
    return "$'" + "\\n".join(words) + "'"


def _fish_quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fish_value(option: OptionWords) -> str:
    if option.choices:
        return f" -x -a {_fish_quote(' '.join(option.choices))}"
    return " -r" if option.takes_value else ""


SCRIPTS: dict[str, Callable[[Sequence[VerbWords]], str]] = {
    "bash": bash_script,
    "zsh": zsh_script,
    "fish": fish_script,
}
