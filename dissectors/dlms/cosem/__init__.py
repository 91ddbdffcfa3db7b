"""COSEM: objects by name, Data of every type, what values are made of."""
