"""One module a verb of the command: takes parsed arguments, calls the library, renders."""
