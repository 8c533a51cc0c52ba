"""Imports that a template needs, added once and in the style that the file has."""

from __future__ import annotations

import ast
import sys

from leaklint.catalogue.model import Step
from leaklint.edit import Edit
from leaklint.fixes import keeper, rewrite
from leaklint.fixes.code import Code, Refused


def spelling(code: Code, node: ast.AST, module: str, name: str) -> tuple[str, list[Edit]]:
    """How ``module.name`` is written at a node, and the edits that make it so. Raises Refused."""
    for statement in code.tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                local = alias.asname or alias.name
                if alias.name == module and _means(code, node, local):
                    return f"{local}.{name}", []
        elif isinstance(statement, ast.ImportFrom) and statement.module == module and not statement.level:
            for alias in statement.names:
                if alias.name == name and _means(code, node, alias.asname or name):
                    return alias.asname or name, []
    if code.is_free(name):
        for statement in code.tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.module == module and _is_open(statement):
                return name, [_beside(code, statement, name)]
        return name, [_statement(code, node, f"from {module} import {name}", module)]
    if code.is_free(module):
        return f"{module}.{name}", [_statement(code, node, f"import {module}", module)]
    raise Refused(f"`{name}` and `{module}` mean something else in this file")


def _is_open(statement: ast.ImportFrom) -> bool:
    """Whether a name can be put beside those that it imports."""
    return not statement.level and statement.names[0].name != "*" and statement.lineno == statement.end_lineno


def _beside(code: Code, statement: ast.ImportFrom, name: str) -> Edit:
    """The edit that adds a name to an import, classes before functions, each in the order of the alphabet."""
    for alias in statement.names:
        if (alias.name[0].islower(), alias.name) > (name[0].islower(), name):
            start = code.lines.offset(alias.lineno, alias.col_offset)
            return Edit(start, start, f"{name}, ")
    last = statement.names[-1]
    end = code.lines.offset(last.end_lineno or last.lineno, last.end_col_offset or 0)
    return Edit(end, end, f", {name}")


def together(edits: list[Edit]) -> list[Edit]:
    """Edits that each add an import of one module, as one statement where they stand at one place."""
    if len(edits) == 2 and edits[0].start == edits[1].start:
        first, second = edits
        if "import " not in first.text:
            return [Edit(first.start, first.end, first.text + second.text)]
        names = second.text.strip().rpartition(" ")[2]
        other = first.text.strip().rpartition(" ")[2]
        return [Edit(first.start, first.end, first.text.replace(f"import {other}", f"import {other}, {names}"))]
    return edits


def module(code: Code, node: ast.AST, name: str) -> tuple[str, list[Edit]]:
    """How the module ``name`` is written at a node, and the edits that make it so. Raises Refused."""
    for statement in code.tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                local = alias.asname or alias.name
                if alias.name == name and _means(code, node, local):
                    return local, []
    if not code.is_free(name):
        raise Refused(f"`{name}` means something else in this file")
    return name, [_statement(code, node, f"import {name}", name)]


def release(
    code: Code, node: ast.AST, steps: tuple[Step, ...], handle: str, owner: str
) -> tuple[list[str], list[Edit]]:
    """The statements that release at a node what ``handle`` names, and the edits that import what they call.

    Raises Refused.
    """
    lines = keeper.release_code(steps, handle, owner)
    edits: list[Edit] = []
    for index, step in enumerate(steps):
        if step.form == "function" and "." in step.call:
            name, _, function = step.call.rpartition(".")
            spelled, more = module(code, node, name)
            lines[index] = lines[index].replace(f"{name}.{function}", f"{spelled}.{function}")
            edits += [edit for edit in more if edit not in edits]
    return lines, edits


def _means(code: Code, node: ast.AST, local: str) -> bool:
    """Whether nothing but one import at module level binds the name."""
    bound = 0
    for known in ast.walk(code.tree):
        if isinstance(known, ast.Name) and known.id == local and not isinstance(known.ctx, ast.Load):
            return False
        if isinstance(known, ast.arg) and known.arg == local:
            return False
        if isinstance(known, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and known.name == local:
            return False
        if isinstance(known, ast.alias) and (known.asname or known.name).partition(".")[0] == local:
            bound += 1
    return bound == 1


def _statement(code: Code, node: ast.AST, text: str, module: str) -> Edit:
    """The edit that adds an import among those at the top of the file."""
    body = code.tree.body
    index = 0
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        index = 1 if isinstance(body[0].value.value, str) else 0
    while index < len(body) and isinstance(body[index], ast.ImportFrom) and _module(body[index]) == "__future__":
        index += 1
    imports: list[ast.stmt] = []
    for statement in body[index:]:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            break
        imports.append(statement)
    first = rewrite.first_line(code.statement(node))
    if imports and rewrite.first_line(imports[0]) < first:
        return _among(code, imports, text, module)
    if index:
        rewrite.own_lines(code, [body[index - 1]])
        line = rewrite.last_line(body[index - 1])
        before = [""] if not isinstance(body[index - 1], ast.ImportFrom) else []
        after = [""] if line < len(code.lines.starts) and code.lines.line(line + 1).strip() else []
        return rewrite.lines_after(code, line, [*before, text, *after])
    line = rewrite.first_line(body[0])
    rewrite.own_lines(code, body[:1])
    space = 2 if isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else 1
    return rewrite.lines_before(code, line, [text, *[""] * space])


def _among(code: Code, imports: list[ast.stmt], text: str, module: str) -> Edit:
    """Behind the last standard library import that sorts before it, else before the first, else behind the last."""
    rewrite.own_lines(code, *([statement] for statement in imports))
    form = isinstance(ast.parse(text).body[0], ast.ImportFrom)
    run = [s for s in imports if _module(s).partition(".")[0] in sys.stdlib_module_names]
    if not run:
        return rewrite.lines_before(code, rewrite.first_line(imports[0]), [text, ""])
    before = [s for s in run if (isinstance(s, ast.ImportFrom), _module(s)) < (form, module)]
    if before:
        return rewrite.lines_after(code, rewrite.last_line(before[-1]), [text])
    return rewrite.lines_before(code, rewrite.first_line(run[0]), [text])


def _module(statement: ast.stmt) -> str:
    if isinstance(statement, ast.ImportFrom):
        return "." * statement.level + (statement.module or "")
    return statement.names[0].name if isinstance(statement, ast.Import) else ""
