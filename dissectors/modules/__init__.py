"""How modules and public names are found: names that resolve on first use, modules by their former names."""
