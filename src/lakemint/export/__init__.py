"""A published version written as files that other tools read, each file checked row by row against it."""
