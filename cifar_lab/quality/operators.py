"""Mutation operators: the changes that make a mutant, each at one node of the syntax tree."""

import ast
import builtins
import copy
from collections.abc import Iterator

OPERATORS = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    # the boundary moved to the other side, and the opposite
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
NAMES = {
    one: other
    for pair in (
        *(("min", "max"), ("minimum", "maximum"), ("sum", "mean"), ("std", "var")),
        *(("any", "all"), ("cos", "sin"), ("zeros", "ones"), ("zeros_like", "ones_like")),
    )
    for one, other in (pair, pair[::-1])
} | {"ValueError": "Exception", "float32": "float64"}
MODULES = ("np", "math", "keras")
SYMMETRICAL = ("min", "max", "minimum", "maximum")
COMMUTE = ast.Add | ast.Mult | ast.BitAnd | ast.BitOr


def alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that replace `node`, one in each mutant."""
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.expr):
        yield from _expressions(node)


def _statements(node: ast.stmt) -> Iterator[ast.stmt]:
    if not isinstance(node, ast.FunctionDef | ast.Return | ast.Pass):
        yield ast.Pass()
    if isinstance(node, ast.Return) and node.value:
        yield ast.Return(ast.Constant(None))
    if isinstance(node, ast.AugAssign):
        yield from (_with(node, op=op()) for op in OPERATORS.get(type(node.op), ()))
        yield ast.Assign([node.target], node.value)
    if isinstance(node, ast.If):
        yield from (_with(node, test=test) for test in _conditions(node.test))


def _conditions(test: ast.expr) -> tuple[ast.expr, ...]:
    return ast.UnaryOp(ast.Not(), test), ast.Constant(True), ast.Constant(False)


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            yield from (_with(node, op=other()) for other in OPERATORS[type(op)])
            yield from (left, right)
            if not isinstance(op, COMMUTE):
                yield _with(node, left=right, right=left)
        case ast.BoolOp(op=op, values=values):
            yield from (_with(node, op=other()) for other in OPERATORS[type(op)])
            yield from values
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                for other in OPERATORS[type(op)]:
                    yield _with(node, ops=[*ops[:i], other(), *ops[i + 1 :]])
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse, _with(node, body=orelse, orelse=body))
        case ast.Constant(value=value):
            yield from (ast.Constant(other) for other in _constants(value))
        case ast.Name(id=name) if name in NAMES and hasattr(builtins, name):
            yield _with(node, id=NAMES[name])
        case ast.Attribute(attr=name) if name in NAMES:
            yield _with(node, attr=NAMES[name])
        case ast.Subscript(value=value, ctx=ast.Load()):
            yield value
        case ast.Slice():
            yield from (_with(node, **{f: None}) for f in ("lower", "upper", "step"))
        case ast.Tuple(elts=parts, ctx=ast.Load()) | ast.List(elts=parts, ctx=ast.Load()):
            yield from (_with(node, elts=fewer) for fewer in _dropped(parts) if fewer)
            yield from (_with(node, elts=order) for order in _swapped(parts))
        case ast.Dict(keys=keys, values=values):
            for i in range(len(keys)):
                yield ast.Dict(keys[:i] + keys[i + 1 :], values[:i] + values[i + 1 :])
        case ast.Call():
            yield from _calls(node)


def _constants(value: object) -> set:
    if isinstance(value, bool):
        return {not value}
    if isinstance(value, int):
        return {value - 1, value + 1, 0, 1} - {value}
    if isinstance(value, float):
        return {0.0, 1.0, 2 * value, value / 2} - {value}
    return set()


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    yield from (_with(node, keywords=fewer) for fewer in _dropped(node.keywords))
    yield from (_with(node, args=fewer) for fewer in _dropped(node.args) if fewer)
    if _last_name(node.func) not in SYMMETRICAL:
        yield from (_with(node, args=order) for order in _swapped(node.args))
    # the call is dropped: the value that it converts remains, or the object of the method
    if node.args and not isinstance(node.args[0], ast.Starred | ast.Constant):
        yield node.args[0]
    if isinstance(node.func, ast.Attribute) and _root(node.func) not in MODULES:
        yield node.func.value


def _last_name(node: ast.expr) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return getattr(node, "id", "")


def _dropped(parts: list) -> list[list]:
    return [parts[:i] + parts[i + 1 :] for i in range(len(parts))]


def _swapped(parts: list) -> list[list]:
    return [[*parts[:i], parts[i + 1], parts[i], *parts[i + 2 :]] for i in range(len(parts) - 1)]


def _with(node: ast.AST, **changes) -> ast.AST:
    other = copy.copy(node)
    for field, value in changes.items():
        setattr(other, field, value)
    return other
