"""How Sphinx makes the site; scripts/site/build calls it."""

import pathlib

import tomllib
from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.search import SearchEnglish, languages

HERE = pathlib.Path(__file__).resolve().parent
project = "Wharf"
author = "The authors of Wharf"
release = tomllib.loads((HERE.parent.parent / "Cargo.toml").read_text())["workspace"]["package"]["version"]
extensions = ["myst_parser"]
exclude_patterns = ["_copied"]
root_doc = "index"
# Anchors as on GitHub.
myst_heading_anchors = 6
# A copied file has its own colours, or none.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"Wharf {release}"
html_extra_path = []
html_favicon = str(HERE.parent.parent / "src/ops/http/page/icon.svg")
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
highlight_language = "text"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


class SearchWithNumbers(SearchEnglish):
    """Sphinx keeps numbers out of the index of its search. Here people search for them: reply codes (550) and ports (2121)."""

    def word_filter(self, word):
        return word not in self.stopwords


# Sphinx takes the language of the search from here, and has no setting for another one of the same name.
languages["en"] = SearchWithNumbers


def keep_anchors(app, document):
    """Sphinx writes anchors in its own way; links from elsewhere have GitHub's."""
    for section in document.findall(nodes.section):
        slug = section.get("slug")
        if slug and slug not in section["ids"] and slug not in document.ids:
            section["ids"].append(slug)
            document.ids[slug] = section


def add_player(app, name, template, context, doctree):
    """Only pages with a film load its player."""
    if 'class="film"' in context.get("body", ""):
        app.add_css_file("player/asciinema-player.css")
        for script in ("player/asciinema-player.min.js", "film.js"):
            app.add_js_file(script)


def setup(app):
    app.add_lexer("log", TextLexer)
    app.connect("config-inited", lambda app, config: config.html_extra_path.append(str(pathlib.Path(app.srcdir) / "_copied")))
    app.connect("doctree-read", keep_anchors)
    app.connect("html-page-context", add_player)
