"""The oracle: random functions, executed under CPython with injected faults, against the verdict of leaklint.

A *program* is a module with one function under test, written by a seeded grammar (`grammar`, `statements`, `regions`,
`passing`). Its resources are real catalogued calls (``open``, ``os.open``, ``sqlite3.connect``, ...). `execute` runs it
in a `world` in which these names yield recorded resources and every opaque call is a *choice point*: it returns one of
its values or raises. All choices are enumerated depth first, so every bounded combination of faults and branches runs.
A resource that is still open after a run, and that nothing outside of the function holds, is a leak at the line that
acquired it. `judge` compares the lines that leak on some run with the lines that leaklint reports.

Policy (the contract of leaklint, nothing looser):
- opaque calls, uses of a resource and acquisitions may raise; so do subscripts of a handler's event. Releases,
  attribute loads, operators, builtins such as ``len``, list methods, guards (``closing``, ``suppress``, ``ExitStack``)
  and registering a release do not;
- some leaks are *soft*: they need not be found, and to report them is no false alarm. Those of other resources when
  iterating a file raises, of a descriptor when ``os.fdopen`` raises, and all of a run that raised what nobody injected
  and the program did not raise itself (``None.close()``);
- reference counting releases nothing: every resource is kept alive by its record;
- a run takes two faults and two turns of a loop, four faults where a reported line leaks on no run. A line that no run
  reaches is not judged.
"""
