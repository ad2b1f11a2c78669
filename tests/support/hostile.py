"""Names that somebody else chose: of files, folders, classes, branches, users, parameters."""

NAMES = (
    "<img src=x onerror=hit()>.png",
    "[x](javascript:hit())",
    "![x](http://outside.example/x.png)",
    "a\"'><svg onload=hit()>",
    "</script><script>hit()</script>",
    "`</code><script>hit()</script>`",
    "**bold** _it_ ~~gone~~ | a cell",
    "&lt;b&gt; \\*a\\* a\\",
    "# no title",
    "{{ 7 * 7 }} $x^$ 100% <!--",
    "\x1b[2J\x1b]0;t\x07 \u202egnp.exe \x9b31m",
    "two\nlines\r\n# of it",
)
