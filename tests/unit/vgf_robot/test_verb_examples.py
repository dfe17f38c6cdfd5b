"""The help of every verb that is registered: what it is for, an example that works, options that are explained."""

import dataclasses
import re

import pytest
import tyro

from tests.unit.vgf_robot.verb_options import description_of, example_of, parser_options
from vgf_robot import verbs

# Those that take seconds and need nothing that is not there are run to their end.
RUN = ("inspect", "doctor", "keygen", "completion")
SAYS_WHAT_ELSE = r"default|\[.+\]|[Ww]ithout|where not given|[Ee]xit code|[Ll]eft out|own|instead of"


class ParsedError(Exception):
    """A verb has parsed its arguments, and is stopped before its work."""


@pytest.mark.parametrize("name", verbs.VERBS)
def test_the_help_begins_with_what_the_verb_is_for(name):
    assert description_of(name).lower().startswith(verbs.VERBS[name].summary.lower())


@pytest.mark.parametrize("name", verbs.VERBS)
def test_the_example_parses_with_the_real_options(name, monkeypatch):
    program, *arguments = example_of(name)
    assert (program, arguments[0]) == ("vgf-robot", name)
    cli = tyro.cli

    def parse_and_stop(options, **named):
        cli(options, **named)
        raise ParsedError

    monkeypatch.setattr(tyro, "cli", parse_and_stop)
    with pytest.raises(ParsedError):
        verbs.main(arguments)


@pytest.mark.parametrize("name", RUN)
def test_the_example_does_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # What doctor finds is this machine's.
    assert verbs.main(example_of(name)[1:]) in ((0, 1) if name == "doctor" else (0,))


@pytest.mark.parametrize("name", verbs.VERBS)
def test_every_option_is_explained(name, tmp_path):
    for option in parser_options(name, tmp_path):
        assert len(explanation(option)) > 10, f"vgf-robot {name} --help: {option['flags']} has no explanation"


@pytest.mark.parametrize("name", verbs.VERBS)
def test_a_number_says_its_default_or_what_happens_without_it(name, tmp_path):
    """Where the default is the configuration's or the bundle's, the help has to say it: 'default 0.9', '[0.9]'."""
    types = {field.name: str(field.type) for field in dataclasses.fields(verbs.options_of(name))}
    for option in parser_options(name, tmp_path):
        flag = option["flags"][0]
        if re.search(r"\b(int|float) \| None", types[flag.removeprefix("--").replace("-", "_")]):
            said = re.search(SAYS_WHAT_ELSE, explanation(option))
            assert said, f"vgf-robot {name} --help: {flag} does not say what happens without it: {explanation(option)}"


def explanation(option: dict) -> str:
    """Return an option's help without what the parser adds."""
    text = option["description"].partition(" • ")[2] or option["description"]
    return re.sub(r"\s*\((required|optional|default: [^()]*)\)$", "", text)
