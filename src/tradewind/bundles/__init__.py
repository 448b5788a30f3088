"""DAG bundles: watch a source, snapshot it by content, parse it in a child, publish what came out.

`base` is what a kind of bundle must offer, `folder` the kind that exists so far. `snapshot` turns a
source into an immutable, content-addressed folder and archive. `discovery` says which of its files
may hold DAGs. `parser` has each parsed in a process of its own, `processor` decides when and stores
what came of it. No user code runs in the process that imports this package, except in the modules
that are themselves such a child (`parse_host`, `parse_child`).
"""
