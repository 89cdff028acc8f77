"""Licences as Hugging Face's hub names them, and the page that says what each one allows."""

import re

_SPDX = {
    "afl-3.0": "AFL-3.0",
    "agpl-3.0": "AGPL-3.0-only",
    "apache-2.0": "Apache-2.0",
    "artistic-2.0": "Artistic-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-3-clause-clear": "BSD-3-Clause-Clear",
    "bsl-1.0": "BSL-1.0",
    "c-uda": "C-UDA-1.0",
    "cc-by-2.0": "CC-BY-2.0",
    "cc-by-2.5": "CC-BY-2.5",
    "cc-by-3.0": "CC-BY-3.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-2.0": "CC-BY-NC-2.0",
    "cc-by-nc-3.0": "CC-BY-NC-3.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-nd-3.0": "CC-BY-NC-ND-3.0",
    "cc-by-nc-nd-4.0": "CC-BY-NC-ND-4.0",
    "cc-by-nc-sa-2.0": "CC-BY-NC-SA-2.0",
    "cc-by-nc-sa-3.0": "CC-BY-NC-SA-3.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    "cc-by-nd-4.0": "CC-BY-ND-4.0",
    "cc-by-sa-3.0": "CC-BY-SA-3.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc0-1.0": "CC0-1.0",
    "cdla-permissive-1.0": "CDLA-Permissive-1.0",
    "cdla-permissive-2.0": "CDLA-Permissive-2.0",
    "cdla-sharing-1.0": "CDLA-Sharing-1.0",
    "ecl-2.0": "ECL-2.0",
    "epl-1.0": "EPL-1.0",
    "epl-2.0": "EPL-2.0",
    "etalab-2.0": "etalab-2.0",
    "eupl-1.1": "EUPL-1.1",
    "gpl-2.0": "GPL-2.0-only",
    "gpl-3.0": "GPL-3.0-only",
    "isc": "ISC",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-3.0": "LGPL-3.0-only",
    "lgpl-lr": "LGPLLR",
    "lppl-1.3c": "LPPL-1.3c",
    "mit": "MIT",
    "mpl-2.0": "MPL-2.0",
    "ms-pl": "MS-PL",
    "ncsa": "NCSA",
    "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "ofl-1.1": "OFL-1.1",
    "osl-3.0": "OSL-3.0",
    "pddl": "PDDL-1.0",
    "postgresql": "PostgreSQL",
    "unlicense": "Unlicense",
    "wtfpl": "WTFPL",
    "zlib": "Zlib",
}
"""Those of huggingface.co/docs/hub/repositories-licenses that spdx.org/licenses has too."""

_NOT_IN_SPDX = frozenset(
    {
        "bigcode-openrail-m",
        "bigscience-bloom-rail-1.0",
        "bigscience-openrail-m",
        "bsd",
        "cc",
        "creativeml-openrail-m",
        "deepfloyd-if-license",
        "gemma",
        "gfdl",
        "gpl",
        "lgpl",
        "llama2",
        "openrail",
        "openrail++",
        "other",
        "unknown",
    }
)


def hub_licence(licence: str | None) -> dict[str, str]:
    """Return the licence's lines of the front matter: the hub refuses a card with an id it does not know.

    >>> hub_licence("CC-BY-4.0"), hub_licence(None)
    ({'license': 'cc-by-4.0'}, {'license': 'unknown'})
    >>> hub_licence("Our own terms")
    {'license': 'other', 'license_name': 'our-own-terms'}
    """
    if licence is None:
        return {"license": "unknown"}
    known = licence.strip().lower()
    if known in _SPDX or known in _NOT_IN_SPDX:
        return {"license": known}
    name = re.sub(r"[^a-z0-9.]+", "-", known).strip("-.")
    return {"license": "other", "license_name": name or "unnamed"}


def licence_page(licence: str | None) -> str | None:
    """Return what croissant.json says of the licence: its page where it is one that SPDX lists.

    >>> licence_page("cc-by-4.0"), licence_page("Our own terms")
    ('https://spdx.org/licenses/CC-BY-4.0.html', 'Our own terms')
    """
    if licence is None:
        return None
    name = _SPDX.get(licence.strip().lower())
    return licence if name is None else f"https://spdx.org/licenses/{name}.html"
