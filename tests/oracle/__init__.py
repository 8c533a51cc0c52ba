"""The oracle: random functions, executed under CPython with injected faults, against the verdict of leaklint.

A *program* is a module with one function under test, written by a seeded grammar (`grammar`, `statements`, `regions`).
Its resources are real catalogued calls (``open``, ``os.open``, ``sqlite3.connect``, ...). `execute` runs it in a
`world` in which these names yield recorded resources and every opaque call is a *choice point*: it returns one of its
values or raises. All choices are enumerated depth first, so every bounded combination of faults and branches runs.
A resource that is still open after a run, and that nothing outside of the function holds, is a leak at the line that
acquired it. `judge` compares the lines that leak on some run with the lines that leaklint reports.

Policy (the contract of leaklint, nothing looser):
- opaque calls, uses of a resource and acquisitions may raise; so do subscripts of a handler's event. Attribute loads,
  operators, builtins such as ``len``, list methods and registering a release do not;
- releasing does not raise. But leaklint may believe that it does (the resource itself is released on both edges), and
  so of plain constructors such as ``ExitStack()``: a leak seen only when those raise is *soft*. It need not be found,
  and to report it is no false alarm;
- iterating a file may raise; for other resources that are open then the leak is soft;
- an exception that nobody injected and the program did not raise itself (``None.close()``) makes its run soft;
- reference counting releases nothing: every resource is kept alive by its record.
"""
