"""What lies around a radio frame in a record, one file each; `unwrap` takes it off."""

from captures.encapsulations.unwrap import SUPPORTED, Unwrapper

__all__ = ["SUPPORTED", "Unwrapper"]
