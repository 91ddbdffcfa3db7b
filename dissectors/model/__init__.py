"""What a dissection is made of: octets read with a cursor, fields, issues, errors, frames, messages, keys, context."""
