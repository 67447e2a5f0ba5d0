"""From text to a tree: lexer, readers of each kind of statement, the nodes."""
