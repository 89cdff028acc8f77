"""Say in one sentence what is wrong with a YAML text, and where."""

import yaml

_KNOWN: tuple[tuple[str, str], ...] = (
    ("scanning an alias", "a text that begins with * must be in quotes, as '*.tar'"),
    ("found undefined alias", "a text that begins with * must be in quotes, as '*.tar'"),
    ("scanning an anchor", "a text that begins with & must be in quotes"),
    ("found character '\\t'", "a tab indents this line; use spaces"),
    ("that cannot start any token", "a text that begins with this character must be in quotes"),
    ("parsing a flow sequence", "the bracket [ of line {line} is not closed before this"),
    ("parsing a flow mapping", "the brace {{ of line {line} is not closed before this"),
    ("but found '<stream end>'", "the file ends within a bracket [ or brace {{; close it"),
    ("scanning a quoted scalar", "the quotation mark of line {line} is not closed"),
    (
        "mapping values are not allowed",
        "a second `: ` for one value; quote the value, or mend the indentation",
    ),
    ("but found '<scalar>'", "text behind the end of a value; put the whole value in quotes"),
    ("parsing a block mapping", "this line is not indented as those before it, from line {line} on"),
    ("parsing a block collection", "this line is not indented as those before it, from line {line} on"),
    ("could not find expected ':'", "this is no `field: value` line; write it as one"),
    ("could not determine a constructor", "a tag such as !!name is not taken here; leave it out"),
)
"""What the parser's words mean, by a part of them; the first that fits. `line` is where it began."""


def explain_yaml(error: Exception, text: str) -> tuple[str, str]:
    """Return the place, as `line 3, column 7` (empty where it is not known), and a sentence."""
    if isinstance(error, RecursionError):
        return "", "is nested too deep; give a configuration, not data"
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        place = f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
        return place, f"the character U+{error.character:04X} is not allowed; take it out"
    if not isinstance(error, yaml.MarkedYAMLError):
        line = " ".join(str(error).split())
        return "", f"a value looks like a date or a number and is none ({line}); put it in quotes"
    mark = error.problem_mark
    begun = error.context_mark or mark
    words = ": ".join(filter(None, (error.context, error.problem)))
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    for part, known in _KNOWN:
        if part in words:
            return place, known.format(line=begun.line + 1 if begun else 1)
    return place, words
