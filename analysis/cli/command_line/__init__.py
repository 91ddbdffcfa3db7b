"""What the command line takes: the verbs' arguments, told from the words that were typed."""
