"""One attempt in its own process: context, templates, execute, XCom, logs, callbacks; and the warm host."""
