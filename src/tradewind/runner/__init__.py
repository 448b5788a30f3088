"""One attempt in its own process: context, execute, XCom, logs, callbacks; and the warm host.

`host` is the process beside an executor, `zygote` the warm parent with one DAG file imported,
`attempt` what a forked child does with one work order. Here is neither SQL nor HTTP, and nothing is
scheduled.
"""
