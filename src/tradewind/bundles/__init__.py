"""DAG bundles: watch a source, snapshot it by content, parse it in a child, publish what came out."""
