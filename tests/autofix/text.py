"""What a fix must leave of a file's text, whatever the program does."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator


def damage(before: bytes, after: bytes) -> Iterator[str]:
    """What a fix did to the text that no fix may do, in words."""
    try:
        new = ast.parse(after)
    except SyntaxError as problem:
        yield f"does not compile: {problem}"
        return
    lost = _comments(before) - _comments(after)
    yield from (f"lost the comment {comment!r}" for comment in lost)
    strings = _strings(ast.parse(before)) - _strings(new)
    yield from (f"lost or changed the string {string!r}" for string in strings)
    if before.startswith(b"\xef\xbb\xbf") != after.startswith(b"\xef\xbb\xbf"):
        yield "changed the byte order mark"
    if _encoding(before) != _encoding(after):
        yield "changed the encoding"
    if _ends(before) | _ends(after) != _ends(before):
        yield "brought line ends of another kind"
    if before.endswith(b"\n") != after.endswith(b"\n"):
        yield "changed the end of the file"


def _encoding(source: bytes) -> str:
    return tokenize.detect_encoding(io.BytesIO(source).readline)[0]


def _comments(source: bytes) -> Counter[str]:
    tokens = tokenize.tokenize(io.BytesIO(source).readline)
    return Counter(token.string.rstrip() for token in tokens if token.type == tokenize.COMMENT)


def _strings(tree: ast.AST) -> Counter[str]:
    return Counter(n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _ends(source: bytes) -> set[bytes]:
    return {line[-2:] if line.endswith(b"\r\n") else line[-1:] for line in source.splitlines(keepends=True)} & {
        b"\r\n", b"\n", b"\r",
    }  # fmt: skip
